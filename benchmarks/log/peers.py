"""What a user would pick instead: a table in SQLite, or the library pymerkle. Both keep the same entries durably."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from pymerkle import SqliteTree

from benchmarks.log.timing import Spent, spent


def sqlite_appends(path: Path, blocks: Sequence[Sequence[bytes]]) -> Spent:
    """One transaction a block with synchronous=FULL; no tree at all, so this is a table and no evidence."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE entry (number INTEGER PRIMARY KEY, content BLOB NOT NULL)")

    def write() -> None:
        for block in blocks:
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO entry (content) VALUES (?)", [(entry,) for entry in block])
            connection.execute("COMMIT")

    try:
        return spent(write)
    finally:
        connection.close()


class PymerkleLog:
    """A log as pymerkle keeps it: SHA-256 only, in SQLite."""

    def __init__(self, path: Path) -> None:
        self._tree = SqliteTree(str(path))

    def append(self, entries: Sequence[bytes]) -> Spent:
        """All entries in one call, its fastest way."""
        return spent(lambda: self._tree.append_entries(list(entries)))

    def append_singly(self, entries: Sequence[bytes]) -> Spent:
        """One entry a call, each durable."""
        return spent(lambda: [self._tree.append_entry(entry) for entry in entries])

    def prove(self, indices: Sequence[int]) -> list[Spent]:
        """Inclusion proofs over the log as it is, one after the other."""
        size = self._tree.get_size()
        return [spent(lambda at=index: self._tree.prove_inclusion(at + 1, size)) for index in indices]  # type: ignore[misc]

    def close(self) -> None:
        """Let go of the file."""
        self._tree.close()
