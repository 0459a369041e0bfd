"""What the tiles and entry bundles of a log must hold."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from chain.layout import TILE_HEIGHT, TILE_WIDTH, TileName
from chain.merkle import Tree

ReadEntries = Callable[[int, int], Sequence[bytes]]
"""Entries from an index up to another one."""


def bundle_content(name: TileName, read_entries: ReadEntries) -> bytes:
    """What an entry bundle must hold."""
    first = name.index * TILE_WIDTH
    return join_bundle(read_entries(first, first + name.width))


def join_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as a bundle holds them, each behind its length in two bytes."""
    lengths = struct.pack(f">{len(entries)}H", *map(len, entries))
    pieces = [b""] * (2 * len(entries))
    pieces[::2] = [lengths[at : at + 2] for at in range(0, len(lengths), 2)]
    pieces[1::2] = entries
    return b"".join(pieces)


def tile_content(name: TileName, tree: Tree) -> bytes:
    """What a hash tile must hold."""
    first = name.index * TILE_WIDTH
    return tree.nodes(TILE_HEIGHT * (name.level or 0), first, first + name.width)
