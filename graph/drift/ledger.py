"""Drifts over time: which are open, since when, and what each comparison changed.

A drift is the same one as long as it lasts; it is detected, may change its attributes, and is resolved. One that comes
back is detected anew. Resolved ones are kept for a while, so that a reader sees that they are gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from domain.drift import Drift, DriftState, DriftTrigger
from domain.errors import ConflictError
from graph.drift.match import key_of

NEXT: Final[Mapping[tuple[DriftState | None, DriftTrigger], DriftState]] = {
    (None, DriftTrigger.DETECTED): DriftState.OPEN,
    (DriftState.OPEN, DriftTrigger.CHANGED): DriftState.OPEN,
    (DriftState.OPEN, DriftTrigger.RESOLVED): DriftState.RESOLVED,
    (DriftState.RESOLVED, DriftTrigger.DETECTED): DriftState.OPEN,
}
"""What becomes of a drift; a pair that is not here is refused."""

RESOLVED_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class DriftEvent:
    """What one comparison changed about one drift."""

    trigger: DriftTrigger
    drift: Drift
    at: datetime


def after(state: DriftState | None, trigger: DriftTrigger) -> DriftState:
    """The state that a trigger leads to.

    Raises:
        ConflictError: it leads nowhere from here.
    """
    found = NEXT.get((state, trigger))
    if found is None:
        raise ConflictError("a drift cannot change so", state=state, trigger=trigger, todo="Read the drift again")
    return found


@dataclass(slots=True)
class DriftLedger:
    """One tenant's drifts.

    Args:
        open: by id.
        resolved: by id, with the instant; the oldest first.
    """

    open: dict[str, Drift] = field(default_factory=dict)
    resolved: dict[str, tuple[Drift, datetime]] = field(default_factory=dict)
    _by_key: dict[str, set[str]] = field(default_factory=dict)

    def record(
        self, drifts: Iterable[Drift], at: datetime, *, judged: Collection[str] | None = None
    ) -> tuple[DriftEvent, ...]:
        """Take the result of a comparison; gives what it changed, in order of id.

        Args:
            judged: keys of the resources that were compared; None for all, so that everything else is resolved.
        """
        found = {drift.drift_id: drift for drift in drifts}
        events = [event for drift in found.values() if (event := self._seen(drift, at)) is not None]
        gone = [drift_id for drift_id in self._of(judged) if drift_id not in found]
        events += [self._resolve(drift_id, at) for drift_id in gone]
        return tuple(sorted(events, key=lambda event: (event.drift.uid, event.drift.drift_id)))

    def state(self, drift_id: str) -> DriftState | None:
        """Where a drift stands; None where it was never seen, or resolved long ago."""
        if drift_id in self.open:
            return DriftState.OPEN
        return DriftState.RESOLVED if drift_id in self.resolved else None

    def of(self, uid: str) -> tuple[Drift, ...]:
        """The open drifts of one resource."""
        return tuple(self.open[each] for each in sorted(self._by_key.get(key_of(uid), ())))

    def restore(self, drifts: Iterable[Drift]) -> None:
        """Take the open drifts of an earlier process."""
        for drift in drifts:
            self._open(drift)

    def _seen(self, drift: Drift, at: datetime) -> DriftEvent | None:
        former = self.open.get(drift.drift_id)
        if former is None:
            after(self.state(drift.drift_id), DriftTrigger.DETECTED)
            self.resolved.pop(drift.drift_id, None)
            found = replace(drift, detected_at=at)
            self._open(found)
            return DriftEvent(DriftTrigger.DETECTED, found, at)
        found = replace(drift, detected_at=former.detected_at)
        if _is_same(former, found):
            return None
        self._open(found)
        return DriftEvent(DriftTrigger.CHANGED, found, at)

    def _resolve(self, drift_id: str, at: datetime) -> DriftEvent:
        after(self.state(drift_id), DriftTrigger.RESOLVED)
        drift = self.open.pop(drift_id)
        self._by_key[key_of(drift.uid)].discard(drift_id)
        self.resolved[drift_id] = (drift, at)
        while len(self.resolved) > RESOLVED_MAX:
            del self.resolved[next(iter(self.resolved))]
        return DriftEvent(DriftTrigger.RESOLVED, drift, at)

    def _open(self, drift: Drift) -> None:
        self.open[drift.drift_id] = drift
        self._by_key.setdefault(key_of(drift.uid), set()).add(drift.drift_id)

    def _of(self, judged: Collection[str] | None) -> list[str]:
        if judged is None:
            return list(self.open)
        return [drift_id for key in sorted(judged) for drift_id in sorted(self._by_key.get(key, ()))]


def _is_same(former: Drift, found: Drift) -> bool:
    """Whether nothing changed that a listener asked about: attributes, severity, the one who did it."""
    told = (former.attributes, former.severity, former.moved_to, former.by)
    return told == (found.attributes, found.severity, found.moved_to, found.by)
