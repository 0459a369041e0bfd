"""The journal: what was recorded, for all logs of a store, and who may record.

A batch is accepted when its frame is durable; everything else (trees, tiles, request ids) is derived from the journal
when a store is opened. The port below has one implementation on files (`chain.file_journal`); one on object storage
has the same promises, with conditional puts in the place of lock, epoch file and sync.

**The fence is part of the port.** Opening a journal for writing raises its epoch, and an ``append`` returns only if no
later opening happened before its frame was durable. A writer that was paused and wakes up behind a newer one gets a
``ConflictError``, and what it may have written is no part of the journal that the newer one reads and continues.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Protocol

import numpy as np

from chain.frame import PlacedRun, Run


class JournalStore(Protocol):
    """Frames of entries of many logs. Opened by its constructor; one user at a time."""

    @property
    def epoch(self) -> int:
        """Number of this opening; every later one has a larger number."""

    def replay(self) -> Iterator[Sequence[Run]]:
        """Read every frame from the first, once, before anything else is asked; a torn end is repaired.

        Raises:
            IntegrityError: damaged before its end.
        """

    def require_held(self) -> None:
        """Raise unless this is still the newest opening.

        Raises:
            ConflictError: another writer has taken over.
        """

    def append(self, runs: Sequence[Run], *, year: int, meanwhile: Callable[[], None] | None = None) -> None:
        """Make one frame durable; on return it is.

        Args:
            year: calendar year of the writer's clock. What is stored of one year can later be deleted as a whole.
            meanwhile: work of the caller that needs no durable frame. It was done once when this returns, beside the
                storage's own work where that pays; when this raises, perhaps.

        Raises:
            ConflictError: another writer has taken over; nothing was recorded.
            UnavailableError: the storage is full or failed; nothing was recorded.
        """

    def origins(self) -> Sequence[str]:
        """The logs that have entries."""

    def size(self, origin: str) -> int:
        """Number of a log's entries; 0 where it has none."""

    def entry(self, origin: str, index: int) -> bytes:
        """An entry's bytes; it must exist."""

    def entries(self, origin: str, start: int, stop: int) -> list[bytes]:
        """Consecutive entries, read together as they lie; they must exist. The caller bounds how many."""

    def forget(self, year: int) -> Sequence[object]:
        """Delete what is stored of that year and of those before it; may be repeated after a stop at any point.

        For the end of retention alone: entries of those years' logs are no longer known afterwards.

        Returns:
            What was deleted.
        """

    @property
    def is_stopped(self) -> bool:
        """Whether a write failed so that only opening again can tell what became of it."""

    def close(self) -> None:
        """Let another writer in. Nothing is lost by not calling it."""


class EntryPlaces:
    """Where a log's entries lie: ten bytes an entry.

    A place is the number of a stored piece (a segment, an object) and the offset within it.
    """

    def __init__(self) -> None:
        self._places = array("Q")
        self._lengths = array("H")

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, piece: int, start: int, run: PlacedRun) -> None:
        """Take a run's entries; its frame begins at ``start`` of the piece."""
        first = piece << 32 | start + run.offset
        places = list(accumulate(run.lengths, initial=first))
        places.pop()
        self._places.extend(places)
        self._lengths.extend(run.lengths)

    def find(self, index: int) -> tuple[int, int, int]:
        """Piece, offset and length of an entry."""
        place = self._places[index]
        return place >> 32, place & 0xFFFF_FFFF, self._lengths[index]

    def read(self, start: int, stop: int, read: Callable[[int, int, int], bytes]) -> list[bytes]:
        """Consecutive entries, by as few calls as they lie in stretches one behind the other.

        Args:
            read: bytes by piece, offset and length.
        """
        found: list[bytes] = []
        for first, last in pairwise([start, *self._breaks(start, stop), stop]):
            lengths = self._lengths[first:last]
            piece, offset, _ = self.find(first)
            stretch = read(piece, offset, sum(lengths))
            found += [stretch[begin:end] for begin, end in pairwise(accumulate(lengths, initial=0))]
        return found

    def _breaks(self, start: int, stop: int) -> list[int]:
        """Where an entry does not begin at the end of the one before it."""
        places = np.frombuffer(self._places, np.uint64)[start:stop]
        ends = places + np.frombuffer(self._lengths, np.uint16)[start:stop]
        breaks: list[int] = (np.flatnonzero(places[1:] != ends[:-1]) + start + 1).tolist()
        return breaks
