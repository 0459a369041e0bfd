"""Which entries may belong to a request id, at about 20 bytes an entry.

A dictionary of ids costs 180 bytes an entry, more than both trees. Here a request is a 64-bit fingerprint and an index
in a small bucket, and the buckets are split one by one as they fill (linear hashing), so that no append waits for a
rehash. Two requests may share a fingerprint: the caller reads the entry and decides.

The fingerprint is Python's keyed hash of this process; nothing of it is stored.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Final

ROWS_PER_BUCKET: Final = 24
INDEX_MAX: Final = (1 << 32) - 1

_ROW = struct.Struct("<qI")
_FINGERPRINT = struct.Struct("<q")


class RequestIndex:
    """Fingerprints of a log's request ids."""

    def __init__(self) -> None:
        self._buckets = [bytearray()]
        self._count = 0
        self._next = 0
        self._mask = 1

    def candidates(self, request_id: str) -> list[int]:
        """Indexes of the entries that may be the request's; nearly always none or one."""
        fingerprint = hash(request_id)
        bucket = self._buckets[self._bucket(fingerprint)]
        wanted = _FINGERPRINT.pack(fingerprint)
        found: list[int] = []
        at = bucket.find(wanted)
        while at >= 0:
            if at % _ROW.size == 0:
                found.append(_ROW.unpack_from(bucket, at)[1])
            at = bucket.find(wanted, at + 1)
        return found

    def holds_any(self, request_ids: Iterable[str]) -> bool:
        """Whether any of them has candidates; a rare yes may be mistaken, a no never is."""
        buckets, mask, count = self._buckets, self._mask, len(self._buckets)
        pack = _FINGERPRINT.pack
        for fingerprint in map(hash, request_ids):
            at = fingerprint & mask
            if pack(fingerprint) in buckets[at if at < count else at & mask >> 1]:
                return True
        return False

    def extend(self, request_ids: Sequence[str], first: int) -> None:
        """Take the ids of consecutive entries."""
        assert first + len(request_ids) <= INDEX_MAX, "log is longer than its index can count"
        buckets, pack, mask, count = self._buckets, _ROW.pack, self._mask, len(self._buckets)
        for index, fingerprint in enumerate(map(hash, request_ids), first):
            at = fingerprint & mask
            buckets[at if at < count else at & mask >> 1] += pack(fingerprint, index)
        self._count += len(request_ids)
        while self._count > ROWS_PER_BUCKET * len(self._buckets):
            self._split()

    def _bucket(self, fingerprint: int) -> int:
        """The bucket by one more bit where it was split already, else by one less."""
        at = fingerprint & self._mask
        return at if at < len(self._buckets) else at & (self._mask >> 1)

    def _split(self) -> None:
        """Share out the next bucket between itself and a new one at the end."""
        kept, moved, mask, pack = bytearray(), bytearray(), self._mask, _ROW.pack
        for fingerprint, index in _ROW.iter_unpack(self._buckets[self._next]):
            if fingerprint & mask == self._next:
                kept += pack(fingerprint, index)
            else:
                moved += pack(fingerprint, index)
        self._buckets[self._next] = kept
        self._buckets.append(moved)
        self._next += 1
        if self._next == (mask + 1) >> 1:
            self._next, self._mask = 0, mask << 1 | 1
