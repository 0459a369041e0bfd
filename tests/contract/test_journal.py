"""What every journal promises its writer, whether it is files under a lock or objects under conditional puts."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chain.file_journal import FileJournal
from chain.frame import Run
from chain.journal import JournalStore
from chain.object_journal import ObjectJournal
from chain.storage.contract import BlobStore
from chain.storage.opening import open_store
from domain.errors import ConflictError
from tests.contract.conftest import BUCKET, Server

A, B = "example.org/a/2026", "example.org/b/2026"
NEXT_YEAR = "example.org/a/2027"

Open = Callable[[], JournalStore]
RUNS = [(0, 3), (3, 1), (4, 7), (11, 2), (13, 5)]


@pytest.fixture(params=["files", "objects in files", "objects in memory", "objects in s3"])
def unread(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same journal again and again; the opener reads it first. The former opening is not closed."""
    made: list[JournalStore] = []

    def opened(open_one: Open) -> JournalStore:
        made.append(open_one())
        return made[-1]

    if request.param == "files":

        def take_over() -> JournalStore:
            if made:
                made[-1].close()
            return FileJournal(tmp_path)

        yield lambda: opened(take_over)
    else:
        store = _store(request, tmp_path)
        yield lambda: opened(lambda: ObjectJournal(store, uuid.uuid4().hex))
    for journal in made:
        with suppress(OSError):
            journal.close()


def _store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "objects in files":
        return open_store(str(tmp_path))
    if request.param == "objects in memory":
        return open_store("memory:///")
    server: Server = request.getfixturevalue("s3")
    return server.open(BUCKET).below(f"{uuid.uuid4().hex}/")


@pytest.fixture
def open_journal(unread: Open) -> Open:
    """Opens and reads."""

    def opened() -> JournalStore:
        journal = unread()
        for _ in journal.replay():
            pass
        return journal

    return opened


def contents(journal: JournalStore) -> dict[str, list[bytes]]:
    return {name: [journal.entry(name, at) for at in range(journal.size(name))] for name in sorted(journal.origins())}


def test_what_was_appended_is_read_at_once_and_by_the_next_opening(open_journal: Open) -> None:
    journal = open_journal()
    journal.append([Run(A, [b"a0", b""]), Run(B, [b"b0"])], year=2026)
    journal.append([Run(A, [b"a2" * 30_000])], year=2026)
    expected = {A: [b"a0", b"", b"a2" * 30_000], B: [b"b0"]}
    assert contents(journal) == expected
    assert contents(open_journal()) == expected


def test_frames_are_replayed_as_they_were_appended(open_journal: Open, unread: Open) -> None:
    frames = [[Run(A, [b"1", b"2"]), Run(B, [b"3"])], [Run(B, [b"4"])]]
    journal = open_journal()
    for frame in frames:
        journal.append(frame, year=2026)
    assert [list(runs) for runs in unread().replay() if runs] == frames


def test_entries_are_read_together_across_frames_and_openings(open_journal: Open) -> None:
    journal = open_journal()
    written = [[b"%d" % (10 ** (at % 5) + at) for at in range(first, first + count)] for first, count in RUNS]
    for entries in written[:3]:
        journal.append([Run(B, [b"between"]), Run(A, entries)], year=2026)
    journal = open_journal()
    for entries in written[3:]:
        journal.append([Run(A, entries)], year=2026)
    every = [entry for entries in written for entry in entries]
    for start in range(len(every) + 1):
        for stop in range(start, len(every) + 1):
            assert journal.entries(A, start, stop) == every[start:stop]


@pytest.mark.parametrize("size_bytes", [1, 60_000])
def test_what_the_caller_does_meanwhile_is_done_once_on_return(open_journal: Open, size_bytes: int) -> None:
    journal, done = open_journal(), list[int]()
    journal.append([Run(A, [b"e" * size_bytes])], year=2026, meanwhile=lambda: done.append(journal.size(A)))
    assert done == [0] or done == [1]
    assert journal.size(A) == 1


def test_a_log_that_was_never_written_is_empty(open_journal: Open) -> None:
    journal = open_journal()
    assert (journal.origins(), journal.size(A), journal.is_stopped) == ((), 0, False)


def test_every_opening_has_a_larger_epoch(open_journal: Open) -> None:
    epochs = [open_journal().epoch for _ in range(3)]
    assert epochs == sorted(set(epochs))


def test_an_older_opening_writes_nothing_more(open_journal: Open) -> None:
    older = open_journal()
    older.append([Run(A, [b"kept"])], year=2026)
    newer = open_journal()
    with pytest.raises(ConflictError):
        older.require_held()
    with pytest.raises(ConflictError):
        older.append([Run(A, [b"refused"])], year=2026)
    newer.append([Run(A, [b"next"])], year=2026)
    assert contents(open_journal()) == {A: [b"kept", b"next"]}


def test_the_part_of_a_year_that_is_over_can_be_deleted_twice(open_journal: Open) -> None:
    journal = open_journal()
    journal.append([Run(A, [b"old"])], year=2026)
    journal.append([Run(A, [b"end"]), Run(NEXT_YEAR, [b"new"])], year=2027)
    assert journal.forget(2026)
    assert not journal.forget(2026)
    again = open_journal()
    assert contents(again) == {NEXT_YEAR: [b"new"]}
    again.append([Run(NEXT_YEAR, [b"newer"])], year=2027)
    assert contents(open_journal()) == {NEXT_YEAR: [b"new", b"newer"]}


def test_nothing_of_a_year_that_goes_on_is_deleted(open_journal: Open) -> None:
    journal = open_journal()
    journal.append([Run(A, [b"one"])], year=2026)
    assert not journal.forget(2025)
    assert contents(open_journal()) == {A: [b"one"]}
