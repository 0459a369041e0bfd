"""The right edge of a growing tree: all that is needed to append leaves and to know the root after them.

Source: RFC 6962 section 2.1; Certificate Transparency tools call it a compact range.
"""

from __future__ import annotations

from collections.abc import Sequence

from chain.tree_hash import TreeHash


class Frontier:
    """Hashes of the complete subtrees that a tree of ``size`` leaves ends with, the largest first."""

    def __init__(self, tree_hash: TreeHash, size: int, nodes: Sequence[bytes]) -> None:
        assert len(nodes) == size.bit_count(), "a node for every one in the size"
        self._hash = tree_hash
        self._nodes = list(nodes)
        self.size = size

    def extend(self, leaf_hashes: Sequence[bytes]) -> None:
        """Append leaves, in whole subtrees as large as fit."""
        at = 0
        while at < len(leaf_hashes):
            room = 1 << ((len(leaf_hashes) - at).bit_length() - 1)
            count = min(room, self.size & -self.size) if self.size else room
            self._add(self._subtree(b"".join(leaf_hashes[at : at + count])), count)
            at += count

    def root(self) -> bytes:
        if not self._nodes:
            return self._hash.empty
        node = self._nodes[-1]
        for left in reversed(self._nodes[:-1]):
            node = self._hash.node(left, node)
        return node

    def _subtree(self, hashes: bytes) -> bytes:
        """Root over joined hashes whose number is a power of two."""
        while len(hashes) > len(self._hash.empty):
            hashes = self._hash.parents(hashes)
        return hashes

    def _add(self, node: bytes, count: int) -> None:
        """Append a complete subtree and complete what it completes."""
        left = self.size // count
        while left & 1:
            node, left = self._hash.node(self._nodes.pop(), node), left >> 1
        self._nodes.append(node)
        self.size += count
