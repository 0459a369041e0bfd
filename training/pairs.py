"""T5 by the network: given that one resource changes, does another near it, from what the network knows of both.

The network stays as it was fitted for T2 to T4; a head of its own reads, of each pair, the features that the baselines
read, what joins both ends directly and since when, the states of both ends after the last layer, where they agree, and
the logits that the network tells of each. Numpy alone: `training.network.pairs` fits the same function.

    logit = wide(standardised inputs) + told(relu(hidden(standardised inputs)))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError
from training.features import Matrix
from training.forward import SCALES_DAYS, Floats, Network, time_encoding
from training.logistic import sigmoid, standardised
from training.relations import GROUPS, LINKS, Lists, Relations, ego

Pairs = NDArray[np.int32]
AGE_COLUMNS = slice(1, 1 + len(SCALES_DAYS))
"""Of `time_encoding`, the decays."""
TIE_NAMES: Final = (
    *(f"{link}.{name}" for link in LINKS for name in ("is", *(f"decay_{days:g}" for days in SCALES_DAYS))),
    *(f"{group}.{name}" for group in GROUPS for name in ("same", "candidate_latest", "anchor_latest")),
)
"""Columns of `ties`."""


class Paired(Protocol):
    """Rows with their relations, and pairs of them: a week that is learned from, or a neighbourhood."""

    @property
    def values(self) -> Matrix:
        """float32 (n, k)."""

    @property
    def relations(self) -> Relations:
        """Of the rows."""

    @property
    def pairs(self) -> Pairs:
        """int32 (p, 2), the rows of anchor and candidate."""


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Some pairs of a graph, with what their answers depend on."""

    values: Matrix
    relations: Relations
    pairs: Pairs


@dataclass(frozen=True, eq=False)
class PairHead:
    """A fitted head.

    Args:
        arrays: `mean` and `scale` of the inputs, and the parameters by the names of `training.network.pairs`.
    """

    arrays: Mapping[str, NDArray[np.generic]]

    def logits(self, inputs: Matrix) -> Floats:
        """A logit for each pair.

        Shapes:
            inputs: float32 (p, k), of `pair_inputs`. Returns float32 (p,).

        Raises:
            InputError: they are not as many as those that the head was fitted on.
        """
        expected = len(self.arrays["mean"])
        if inputs.ndim != 2 or inputs.shape[1] != expected:
            raise InputError("the head was fitted on other inputs", expected=expected, got=list(inputs.shape),
                             todo="Fit it anew on pairs of this network")  # fmt: skip
        standard = self.standard(inputs)
        hidden = np.maximum(standard @ self._get("hidden.weight").T + self._get("hidden.bias"), 0)
        told = hidden @ self._get("told.weight")[0] + standard @ self._get("wide.weight")[0]
        return np.asarray(told + self._get("told.bias")[0], np.float32)

    def p(self, inputs: Matrix) -> NDArray[np.float64]:
        """Probabilities, not calibrated."""
        return sigmoid(self.logits(inputs))

    def standard(self, inputs: Matrix) -> Floats:
        """Inputs as the head reads them."""
        return standardised(inputs, self._get("mean"), self._get("scale"))

    def _get(self, name: str) -> Floats:
        return np.asarray(self.arrays[name])


def near_pairs(values: Matrix, relations: Relations, pairs: Pairs, *, hops: int) -> Near:
    """Pairs of a whole graph out of their neighbourhoods alone; what a head reads of them is the same."""
    rows, places = np.unique(pairs, return_inverse=True)
    nodes, near = ego(relations, rows, hops=hops)
    return Near(values[nodes], near, places.reshape(pairs.shape).astype(np.int32))


def inputs_count(network: Network, features: int) -> int:
    """How many inputs a head beside a network has.

    Args:
        features: of a pair, as the baselines read them.
    """
    return features + len(TIE_NAMES) + 3 * len(network.arrays["encode.bias"]) + 2 * network.tasks


def without_each(inputs: Matrix, head: PairHead, columns: Sequence[int]) -> Matrix:
    """Every pair asked about again without each of some inputs, which are set to their mean in what was learned from.

    Shapes:
        inputs: float32 (p, k). Returns float32 (p * len(columns), k), a pair's rows one behind the other.
    """
    found = np.repeat(inputs, len(columns), axis=0)
    at = np.tile(np.asarray(columns), len(inputs))
    found[np.arange(len(found)), at] = np.asarray(head.arrays["mean"], np.float32)[at]
    return found


def pair_inputs(network: Network, week: Paired, values: Matrix) -> Matrix:
    """What a head reads of each pair of a week.

    Args:
        values: the pairs' features, as the baselines read them.

    Shapes:
        values: float32 (p, k), a row for each of `week.pairs`. Returns float32 (p, m).
    """
    if not len(week.pairs):
        return np.zeros((0, 0), np.float32)
    anchors, candidates = week.pairs.T
    found = network.passed(week.values, week.relations)
    states, logits = found.states[-1], found.logits
    parts = (
        values, ties(week.relations, week.pairs), states[anchors], states[candidates],
        states[anchors] * states[candidates], logits[anchors], logits[candidates],
    )  # fmt: skip
    return np.concatenate(parts, axis=1).astype(np.float32)


def ties(relations: Relations, pairs: Pairs) -> Floats:
    """What joins the ends of each pair directly.

    Of each link whether the anchor's list has the candidate, with decays of its age; of each group whether both are in
    it, and whether the candidate, or the anchor, is one of the members that changed last.

    Shapes:
        pairs: int32 (p, 2), anchor and candidate. Returns float32 (p, 6 * links + 3 * groups).
    """
    anchors, candidates = pairs.T
    columns: list[Floats] = []
    for lists in relations.links:
        at = _places(lists, anchors, candidates)
        has = at >= 0
        ages = lists.ages[at[has]]
        found = np.zeros((1 + len(SCALES_DAYS), len(pairs)), np.float32)
        found[0] = has
        found[1:, has] = time_encoding(ages).T[AGE_COLUMNS]
        columns += list(found)
    for group in relations.groups:
        mine, is_same = group.codes[anchors], group.codes[anchors] == group.codes[candidates]
        latest = [is_same & (_places(group.members, mine, one) >= 0) for one in (candidates, anchors)]
        columns += [one.astype(np.float32) for one in (is_same, *latest)]
    return np.stack(columns, axis=1)


def _places(lists: Lists, owners: NDArray[np.integer], others: NDArray[np.integer]) -> NDArray[np.int64]:
    """Where in its owner's list each other stands; -1 where it does not."""
    if not len(lists.others):
        return np.full(len(owners), -1, np.int64)
    width = 1 + max(int(lists.others.max()), int(others.max(initial=0)))
    keys = lists.owners() * width + lists.others
    order = np.argsort(keys)
    wanted = owners.astype(np.int64) * width + others
    at = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
    return np.where(keys[at] == wanted, at, -1)
