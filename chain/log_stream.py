"""A log as it is read from its first entry to its last: both trees' right edges, and what blocks must state.

Nothing is kept of what has gone by, so that a log of any length is derived again in little memory. Whoever compares it
with what is published is told of every bundle and tile when it is whole, and of the ragged ones at the size that he
asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from chain.entry import Block
from chain.envelope import NO_BLOCK, BlockReference, block_candidates, block_hash, read_envelope
from chain.finding import Findings
from chain.layout import TILE_WIDTH
from chain.tiled_tree import TakeTile, TiledTree
from chain.tree_hash import BOTH, TreeHash, Twin


class Comparison(Protocol):
    """Takes what a log of a certain size is published as."""

    @property
    def size(self) -> int:
        """How many entries it wants to see."""

    def take_bundle(self, index: int, entries: Sequence[bytes]) -> None:
        """An entry bundle's entries."""

    def take_tile(self, tree_hash: TreeHash, level: int, index: int, content: bytes) -> None:
        """A hash tile."""


class LogStream:
    """One log.

    Args:
        findings: takes what blocks state wrongly.
        sizes: at which the roots are wanted afterwards.
        comparison: sees the log up to its size.
    """

    def __init__(
        self,
        origin: str,
        findings: Findings,
        *,
        sizes: Sequence[int] = (),
        comparison: Comparison | None = None,
    ) -> None:
        self.size = 0
        self.roots: dict[int, Twin[bytes]] = {}
        self._origin = origin
        self._findings = findings
        self._comparison = comparison
        self._stops = sorted({*sizes, *([comparison.size] if comparison else [])}, reverse=True)
        self._trees = Twin(
            *(TiledTree(tree_hash, self._taking(tree_hash)) for tree_hash in (BOTH.sha256, BOTH.sha3_256))
        )
        self._bundle: list[bytes] = []
        self._blocks = 0
        self._block_hash = NO_BLOCK
        self._stop_if_asked()

    def take(self, entries: Sequence[bytes]) -> None:
        """Go on with the next entries.

        Raises:
            InputError: one that calls itself a block is none.
        """
        start = 0
        for at in block_candidates(entries):
            block = read_envelope(entries[at]).block
            if block is not None:
                self._extend(entries[start:at])
                self._compare_block(block)
                self._blocks += 1
                self._block_hash = block_hash(entries[at])
                start = at
        self._extend(entries[start:])

    def _compare_block(self, got: BlockReference) -> None:
        """A block must state what stood before it."""
        roots = self._current_roots()
        want = Block(self._blocks, self._block_hash, self.size, roots.sha256.hex(), roots.sha3_256.hex(), ts="")
        for name in ("height", "prev", "size", "root_sha256", "root_sha3_256"):
            expected, stated = getattr(want, name), getattr(got, name)
            if expected != stated:
                where = f"journal {self._origin}"
                self._findings.add(where, field=f"body.{name}", expected=expected, got=stated, entry_index=self.size)

    def _extend(self, entries: Sequence[bytes]) -> None:
        at = 0
        while at < len(entries):
            room = TILE_WIDTH - self.size % TILE_WIDTH
            wanted = self._stops[-1] - self.size if self._stops else room
            piece = entries[at : at + min(room, wanted)]
            at += len(piece)
            self._grow(piece)

    def _grow(self, entries: Sequence[bytes]) -> None:
        """Take entries that end where a bundle does, or where the roots are wanted, if not before."""
        for tree in (self._trees.sha256, self._trees.sha3_256):
            tree.extend(b"".join(tree.hash.leaves(entries)))
        self.size += len(entries)
        if self._comparison:
            self._bundle += entries
            if self.size % TILE_WIDTH == 0:
                self._hand_over_bundle(self._comparison)
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if not self._stops or self._stops[-1] != self.size:
            return
        self._stops.pop()
        self.roots[self.size] = self._current_roots()
        if self._comparison and self._comparison.size == self.size:
            if self._bundle:
                self._hand_over_bundle(self._comparison)
            for tree in (self._trees.sha256, self._trees.sha3_256):
                tree.take_filling()
            self._comparison = None

    def _hand_over_bundle(self, comparison: Comparison) -> None:
        comparison.take_bundle((self.size - 1) // TILE_WIDTH, self._bundle)
        self._bundle = []

    def _taking(self, tree_hash: TreeHash) -> TakeTile:
        def take(level: int, index: int, content: bytes) -> None:
            if self._comparison:
                self._comparison.take_tile(tree_hash, level, index, content)

        return take

    def _current_roots(self) -> Twin[bytes]:
        return Twin(self._trees.sha256.root(), self._trees.sha3_256.root())
