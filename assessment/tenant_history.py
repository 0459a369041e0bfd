"""A live tenant's history as the prediction tasks read it: from what its graph store keeps.

Changes are the store's versions; those of one instant were made together. Violations open and close where two scans
that asked the same differ, at the time when the judged state began. The store keeps relationships as they are now, so
an edge is as old as the present state of its source; edges that are gone are not known. Types go by the names that
declarations have, because those were learned from.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Final

from assessment.inputs import Pair
from connectors.terraform.types import NATIVE
from domain.resource import ResourceId, resource_key
from graph.stores.contract import Archive, GraphStore, ScanRecord, StoredVersion
from training.history import Timeline
from training.live import Changed, Found, live_timeline
from training.outcomes import Known

COVERAGE: Final = ("policies", "scope", "type")
"""What of a scan's summary says what it asked."""
DECLARED: Final[Mapping[str, str]] = {native.lower(): declared for declared, native in [*NATIVE.items()][::-1]}
"""What declarations call a live type; of several, the first in the table."""


def tenant_timeline(store: GraphStore, *, end: datetime) -> Timeline:
    """Everything that a tenant's store knows of changes and violations until an instant."""
    return timeline_of(store.archive(), store, end=end)


def timeline_of(archive: Archive, store: GraphStore, *, end: datetime) -> Timeline:
    """The same of what the store gave out."""
    changes = changes_of(archive, until=end)
    scans = [scan for scan in archive.scans if scan.at <= end]
    findings = list(findings_of(scans, archive.versions, store))
    providers = Counter(str(one.item.provider.value) for one in changes)
    cloud = providers.most_common(1)[0][0] if providers else ""
    return live_timeline(store.tenant, cloud, changes, findings, end=end, declared=DECLARED)


def known_of(archive: Archive, *, now: datetime) -> Known:
    """Of which instants the store knows the state of its resources.

    A state is known from when it began until it was seen last, the present one until the latest gap-free run of a
    collection that it is in. One that an event brought holds until the resource's next state, as long as events still
    come. A resource that is gone stays gone.
    """
    proved: dict[str, datetime] = {}
    for record, keys in archive.collections:
        if record.proved_at is not None:
            proved |= {key: max(record.proved_at, proved.get(key, record.proved_at)) for key in keys}
    told = [version.at for version in archive.versions if version.is_told]
    last_told = max(told, default=None)
    by_key: defaultdict[str, list[StoredVersion]] = defaultdict(list)
    for version in archive.versions:
        by_key[resource_key(version.item.uid)].append(version)
    stretches = {
        key: _stretches(sorted(versions, key=lambda one: one.at), proved.get(key), last_told, now)
        for key, versions in by_key.items()
    }
    return Known(stretches, tuple(sorted(scan.at for scan in _comparable(archive.scans) if scan.at <= now)))


def _stretches(
    versions: Sequence[StoredVersion], proved_at: datetime | None, last_told: datetime | None, now: datetime
) -> tuple[tuple[datetime, datetime], ...]:
    found = []
    for version, later in zip_longest(versions, versions[1:]):
        until = version.seen_at
        if later is None:
            until = now if version.is_retired else max(until, proved_at or until)
        if version.is_told and last_told is not None:
            until = max(until, last_told if later is None else later.at)
        found.append((version.at, until))
    return tuple(found)


def changes_of(archive: Archive, *, until: datetime) -> list[Changed]:
    """Every version as a change from the one before it."""
    by_key: defaultdict[str, list[StoredVersion]] = defaultdict(list)
    for version in archive.versions:
        if version.at <= until:
            by_key[resource_key(version.item.uid)].append(version)
    targets: defaultdict[str, set[ResourceId]] = defaultdict(set)
    for edge in archive.relationships:
        targets[resource_key(edge.source)].add(edge.target)
    found: list[Changed] = []
    for key, versions in by_key.items():
        found += _of_one(sorted(versions, key=lambda one: one.at), frozenset(targets[key]))
    return found


def _of_one(versions: Sequence[StoredVersion], targets: frozenset[ResourceId]) -> Iterator[Changed]:
    before = None
    for place, version in enumerate(versions):
        after = None if version.is_retired else version.item
        if before is None and after is None:
            continue
        now = targets if place == len(versions) - 1 and after is not None else frozenset()
        yield Changed(version.at, before, after, now, batch=version.at.isoformat())
        before = after


def findings_of(scans: Sequence[ScanRecord], versions: Sequence[StoredVersion], store: GraphStore) -> Iterator[Found]:
    """What opened and closed between scans that asked the same as the last one."""
    begun: defaultdict[str, list[datetime]] = defaultdict(list)
    for version in versions:
        begun[resource_key(version.item.uid)].append(version.at)
    known: frozenset[Pair] = frozenset()
    for scan in sorted(_comparable(scans), key=lambda one: one.at):
        now = frozenset((resource_key(one.resource_id), one.policy_id) for one in store.violations_of(scan.scan_id))
        for is_open, differing in ((True, now - known), (False, known - now)):
            for key, policy in sorted(differing):
                since = [at for at in begun[key] if at <= scan.at]
                yield Found(max(since, default=scan.at), ResourceId(key), policy, is_open)
        known = now


def _comparable(scans: Sequence[ScanRecord]) -> list[ScanRecord]:
    if not scans:
        return []
    last = max(scans, key=lambda one: one.at)
    return [scan for scan in scans if _asked(scan) == _asked(last)]


def _asked(scan: ScanRecord) -> tuple[object, ...]:
    return tuple(scan.summary.get(name) for name in COVERAGE)
