"""Entries of Static CT logs: data tiles taken apart, and what of each entry is hashed into the tree.

Source: C2SP static-ct-api, "Log entries" and "SCT Extension"; RFC 6962 sections 3.1 and 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.errors import InputError

_X509: Final = 0
_PRECERTIFICATE: Final = 1
_LEAF_INDEX: Final = 0
_HASH_SIZE_BYTES: Final = 32
_LEAF_HEADER: Final = b"\x00\x00"


@dataclass(frozen=True, slots=True)
class CtLeaf:
    """One entry of a data tile.

    Args:
        hashed: the MerkleTreeLeaf, which the tree's leaf hash is over.
        index: the entry's index as its extensions state it, if they do.
        issuers: digests of the certificates of its chain.
    """

    hashed: bytes
    index: int | None
    issuers: tuple[bytes, ...]


def parse_data_tile(data: bytes) -> list[CtLeaf]:
    """Take a data tile apart.

    Raises:
        InputError: it is not a row of whole entries.
    """
    reader = _Reader(data)
    leaves = []
    while not reader.is_at_end:
        leaves.append(_leaf(reader))
    return leaves


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    @property
    def is_at_end(self) -> bool:
        return self.at == len(self._data)

    def take(self, count: int) -> bytes:
        taken = self._data[self.at : self.at + count]
        if len(taken) < count:
            raise InputError("data tile ends within an entry", position=self.at, expected=count, got=len(taken))
        self.at += count
        return taken

    def sized(self, size_bytes: int) -> bytes:
        """Bytes behind their length, which takes so many bytes itself."""
        return self.take(int.from_bytes(self.take(size_bytes), "big"))

    def since(self, start: int) -> bytes:
        return self._data[start : self.at]


def _leaf(reader: _Reader) -> CtLeaf:
    start = reader.at
    reader.take(8)
    kind = int.from_bytes(reader.take(2), "big")
    if kind not in {_X509, _PRECERTIFICATE}:
        raise InputError("data tile has an entry of an unknown kind", position=start, got=kind)
    if kind == _PRECERTIFICATE:
        reader.take(_HASH_SIZE_BYTES)
    reader.sized(3)
    extensions = reader.sized(2)
    entry = reader.since(start)
    if kind == _PRECERTIFICATE:
        reader.sized(3)
    chain = reader.sized(2)
    if len(chain) % _HASH_SIZE_BYTES:
        raise InputError("data tile has a chain that is no row of digests", position=start, size_bytes=len(chain))
    issuers = tuple(chain[at : at + _HASH_SIZE_BYTES] for at in range(0, len(chain), _HASH_SIZE_BYTES))
    return CtLeaf(_LEAF_HEADER + entry, _stated_index(extensions), issuers)


def _stated_index(extensions: bytes) -> int | None:
    reader = _Reader(extensions)
    found: dict[int, bytes] = {}
    while not reader.is_at_end:
        kind = reader.take(1)[0]
        if kind in found:
            raise InputError("entry has an extension twice", kind=kind)
        found[kind] = reader.sized(2)
    stated = found.get(_LEAF_INDEX)
    return None if stated is None else int.from_bytes(stated, "big")
