"""T5 as it is served: the head of pairs beside its network, calibrated, and counting to stand in.

The head reads the network's states and its last layer as they were when it was fitted. A tenant's own history corrects
the last layer (`training.adaptation`), so the head keeps its own copy of that; states are the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError
from training.calibration import Isotonic
from training.cochange import NAMES, PAIR_NAMES
from training.features import Matrix
from training.forward import Network
from training.pairs import TIE_NAMES, PairHead, Pairs, inputs_count, near_pairs, pair_inputs, without_each
from training.relations import Relations
from training.weights import Arrays

Numbers = NDArray[np.float64]
LAST_LAYER: Final = ("head.weight", "head.bias", "wide.weight")
SHARE: Final = NAMES.index("given_anchor")
"""The baseline: of the anchor's changes that are remembered, the share in which the candidate changed too."""
EXPLAINED: Final = (*PAIR_NAMES, *TIE_NAMES)
"""Inputs that say something about the pair itself, each of which can be left out by itself."""
_COLUMNS: Final = (*range(len(PAIR_NAMES)), *range(len(NAMES), len(NAMES) + len(TIE_NAMES)))


@dataclass(frozen=True, slots=True, eq=False)
class ToldPairs:
    """Answers for pairs.

    Args:
        adds: how much each of `EXPLAINED` adds to the logit of each pair.

    Shapes:
        p: float64 (n,). adds: float64 (n, len(EXPLAINED)).
    """

    p: Numbers
    adds: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """What a model has for T5.

    Args:
        network: with the last layer that the head was fitted beside.
        scale: from the head's logits to probabilities.
        baseline: from `SHARE` to probabilities.
    """

    head: PairHead
    network: Network
    scale: Isotonic
    baseline: Isotonic

    def told(self, values: Matrix, relations: Relations, pairs: Pairs, features: Matrix) -> ToldPairs:
        """Answers for pairs of rows of a graph, from their neighbourhoods.

        Args:
            features: of the pairs, as `training.cochange` makes them.

        Shapes:
            values: float32 (n, k). pairs: int32 (p, 2). features: float32 (p, len(NAMES)).
        """
        if not len(pairs):
            return ToldPairs(np.zeros(0), np.zeros((0, len(EXPLAINED))))
        near = near_pairs(values, relations, pairs, hops=self.network.layers)
        inputs = pair_inputs(self.network, near, features)
        logits = self.head.logits(inputs).astype(np.float64)
        without = self.head.logits(without_each(inputs, self.head, _COLUMNS)).reshape(len(pairs), -1)
        return ToldPairs(self.scale.apply(logits), logits[:, None] - without)

    def counted(self, features: Matrix) -> Numbers:
        """The baseline's probabilities."""
        return self.baseline.apply(features[:, SHARE].astype(np.float64))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """As named arrays, to be kept."""
        found: dict[str, NDArray[np.generic]] = {"T5/names": np.array(NAMES)}
        found |= {f"T5/head/{name}": one for name, one in self.head.arrays.items()}
        found |= {f"T5/beside/{name}": self.network.arrays[name] for name in LAST_LAYER}
        for name, one in (("network", self.scale), ("baseline", self.baseline)):
            found |= {f"T5/{name}/scores": one.scores, f"T5/{name}/values": one.values}
        return found


def read_pairing(arrays: Arrays, network: Network) -> Pairing | None:
    """The inverse of `Pairing.arrays`; None where the weights have no head.

    Raises:
        InputError: it is for other features of pairs, or for another network.
        KeyError: a part is missing.
    """
    if "T5/names" not in arrays:
        return None
    names = tuple(map(str, arrays["T5/names"].tolist()))
    if names != NAMES:
        raise InputError("the weights are for other features of pairs", expected=list(NAMES), got=list(names),
                         todo="Run `python -m training pairs`")  # fmt: skip
    beside = Network({**network.arrays, **{name: arrays[f"T5/beside/{name}"] for name in LAST_LAYER}})
    head = PairHead(_below(arrays, "T5/head/"))
    expected, got = inputs_count(network, len(NAMES)), [len(head.arrays["mean"]), head.arrays["wide.weight"].shape[1]]
    if got != [expected, expected]:
        raise InputError("the head of pairs is for another network", expected=expected, got=got,
                         todo="Run `python -m training pairs` on these weights")  # fmt: skip
    scales = [
        Isotonic(*(np.asarray(arrays[f"T5/{name}/{part}"], np.float64) for part in ("scores", "values")))
        for name in ("network", "baseline")
    ]
    return Pairing(head, beside, *scales)


def _below(arrays: Arrays, prefix: str) -> Mapping[str, NDArray[np.generic]]:
    return {name.removeprefix(prefix): one for name, one in arrays.items() if name.startswith(prefix)}
