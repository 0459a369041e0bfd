"""What a resource is worth when it goes down: points from its monthly cost, its criticality and its data.

    points = (1 + monthly cost in whole units of the first currency) * criticality * data

Criticality and data class are read from tags, as owners write them; a resource without such a tag counts once, and the
environment decides where nobody wrote a criticality. Points rank; they are no money, and money is always told beside
them. The factors are judgement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cost.allocation import ResourceCosts

Floats = NDArray[np.float64]

_CRITICALITY_TAGS: Final = (
    "criticality",
    "businesscriticality",
    "tier",
    "servicetier",
    "slatier",
    "priority",
    "impact",
)
_ENVIRONMENT_TAGS: Final = ("environment", "env", "stage")
_DATA_TAGS: Final = ("dataclassification", "dataclass", "classification", "confidentiality", "sensitivity")

_CRITICALITY_WORDS: Final = """
critical: missioncritical businesscritical critical tier0 tier1 p0 p1 platinum 0 1
high: high important tier2 p2 gold 2
medium: medium moderate normal tier3 p3 silver 3
low: low minor tier4 p4 bronze none 4
"""
_ENVIRONMENT_WORDS: Final = """
high: prod production prd live
medium: staging stage preprod uat qa acceptance
low: dev development test testing sandbox demo lab
"""
_DATA_WORDS: Final = """
restricted: restricted secret highlyconfidential pii phi pci cardholder personal sensitive
confidential: confidential private
internal: internal
public: public open
"""
CRITICALITY: Final[Mapping[str, float]] = {"critical": 8.0, "high": 4.0, "medium": 2.0, "low": 0.5, "unstated": 1.0}
DATA: Final[Mapping[str, float]] = {
    "restricted": 4.0,
    "confidential": 2.0,
    "internal": 1.0,
    "public": 0.5,
    "unstated": 1.0,
}


def _words(table: str) -> dict[str, str]:
    lines = (line.split(": ") for line in table.strip().splitlines())
    return {word: level for level, words in lines for word in words.split()}


CRITICALITY_WORDS, ENVIRONMENT_WORDS, DATA_WORDS = map(_words, (_CRITICALITY_WORDS, _ENVIRONMENT_WORDS, _DATA_WORDS))


@dataclass(frozen=True, slots=True)
class Standing:
    """How much a resource matters, by its tags."""

    criticality: str
    data: str

    @property
    def factor(self) -> float:
        """What multiplies its cost."""
        return CRITICALITY[self.criticality] * DATA[self.data]


UNSTATED: Final = Standing("unstated", "unstated")


def standing_of(tags: Mapping[str, str]) -> Standing:
    """Read the tags of one resource; names and values without case, blanks, dashes and underscores."""
    if not tags:
        return UNSTATED
    plain = {_plain(name): _plain(value) for name, value in tags.items()}
    criticality = _first(plain, _CRITICALITY_TAGS, CRITICALITY_WORDS)
    criticality = criticality or _first(plain, _ENVIRONMENT_TAGS, ENVIRONMENT_WORDS)
    return Standing(criticality or "unstated", _first(plain, _DATA_TAGS, DATA_WORDS) or "unstated")


def _plain(text: str) -> str:
    return text.lower().replace(" ", "").replace("-", "").replace("_", "")


def _first(tags: Mapping[str, str], names: Iterable[str], words: Mapping[str, str]) -> str | None:
    return next((words[tags[name]] for name in names if tags.get(name) in words), None)


def monthly(costs: ResourceCosts, size: int) -> Floats:
    """Whole units of the first currency a month, by row; what was paid back is worth nothing here."""
    found = np.zeros(size)
    if costs.currencies:
        amounts = costs.currencies[0].amounts.fill_null(0).cast(pl.Float64).to_numpy()
        found[: len(amounts)] = np.maximum(amounts, 0.0)
    return found
