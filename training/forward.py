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
BLOCK_ROWS = 8_192


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


@dataclass(frozen=True, eq=False)
class Network:
    """A fitted network.

    Args:
        arrays: `mean` and `scale` of the features, `type_names`, and the parameters by the names of
            `training.network.model`.
    """

    arrays: Mapping[str, NDArray[np.generic]]

    @property
    def layers(self) -> int:
        """How often neighbours speak; also how far a resource hears."""
        return sum(name.startswith("own.") and name.endswith(".weight") for name in self.arrays)

    def logits(self, values: NDArray[np.floating], relations: Relations) -> Floats:
        """For each row that is asked about, a logit for each task.

        Shapes:
            values: float (n, k). Returns float32 (m, tasks): every row, or the seeds of an `ego`.
        """
        standard = self.standard(values)
        return self.heads(standard, self.states(standard, relations)[-1])

    def p(self, values: NDArray[np.floating], relations: Relations) -> NDArray[np.float64]:
        """Probabilities, not calibrated."""
        return sigmoid(self.logits(values, relations))

    def of_rows(
        self, values: NDArray[np.floating], relations: Relations, rows: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """Probabilities of some rows, computed from their neighbourhoods alone."""
        nodes, near = ego(relations, rows, hops=self.layers)
        return self.p(values[nodes], near)

    def states(self, standard: Floats, relations: Relations) -> list[Floats]:
        """The state of every row before and after each layer; of an `ego`, of those rows that the seeds still hear."""
        states = [self.encoded(standard, self.type_codes(relations))]
        encodings = [time_encoding(one.ages) for one in _lists(relations)]
        for layer in range(self.layers):
            if relations.reach:
                relations, encodings = _nearer(relations, encodings, relations.reach[self.layers - layer - 1])
            states.append(self._next(states[-1], relations, encodings, layer))
        return states

    def encoded(self, standard: Floats, types: NDArray[np.integer]) -> Floats:
        """The state before any neighbour spoke."""
        state = standard @ self._get("encode.weight").T
        state += self._get("encode.bias")
        state += self._get("embed.weight")[types]
        return np.asarray(np.maximum(state, 0, out=state), np.float32)

    def heads(self, standard: Floats, state: Floats) -> Floats:
        """Logits from features and from states after the last layer, of as many rows as have one."""
        wide = standard[: max(len(state), 1)] @ self._get("wide.weight").T
        return np.asarray(wide + state @ self._get("head.weight").T + self._get("head.bias"), np.float32)

    def standard(self, values: NDArray[np.floating]) -> Floats:
        """Features as the network reads them.

        Raises:
            InputError: they are not as many as those that the network was fitted on.
        """
        expected = len(self.arrays["mean"])
        if values.ndim != 2 or values.shape[1] != expected:
            raise InputError("the network was fitted on other features", expected=expected, got=list(values.shape),
                             todo="Fit it anew with `python -m training train`")  # fmt: skip
        return standardised(values, self._get("mean"), self._get("scale"))

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

    def gates(self, relation: str, layer: int, encoding: Floats) -> Floats:
        """How much each voice counts."""
        weight = encoding @ self._get(f"gate.{layer}.{relation}.weight")[0] + self._get(f"gate.{layer}.{relation}.bias")
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * weight), np.float32)

    def spoken(self, relation: str, layer: int, heard: Floats, mass: Floats) -> Floats:
        """What a relation adds to a row, from the mean of what it heard and the sum of gates."""
        said = np.asarray(heard @ self._get(f"hear.{layer}.{relation}.weight").T, np.float32)
        said += np.log1p(mass)[:, None] * self._get(f"count.{layer}.{relation}")
        return said

    def own(self, layer: int, state: Floats) -> Floats:
        """What a row adds to itself."""
        return np.asarray(state @ self._get(f"own.{layer}.weight").T + self._get(f"own.{layer}.bias"), np.float32)

    def _next(self, state: Floats, relations: Relations, encodings: Sequence[Floats], layer: int) -> Floats:
        """The states after a layer, in blocks of rows whose parts stay in the processor's cache."""
        gates = [self.gates(name, layer, one) for name, one in zip(RELATIONS, encodings, strict=True)]
        told = [
            (group.codes, self.spoken(name, layer, *weighted_mean(group.members, state, own)))
            for name, group, own in zip(GROUPS, relations.groups, gates[len(LINKS) :], strict=True)
        ]
        found = np.empty((len(relations), state.shape[1]), np.float32)
        for start in range(0, len(found), BLOCK_ROWS):
            rows = slice(start, min(start + BLOCK_ROWS, len(found)))
            added = self.own(layer, state[rows])
            for name, lists, own in zip(LINKS, relations.links, gates, strict=False):
                added += self.spoken(name, layer, *weighted_mean(lists.between(rows), state, own[lists.entries(rows)]))
            for codes, said in told:
                added += said[codes[rows]]
            np.maximum(added, 0, out=added)
            np.add(added, state[rows], out=found[rows])
        return found

    def _get(self, name: str) -> Floats:
        return np.asarray(self.arrays[name])


def weighted_mean(lists: Lists, state: Floats, gates: Floats) -> tuple[Floats, Floats]:
    """For each list, the mean of its members' states by their gates, and the sum of gates."""
    from scipy.sparse import csr_array  # noqa: PLC0415 (half a second of every process that never predicts)

    shape = (len(lists), len(state))
    matrix = csr_array((gates, lists.others, lists.starts), shape=shape)
    mass = np.bincount(lists.owners(), gates, minlength=len(lists)).astype(np.float32)
    heard = np.asarray(matrix @ state, np.float32)
    heard /= (mass + np.float32(SOFTENING))[:, None]
    return heard, mass


def _nearer(relations: Relations, encodings: Sequence[Floats], rows: int) -> tuple[Relations, list[Floats]]:
    """What the first rows hear: the lists of others, and the encodings of their ages, are left out."""
    near = relations.first(rows)
    return near, [one[: len(lists.others)] for one, lists in zip(encodings, _lists(near), strict=True)]


def _lists(relations: Relations) -> tuple[Lists, ...]:
    return (*relations.links, *(one.members for one in relations.groups))
