"""How figures and ids are written everywhere: separators, units, dates, and ids shortened in the middle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

ELLIPSIS = "…"


def count(number: int) -> str:
    """``12,431``."""
    return f"{number:,}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 gap``, ``2 gaps``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def amount(text: str) -> str:
    """A decimal in whole units with separators; below ten with its cents."""
    value = Decimal(text)
    if 0 < abs(value) < 10:
        return f"{value.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"
    return f"{value.quantize(Decimal(1), ROUND_HALF_UP):,}"


def monthly(entries: Sequence[Mapping[str, Any]]) -> str:
    """``1,240 EUR/mo``; several currencies are joined, none is an empty text."""
    return " + ".join(f"{amount(entry['amount'])} {entry['currency']}/mo" for entry in entries)


def monthly_value(entries: Sequence[Mapping[str, Any]]) -> Decimal:
    """For ordering only: the largest amount, whatever its currency."""
    return max((Decimal(entry["amount"]) for entry in entries), default=Decimal(0))


def percent(share: float) -> str:
    """A share in [0, 1]: no decimals from 10 % on, one below. What is not all never reads as 100 %."""
    value = 100 * share
    if 99.5 <= value < 100:
        return f"{int(100 * value) / 100:.2f} %"
    return f"{value:.0f} %" if value >= 10 or value == 0 else f"{value:.1f} %"


def ratio(part: str | None, whole: str | None) -> float:
    """The share one amount is of another; 0 where there is none."""
    if part is None or whole is None or Decimal(whole) == 0:
        return 0.0
    return float(Decimal(part) / Decimal(whole))


def moment(text: str) -> str:
    """``2026-11-23 16:40 UTC``."""
    return f"{_instant(text):%Y-%m-%d %H:%M} UTC"


def day(text: str) -> str:
    """``Wed 25 Nov``."""
    instant = _instant(text)
    return f"{instant:%a} {instant.day} {instant:%b}"


def days_between(start: str, end: str) -> int:
    """Calendar days from one instant's date to another's."""
    return (_instant(end).date() - _instant(start).date()).days


def interval(low: float, high: float) -> str:
    """``55-70 %`` with a proper dash."""
    return f"{100 * low:.0f}\N{EN DASH}{100 * high:.0f} %"


def sentence(text: str) -> str:
    """With a capital at the front, the rest as it is."""
    return text[:1].upper() + text[1:]


def middle(text: str, width: int) -> str:
    """A text shortened in the middle, where ids differ least."""
    if len(text) <= width:
        return text
    if width <= 1:
        return ELLIPSIS[:width]
    head = (width - 1 + 1) // 2
    tail = width - 1 - head
    return text[:head] + ELLIPSIS + (text[-tail:] if tail else "")


def end(text: str, width: int) -> str:
    """A text cut at the end."""
    return text if len(text) <= width else text[: max(0, width - 1)].rstrip() + ELLIPSIS[:width]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
