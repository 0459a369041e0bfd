"""Which controls a policy, or a piece of evidence, may serve: those of the mapped policies that are most like it.

Within one framework the nearest texts vote: mapped policies for their controls, and each control's own paraphrase for
itself, so that a control can be found that no policy serves yet. A vote weighs as much as the likeness, and the share
that a control gets is its score. In a benchmark, whose recommendations are about one setting each, only the nearest
text counts, and its likeness is the score. The confidence is how often such a score was right when every mapped
policy was judged by the others. What is below `CONFIDENCE_MIN` is not shown.

This is a proposal to a person: it reads words, not what a rule does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.finding import Control
from policy.controls.calibration import Calibration, calibrate
from policy.controls.catalogue import frameworks
from policy.controls.framework import ControlKind, Style
from policy.controls.likeness import Floats, Likeness
from policy.controls.mapping import ControlMapping

NEIGHBOURS: Final = 12
DOUBT: Final = 0.25
"""Weight of an imagined neighbour that votes for nothing: where nothing is very like, no score is high."""
TEXT_WEIGHT: Final = 0.5
"""A paraphrase is short, so its likeness says less than a policy's."""
CONFIDENCE_MIN: Final = 0.5
EXAMPLES_MAX: Final = 3
CALIBRATED_MAX: Final = 400
MAPPED_MIN: Final = 20
"""A framework with fewer mapped policies cannot be calibrated, so nothing is suggested of it."""


@dataclass(frozen=True, slots=True)
class Example:
    """A mapped policy, or a control's own words, that speaks for a suggestion."""

    name: str
    likeness: float
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One control.

    Args:
        confidence: share of like candidates that were right, where that was known; in [0, 1].
        examples: what speaks for it, the most like first.
    """

    control: Control
    confidence: float
    score: float
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class _Voter:
    name: str
    controls: frozenset[str]
    weight: float


class _FrameworkVotes:
    """The voters of one framework."""

    def __init__(self, framework: str, policies: Sequence[tuple[str, str, frozenset[str]]]) -> None:
        known = frameworks().get(framework)
        rows = [] if known is None else [each for each in known.requirements if each.kind is ControlKind.TECHNICAL]
        self.framework = framework
        self.voters = [_Voter(name, controls, 1.0) for name, _, controls in policies]
        self.voters += [_Voter(f"{framework} {row.id}", frozenset({row.id}), TEXT_WEIGHT) for row in rows]
        self.policies = len(policies)
        self.likeness = Likeness([*(text for _, text, _ in policies), *(row.text for row in rows)])
        self._weights = np.array([voter.weight for voter in self.voters])
        self._is_benchmark = known is not None and known.style is Style.BENCHMARK

    def scores(self, likeness: Floats) -> tuple[dict[str, float], list[int]]:
        """Scores by control, and the neighbours that voted, the most like first."""
        if self._is_benchmark:
            return self._nearest(likeness)
        weighed = likeness * self._weights
        nearest = np.argsort(-weighed, kind="stable")[:NEIGHBOURS]
        chosen = [int(at) for at in nearest if weighed[at] > 0]
        votes: defaultdict[str, float] = defaultdict(float)
        for at in chosen:
            for control in self.voters[at].controls:
                votes[control] += float(weighed[at])
        whole = float(weighed[chosen].sum()) + DOUBT
        return {control: vote / whole for control, vote in votes.items()}, chosen

    def _nearest(self, likeness: Floats) -> tuple[dict[str, float], list[int]]:
        """A recommendation is about one setting, which few policies check: the nearest text alone says which."""
        at = int(np.argmax(likeness))
        return dict.fromkeys(self.voters[at].controls, float(likeness[at])), [at]

    def calibration(self) -> Calibration:
        """Every policy, or evenly chosen ones where there are many, judged by all the others."""
        scores: list[float] = []
        is_right: list[bool] = []
        for at in range(0, self.policies, 1 + self.policies // CALIBRATED_MAX):
            found, _ = self.scores(self.likeness.of_member(at))
            scores += found.values()
            is_right += [control in self.voters[at].controls for control in found]
        return calibrate(scores, is_right)


class Suggester:
    """Suggests controls, by what is mapped already.

    Args:
        texts: by policy, the words that describe it; a mapped policy without them does not vote.
    """

    def __init__(self, mappings: Iterable[ControlMapping], texts: Mapping[str, str]) -> None:
        folded = {name.lower(): text for name, text in texts.items()}
        mapped: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for mapping in mappings:
            if mapping.policy.lower() in folded:
                mapped[mapping.control.framework][mapping.policy].add(mapping.control.id)
        self._votes = [
            _FrameworkVotes(
                framework,
                [(name, folded[name.lower()], frozenset(controls)) for name, controls in sorted(policies.items())],
            )
            for framework, policies in sorted(mapped.items())
            if len(policies) >= MAPPED_MIN
        ]
        self._calibrations = [votes.calibration() for votes in self._votes]

    @property
    def frameworks(self) -> tuple[str, ...]:
        """Those of which enough is mapped to suggest anything."""
        return tuple(votes.framework for votes in self._votes)

    def suggest(self, text: str, *, confidence_min: float = CONFIDENCE_MIN) -> tuple[Suggestion, ...]:
        """The controls that a text may serve, the most confident first."""
        found: list[Suggestion] = []
        for votes, calibration in zip(self._votes, self._calibrations, strict=True):
            likeness = votes.likeness.of(text)
            scores, neighbours = votes.scores(likeness)
            for control, score in scores.items():
                confidence = calibration.confidence(score)
                if confidence >= confidence_min:
                    examples = _examples(
                        votes, text, likeness, [at for at in neighbours if control in votes.voters[at].controls]
                    )
                    found.append(Suggestion(Control(votes.framework, control), confidence, score, examples))
        return tuple(sorted(found, key=lambda each: (-each.confidence, -each.score, str(each.control))))


def _examples(votes: _FrameworkVotes, text: str, likeness: Floats, voting: Sequence[int]) -> tuple[Example, ...]:
    return tuple(
        Example(votes.voters[at].name, float(likeness[at]), tuple(votes.likeness.shared(text, at)))
        for at in voting[:EXAMPLES_MAX]
    )
