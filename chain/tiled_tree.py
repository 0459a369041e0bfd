"""An RFC 6962 tree that forgets what is in whole tiles: it hands each tile over and keeps the right edge alone.

Of *n* leaves it keeps at most one tile a level, some kilobytes for any log, where `chain.merkle.Tree` keeps 64 bytes a
leaf and answers for any part of it.
"""

from __future__ import annotations

from collections.abc import Callable

from chain.layout import TILE_HEIGHT, TILE_WIDTH
from chain.merkle import Tree
from chain.tree_hash import HASH_SIZE_BYTES, TreeHash

TakeTile = Callable[[int, int, bytes], None]


class TiledTree:
    """Append-only tree over one hash function.

    Args:
        take: is given level, index and content of every tile, once it is whole.
    """

    def __init__(self, tree_hash: TreeHash, take: TakeTile) -> None:
        self.hash = tree_hash
        self._take = take
        self._filling = [Tree(tree_hash)]
        self._whole = [0]

    def extend(self, leaf_hashes: bytes) -> None:
        """Append leaves by their hashes, given one behind the other."""
        self._extend(0, leaf_hashes)

    def root(self) -> bytes:
        """Root of the leaves so far."""
        peaks = [peak for tree in reversed(self._filling) for peak in tree.peaks(0, tree.size)]
        return self.hash.fold(peaks) if peaks else self.hash.empty

    def take_filling(self) -> None:
        """Hand over the tiles that are not whole, as a checkpoint of this size has them."""
        for level, tree in enumerate(self._filling):
            if tree.size:
                self._take(level, self._whole[level], tree.nodes(0, 0, tree.size))

    def _extend(self, level: int, hashes: bytes) -> None:
        if level == len(self._filling):
            self._filling.append(Tree(self.hash))
            self._whole.append(0)
        at = 0
        while at < len(hashes):
            tree = self._filling[level]
            stop = at + (TILE_WIDTH - tree.size) * HASH_SIZE_BYTES
            tree.extend_joined(hashes[at:stop])
            at = stop
            if tree.size == TILE_WIDTH:
                self._take(level, self._whole[level], tree.nodes(0, 0, TILE_WIDTH))
                self._whole[level] += 1
                self._filling[level] = Tree(self.hash)
                self._extend(level + 1, tree.nodes(TILE_HEIGHT, 0, 1))
