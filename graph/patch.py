"""How the edges of a snapshot differ from those of its base: what a traversal needs to see changes at their own size.

Rows of the base keep their numbers. New resources get the numbers behind them; a resource that is gone keeps its
number and has no edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class EdgePatch:
    """Edges to be left out of a base, and edges to be added to it.

    Args:
        size: number of rows, new ones included.

    Shapes:
        gone: int32 (g,), ascending numbers of edges of the base that are no longer there.
        sources, targets: int32 (k,), rows of the added edges, in order of source, target and kind.
        kinds, strengths: uint8 (k,), indexes into `KINDS` and `STRENGTHS` of `graph.references`.
        paths: where each added edge was found.
    """

    size: int
    gone: Rows
    sources: Rows
    targets: Rows
    kinds: NDArray[np.uint8]
    strengths: NDArray[np.uint8]
    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.gone) + len(self.sources)
