"""Which rows a text leads to, by a small code of the text: the texts themselves are not kept.

A code is a CRC-32, so that two texts can share one: whoever asks gets every row that may be meant, and a few that are
not. Sorted numbers in one buffer, so that an index of millions is read from a file without being loaded.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Packed = NDArray[np.uint64]
_ROW_MASK = 0xFFFF_FFFF


def code_of(text: str) -> int:
    """The code of a text."""
    return crc32(text.encode("utf-8", "surrogatepass"))


def packed(codes: Iterable[int], row: int) -> list[int]:
    """Entries of one row."""
    return [code << 32 | row for code in codes]


class Postings:
    """Rows by code.

    Args:
        entries: ascending; the code in the upper half, the row in the lower.
    """

    __slots__ = ("_view", "entries")

    def __init__(self, entries: Packed) -> None:
        self.entries = entries
        self._view = np.ascontiguousarray(entries).data.cast("B").cast("Q") if len(entries) else None

    def __len__(self) -> int:
        return len(self.entries)

    def rows(self, code: int) -> list[int]:
        """The rows of one code, ascending."""
        view = self._view
        if view is None:
            return []
        at, end, limit = bisect_left(view, code << 32), len(view), (code + 1) << 32
        found = []
        while at < end and view[at] < limit:
            found.append(view[at] & _ROW_MASK)
            at += 1
        return found

    def rows_of(self, codes: Collection[int]) -> set[int]:
        """The rows of any of some codes."""
        if not len(self.entries) or not codes:
            return set()
        wanted = np.fromiter(codes, np.uint64, len(codes)) << np.uint64(32)
        starts = np.searchsorted(self.entries, wanted)
        ends = np.searchsorted(self.entries, wanted + np.uint64(_ROW_MASK), side="right")
        pieces = [self.entries[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        return set((np.concatenate(pieces) & np.uint64(_ROW_MASK)).tolist())

    def merged(self, others: Iterable[Packed]) -> Postings:
        """These and others, each entry once."""
        return Postings(np.unique(np.concatenate([self.entries, *others])))

    def renumbered(self, rows: NDArray[np.int32], added: Packed) -> Postings:
        """The entries under new row numbers, with others.

        Args:
            rows: the new number of each row, ascending among those kept; below zero where its entries are left out.
        """
        moved = rows[(self.entries & np.uint64(_ROW_MASK)).astype(np.int64)]
        kept = moved >= 0
        entries = (self.entries[kept] >> np.uint64(32) << np.uint64(32)) | moved[kept].astype(np.uint64)
        added = np.unique(added)
        return Postings(np.insert(entries, np.searchsorted(entries, added), added))


def postings(entries: Iterable[int]) -> Postings:
    """Postings of entries in any order."""
    return Postings(np.unique(np.fromiter(entries, np.uint64)))
