"""How long findings lived, from what one scan after the other found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from domain.finding import Severity, Violation
from domain.resource import resource_key

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FindingLife:
    """One violation from the scan that found it to the first that did not.

    Args:
        is_first: the first scan had it already, so that nobody knows since when it stands.
        closed_at: None while it is open.
    """

    policy_id: str
    resource_id: str
    severity: Severity
    opened_at: datetime
    is_first: bool
    closed_at: datetime | None = None

    def is_open(self, day: date | None = None) -> bool:
        """Whether it stood open at the end of a day; now without one."""
        if day is None:
            return self.closed_at is None
        return self.opened_at.date() <= day and (self.closed_at is None or self.closed_at.date() > day)


@dataclass(frozen=True, slots=True)
class Lives:
    """Every life between the first scan and the last."""

    start: datetime | None
    end: datetime | None
    lives: tuple[FindingLife, ...]

    @property
    def days(self) -> float:
        """How long was looked."""
        return (self.end - self.start) / _DAY if self.start is not None and self.end is not None else 0.0

    def of(self, policies: Collection[str]) -> Lives:
        """Lives of these policies' findings."""
        return Lives(self.start, self.end, tuple(life for life in self.lives if life.policy_id in policies))

    def born(self) -> int:
        """Findings that appeared while somebody looked."""
        return sum(not life.is_first for life in self.lives)

    def closed(self) -> int:
        """Findings that ended."""
        return sum(life.closed_at is not None for life in self.lives)

    def open_on(self, day: date | None = None) -> tuple[FindingLife, ...] | None:
        """What stood open at the end of a day, or stands open now; None where no scan was made by then."""
        if self.start is None or (day is not None and self.start.date() > day):
            return None
        return tuple(life for life in self.lives if life.is_open(day))

    def exposure_days(self) -> float:
        """Days that all findings together stood open, as far as was seen."""
        if self.end is None:
            return 0.0
        return sum(((life.closed_at or self.end) - life.opened_at) / _DAY for life in self.lives)


def finding_lives(scans: Iterable[tuple[datetime, Collection[Violation]]]) -> Lives:
    """Join scans of the same coverage; one that comes back begins anew.

    Args:
        scans: time and violations of each, in any order.
    """
    ordered: Sequence[tuple[datetime, Collection[Violation]]] = sorted(scans, key=lambda scan: scan[0])
    if not ordered:
        return Lives(None, None, ())
    done: list[FindingLife] = []
    living: dict[tuple[str, str], FindingLife] = {}
    for place, (at, violations) in enumerate(ordered):
        found = {(each.policy_id, resource_key(each.resource_id)): each for each in violations}
        done += [_closed(living.pop(key), at) for key in [key for key in living if key not in found]]
        for key, each in found.items():
            if key not in living:
                living[key] = FindingLife(each.policy_id, each.resource_id, each.severity, at, is_first=place == 0)
    lives = sorted([*done, *living.values()], key=lambda life: (life.opened_at, life.policy_id, life.resource_id))
    return Lives(ordered[0][0], ordered[-1][0], tuple(lives))


def _closed(life: FindingLife, at: datetime) -> FindingLife:
    return FindingLife(life.policy_id, life.resource_id, life.severity, life.opened_at, life.is_first, at)
