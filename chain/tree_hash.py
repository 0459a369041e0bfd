"""The two hash functions of the twin trees, with RFC 6962's domain separation.

A leaf is hashed with a zero byte in front and a node with a one byte, so that no entry can pass for a node. Which
function belongs to which tree is decided by origin and key, never by something read from a proof.

Source: RFC 6962 section 2.1; FIPS 180-4 (SHA-256), FIPS 202 (SHA3-256).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)

HASH_SIZE_BYTES: Final = 32

_LEAF = b"\x00"
_NODE = b"\x01"


@dataclass(frozen=True, slots=True)
class TreeHash:
    """One of the two tree hashes; ``name`` is also the constructor's name in hashlib."""

    name: str

    @property
    def empty(self) -> bytes:
        """Root of a tree without leaves."""
        return hashlib.new(self.name).digest()

    def leaf(self, entry: bytes) -> bytes:
        return hashlib.new(self.name, _LEAF + entry).digest()

    def node(self, left: bytes, right: bytes) -> bytes:
        return hashlib.new(self.name, _NODE + left + right).digest()

    def fold(self, peaks: Sequence[bytes]) -> bytes:
        """Hash over complete nodes, each smaller than the one before it; there must be one at least."""
        *others, folded = peaks
        for peak in reversed(others):
            folded = self.node(peak, folded)
        return folded

    def leaves(self, entries: Iterable[bytes]) -> list[bytes]:
        """Leaf hashes of many entries, at the least cost per entry."""
        copy, found = hashlib.new(self.name, _LEAF).copy, []
        for entry in entries:  # a copy of a begun hash is cheaper than another one, which is looked up by name
            digest = copy()
            digest.update(entry)
            found.append(digest.digest())
        return found

    def parents(self, children: bytes) -> bytes:
        """Node hashes over consecutive pairs of joined hashes; the length is a multiple of a pair."""
        copy, found, pair = hashlib.new(self.name, _NODE).copy, [], 2 * HASH_SIZE_BYTES
        for at in range(0, len(children), pair):
            digest = copy()
            digest.update(children[at : at + pair])
            found.append(digest.digest())
        return b"".join(found)


SHA256: Final = TreeHash("sha256")
SHA3_256: Final = TreeHash("sha3_256")


@dataclass(frozen=True, slots=True)
class Twin(Generic[T_co]):
    """The same thing of both trees."""

    sha256: T_co
    sha3_256: T_co


BOTH: Final = Twin(SHA256, SHA3_256)
