"""What the tiles and entry bundles of a log must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from chain.layout import TILE_HEIGHT, TILE_WIDTH, TileName
from chain.merkle import Tree

ReadEntry = Callable[[int], bytes]


def bundle_content(name: TileName, read_entry: ReadEntry) -> bytes:
    """What an entry bundle must hold."""
    first = name.index * TILE_WIDTH
    return b"".join(_prefixed(read_entry(index) for index in range(first, first + name.width)))


def tile_content(name: TileName, tree: Tree) -> bytes:
    """What a hash tile must hold."""
    first = name.index * TILE_WIDTH
    return tree.nodes(TILE_HEIGHT * (name.level or 0), first, first + name.width)


def _prefixed(entries: Iterable[bytes]) -> Iterator[bytes]:
    for entry in entries:
        yield len(entry).to_bytes(2, "big")
        yield entry
