"""The tiles of one published log as files: hashes from whichever of them are there.

A folder may hold a whole log, or the few tiles that a root needs. A node's hash is taken from the tile of its level, or
else derived from the levels below and, at the bottom, from the entries.

Source: C2SP tlog-tiles, static-ct-api.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Final

from chain.conformance.ct_leaf import CtLeaf, parse_data_tile
from chain.conformance.source import Corpus, Source
from chain.layout import TILE_HEIGHT, TILE_WIDTH
from chain.tree_hash import HASH_SIZE_BYTES, TreeHash
from domain.errors import InputError

ENTRIES: Final = "entries"
DATA: Final = "data"
NAMES: Final = "names"

_PATH: Final = re.compile(
    r"((?:.*/)?)tile/(entries|data|names|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)
_GZIP: Final = b"\x1f\x8b\x08"
_BUNDLE_SIZE_BYTES_MAX: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TileFile:
    """One file: hashes of a level, or entries in one of their forms."""

    kind: str
    index: int
    width: int
    source: Source

    @property
    def start(self) -> int:
        """First of the nodes of its level, or of the entries."""
        return self.index * TILE_WIDTH


class TileFolder:
    """The files below ``tile/`` of one log."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.files: list[TileFile] = []
        self._widest: dict[tuple[str, int], TileFile] = {}
        self._leaves: dict[str, list[CtLeaf]] = {}
        self._roots: dict[tuple[int, int], bytes] = {}

    @property
    def is_static_ct(self) -> bool:
        return any(file.kind == DATA for file in self.files)

    @property
    def entries_kind(self) -> str:
        return DATA if self.is_static_ct else ENTRIES

    def add(self, file: TileFile) -> None:
        self.files.append(file)
        known = self._widest.get((file.kind, file.index))
        if known is None or known.width < file.width:
            self._widest[file.kind, file.index] = file

    def leaves(self, file: TileFile) -> list[CtLeaf]:
        """The entries of a bundle, as many as its name says.

        Raises:
            InputError: it cannot be taken apart, or holds another number of entries.
        """
        if file.source.name not in self._leaves:
            data = _uncompressed(file.source.read())
            leaves = parse_data_tile(data) if file.kind == DATA else parse_bundle(data)
            if len(leaves) != file.width:
                raise InputError("bundle has another number of entries", expected=file.width, got=len(leaves))
            self._leaves = {file.source.name: leaves}
        return self._leaves[file.source.name]

    def leaf_hashes(self, tree_hash: TreeHash, index: int) -> list[bytes]:
        """Leaf hashes of the widest bundle of that index, or else of the tile; none where neither is there.

        Raises:
            InputError: the bundle cannot be taken apart.
        """
        bundle = self._widest.get((self.entries_kind, index))
        if bundle is not None:
            return tree_hash.leaves(leaf.hashed for leaf in self.leaves(bundle))
        tile = self._widest.get(("0", index))
        return [] if tile is None else self.hashes(tile)

    def hashes(self, tile: TileFile) -> list[bytes]:
        """The hashes of a tile.

        Raises:
            InputError: it is no row of hashes.
        """
        content = tile.source.read()
        if len(content) % HASH_SIZE_BYTES:
            raise InputError("hash tile is no row of hashes", size_bytes=len(content))
        return [content[at : at + HASH_SIZE_BYTES] for at in range(0, len(content), HASH_SIZE_BYTES)]

    def root(self, tree_hash: TreeHash, size: int) -> bytes | None:
        """Root of the tree of that size; ``None`` where the files do not give it.

        Raises:
            InputError: a bundle cannot be taken apart.
        """
        start, computed = size, b""
        while start:
            height = (start & -start).bit_length() - 1
            start -= 1 << height
            level, inner = divmod(height, TILE_HEIGHT)
            peak = self._node_of(tree_hash, level, start >> (TILE_HEIGHT * level), 1 << inner)
            if peak is None:
                return None
            computed = tree_hash.node(peak, computed) if computed else peak
        return computed or tree_hash.empty

    def above(self, tile: TileFile, level: int) -> bytes | None:
        """The hash of a full tile as a tile of the next level states it."""
        number, position = divmod(tile.index, TILE_WIDTH)
        parent = self._widest.get((str(level + 1), number))
        if tile.width < TILE_WIDTH or parent is None:
            return None
        content = parent.source.read()[position * HASH_SIZE_BYTES : (position + 1) * HASH_SIZE_BYTES]
        return content if len(content) == HASH_SIZE_BYTES else None

    def stored_leaf_hashes(self, bundle: TileFile) -> list[bytes]:
        """What a tile of leaf hashes states of a bundle's entries; none where it does not state all."""
        tile = self._widest.get(("0", bundle.index))
        hashes = [] if tile is None else self.hashes(tile)
        return hashes[: bundle.width] if len(hashes) >= bundle.width else []

    def _hash(self, tree_hash: TreeHash, level: int, index: int) -> bytes | None:
        if (level, index) not in self._roots:
            computed = self._derived(tree_hash, level, index)
            if computed is None:
                return None
            self._roots[level, index] = computed
        return self._roots[level, index]

    def _derived(self, tree_hash: TreeHash, level: int, index: int) -> bytes | None:
        number, position = divmod(index, TILE_WIDTH)
        tile = self._widest.get((str(level), number))
        if tile is not None and tile.width > position:
            hashes = self.hashes(tile)
        elif level:
            return self._node_of(tree_hash, level - 1, index * TILE_WIDTH, TILE_WIDTH)
        else:
            hashes = self.leaf_hashes(tree_hash, number)
        return hashes[position] if position < len(hashes) else None

    def _node_of(self, tree_hash: TreeHash, level: int, start: int, count: int) -> bytes | None:
        """Node over that many nodes of a level, a power of two of them; ends at the first that is not to be had."""
        hashes: list[bytes] = []
        for at in range(start, start + count):
            item = self._hash(tree_hash, level, at)
            if item is None:
                return None
            hashes.append(item)
        return folded(tree_hash, hashes)


def tile_folders(corpus: Corpus) -> list[TileFolder]:
    """Every log of which the folder holds tiles, with all its tile files taken."""
    found: dict[str, TileFolder] = {}
    for source in corpus:
        matched = _PATH.fullmatch(source.name)
        if matched is None:
            continue
        prefix, kind, digits, width = matched.groups()
        index = int(digits.replace("x", "").replace("/", ""))
        file = TileFile(kind, index, int(width) if width else TILE_WIDTH, source)
        if file.width > TILE_WIDTH or (width and file.width == TILE_WIDTH):
            continue
        corpus.take(source)
        found.setdefault(prefix, TileFolder(prefix)).add(file)
    return list(found.values())


def parse_bundle(data: bytes) -> list[CtLeaf]:
    """Take an entry bundle apart: entries behind their length of two bytes.

    Raises:
        InputError: it does not end where an entry ends.
    """
    leaves, at = [], 0
    while at < len(data):
        stop = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if stop > len(data):
            raise InputError("bundle ends within an entry", position=at, expected=stop, got=len(data))
        leaves.append(CtLeaf(data[at + 2 : stop], None, ()))
        at = stop
    return leaves


def folded(tree_hash: TreeHash, hashes: list[bytes]) -> bytes:
    """Root over a power of two of hashes."""
    joined = b"".join(hashes)
    while len(joined) > HASH_SIZE_BYTES:
        joined = tree_hash.parents(joined)
    return joined


def _uncompressed(data: bytes) -> bytes:
    """The content of a bundle that may be kept as it was sent, compressed; it is only if it decompresses whole."""
    if not data.startswith(_GZIP):
        return data
    try:
        decompressor = zlib.decompressobj(wbits=31)
        plain = decompressor.decompress(data, _BUNDLE_SIZE_BYTES_MAX)
    except zlib.error:
        return data
    return plain if decompressor.eof and not decompressor.unused_data else data
