"""What a provider delivers again as a whole: one billing period of one billing account.

Providers restate a period until its invoice is closed, so a new delivery of a slice takes the place of the former one;
late charges come that way. Corrections of closed periods are rows of the period that bills them, as FOCUS has it.

Two slices are the same when they hold the same rows in any order, whatever files they came in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Final

SLACK: Final = timedelta(days=1)
ZERO: Final = Decimal(0)
_WORD: Final = 1 << 64


@dataclass(frozen=True, slots=True, order=True)
class SliceKey:
    """A billing period (by the day it starts) of a billing account at a provider."""

    period: date
    provider: str
    account: str

    @property
    def name(self) -> str:
        """Short and fit for file names."""
        return sha256(f"{self.period}\n{self.provider}\n{self.account}".encode()).hexdigest()[:16]


@dataclass(slots=True)
class Money4:
    """What some rows of one currency come to.

    Args:
        source: what the source itself bills for them.
    """

    billed: Decimal = ZERO
    effective: Decimal = ZERO
    listed: Decimal = ZERO
    source: Decimal = ZERO

    def add(self, other: Money4) -> None:
        """Add the amounts of more rows."""
        self.billed += other.billed
        self.effective += other.effective
        self.listed += other.listed
        self.source += other.source


class Kind(StrEnum):
    """What a charge is, as FOCUS separates them; each row is of one kind."""

    USAGE = "usage"
    COMMITMENT_USED = "commitment used"
    COMMITMENT_UNUSED = "commitment unused"
    COMMITMENT_PURCHASE = "commitment purchase"
    PURCHASE = "purchase"
    TAX = "tax"
    CREDIT = "credit"
    ADJUSTMENT = "adjustment"
    CORRECTION = "correction"


@dataclass(slots=True)
class Content:
    """What a slice, or a file's part of it, holds.

    Args:
        fingerprint: of the rows in any order.
        days: with usage that is no correction.
        kinds: amounts by currency and kind.
    """

    rows: int = 0
    fingerprint: int = 0
    period_end: datetime | None = None
    days: set[date] = field(default_factory=set)
    kinds: dict[tuple[str, Kind], Money4] = field(default_factory=dict)

    def add(self, other: Content) -> None:
        """Add more rows."""
        self.rows += other.rows
        self.fingerprint = (self.fingerprint + other.fingerprint) % _WORD
        ends = [end for end in (self.period_end, other.period_end) if end is not None]
        self.period_end = max(ends, default=None)
        self.days |= other.days
        for key, money in other.kinds.items():
            self.kinds.setdefault(key, Money4()).add(money)

    def is_same(self, other: Content) -> bool:
        """Whether both hold the same rows."""
        return (self.rows, self.fingerprint) == (other.rows, other.fingerprint)

    def by_currency(self) -> dict[str, Money4]:
        """Amounts of all kinds together."""
        totals: dict[str, Money4] = {}
        for (currency, _), money in sorted(self.kinds.items()):
            totals.setdefault(currency, Money4()).add(money)
        return totals

    def lacks_days_of(self, key: SliceKey, *, as_of: datetime) -> bool:
        """Whether the period is over and usage does not reach from its first day to its last, a day of slack apart."""
        if self.period_end is None or self.period_end > as_of or not self.days:
            return False
        last = self.period_end.date() - timedelta(days=1)
        return min(self.days) > key.period + SLACK or max(self.days) < last - SLACK


def whole(parts: Iterable[Content]) -> Content:
    """Parts of one slice together."""
    found = Content()
    for part in parts:
        found.add(part)
    return found
