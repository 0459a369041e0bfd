"""Which others are changed when one resource is: what is told of each, and why, as JSON.

The network's head tells a calibrated probability. Where it does not answer, the share of the resource's remembered
changes in which the other changed too stands in; a model without a head of its own gives that share no probability.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assessment.learned import CoChanging
from domain.value import Json
from training.cochange import HOPS_MAX, PAIR_NAMES
from training.pairing import EXPLAINED, SHARE, Pairing, ToldPairs
from training.pairs import Pairs

LIMIT_MAX: Final = 150
QUESTION: Final = f"given that it is changed within 7 days, which others within {HOPS_MAX} hops are changed too"
PARTS_MAX: Final = 6
ADDS_MIN: Final = 1e-4
NOBODY: Final = f"nothing that the model knows is within {HOPS_MAX} hops of it: no relationship leads from it or to it"
NO_HISTORY: Final = "no change of it is known since it was first seen: what is told rests on what is around it"
_SAME: Final[Mapping[str, str]] = {
    "same_stack": "in the same stack", "same_file": "in the same file or region of it", "same_type": "of the same type",
    "same_source": "made from the same source",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Candidates with what is told of each.

    Args:
        p: None where there is no probability, only an order.
        told: the head's answers; None where it did not answer.
    """

    near: CoChanging
    p: NDArray[np.float64] | None
    told: ToldPairs | None

    def order(self) -> NDArray[np.intp]:
        """Most likely first, then nearest, then by id."""
        share, hops = self.near.values[:, SHARE], self.near.values[:, PAIR_NAMES.index("hops")]
        likely = share if self.p is None else self.p
        return np.lexsort((np.array(self.near.candidates, np.str_), hops, -share, -likely))


def pairs_of(near: CoChanging, anchor: int, rows: Mapping[str, int]) -> Pairs | None:
    """Rows of the resource and of each candidate; None where the graph is another one by now."""
    found = [rows.get(uid) for uid in near.candidates]
    if None in found:
        return None
    return np.array([(anchor, row) for row in found], np.int32).reshape(-1, 2)


def counted(near: CoChanging, pairing: Pairing | None) -> Ranked:
    """What is told where the network does not answer."""
    return Ranked(near, None if pairing is None else pairing.counted(near.values), None)


def cochange_row(found: Ranked, limit: int) -> dict[str, Json]:
    """What is told of the most likely candidates, and a note where there is little to tell from."""
    near = found.near
    candidates: list[Json] = [_candidate(found, at) for at in found.order()[:limit].tolist()]
    return {
        "question": QUESTION, "changes_known": near.changes, "candidates_total": len(near.candidates),
        "note": NOBODY if not near.candidates else "" if near.changes else NO_HISTORY, "candidates": candidates,
    }  # fmt: skip


def _candidate(found: Ranked, at: int) -> Json:
    values = dict(zip(PAIR_NAMES, found.near.values[at].tolist(), strict=False))
    return {
        "resource_id": found.near.candidates[at],
        "probability": None if found.p is None else float(found.p[at]),
        "share": float(found.near.values[at, SHARE]),
        "hops": round(values["hops"]),
        "reasons": list[Json](_reasons(values)),
        "features": [] if found.told is None else _parts(found.told.adds[at].tolist()),
    }


def _reasons(values: Mapping[str, float]) -> Iterator[str]:
    together, small = (round(float(np.expm1(values[name]))) for name in ("together", "together_small"))
    if together:
        yield f"changed together {_times(together)} within two years, {_times(small)} with few others"
    hops = round(values["hops"])
    yield "next to it" if hops == 1 else f"{hops} hops away"
    yield from (words for name, words in _SAME.items() if values[name])


def _parts(adds: Sequence[float]) -> list[Json]:
    largest = sorted(zip(EXPLAINED, adds, strict=True), key=lambda one: (-abs(one[1]), one[0]))[:PARTS_MAX]
    return [{"name": name, "adds_log_odds": one} for name, one in largest if abs(one) > ADDS_MIN]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
