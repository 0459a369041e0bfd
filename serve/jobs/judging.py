"""What a task of a bulk scan does: read a part, spread its resources over buckets, judge a bucket. Pure of Ray.

Every observation of one resource comes to the same bucket, whatever file it was in. There the newest state counts, and
aspects that it lacks are taken from the others. Relationships across buckets are not seen here, so a bulk scan judges
and predicts by date; blast radius and the evidence log are the platform's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import orjson

from assessment.applying import with_masks
from assessment.document import scan_document
from assessment.inputs import AssessedPolicy, AssessmentInputs, required_paths
from assessment.scan import assess
from connectors.files import read_inputs
from domain.errors import InputError
from domain.inventory import FileReport, Gap, RecordClass
from domain.resource import ConfigurationItem, Origin, Provider, resource_key
from domain.tenancy import TenantId
from graph.build import build_snapshot
from graph.snapshot import EVERYWHERE
from serve.jobs.partition import Part, fetch

EVERYTHING = "*"
_NEVER = datetime.min.replace(tzinfo=UTC)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PartReading:
    """What one part held: resources by bucket, and a report."""

    buckets: tuple[tuple[ConfigurationItem, ...], ...]
    reports: tuple[FileReport, ...]


@dataclass(frozen=True, slots=True)
class BucketResult:
    """What one bucket came to, as rows of the scan document."""

    resources: int
    violations: tuple[Row, ...]
    predictions: tuple[Row, ...]
    policies: tuple[Row, ...]


def read_part(part: Part, *, tenant: TenantId, buckets: int) -> PartReading:
    """Read one part; one that holds nothing readable is a gap and stops nothing."""
    empty: tuple[tuple[ConfigurationItem, ...], ...] = tuple(() for _ in range(buckets))
    with tempfile.TemporaryDirectory(prefix="pcg-bulk-") as folder:
        local = fetch(part, Path(folder))
        if not local.stat().st_size:
            return PartReading(empty, ())
        try:
            inventory = read_inputs([str(local)], tenant=tenant).inventory
        except InputError as error:
            return PartReading(empty, (_unreadable(part, error),))
    spread: list[list[ConfigurationItem]] = [[] for _ in range(buckets)]
    for item in inventory.items:
        found = replace(item, origin=replace(item.origin, file=part.uri))
        spread[_bucket(item, buckets)].append(found)
    reports = tuple(replace(report, path=part.uri) for report in inventory.files)
    return PartReading(tuple(map(tuple, spread)), reports)


def judge(
    parts: Iterable[Sequence[ConfigurationItem]],
    *,
    tenant: TenantId,
    as_of: datetime,
    policies: Sequence[AssessedPolicy],
) -> BucketResult:
    """Judge the resources of one bucket, over all parts."""
    items = joined([item for part in parts for item in part])
    paths = required_paths(policies, items)
    snapshot = build_snapshot(tenant, items, as_of=as_of, paths_by_type=paths, unproven=EVERYWHERE)
    found = assess(AssessmentInputs(tenant, as_of, snapshot, items, with_masks(policies, items)))
    document: Any = scan_document(found, None)
    return BucketResult(
        len(items),
        tuple(document["violations"]),
        tuple(row for row in document["predictions"] if row["source"] == "date"),
        tuple(document["policies"]),
    )


def joined(items: Iterable[ConfigurationItem]) -> list[ConfigurationItem]:
    """One state per resource, in order of key."""
    by_key: dict[str, list[ConfigurationItem]] = {}
    for item in items:
        by_key.setdefault(resource_key(item.uid), []).append(item)
    _join_short_ids(by_key)
    return [_settled(by_key[key]) for key in sorted(by_key)]


def _settled(states: list[ConfigurationItem]) -> ConfigurationItem:
    """The newest state that was read as a whole, with the unread aspects that another state has."""
    if len(states) == 1:
        return states[0]
    ordered = sorted(states, key=lambda item: (EVERYTHING not in item.unread, item.captured_at or _NEVER, item.digest))
    newest, properties = ordered[-1], dict(ordered[-1].properties)
    unread = set(newest.unread)
    for state in reversed(ordered[:-1]):
        for name in sorted(unread & state.properties.keys()):
            properties[name] = state.properties[name]
            unread.discard(name)
    digest = sha256(orjson.dumps(properties, option=orjson.OPT_SORT_KEYS)).hexdigest()
    left = tuple(name for name in newest.unread if name in unread)
    return replace(newest, properties=properties, unread=left, digest=digest)


def _unreadable(part: Part, error: InputError) -> FileReport:
    gap = Gap(Origin(part.uri), error.summary, str(error.facts.get("todo", "")))
    return FileReport(part.uri, "unreadable", 1, ((RecordClass.GAP, 1),), 0, (gap,))


def _join_short_ids(by_key: dict[str, list[ConfigurationItem]]) -> None:
    """An AWS id stands for the ARN that ends in it, where exactly one resource of the type has such an ARN."""
    arns: dict[tuple[str, str], list[str]] = {}
    for key, states in by_key.items():
        if key.startswith("arn:"):
            arns.setdefault((states[0].type, _end(key)), []).append(key)
    for key in [each for each, states in by_key.items() if states[0].provider is Provider.AWS and each[:4] != "arn:"]:
        matches = arns.get((by_key[key][0].type, key), [])
        if len(matches) == 1:
            by_key[matches[0]].extend(by_key.pop(key))


def _bucket(item: ConfigurationItem, buckets: int) -> int:
    """The same for an ARN and for the short id that it ends in."""
    key = _end(item.uid) if item.provider is Provider.AWS else resource_key(item.uid)
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") % buckets


def _end(uid: str) -> str:
    return uid.replace("/", ":").rpartition(":")[2]
