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

from training.forward import RELATIONS, SOFTENING, Floats
from training.predictor import Matrix, Numbers, Predictor
from training.relations import GROUPS, LINKS, Relations
from training.task import NODE_TASKS, Task

PARTS_MAX: Final = 8
CHANGE_MIN: Final = 1e-6
NOBODY: Final = -1
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
    gates: Floats


class Explainer:
    """Explains rows of one graph.

    Args:
        states: of every row before and after each layer, as `Network.passed` gives them.
    """

    def __init__(self, predictor: Predictor, values: Matrix, relations: Relations, states: Sequence[Floats]) -> None:
        self._predictor, self._values, self._relations, self._states = predictor, values, relations, states
        self._network = predictor.network

    def explain(self, row: int) -> dict[Task, Explanation]:
        """Each task's answer for a row, asked again without each part; all of them together."""
        voices, own = self._voices(row), self._values[row : row + 1]
        others, (actions, mended) = _others(voices, row), self._mended(own)
        blocks = (own, self._without_each_feature(own), np.repeat(own, len(others), axis=0), mended)
        ends = np.cumsum([len(block) for block in blocks])
        hears = np.zeros(ends[-1], np.int64)
        hears[ends[1] : ends[2]] = 1 + np.arange(len(others))
        messages = self._messages_without(voices, np.concatenate(([NOBODY], others)))
        p = self._p(row, np.concatenate(blocks), [one.take(hears, axis=0) for one in messages])
        (told,), features, neighbours, remedied = np.split(p, ends[:-1])
        return {
            task: Explanation(
                float(told[at]), self._feature_parts(told[at] - features[:, at]),
                _neighbour_parts(others, told[at] - neighbours[:, at], voices),
                _remedies(actions, remedied[:, at], told[at]),
            )
            for at, task in enumerate(NODE_TASKS)
        }  # fmt: skip

    def _without_each_feature(self, own: Matrix) -> Matrix:
        asked = np.repeat(own, own.shape[1], axis=0)
        np.fill_diagonal(asked, np.asarray(self._network.arrays["mean"]))
        return asked

    def _feature_parts(self, adds: Numbers) -> tuple[Part, ...]:
        largest = np.argsort(-np.abs(adds), kind="stable")[:PARTS_MAX]
        return tuple(Part(self._predictor.names[at], float(adds[at])) for at in largest if abs(adds[at]) > CHANGE_MIN)

    def _mended(self, own: Matrix) -> tuple[tuple[str, ...], Matrix]:
        """What somebody can do here, and the row as it would be then."""
        names, actions, rows = self._predictor.names, [], [own[:0]]
        for action, columns in REMEDIES.items():
            at = [names.index(name) for name in columns if name in names]
            if at and own[0, at].any():
                asked = own.copy()
                asked[0, at] = 0
                actions.append(action)
                rows.append(asked)
        return tuple(actions), np.concatenate(rows)

    def _p(self, row: int, asked: Matrix, messages: Sequence[Floats]) -> Numbers:
        """The told probabilities of a row with other features or other messages, a column for each task.

        Shapes:
            asked: (n, k). messages: (n, width) for each layer. Returns float64 (n, tasks).
        """
        types = np.full(len(asked), self._network.type_code(self._relations, row))
        standard = self._network.standard(asked)
        state = self._network.encoded(standard, types)
        for layer, message in enumerate(messages):
            state = state + np.maximum(self._network.own(layer, state) + message, 0)
        answers = self._predictor.told(self._network.heads(standard, state))
        return np.stack([answers[task].p for task in NODE_TASKS], axis=1)

    def _messages_without(self, voices: Sequence[_Voices], others: NDArray[np.integer]) -> list[Floats]:
        """What the row hears in each layer, not hearing each of some others in turn; or hearing all, for `NOBODY`.

        Shapes:
            others: (m,). Returns float32 (m, width) for each layer.
        """
        layers = range(self._network.layers)
        totals = [np.zeros((len(others), self._states[layer].shape[1]), np.float32) for layer in layers]
        for one in voices:
            is_without = (others[:, None] == one.others).astype(np.float32)
            for layer in layers:
                gates = one.gates[layer]
                said = gates[:, None] * self._states[layer][one.others]
                mass = np.maximum(gates.sum() - is_without @ gates, 0)
                heard = (said.sum(axis=0) - is_without @ said) / (mass + np.float32(SOFTENING))[:, None]
                totals[layer] += self._network.spoken(one.name, layer, heard, mass)
        return totals

    def _voices(self, row: int) -> list[_Voices]:
        """Of the relations through which anybody speaks: silence adds nothing."""
        return list(self._each_voice(row))

    def _each_voice(self, row: int) -> Iterator[_Voices]:
        groups = zip(GROUPS, self._relations.groups, strict=True)
        lists = [(name, one, row) for name, one in zip(LINKS, self._relations.links, strict=True)]
        lists += [(name, one.members, int(one.codes[row])) for name, one in groups]
        assert tuple(name for name, _, _ in lists) == RELATIONS
        for name, one, at in lists:
            mine = slice(int(one.starts[at]), int(one.starts[at + 1]))
            if mine.start < mine.stop:
                yield _Voices(name, one.others[mine], self._network.gates(name, one.ages[mine]))


def _others(voices: Sequence[_Voices], row: int) -> NDArray[np.int32]:
    """Who is heard besides the row itself."""
    heard = np.unique(np.concatenate([np.empty(0, np.int32), *(one.others for one in voices)]))
    return np.asarray(heard[heard != row], np.int32)


def _neighbour_parts(
    others: NDArray[np.integer], adds: Numbers, voices: Sequence[_Voices]
) -> tuple[NeighbourPart, ...]:
    order = np.lexsort((others, -np.abs(adds)))[:PARTS_MAX]
    return tuple(
        NeighbourPart(int(others[at]), tuple(v.name for v in voices if others[at] in v.others), float(adds[at]))
        for at in order.tolist()
        if abs(adds[at]) > CHANGE_MIN
    )


def _remedies(actions: Sequence[str], p: Numbers, told: float) -> tuple[Remedy, ...]:
    found = [Remedy(action, float(one)) for action, one in zip(actions, p, strict=True) if one < told - CHANGE_MIN]
    return tuple(sorted(found, key=lambda one: one.p))
