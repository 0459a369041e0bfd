"""What the analysis of impact assumes: ranges with unit, source and year, each of which a tenant may put its own in.

Defaults are in `impact_assumptions.json`. A default whose source is ``judgement`` is just that: nobody measured it, and
an analysis that rests on it says so. A tenant's own ranges have the source that the tenant gives. Beside the ranges a
tenant states which frameworks bind it (a penalty that may not apply is never added up), its currency for what is not on
a bill, and what an hour without a certain resource costs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from cost.loss import Range
from domain.currency import CURRENCIES
from domain.errors import InputError

JUDGEMENT: Final = "judgement"
VALUES_MAX: Final = 10_000
FRAMEWORKS_MAX: Final = 50
TEXT_MAX: Final = 300
_SHARES: Final = (".chance", ".residual")
_KEYS: Final = frozenset({"ranges", "frameworks", "currency", "hour_values"})


@dataclass(frozen=True, slots=True)
class Assumption:
    """A range that holds nine of ten outcomes, and where it comes from; `is_own` where the tenant gave it."""

    name: str
    range: Range
    unit: str
    source: str
    year: int
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Everything assumed.

    Args:
        frameworks: those that bind the tenant; None where it never said.
        currency: of what is not on a bill.
        hour_values: money an hour without a resource costs, by id; before any multiple of its cost.
        no_penalty: why a framework has no penalty, by the start of its name.
    """

    by_name: Mapping[str, Assumption]
    no_penalty: Mapping[str, str]
    frameworks: frozenset[str] | None = None
    currency: str = "USD"
    hour_values: Mapping[str, Range] = field(default_factory=dict)

    def range(self, name: str) -> Range:
        """The range of one assumption."""
        return self.by_name[name].range

    def with_own(self, given: Mapping[str, Any]) -> Assumptions:
        """The same with a tenant's own: `ranges`, `frameworks`, `currency`, `hour_values`; what is absent stays.

        Raises:
            InputError: an unknown name, or a value that makes no sense.
        """
        unknown = sorted(given.keys() - _KEYS)
        if unknown:
            raise _refused("unknown settings", ", ".join(unknown), ", ".join(sorted(_KEYS)))
        ranges = dict(self.by_name)
        for name, row in _mapping(given.get("ranges", {}), "ranges").items():
            ranges[name] = _own(self.by_name, name, _mapping(row, name))
        return replace(
            self,
            by_name=ranges,
            frameworks=_frameworks(given["frameworks"]) if "frameworks" in given else self.frameworks,
            currency=_currency(given.get("currency", self.currency)),
            hour_values={**self.hour_values, **_hour_values(given.get("hour_values", {}))},
        )


@lru_cache(maxsize=1)
def default_assumptions() -> Assumptions:
    """What is assumed where nobody says otherwise."""
    document = json.loads(files("assessment").joinpath("impact_assumptions.json").read_text("utf-8"))
    rows = (
        Assumption(row["name"], Range(row["low"], row["high"]), row["unit"], row["source"], row["year"])
        for row in document["assumptions"]
    )
    return Assumptions({row.name: row for row in rows}, document["no_penalty"])


def _own(known: Mapping[str, Assumption], name: str, row: Mapping[str, Any]) -> Assumption:
    if name not in known:
        raise _refused("no such assumption", name, ", ".join(known))
    former = known[name]
    low, high = row.get("low", ""), row.get("high", "")
    if not _is_number(low) or not _is_number(high) or row.keys() - {"low", "high", "source", "year"}:
        raise _refused("not a range", f"{name}: {dict(row)}"[:TEXT_MAX], '{"low": 1, "high": 2, "source": "…"}')
    source, year = row.get("source", "the tenant"), row.get("year", former.year)
    if not isinstance(source, str) or not 0 < len(source) <= TEXT_MAX or type(year) is not int:
        raise _refused("not a source with a year", f"{name}: {source}, {year}", "a text and a year")
    own = Range(float(low), float(high))
    if name.endswith(_SHARES) and own.high > 1:
        raise _refused("a share is above one", f"{name}: {high}", "0 to 1")
    return replace(former, range=own, source=source, year=year, is_own=True)


def _hour_values(given: object) -> dict[str, Range]:
    rows = _mapping(given, "hour_values")
    if len(rows) > VALUES_MAX:
        raise _refused("too many hour values", str(len(rows)), f"at most {VALUES_MAX}")
    found = {}
    for uid, row in rows.items():
        pair = _mapping(row, uid)
        if pair.keys() != {"low", "high"} or not all(map(_is_number, pair.values())):
            raise _refused("not a value of an hour", uid, '{"low": 100, "high": 500}')
        found[uid] = Range(float(pair["low"]), float(pair["high"]))
    return found


def _frameworks(given: object) -> frozenset[str]:
    if not isinstance(given, list) or len(given) > FRAMEWORKS_MAX or not all(isinstance(each, str) for each in given):
        raise _refused("not a list of frameworks", str(given)[:TEXT_MAX], '["HIPAA", "PCI-DSS"]')
    return frozenset(given)


def _currency(given: object) -> str:
    if given not in CURRENCIES:
        raise _refused("not a currency", str(given)[:TEXT_MAX], "a code of ISO 4217")
    return str(given)


def _mapping(given: object, name: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise _refused("not an object", name, "names and values")
    return given


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refused(summary: str, got: str, expected: str) -> InputError:
    return InputError(f"assumptions: {summary}", got=got, expected=expected, todo="Correct the assumptions")
