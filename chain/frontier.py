"""The right edge of a growing tree: all that is needed to append leaves and to know the root after each.

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

    def append(self, leaf_hash: bytes) -> None:
        node, left = leaf_hash, self.size
        while left & 1:
            node, left = self._hash.node(self._nodes.pop(), node), left >> 1
        self._nodes.append(node)
        self.size += 1

    def root(self) -> bytes:
        if not self._nodes:
            return self._hash.empty
        node = self._nodes[-1]
        for left in reversed(self._nodes[:-1]):
            node = self._hash.node(left, node)
        return node
