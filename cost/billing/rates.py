"""Exchange rates, and sums in one currency by them.

A charge is converted by the rate of its day; where a day has none (weekends), by the latest of the seven days before.
A rate works in both directions, and two rates to one common currency make a third. What has no rate is refused: an
amount is never left out of a sum.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Context, Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from cost.billing.query import ROWS_MAX as GROUPS_MAX
from cost.billing.query import BillingQuery, CostGroup, ask
from cost.billing.store import BillingStore
from domain.currency import CURRENCIES
from domain.errors import InputError

AGE_MAX: Final = timedelta(days=7)
COLUMNS: Final = ("date", "from", "to", "rate")
ROWS_MAX: Final = 1_000_000
_PLACES: Final = Decimal("1e-12")
_EXACT: Final = Context(prec=50)


@dataclass(frozen=True)
class Rates:
    """Rates by pair of currencies, each in order of day: one unit of the first is `rate` of the second."""

    pairs: Mapping[tuple[str, str], tuple[tuple[date, Decimal], ...]]

    def rate(self, day: date, *, source: str, target: str) -> Decimal:
        """What one unit of a currency was in another on a day.

        Raises:
            InputError: no rate says.
        """
        if source == target:
            return Decimal(1)
        found = self._direct(day, source, target)
        if found is None:
            found = next(self._crossed(day, source, target), None)
        if found is None:
            raise InputError(
                "there is no exchange rate for a day",
                where=day.isoformat(),
                expected=f"{source} to {target} of that day or the {AGE_MAX.days} before",
                todo="Add the rate to the table: pcg costs rates FILE",
            )
        return found

    def convert(self, amount: Decimal, day: date, *, source: str, target: str) -> Decimal:
        """An amount in another currency, with twelve places."""
        product = _EXACT.multiply(amount, self.rate(day, source=source, target=target))
        return product.quantize(_PLACES, context=_EXACT)

    def _direct(self, day: date, source: str, target: str) -> Decimal | None:
        if (rate := self._latest(day, (source, target))) is not None:
            return rate
        if (rate := self._latest(day, (target, source))) is not None:
            return _EXACT.divide(Decimal(1), rate)
        return None

    def _crossed(self, day: date, source: str, target: str) -> Iterator[Decimal]:
        for middle in sorted({currency for pair in self.pairs for currency in pair}):
            first = self._direct(day, source, middle)
            second = None if first is None else self._direct(day, middle, target)
            if first is not None and second is not None:
                yield _EXACT.multiply(first, second)

    def _latest(self, day: date, pair: tuple[str, str]) -> Decimal | None:
        known = self.pairs.get(pair, ())
        place = bisect_right(known, day, key=lambda entry: entry[0])
        if place == 0 or day - known[place - 1][0] > AGE_MAX:
            return None
        return known[place - 1][1]


def read_rates(path: Path) -> Rates:
    """A table of rates: CSV with the columns `date`, `from`, `to` and `rate`.

    Raises:
        InputError: it is no such table, or a row of it is not valid.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("the rates cannot be read", path=str(path), reason=str(error)[:200], todo="Check it") from None
    reader = csv.DictReader(io.StringIO(text))
    if not set(COLUMNS) <= set(reader.fieldnames or ()):
        raise InputError(
            "the rates lack a column",
            path=str(path),
            expected=",".join(COLUMNS),
            got=",".join(reader.fieldnames or ()),
            todo="Name the columns so in the first line",
        )
    pairs: defaultdict[tuple[str, str], dict[date, Decimal]] = defaultdict(dict)
    for number, row in enumerate(reader, start=2):
        if number > ROWS_MAX:
            raise InputError("the rates have too many rows", path=str(path), expected=f"at most {ROWS_MAX}")
        day, source, target, rate = _row(row, where=f"{path}:{number}")
        if pairs[source, target].setdefault(day, rate) != rate:
            raise InputError(
                "a rate is there twice and differs",
                where=f"{path}:{number}",
                got=f"{rate} and {pairs[source, target][day]}",
                todo="Keep one of them",
            )
    return Rates({pair: tuple(sorted(days.items())) for pair, days in pairs.items()})


def ask_in(store: BillingStore, query: BillingQuery, rates: Rates, currency: str) -> tuple[CostGroup, ...]:
    """As `ask`, with every amount in one currency by the rate of its day.

    Raises:
        InputError: an amount has no rate, or there are too many groups and days.
    """
    if currency not in CURRENCIES:
        raise InputError("no such currency", got=currency, expected="a code of ISO 4217", todo="Write: EUR")
    by = query.by if "day" in query.by else (*query.by, "day")
    place = by.index("day")
    amounts: defaultdict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    rows: defaultdict[tuple[str, ...], int] = defaultdict(int)
    for group in ask(store, replace(query, by=by, limit=GROUPS_MAX)):
        day = date.fromisoformat(group.keys[place])
        keys = group.keys if by == query.by else group.keys[:-1]
        amounts[keys] += rates.convert(group.amount, day, source=group.currency, target=currency)
        rows[keys] += group.rows
    groups = [CostGroup(keys, currency, amount, rows[keys]) for keys, amount in amounts.items()]
    if query.by and query.by[0] in {"day", "month"}:
        groups.sort(key=lambda group: (group.keys[0], -group.amount, group.keys))
    else:
        groups.sort(key=lambda group: (-group.amount, group.keys))
    return tuple(groups[: query.limit])


def _row(row: Mapping[str, str | None], *, where: str) -> tuple[date, str, str, Decimal]:
    try:
        day = date.fromisoformat((row["date"] or "").strip())
        rate = Decimal((row["rate"] or "").strip())
    except (ValueError, InvalidOperation):
        raise InputError(
            "a rate is not valid",
            where=where,
            got=str(dict(row)),
            expected="2026-10-01,USD,EUR,0.92",
            todo="Correct it",
        ) from None
    source, target = ((row[name] or "").strip() for name in ("from", "to"))
    if not {source, target} <= CURRENCIES or not rate.is_finite() or rate <= 0:
        raise InputError(
            "a rate is not valid",
            where=where,
            got=f"{source} to {target} at {rate}",
            expected="two codes of ISO 4217 and a rate above 0",
            todo="Correct it",
        )
    return day, source, target, rate
