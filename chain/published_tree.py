"""Entries and trees of a published log, read tile by tile: a proof costs what it needs, not what the log holds.

Nothing read here is believed by itself. Whoever makes a pack of it verifies the pack; whoever needs to be sure of the
whole log verifies the folder.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from chain.layout import TILE_HEIGHT, TILE_WIDTH, TileName, prefix_of
from chain.merkle import Tree
from chain.tree_hash import HASH_SIZE_BYTES, TreeHash
from domain.errors import IntegrityError

ReadFile = Callable[[str], bytes | None]
"""A published file's bytes by its name in the log's folder; None where there is none."""

TILES_HELD: Final = 512
BUNDLES_HELD: Final = 16
_LENGTH_BYTES: Final = 2


class PublishedTree(Tree):
    """One tree of a log of a given size.

    Args:
        size: of a signed checkpoint; tiles of a larger log hold it as well.
    """

    def __init__(self, tree_hash: TreeHash, size: int, read: ReadFile) -> None:
        super().__init__(tree_hash)
        self._size = size
        self._read = read
        self._tile = lru_cache(maxsize=TILES_HELD)(self._load)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    def nodes(self, level: int, start: int, stop: int) -> bytes:
        """Joined hashes of complete nodes ``start`` to ``stop`` of a level; all of them must exist."""
        assert 0 <= start <= stop <= self._size >> level, "node outside the tree"
        return b"".join(self._node(level, index) for index in range(start, stop))

    def _node(self, level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        at = first % TILE_WIDTH * HASH_SIZE_BYTES
        hashes = self._tile(tile_level, first // TILE_WIDTH)[at : at + (HASH_SIZE_BYTES << height)]
        while len(hashes) > HASH_SIZE_BYTES:
            hashes = self.hash.parents(hashes)
        return hashes

    def _load(self, level: int, index: int) -> bytes:
        width = min(TILE_WIDTH, (self._size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH)
        content = read_tile(TileName(prefix_of(self.hash), level, index, width), self._read)
        if len(content) % HASH_SIZE_BYTES or len(content) < width * HASH_SIZE_BYTES:
            raise IntegrityError("tile is too short", tile=index, level=level, expected=width, todo="Run: pcg log fsck")
        return content


class PublishedEntries:
    """The entries of a log of a given size."""

    def __init__(self, size: int, read: ReadFile) -> None:
        self._size = size
        self._read = read
        self._bundle = lru_cache(maxsize=BUNDLES_HELD)(self._load)

    def entry(self, index: int) -> bytes:
        """An entry's bytes."""
        assert 0 <= index < self._size, "entry outside the log"
        return self._bundle(index // TILE_WIDTH)[index % TILE_WIDTH]

    def _load(self, index: int) -> list[bytes]:
        width = min(TILE_WIDTH, self._size - index * TILE_WIDTH)
        entries = split_bundle(read_tile(TileName("", None, index, width), self._read))
        if len(entries) < width:
            raise IntegrityError("entry bundle is too short", bundle=index, expected=width, todo="Run: pcg log fsck")
        return entries


def read_tile(name: TileName, read: ReadFile) -> bytes:
    """A tile, or the whole one that has taken the place of a partial one since.

    Raises:
        IntegrityError: it is not there.
    """
    whole = TileName(name.prefix, name.level, name.index, TILE_WIDTH)
    for path in (name.path, whole.path):
        content = read(path)
        if content is not None:
            return content
    raise IntegrityError("published file is missing", path=name.path, todo="Run: pcg log fsck")


def split_bundle(bundle: bytes) -> list[bytes]:
    """The entries of a bundle; one that is cut off is left out."""
    entries, at = [], 0
    while at + _LENGTH_BYTES <= len(bundle):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(bundle[at:start], "big")
        if at <= len(bundle):
            entries.append(bundle[start:at])
    return entries
