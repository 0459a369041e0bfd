"""An RFC 6962 Merkle tree that grows by batches and keeps every complete node.

A tree of *n* leaves keeps about 64 bytes a leaf: the hashes of every complete subtree, level by level. From these come
the root of any earlier size, proofs, and tiles, without hashing anything again but the ragged right edge.

Source: RFC 6962 section 2.1. An odd last node is promoted, never paired with itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from chain.tree_hash import HASH_SIZE_BYTES, TreeHash

_PAIR = 2 * HASH_SIZE_BYTES


@dataclass(frozen=True, slots=True)
class Growth:
    """Nodes that leaves add to a tree of a size.

    Args:
        levels: joined hashes of the new complete nodes of each level, leaves first.
    """

    size: int
    levels: tuple[bytes, ...]


class Tree:
    """Append-only tree over one hash function."""

    def __init__(self, tree_hash: TreeHash) -> None:
        self.hash = tree_hash
        self._levels: list[bytearray] = [bytearray()]

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0]) // HASH_SIZE_BYTES

    def extend(self, leaf_hashes: Sequence[bytes]) -> None:
        """Append leaves by their hashes and complete every node that they complete."""
        self.extend_joined(b"".join(leaf_hashes))

    def extend_joined(self, leaf_hashes: bytes) -> None:
        """Append leaves by their hashes, given one behind the other."""
        self.take(self.growth(leaf_hashes))

    def growth(self, leaf_hashes: bytes) -> Growth:
        """What appending leaves would add; the tree stays as it is.

        Args:
            leaf_hashes: one behind the other.
        """
        added, new = [leaf_hashes], leaf_hashes
        for level in count():
            children = self._levels[level] if level < len(self._levels) else b""
            unpaired = bytes(children[len(children) // _PAIR * _PAIR :])
            paired = unpaired + new
            new = self.hash.parents(paired[: len(paired) // _PAIR * _PAIR])
            if not new:
                break
            added.append(new)
        return Growth(self.size, tuple(added))

    def take(self, growth: Growth) -> None:
        """Append what was computed before; nothing else may have been appended since."""
        assert growth.size == self.size, "the tree has grown since"
        for level, nodes in enumerate(growth.levels):
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += nodes

    def nodes(self, level: int, start: int, stop: int) -> bytes:
        """Joined hashes of complete nodes ``start`` to ``stop`` of a level; all of them must exist."""
        assert 0 <= start <= stop <= self.size >> level, "node outside the tree"
        return bytes(self._levels[level][start * HASH_SIZE_BYTES : stop * HASH_SIZE_BYTES])

    def node(self, level: int, index: int, size: int) -> bytes:
        """Hash over the leaves of node ``index`` of a level, as far as a tree of ``size`` leaves has them."""
        start, stop = index << level, min((index + 1) << level, size)
        assert start < stop <= self.size, "node outside the tree"
        if stop - start == 1 << level:
            return self.nodes(level, index, index + 1)
        return self.subtree(start, stop)

    def root(self, size: int | None = None) -> bytes:
        """Root of the tree when it had ``size`` leaves; by default, as it is now."""
        size = self.size if size is None else size
        assert 0 <= size <= self.size, "size beyond the tree"
        return self.subtree(0, size) if size else self.hash.empty

    def subtree(self, start: int, stop: int) -> bytes:
        """Hash of leaves ``start`` to ``stop``, where ``start`` begins a subtree at least that large."""
        return self.hash.fold(self.peaks(start, stop))

    def peaks(self, start: int, stop: int) -> list[bytes]:
        """The complete nodes, ever smaller, that such leaves fall into."""
        found = []
        while start < stop:
            level = (stop - start).bit_length() - 1
            found.append(self.nodes(level, start >> level, (start >> level) + 1))
            start += 1 << level
        return found
