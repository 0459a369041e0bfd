"""Why a resource is scored as it is, found by asking again: without a feature, without a neighbour, with less broken.

Each part is the change of the told probability when that part alone is taken away: a feature is set to its mean over
all that was learned from, a neighbour is not heard. What other resources know of this one is held still, so a hundred
questions cost one small matrix product. These are facts about the model, not causes in the world.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.forward import RELATIONS, SOFTENING, Floats, time_encoding
from training.predictor import Matrix, Numbers, Predictor
from training.relations import GROUPS, LINKS, Relations
from training.task import Task

PARTS_MAX: Final = 8
CHANGE_MIN: Final = 1e-6
REMEDIES: Final[Mapping[str, tuple[str, ...]]] = {
    "mend the violations that are open on it": ("own.open_violations",),
    "mend the violations that are open next to it": ("near.open_violations", "near.open_share"),
    "mend the violations that are open in its stack": (
        "stack.open_violations", "around.file_open_violations", "around.folder_open_violations",
    ),
    "mend the violations that are open on its peers in other stacks": (
        "around.peer_open_violations", "around.source_open_violations",
    ),
}  # fmt: skip
"""What somebody can do, and the features that are 0 when it is done."""


@dataclass(frozen=True, slots=True)
class Part:
    """A feature or a neighbour, and how much it adds to the probability."""

    name: str
    adds: float


@dataclass(frozen=True, slots=True)
class NeighbourPart:
    """A row that is heard, through which relations, and how much it adds to the probability."""

    row: int
    relations: tuple[str, ...]
    adds: float


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would lower the answer, and the probability that the model would tell then."""

    action: str
    p: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """One task's answer for one row. Parts are in order of size, remedies of effect."""

    p: float
    features: tuple[Part, ...]
    neighbours: tuple[NeighbourPart, ...]
    remedies: tuple[Remedy, ...]

    def placed(self, rows: NDArray[np.integer]) -> Explanation:
        """The same, where row i of what was asked stands at place `rows[i]` of a larger graph."""
        return replace(self, neighbours=tuple(replace(one, row=int(rows[one.row])) for one in self.neighbours))


@dataclass(frozen=True, slots=True, eq=False)
class _Voices:
    """Who speaks to the row through one relation, and how loudly in each layer."""

    name: str
    others: NDArray[np.int32]
    gates: tuple[Floats, ...]


class Explainer:
    """Explains rows of one graph.

    Args:
        states: of every row before and after each layer, as `Network.states` gives them.
    """

    def __init__(self, predictor: Predictor, values: Matrix, relations: Relations, states: Sequence[Floats]) -> None:
        self._predictor, self._values, self._relations, self._states = predictor, values, relations, states
        self._network = predictor.network

    def explain(self, row: int, task: Task) -> Explanation:
        """Ask again without each part."""
        voices = self._voices(row)
        messages = self._messages(voices)
        told = self._p(row, self._values[row : row + 1], messages, task)[0]
        return Explanation(
            float(told), self._features(row, messages, task, told), self._neighbours(row, voices, task, told),
            self._remedies(row, messages, task, told),
        )  # fmt: skip

    def _features(self, row: int, messages: list[Floats], task: Task, told: float) -> tuple[Part, ...]:
        count = self._values.shape[1]
        asked = np.repeat(self._values[row : row + 1], count, axis=0)
        np.fill_diagonal(asked, np.asarray(self._network.arrays["mean"]))
        adds = told - self._p(row, asked, messages, task)
        largest = np.argsort(-np.abs(adds), kind="stable")[:PARTS_MAX]
        return tuple(Part(self._predictor.names[at], float(adds[at])) for at in largest if abs(adds[at]) > CHANGE_MIN)

    def _neighbours(self, row: int, voices: Sequence[_Voices], task: Task, told: float) -> tuple[NeighbourPart, ...]:
        heard = np.unique(np.concatenate([one.others for one in voices]))
        found = []
        for other in heard[heard != row].tolist():
            without = self._messages(voices, without=other)
            adds = told - float(self._p(row, self._values[row : row + 1], without, task)[0])
            if abs(adds) > CHANGE_MIN:
                found.append(NeighbourPart(other, tuple(v.name for v in voices if other in v.others), adds))
        return tuple(sorted(found, key=lambda one: (-abs(one.adds), one.row))[:PARTS_MAX])

    def _remedies(self, row: int, messages: list[Floats], task: Task, told: float) -> tuple[Remedy, ...]:
        found = []
        for action, columns in REMEDIES.items():
            at = [self._predictor.names.index(name) for name in columns if name in self._predictor.names]
            asked = self._values[row : row + 1].copy()
            if not at or not asked[0, at].any():
                continue
            asked[0, at] = 0
            p = float(self._p(row, asked, messages, task)[0])
            if p < told - CHANGE_MIN:
                found.append(Remedy(action, p))
        return tuple(sorted(found, key=lambda one: one.p))

    def _p(self, row: int, asked: Matrix, messages: Sequence[Floats], task: Task) -> Numbers:
        """The told probability of a row with other features or other messages."""
        types = np.full(len(asked), self._network.type_codes(self._relations)[row])
        standard = self._network.standard(asked)
        state = self._network.encoded(standard, types)
        for layer, message in enumerate(messages):
            state = state + np.maximum(self._network.own(layer, state) + message, 0)
        return self._predictor.told(self._network.heads(standard, state))[task].p

    def _messages(self, voices: Sequence[_Voices], *, without: int = -1) -> list[Floats]:
        """What the row hears in each layer."""
        found = []
        for layer in range(self._network.layers):
            total = np.zeros(self._states[0].shape[1], np.float32)
            for one in voices:
                kept = one.others != without
                gates = one.gates[layer][kept]
                mass = gates.sum(dtype=np.float32)
                heard = gates @ self._states[layer][one.others[kept]] / (mass + np.float32(SOFTENING))
                total = total + self._network.spoken(one.name, layer, heard[None], mass[None])[0]
            found.append(total)
        return found

    def _voices(self, row: int) -> list[_Voices]:
        return list(self._each_voice(row))

    def _each_voice(self, row: int) -> Iterator[_Voices]:
        groups = zip(GROUPS, self._relations.groups, strict=True)
        lists = [(name, one, row) for name, one in zip(LINKS, self._relations.links, strict=True)]
        lists += [(name, one.members, int(one.codes[row])) for name, one in groups]
        assert tuple(name for name, _, _ in lists) == RELATIONS
        for name, one, at in lists:
            mine = slice(int(one.starts[at]), int(one.starts[at + 1]))
            encoding = time_encoding(one.ages[mine])
            gates = tuple(self._network.gates(name, layer, encoding) for layer in range(self._network.layers))
            yield _Voices(name, one.others[mine], gates)
