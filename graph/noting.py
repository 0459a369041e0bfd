"""Noting what documents are looked up by while they are read, and finding the documents that a text concerns.

A document has to be read again only when what one of its texts leads to has changed.
"""

from __future__ import annotations

import numpy as np

from graph.identifiers import Directory, Named, Spellings, name_spelling, resolve
from graph.postings import Packed, Postings, code_of, packed

_RUNS_MAX = 8
_ROW_MASK = np.uint64(0xFFFF_FFFF)
_HALF = np.uint64(32)


class NotedSpellings:
    """Spellings that remember what they were asked for."""

    def __init__(self, inner: Spellings) -> None:
        self._inner = inner
        self.asked: set[str] = set()

    def get(self, text: str, /) -> int | tuple[int, ...] | None:
        self.asked.add(text)
        return self._inner.get(text)

    def __contains__(self, text: object, /) -> bool:
        self.asked.add(text)  # type: ignore[arg-type]
        return text in self._inner


class NotedDirectory:
    """A directory that remembers every text that was looked up in it."""

    def __init__(self, inner: Directory) -> None:
        self._inner = inner
        self.spellings = NotedSpellings(inner.spellings)

    def resolve(self, text: str) -> Named:
        return resolve(self.spellings, text)

    def named(self, scope: str, kind: str, name: str) -> int | None:
        self.spellings.asked.add(name_spelling(scope, kind, name))
        return self._inner.named(scope, kind, name)

    def key(self, row: int) -> str:
        return self._inner.key(row)

    def kind(self, row: int) -> str:
        return self._inner.kind(row)

    def scope(self, row: int) -> str:
        return self._inner.scope(row)

    def taken(self) -> set[int]:
        """The codes of everything asked for since the last time."""
        codes = set(map(code_of, self.spellings.asked))
        self.spellings.asked.clear()
        return codes


class Watches:
    """Which documents were looked up by a text.

    Args:
        known: those of the base.
    """

    def __init__(self, known: Postings) -> None:
        self._known = known
        self._pending: list[int] = []
        self._runs: list[Packed] = []

    def add(self, row: int, codes: set[int]) -> None:
        """A row's document was looked up by these; what was noted of it before stays and does no harm."""
        self._pending += packed(codes, row)

    def of(self, codes: set[int]) -> set[int]:
        """Rows whose documents were looked up by any of these; a few others may be among them."""
        if not codes:
            return set()
        found = self._known.rows_of(codes)
        wanted = np.fromiter(codes, np.uint64, len(codes))
        for run in self.runs():
            found |= set((run[np.isin(run >> _HALF, wanted)] & _ROW_MASK).tolist())
        return found

    def runs(self) -> list[Packed]:
        """What was added, in few pieces."""
        if self._pending:
            self._runs.append(np.array(self._pending, np.uint64))
            self._pending = []
        if len(self._runs) > _RUNS_MAX:
            self._runs = [np.unique(np.concatenate(self._runs))]
        return self._runs

    @property
    def size_bytes(self) -> int:
        """What was added takes."""
        return sum(run.nbytes for run in self._runs) + 8 * len(self._pending)
