"""How likely an edge is what it looks like in a failure: beta distributions by strength and kind, as data.

These are judgements, written down so that they can be argued with and replaced; nothing here is measured. `after`
turns a judgement into an estimate once failures have been observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.resource import RelationshipKind, Strength


@dataclass(frozen=True, slots=True)
class Belief:
    """A beta distribution over a probability, as numbers of cases for and against."""

    cases_for: float
    cases_against: float

    @property
    def mean(self) -> float:
        """The expected probability."""
        return self.cases_for / (self.cases_for + self.cases_against)

    def after(self, *, hits: int, misses: int) -> Belief:
        """What to believe after so many failures that the edge handed on, and that it did not."""
        return Belief(self.cases_for + hits, self.cases_against + misses)


_K, _S = RelationshipKind, Strength
Key = tuple[RelationshipKind | None, Strength]

CARRIES: Final[Mapping[Key, Belief]] = {
    (None, _S.HARD): Belief(18, 2),
    (None, _S.SOFT): Belief(6, 4),
    (None, _S.REDUNDANT): Belief(18, 2),
    (_K.CONTAINS, _S.HARD): Belief(199, 1),
    (_K.ATTACHED_TO, _S.HARD): Belief(48, 2),
    (_K.MOUNTS, _S.HARD): Belief(48, 2),
    (_K.ENCRYPTED_BY, _S.HARD): Belief(48, 2),
    (_K.REFERENCES, _S.SOFT): Belief(2, 8),
    (_K.DEPLOYED_BY, _S.SOFT): Belief(2, 8),
}
"""That an edge is a dependency which the failure travels along at all."""

ESCALATES: Final = Belief(1, 9)
"""That a soft dependency, once it is gone, brings its user down instead of weakening it."""


@dataclass(frozen=True, slots=True)
class Beliefs:
    """The judgements in force; `Beliefs()` are ours. A kind that is not named has those of its strength."""

    carries: Mapping[Key, Belief] = field(default_factory=lambda: CARRIES)
    escalates: Belief = ESCALATES

    def of(self, kind: RelationshipKind, strength: Strength) -> Belief:
        """What is believed of one kind of edge."""
        return self.carries.get((kind, strength)) or self.carries[None, strength]
