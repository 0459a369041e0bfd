"""The network's answer in numpy and sparse matrices: what is served and what is judged, without torch.

Each layer adds to a resource's state what it hears from the lists of `training.relations`. How much a voice counts is
learned from how long ago its edge came, or its speaker changed: days go through an encoding of time into a gate for
each relation and layer. `training.network` fits the same function; a test holds both within 1e-5 of each other.

    state_0 = relu(encode(standardised features) + embedding of the type)
    heard_r = sum of gate_r(age) * state / (sum of gate_r(age) + 0.5)          for each relation r
    state_l = state_(l-1) + relu(own(state_(l-1)) + sum over r of heard_r @ W_r + log(1 + sum of gates) * v_r)
    logits  = wide(standardised features) + head(state_L)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError
from training.history import Codes
from training.logistic import sigmoid, standardised
from training.relations import GROUPS, LINKS, Ages, Lists, Relations, ego

Floats = NDArray[np.float32]
SOFTENING = 0.5
"""Added to the sum of gates: one old voice alone does not count as much as many young ones."""
SCALES_DAYS = (2.0, 7.0, 30.0, 120.0, 365.0)
WAVES = (0.5, 1.0, 2.0)
"""Each twice the one before, so that one sine and one cosine give all of them."""
RELATIONS = (*LINKS, *GROUPS)
BLOCK_ROWS = 2_048
BLOCK_AGES = 16_384
FEW = 4_096
"""Members of lists up to which sums are made one by one."""


def time_encoding(ages: Ages) -> Floats:
    """Days as decays of several half-lives and waves of their logarithm.

    Shapes:
        Returns float32 (len(ages), 1 + len(SCALES_DAYS) + 2 * len(WAVES)).
    """
    grown = np.log(1 + ages)
    found = np.empty((1 + len(SCALES_DAYS) + 2 * len(WAVES), len(ages)), np.float32)
    found[0] = grown / 8
    for at, scale in enumerate(SCALES_DAYS, start=1):
        np.exp(ages * np.float32(-np.log(2) / scale), out=found[at])
    slow = grown * np.float32(WAVES[0])
    sine, cosine = np.sin(slow), np.cos(slow)
    for at in range(1 + len(SCALES_DAYS), len(found), 2):
        found[at], found[at + 1] = sine, cosine
        sine, cosine = 2 * sine * cosine, 1 - 2 * sine * sine
    return found.T


@dataclass(frozen=True, slots=True, eq=False)
class Passed:
    """What the network made of a graph.

    Args:
        states: of every row before and after each layer; of an `ego`, of those rows that the seeds still hear.

    Shapes:
        logits: float32 (m, tasks): every row, or the seeds of an `ego`.
    """

    states: list[Floats]
    logits: Floats


@dataclass(frozen=True, eq=False)
class Network:
    """A fitted network.

    Args:
        arrays: `mean` and `scale` of the features, `type_names`, and the parameters by the names of
            `training.network.model`.
    """

    arrays: Mapping[str, NDArray[np.generic]]

    @cached_property
    def layers(self) -> int:
        """How often neighbours speak; also how far a resource hears."""
        return sum(name.startswith("own.") and name.endswith(".weight") for name in self.arrays)

    @property
    def tasks(self) -> int:
        """How many logits a row has."""
        return len(self._get("head.bias"))

    def passed(self, values: NDArray[np.floating], relations: Relations) -> Passed:
        """Ask the network; features are standardised block by block, so that no second copy of them is made.

        Raises:
            InputError: they are not as many as those that the network was fitted on.
        """
        self._require_features(values)
        types, width = self.type_codes(relations), len(self._get("encode.bias"))
        state, wide = np.empty((len(values), width), np.float32), np.empty((len(values), self.tasks), np.float32)
        for start in range(0, len(values), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            told = standardised(values[rows], self._get("mean"), self._get("scale")) @ self._first
            wide[rows] = told[:, width:]
            state[rows] = self._begun(told[:, :width], types[rows])
        states = self._after(state, relations)
        return Passed(states, self._headed(wide[: len(states[-1])], states[-1]))

    def logits(self, values: NDArray[np.floating], relations: Relations) -> Floats:
        """For each row that is asked about, a logit for each task.

        Shapes:
            values: float (n, k). Returns float32 (m, tasks): every row, or the seeds of an `ego`.
        """
        return self.passed(values, relations).logits

    def p(self, values: NDArray[np.floating], relations: Relations) -> NDArray[np.float64]:
        """Probabilities, not calibrated."""
        return sigmoid(self.logits(values, relations))

    def of_rows(
        self, values: NDArray[np.floating], relations: Relations, rows: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """Probabilities of some rows, computed from their neighbourhoods alone."""
        nodes, near = ego(relations, rows, hops=self.layers)
        return self.p(values[nodes], near)

    def encoded(self, standard: Floats, types: NDArray[np.integer]) -> Floats:
        """The state before any neighbour spoke."""
        return self._begun(standard @ self._get("encode.weight").T, types)

    def heads(self, standard: Floats, state: Floats) -> Floats:
        """Logits from features and from states after the last layer, of as many rows as have one."""
        return self._headed(standard[: max(len(state), 1)] @ self._get("wide.weight").T, state)

    def standard(self, values: NDArray[np.floating]) -> Floats:
        """Features as the network reads them.

        Raises:
            InputError: they are not as many as those that the network was fitted on.
        """
        self._require_features(values)
        return standardised(values, self._get("mean"), self._get("scale"))

    def _require_features(self, values: NDArray[np.floating]) -> None:
        expected = len(self.arrays["mean"])
        if values.ndim != 2 or values.shape[1] != expected:
            raise InputError("the network was fitted on other features", expected=expected, got=list(values.shape),
                             todo="Fit it anew with `python -m training train`")  # fmt: skip

    def type_codes(self, relations: Relations) -> Codes:
        """Types as numbers of embeddings; 0 is a type that fitting did not know."""
        known = self._type_numbers
        return np.array([known.get(name, 0) for name in relations.type_names] or [0], np.int32)[relations.types]

    def type_code(self, relations: Relations, row: int) -> int:
        """The same of one row."""
        return self._type_numbers.get(relations.type_names[relations.types[row]], 0)

    @cached_property
    def _type_numbers(self) -> dict[str, int]:
        return {str(name): at for at, name in enumerate(self.arrays["type_names"].tolist(), start=1)}

    def gates(self, relation: str, ages: Ages) -> Floats:
        """How much each voice counts in each layer.

        Shapes:
            Returns float32 (layers, len(ages)).
        """
        weight, bias = self._gating[relation]
        found = np.empty((self.layers, len(ages)), np.float32)
        for start in range(0, len(ages), BLOCK_AGES):
            part = slice(start, start + BLOCK_AGES)
            np.matmul(weight, time_encoding(ages[part]).T, out=found[:, part])
        found += bias
        found *= np.float32(0.5)
        np.tanh(found, out=found)
        found *= np.float32(0.5)
        found += np.float32(0.5)
        return found

    def spoken(self, relation: str, layer: int, heard: Floats, mass: Floats) -> Floats:
        """What a relation adds to a row, from the mean of what it heard and the sum of gates."""
        said = np.asarray(heard @ self._get(f"hear.{layer}.{relation}.weight").T, np.float32)
        said += np.log1p(mass)[:, None] * self._get(f"count.{layer}.{relation}")
        return said

    def own(self, layer: int, state: Floats) -> Floats:
        """What a row adds to itself."""
        return np.asarray(state @ self._get(f"own.{layer}.weight").T + self._get(f"own.{layer}.bias"), np.float32)

    def _begun(self, encoded: Floats, types: NDArray[np.integer]) -> Floats:
        state = self._types.take(types, axis=0)
        state += encoded
        return np.maximum(state, 0, out=state)

    def _headed(self, wide: Floats, state: Floats) -> Floats:
        return np.asarray(wide + state @ self._get("head.weight").T + self._get("head.bias"), np.float32)

    def _after(self, state: Floats, relations: Relations) -> list[Floats]:
        """The states before and after each layer; of an `ego`, of those rows that the seeds still hear."""
        states = [state]
        gates = [self.gates(name, one.ages) for name, one in zip(RELATIONS, _lists(relations), strict=True)]
        for layer in range(self.layers):
            if relations.reach:
                relations, gates = _nearer(relations, gates, relations.reach[self.layers - layer - 1])
            states.append(self._next(states[-1], relations, [one[layer] for one in gates], layer))
        return states

    def _next(self, state: Floats, relations: Relations, gates: Sequence[Floats], layer: int) -> Floats:
        """The states after a layer, in blocks of rows whose parts stay in the processor's cache."""
        told = [
            self.spoken(name, layer, *weighted_mean(group.members, state, own))
            for name, group, own in zip(GROUPS, relations.groups, gates[len(LINKS) :], strict=True)
        ]
        own_weight = self._get(f"own.{layer}.weight").T
        counts = np.stack([self._get(f"count.{layer}.{name}") for name in LINKS])
        hear = [self._get(f"hear.{layer}.{name}.weight").T for name in LINKS]
        found = np.empty((len(relations), state.shape[1]), np.float32)
        for start in range(0, len(found), BLOCK_ROWS):
            rows = slice(start, min(start + BLOCK_ROWS, len(found)))
            heard = [
                weighted_mean(lists.between(rows), state, own[lists.entries(rows)])
                for lists, own in zip(relations.links, gates, strict=False)
            ]
            added = np.matmul(state[rows], own_weight, out=found[rows])
            added += self._get(f"own.{layer}.bias")
            added += np.log1p(np.stack([mass for _, mass in heard], axis=1)) @ counts
            for (mean, _), weight in zip(heard, hear, strict=True):
                added += mean @ weight
            for said, group in zip(told, relations.groups, strict=True):
                added += said.take(group.codes[rows], axis=0)
            np.maximum(added, 0, out=added)
            added += state[rows]
        return found

    @cached_property
    def _first(self) -> Floats:
        """What reads the features, for the first state and for the logits, as one matrix."""
        return np.concatenate((self._get("encode.weight"), self._get("wide.weight"))).T.copy()

    @cached_property
    def _types(self) -> Floats:
        """What the first state of each type begins with."""
        return self._get("embed.weight") + self._get("encode.bias")

    @cached_property
    def _gating(self) -> dict[str, tuple[Floats, Floats]]:
        """Weights and biases of the gates of all layers, by relation."""
        names = {relation: [f"gate.{layer}.{relation}" for layer in range(self.layers)] for relation in RELATIONS}
        return {
            relation: (
                np.concatenate([self._get(f"{name}.weight") for name in each]),
                np.array([self._get(f"{name}.bias") for name in each]),
            )
            for relation, each in names.items()
        }

    def _get(self, name: str) -> Floats:
        return np.asarray(self.arrays[name])


def weighted_mean(lists: Lists, state: Floats, gates: Floats) -> tuple[Floats, Floats]:
    """For each list, the mean of its members' states by their gates, and the sum of gates."""
    if len(lists.others) <= FEW:
        heard, mass = _summed(lists, state, gates)
    else:
        heard, mass = _multiplied(lists, state, gates)
    heard /= (mass + np.float32(SOFTENING))[:, None]
    return heard, mass


def _summed(lists: Lists, state: Floats, gates: Floats) -> tuple[Floats, Floats]:
    """Sums of few members, without the time that it takes to make a sparse matrix."""
    heard, mass = np.zeros((len(lists), state.shape[1]), np.float32), np.zeros(len(lists), np.float32)
    spoken = np.flatnonzero(np.diff(lists.starts))
    if len(spoken):
        begun = lists.starts[spoken]
        heard[spoken] = np.add.reduceat(state.take(lists.others, axis=0) * gates[:, None], begun)
        mass[spoken] = np.add.reduceat(gates, begun)
    return heard, mass


def _multiplied(lists: Lists, state: Floats, gates: Floats) -> tuple[Floats, Floats]:
    """Sums of many members as one product, without a copy of their states."""
    from scipy.sparse import csr_array  # noqa: PLC0415 (half a second of every process that never predicts)

    shape = (len(lists), len(state))
    matrix = csr_array((gates, lists.others, lists.starts), shape=shape)
    mass = np.bincount(lists.owners(), gates, minlength=len(lists)).astype(np.float32)
    return np.asarray(matrix @ state, np.float32), mass


def _nearer(relations: Relations, gates: Sequence[Floats], rows: int) -> tuple[Relations, list[Floats]]:
    """What the first rows hear: the lists of others, and their gates, are left out."""
    near = relations.first(rows)
    return near, [one[:, : len(lists.others)] for one, lists in zip(gates, _lists(near), strict=True)]


def _lists(relations: Relations) -> tuple[Lists, ...]:
    return (*relations.links, *(one.members for one in relations.groups))
