"""Drift of one tenant: its baselines, which resources differ from them now, and what each change does to that.

The desk hears of changed resources and compares those alone. What it finds goes out by `tell` at once, and is given
back, so that whoever collected the change records it as evidence. Before the first question everything is
compared once, beside what was open when the process before this one ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Final, Protocol

import orjson

from actors.drift_pages import DriftPage, DriftQuery, page_of
from actors.drift_shelf import DriftShelf
from actors.messages import APPLIED, BUILTIN, IMPORTED
from actors.shards.taken import Moved
from assessment.drift import DriftSeverity, drift_row, event_row, provider_of
from assessment.drift_evidence import drift_events, paged
from assessment.inputs import AssessedPolicy
from domain.change import ChangeEvent
from domain.clock import format_instant
from domain.drift import AuditEntry, Baseline, Drift
from domain.errors import NotFound
from domain.evidence import EvidenceEvent
from domain.resource import ConfigurationItem, Provider
from domain.tenancy import TenantId
from domain.value import Json
from graph.drift.attribution import AuditIndex, attributed
from graph.drift.detect import Coverage, Detector, Managed
from graph.drift.ledger import DriftEvent, DriftLedger
from graph.drift.match import ItemIndex, key_of
from graph.stores.contract import GraphStore

TOPIC: Final = "drift"
"""The feed's topic of drift events."""

DOCUMENT_BYTES: Final = 4_096
"""What a document takes in memory: an estimate for the shard's budget."""

Tell = Callable[[TenantId, str, Sequence[bytes]], object]
Row = dict[str, Json]
"""What listeners are told of one drift."""


class Policies(Protocol):
    """What the desk asks of the tenant's policies."""

    def of(self, sources: Sequence[str]) -> tuple[AssessedPolicy, ...]:
        """The policies of some sources."""


class Graph(Protocol):
    """What the desk asks of the tenant's state."""

    @property
    def tenant(self) -> TenantId:
        """Whose state it is."""

    @property
    def store(self) -> GraphStore:
        """The tenant's store."""

    @property
    def policies(self) -> Policies:
        """The policies that judge it."""

    def items(self) -> tuple[ConfigurationItem, ...]:
        """The resources as they are."""


class DriftDesk:
    """Baselines and drifts of one tenant. Safe for several threads.

    Args:
        tell: takes messages of a topic to whoever listens, such as `Feed.append`; None where nobody does.
    """

    def __init__(self, graph: Graph, folder: Path, tell: Tell | None = None) -> None:
        self._graph, self._tell = graph, tell
        self._shelf = DriftShelf(folder)
        self._lock = RLock()
        self._baselines: dict[str, Baseline] | None = None
        self._detector: Detector | None = None
        self._severity: DriftSeverity | None = None
        self._audit = AuditIndex()
        self._ledger = DriftLedger()
        self._gone: set[str] = set()

    def baselines(self) -> tuple[dict[str, Json], ...]:
        """What is declared, in order of name."""
        with self._lock:
            return tuple(_baseline_row(each) for each in self._known().values())

    def declare(self, baselines: Iterable[Baseline], at: datetime) -> tuple[EvidenceEvent, ...]:
        """Keep baselines in the place of those of their names, and compare everything with them."""
        with self._lock:
            known = self._known()
            for baseline in baselines:
                self._shelf.keep_baseline(baseline)
                known[baseline.name] = baseline
            self._detector = None
            return self._check(at)

    def withdraw(self, name: str, at: datetime) -> tuple[EvidenceEvent, ...]:
        """Forget a baseline; its drifts are resolved.

        Raises:
            NotFound: there is none of that name.
        """
        with self._lock:
            if self._known().pop(name, None) is None:
                raise NotFound("no such baseline", name=name, todo="See: pcg drift baselines")
            self._shelf.remove_baseline(name)
            self._detector = None
            return self._check(at)

    def blame(self, entries: Sequence[AuditEntry], at: datetime) -> tuple[EvidenceEvent, ...]:
        """Take audit entries; open drifts learn who and when."""
        with self._lock:
            self._known()
            unique = {(each.event_id, each.at, each.operation, each.resources): each for each in self._shelf.audit()}
            unique |= {(each.event_id, each.at, each.operation, each.resources): each for each in entries}
            kept = sorted(unique.values(), key=lambda each: each.at)
            self._shelf.keep_audit(kept)
            self._audit = AuditIndex.of(kept)
            return self._check(at)

    def observe(self, changes: Sequence[Moved], at: datetime, *, events: Sequence[ChangeEvent] = ()) -> tuple[Row, ...]:
        """Compare the resources that changed, which costs their number; what listeners were told.

        Args:
            events: the observations that made the changes, where they say who caused them.
        """
        with self._lock:
            if not self._known():
                return ()
            if self._detector is None:
                return self._compared(at)
            return self._moved(changes, at, events, self._graph.store.unproven())

    def heard(
        self,
        changes: Sequence[Moved],
        at: datetime,
        *,
        events: Sequence[ChangeEvent] = (),
        unproven: frozenset[str] | None,
    ) -> tuple[Row, ...] | None:
        """Like `observe`, where the store is not needed for it; None where it is, and nothing was done.

        Args:
            unproven: accounts in which absence proves nothing; None where nobody knows but the store.
        """
        with self._lock:
            if not self._known():
                return ()
            if self._detector is None or self._severity is None or unproven is None:
                return None
            return self._moved(changes, at, events, unproven)

    def check(self, at: datetime) -> tuple[EvidenceEvent, ...]:
        """Compare everything anew, as after a collection or when policies changed."""
        with self._lock:
            self._known()
            self._detector = None
            return self._check(at)

    def active(self, query: DriftQuery, at: datetime) -> DriftPage:
        """A page of the open drifts, worst first."""
        with self._lock:
            self._known()
            if self._detector is None:
                self._check(at)
            return page_of(self._ledger.open.values(), query)

    def drift(self, drift_id: str) -> dict[str, Json]:
        """One open drift.

        Raises:
            NotFound: there is none with that id.
        """
        with self._lock:
            self._known()
            found = self._ledger.open.get(drift_id)
            if found is None:
                raise NotFound("no such drift", drift_id=drift_id, todo="It may be resolved; see: pcg drift list")
            return drift_row(found)

    @property
    def is_cold(self) -> bool:
        """Whether the next question has everything compared."""
        return self._detector is None

    @property
    def size_bytes(self) -> int:
        """What is held in memory, about: declarations, and the documents that they are compared with."""
        detector = self._detector
        if detector is None:
            return 0
        declared = sum(len(each.resources) for each in (self._baselines or {}).values())
        return DOCUMENT_BYTES * (declared + len(detector.index.by_key))

    def forget_policies(self) -> None:
        """Policies have changed: severities are worked out by the new ones."""
        with self._lock:
            self._severity = None if self._detector is None else self._severities()

    def forget(self) -> None:
        """Let go of what is read again at the next question."""
        with self._lock:
            self._baselines, self._detector, self._severity = None, None, None
            self._audit, self._ledger, self._gone = AuditIndex(), DriftLedger(), set()

    def _known(self) -> dict[str, Baseline]:
        """Baselines by name; at first use everything that is kept is read."""
        if self._baselines is None:
            self._baselines = {each.name: each for each in self._shelf.baselines()}
            self._ledger.restore(self._shelf.drifts())
            self._audit = AuditIndex.of(self._shelf.audit())
        return self._baselines

    def _check(self, at: datetime) -> tuple[EvidenceEvent, ...]:
        return drift_events(self._compared(at), self._graph.tenant)

    def _compared(self, at: datetime) -> tuple[Row, ...]:
        """Compare everything."""
        known = self._known()
        self._severity = self._severities() if known else None  # not at the first change, which is in a hurry
        self._detector = Detector(self._graph.tenant, Managed.of(known.values()), ItemIndex.of(self._graph.items()))
        self._gone = self._retired(self._detector)
        drifts = self._detector.all(self._coverage(self._graph.store.unproven()))
        return self._record(self._ledger.record(map(self._judged, drifts), at))

    def _retired(self, detector: Detector) -> set[str]:
        """Declared resources that the store once had and has no longer."""
        lost = [pairs[0][1].uid for key, pairs in detector.managed.by_key.items() if key not in detector.index.by_key]
        return {key_of(uid) for uid in lost if self._graph.store.history(uid)}

    def _moved(
        self, changes: Sequence[Moved], at: datetime, events: Sequence[ChangeEvent], unproven: frozenset[str]
    ) -> tuple[Row, ...]:
        assert self._detector is not None
        for event in events:
            if event.principal:
                self._audit.add(_entry_of(event))
        for change in changes:
            self._move(change)
        judged, drifts = self._detector.of([change.uid for change in changes], self._coverage(unproven))
        return self._record(self._ledger.record(map(self._judged, drifts), at, judged=judged))

    def _move(self, change: Moved) -> None:
        assert self._detector is not None
        if change.after is None:
            self._detector.index.remove(change.uid)
            self._gone.add(key_of(change.uid))
        else:
            self._detector.index.add(change.after)
            self._gone.discard(key_of(change.uid))

    def _coverage(self, unproven: frozenset[str]) -> Coverage:
        assert self._detector is not None
        types = self._detector.index.types
        return Coverage(frozenset(types), frozenset(self._gone), unproven)

    def _judged(self, drift: Drift) -> Drift:
        if self._severity is None:
            self._severity = self._severities()
        baseline = self._known().get(drift.baseline)
        told = attributed(drift, self._audit, None if baseline is None else baseline.declared_at)
        return self._severity.judged(told, provider_of(told))

    def _severities(self) -> DriftSeverity:
        return DriftSeverity(self._graph.policies.of((BUILTIN, IMPORTED, APPLIED)))

    def _record(self, events: Sequence[DriftEvent]) -> tuple[Row, ...]:
        """Listeners first, the journal then: who is told twice is better off than who is not told.

        Where that fails, what was open is read from the journal again, so that the next look tells it.
        """
        if not events:
            return ()
        known = self._known()
        rows = paged([event_row(event, known.get(event.drift.baseline)) for event in events])
        with ExitStack() as undo:
            undo.callback(self.forget)
            if self._tell is not None:
                self._tell(self._graph.tenant, TOPIC, [orjson.dumps(row) for row in rows])
            self._shelf.append(rows, self._ledger.open)
            undo.pop_all()
        return rows


def _entry_of(event: ChangeEvent) -> AuditEntry:
    provider = Provider.AWS if event.item is None else event.item.provider
    return AuditEntry((str(event.uid),), event.at, event.principal, event.operation, provider)


def _baseline_row(baseline: Baseline) -> dict[str, Json]:
    return {
        "name": baseline.name,
        "source": baseline.source.value,
        "digest": baseline.digest,
        "declared_at": None if baseline.declared_at is None else format_instant(baseline.declared_at),
        "resources": len(baseline.resources),
        "gaps": [{"where": str(gap.origin), "reason": gap.reason, "todo": gap.todo} for gap in baseline.gaps],
    }
