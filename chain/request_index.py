"""Which entries may belong to a request id, at 24 to 48 bytes an entry.

A dictionary of ids costs 180 bytes an entry, more than both trees. Here a request is a 64-bit fingerprint and the index
of its entry in an open-addressing table with linear probing, and a batch is looked up and entered by whole columns. A
small table is made anew when it is full; a large one is left as it is and the next one, twice as large, begins, so that
no append waits for more than thousands of entries to be moved. Two requests may share a fingerprint: the caller reads
the entry and decides.

The fingerprint is Python's keyed hash of this process; nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

SLOTS_MIN: Final = 1 << 6
SLOTS_REHASHED_MAX: Final = 1 << 16
COLUMNS_MIN: Final = 16
INDEX_MAX: Final = (1 << 32) - 1

Fingerprints = NDArray[np.int64]
Indexes = NDArray[np.uint32]

_FREE = 0


class RequestIndex:
    """Fingerprints of a log's request ids."""

    def __init__(self) -> None:
        self._tables = [_Table(SLOTS_MIN)]

    def candidates(self, request_id: str) -> list[int]:
        """Indexes of the entries that may be the request's; nearly always none or one."""
        fingerprint = int(_fingerprints([request_id])[0])
        return sorted(index for table in self._tables for index in table.find(fingerprint))

    def holds_any(self, request_ids: Sequence[str]) -> bool:
        """Whether any of them has candidates; a rare yes may be mistaken, a no never is."""
        fingerprints = _fingerprints(request_ids)
        return any(table.holds_any(fingerprints) for table in self._tables)

    def extend(self, request_ids: Sequence[str], first: int) -> None:
        """Take the ids of consecutive entries."""
        assert first + len(request_ids) <= INDEX_MAX, "log is longer than its index can count"
        fingerprints = _fingerprints(request_ids)
        indexes = np.arange(first, first + len(request_ids), dtype=np.uint32)
        start = 0
        while start < len(fingerprints):
            stop = min(start + self._room(), len(fingerprints))
            self._tables[-1].add(fingerprints[start:stop], indexes[start:stop])
            start = stop

    def _room(self) -> int:
        """How many entries the newest table takes, another one begun where it takes none."""
        newest = self._tables[-1]
        if newest.room == 0:
            larger = _Table(2 * newest.slots)
            if newest.slots < SLOTS_REHASHED_MAX:
                larger.add(*newest.rows())
                self._tables.pop()
            self._tables.append(larger)
        return self._tables[-1].room


class _Table:
    """Fingerprints at the first free slot from where their lowest bits point; half of the slots stay free."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.room = slots // 2
        self._fingerprints: Fingerprints = np.zeros(slots, dtype=np.int64)
        self._indexes: Indexes = np.zeros(slots, dtype=np.uint32)

    def find(self, fingerprint: int) -> list[int]:
        """Indexes of the entries with a fingerprint."""
        found, slot = [], fingerprint & (self.slots - 1)
        while (held := self._fingerprints[slot]) != _FREE:
            if held == fingerprint:
                found.append(int(self._indexes[slot]))
            slot = (slot + 1) & (self.slots - 1)
        return found

    def holds_any(self, fingerprints: Fingerprints) -> bool:
        """Whether it has any of these."""
        if len(fingerprints) < COLUMNS_MIN:
            return any(self.find(fingerprint) for fingerprint in fingerprints.tolist())
        slots = fingerprints & (self.slots - 1)
        while len(fingerprints):
            held = self._fingerprints[slots]
            if (held == fingerprints).any():
                return True
            goes_on = held != _FREE
            fingerprints, slots = fingerprints[goes_on], (slots[goes_on] + 1) & (self.slots - 1)
        return False

    def add(self, fingerprints: Fingerprints, indexes: Indexes) -> None:
        """Take rows, at most as many as there is room for."""
        self.room -= len(fingerprints)
        if len(fingerprints) < COLUMNS_MIN:
            for fingerprint, index in zip(fingerprints.tolist(), indexes.tolist(), strict=True):
                self._add(fingerprint, index)
            return
        slots = fingerprints & (self.slots - 1)
        while len(fingerprints):
            is_free = self._fingerprints[slots] == _FREE
            self._indexes[slots[is_free]] = indexes[is_free]  # of several that want a slot, one is written last
            is_kept = is_free & (self._indexes[slots] == indexes)
            self._fingerprints[slots[is_kept]] = fingerprints[is_kept]
            goes_on = ~is_kept
            fingerprints, indexes = fingerprints[goes_on], indexes[goes_on]
            slots = (slots[goes_on] + 1) & (self.slots - 1)

    def _add(self, fingerprint: int, index: int) -> None:
        slot = fingerprint & (self.slots - 1)
        while self._fingerprints[slot] != _FREE:
            slot = (slot + 1) & (self.slots - 1)
        self._fingerprints[slot], self._indexes[slot] = fingerprint, index

    def rows(self) -> tuple[Fingerprints, Indexes]:
        """Everything in it."""
        is_taken = self._fingerprints != _FREE
        return self._fingerprints[is_taken], self._indexes[is_taken]


def _fingerprints(request_ids: Sequence[str]) -> Fingerprints:
    """Fingerprints, none of which is the mark of a free slot."""
    found = np.fromiter(map(hash, request_ids), dtype=np.int64, count=len(request_ids))
    found[found == _FREE] = 1
    return found
