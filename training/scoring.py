"""What a process that computes scores does, wherever it runs: graphs in, answers with reasons out. No torch, no tables.

A graph comes in once for each of its versions and stays while there is room, with the states of every layer once it
was scored as a whole. Questions that come together about one graph share the neighbourhood that they are answered from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import numpy as np

from domain.errors import PolicyCortexError, UnavailableError
from domain.recent import Recent
from training.calibration import Isotonic
from training.explanation import Explainer, Explanation
from training.forward import Floats
from training.pairing import ToldPairs
from training.pairs import Pairs
from training.predictor import Matrix, Predictor
from training.relations import Relations, ego
from training.task import NODE_TASKS, Task

GRAPHS_MAX: Final = 16
STATES_BYTES_MAX: Final = 256 * 1024 * 1024
"""Of one graph's states; a larger graph's are not kept, and its resources are answered from neighbourhoods."""
NETWORK_ERRORS: Final = (ArithmeticError, LookupError, ValueError, MemoryError, PolicyCortexError)


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A tenant's resources at one instant.

    Args:
        scales: the tenant's own calibration; None where the model's own holds.

    Shapes:
        values: float32 (n, k).
    """

    values: Matrix
    relations: Relations
    scales: Mapping[Task, Isotonic] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One resource of a graph.

    Args:
        graph: names a version of a graph.
        arm: the model that answers.
        beside: a model that answers too, unheard; empty where none does.
    """

    graph: str
    row: int
    arm: str
    beside: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class AskedPairs:
    """Pairs of a graph's resources.

    Args:
        graph: names a version of a graph.
        arm: the model that answers.

    Shapes:
        pairs: int32 (p, 2), the rows of anchor and candidate. features: float32 (p, len(training.cochange.NAMES)).
    """

    graph: str
    arm: str
    pairs: Pairs
    features: Matrix


@dataclass(frozen=True, slots=True)
class Beside:
    """What the unheard model said, and how long it took; no probabilities where it failed."""

    p: tuple[float, ...]
    took_s: float


@dataclass(frozen=True, slots=True)
class Told:
    """An answer.

    Args:
        took_s: this answer's share of the time that its batch took.
        together: questions that were answered together.
    """

    tasks: Mapping[Task, Explanation]
    took_s: float
    together: int
    beside: Beside | None = None


Fetch = Callable[[int], Graph]
"""The graph of the question at a place, asked for only where it is not here."""


@dataclass(slots=True, eq=False)
class _Kept:
    graph: Graph
    states: dict[str, list[Floats]]


class Scorer:
    """For one thread.

    Args:
        arms: models by name.
    """

    def __init__(self, arms: Mapping[str, Predictor], *, now_s: Callable[[], float] = perf_counter) -> None:
        self._arms, self._now_s = arms, now_s
        self._kept = Recent[str, _Kept](GRAPHS_MAX)

    def explain(self, asked: Sequence[Asked], fetch: Fetch) -> list[Told | UnavailableError]:
        """Answer questions in order; an error stands in place of an answer that the network could not give."""
        found: dict[int, Told | UnavailableError] = {}
        for (graph, arm), places in _together(asked).items():
            begun = self._now_s()
            try:
                kept = self._graph(graph, lambda at=places[0]: fetch(at))  # type: ignore[misc]
                told = self._explained(kept, arm, [asked[at].row for at in places])
            except NETWORK_ERRORS as error:
                found |= dict.fromkeys(places, _failed(error))
                continue
            took_s = (self._now_s() - begun) / len(places)
            for at, tasks in zip(places, told, strict=True):
                beside = self._beside(kept, asked[at]) if asked[at].beside else None
                found[at] = Told(tasks, took_s, len(asked), beside)
        return [found[at] for at in range(len(asked))]

    def whole(self, graph: str, arm: str, fetch: Callable[[], Graph]) -> Floats:
        """Logits of every row, a column for each of `NODE_TASKS`.

        Raises:
            UnavailableError: the network could not give them.
        """
        try:
            kept = self._graph(graph, fetch)
            found = self._arms[arm].network.passed(kept.graph.values, kept.graph.relations)
        except NETWORK_ERRORS as error:
            raise _failed(error) from error
        if sum(one.nbytes for one in found.states) <= STATES_BYTES_MAX:
            kept.states[arm] = found.states
        return found.logits

    def pairs(self, asked: AskedPairs, fetch: Callable[[], Graph]) -> ToldPairs:
        """Answer for pairs.

        Raises:
            UnavailableError: the model has no head for them, or could not answer.
        """
        pairing = self._arms[asked.arm].pairing
        if pairing is None:
            raise UnavailableError("the model has no head for pairs", todo="The count answers")
        try:
            graph = self._graph(asked.graph, fetch).graph
            return pairing.told(graph.values, graph.relations, asked.pairs, asked.features)
        except NETWORK_ERRORS as error:
            raise _failed(error) from error

    def _graph(self, name: str, fetch: Callable[[], Graph]) -> _Kept:
        kept = self._kept.get(name) or _Kept(fetch(), {})
        self._kept.put(name, kept)
        return kept

    def _explained(self, kept: _Kept, arm: str, rows: Sequence[int]) -> list[dict[Task, Explanation]]:
        graph, predictor = kept.graph, self._arms[arm]
        if graph.scales is not None:
            predictor = predictor.scaled(graph.scales)
        if arm in kept.states:
            whole = Explainer(predictor, graph.values, graph.relations, kept.states[arm])
            return [whole.explain(row) for row in rows]
        chosen, places = np.unique(np.asarray(rows), return_inverse=True)
        nodes, near = ego(graph.relations, chosen, hops=predictor.network.layers)
        values = graph.values[nodes]
        part = Explainer(predictor, values, near, predictor.network.passed(values, near).states)
        found = [{task: one.placed(nodes) for task, one in part.explain(at).items()} for at in range(len(chosen))]
        return [found[at] for at in places.tolist()]

    def _beside(self, kept: _Kept, asked: Asked) -> Beside:
        begun = self._now_s()
        try:
            graph, rows = kept.graph, np.array([asked.row])
            answers = self._arms[asked.beside].answer(graph.values, graph.relations, rows)
        except NETWORK_ERRORS:
            return Beside((), self._now_s() - begun)
        return Beside(tuple(float(answers[task].p[0]) for task in NODE_TASKS), self._now_s() - begun)


def _together(asked: Sequence[Asked]) -> dict[tuple[str, str], list[int]]:
    """Places of questions by what they can share."""
    found: dict[tuple[str, str], list[int]] = {}
    for at, one in enumerate(asked):
        found.setdefault((one.graph, one.arm), []).append(at)
    return found


def _failed(error: BaseException) -> UnavailableError:
    return UnavailableError("the network failed", reason=f"{type(error).__name__}: {error}"[:300],
                            todo="The regression answers meanwhile")  # fmt: skip
