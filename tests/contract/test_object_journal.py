"""Two writers of one journal on every kind of store: one wins, and nothing that was acknowledged is lost."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from chain.frame import Run
from chain.object_frame import FRAMES
from chain.object_journal import ObjectJournal
from chain.storage.contract import NO_HINTS, BlobStore, Hints, Version
from domain.errors import ConflictError
from tests.unit.chain.test_publication import StoppingStore

ORIGIN = "example.org/evidence/acme/2026"
NEVER = 10**9
ROUNDS = 12


@dataclass
class PausedStore(StoppingStore):
    """A store whose user is paused before or after it makes a frame, until it is woken.

    Args:
        is_sent: whether the frame is made before the pause, so that only the answer is late.
    """

    is_sent: bool = False
    is_armed: bool = False
    has_paused: threading.Event = field(default_factory=threading.Event)
    wake: threading.Event = field(default_factory=threading.Event)

    def put_new(self, name: str, content: bytes, hints: Hints = NO_HINTS) -> Version:
        is_pausing = self.is_armed and name.startswith(FRAMES)
        if is_pausing and not self.is_sent:
            self._pause()
        version = self.inner.put_new(name, content, hints)
        if is_pausing and self.is_sent:
            self._pause()
        return version

    def _pause(self) -> None:
        self.has_paused.set()
        assert self.wake.wait(60)

    def below(self, folder: str) -> PausedStore:
        return PausedStore(self.inner.below(folder), self.changes_left)


def opened(store: BlobStore) -> ObjectJournal:
    journal = ObjectJournal(store, uuid.uuid4().hex)
    for _ in journal.replay():
        pass
    return journal


def entries(store: BlobStore) -> list[bytes]:
    journal = ObjectJournal(store, None)
    return [entry for runs in journal.replay() for run in runs for entry in run.entries]


def append_paused(paused: PausedStore, journal: ObjectJournal, entry: bytes) -> tuple[threading.Thread, list[bytes]]:
    """Begin an append that stands still in the middle; the list gets the entry if it is acknowledged."""
    acknowledged: list[bytes] = []

    def act() -> None:
        with suppress(ConflictError):
            journal.append([Run(ORIGIN, [entry])], year=2026)
            acknowledged.append(entry)

    paused.is_armed = True
    thread = threading.Thread(target=act)
    thread.start()
    assert paused.has_paused.wait(60)
    return thread, acknowledged


def test_a_writer_that_wakes_up_behind_a_newer_one_records_nothing(blob_store: BlobStore) -> None:
    paused = PausedStore(blob_store, NEVER)
    older = opened(paused)
    older.append([Run(ORIGIN, [b"first"])], year=2026)
    thread, acknowledged = append_paused(paused, older, b"late")
    newer = opened(blob_store)
    newer.append([Run(ORIGIN, [b"second"])], year=2026)
    newer.gather(frames_min=1)
    paused.wake.set()
    thread.join()
    newer.append([Run(ORIGIN, [b"third"])], year=2026)
    assert acknowledged == []
    assert entries(blob_store) == [b"first", b"second", b"third"]


def test_a_frame_whose_answer_was_late_is_known_to_the_newer_writer(blob_store: BlobStore) -> None:
    paused = PausedStore(blob_store, NEVER, is_sent=True)
    older = opened(paused)
    thread, acknowledged = append_paused(paused, older, b"sent")
    newer = opened(blob_store)
    assert newer.entry(ORIGIN, 0) == b"sent"
    paused.wake.set()
    thread.join()
    assert acknowledged == [b"sent"]
    newer.append([Run(ORIGIN, [b"next"])], year=2026)
    assert entries(blob_store) == [b"sent", b"next"]


def test_two_live_writers_lose_nothing_they_acknowledged(blob_store: BlobStore) -> None:
    acknowledged: list[bytes] = []
    conflicts: list[ConflictError] = []

    def write(name: bytes) -> None:
        waiting = _entries_of(name)
        entry = next(waiting)
        while entry is not None:
            try:
                journal = opened(blob_store)
                for _ in range(3):
                    if entry is not None:
                        journal.append([Run(ORIGIN, [entry])], year=2026)
                        acknowledged.append(entry)
                        entry = next(waiting)
            except ConflictError as conflict:
                conflicts.append(conflict)

    threads = [threading.Thread(target=write, args=(name,)) for name in (b"one", b"two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    recorded = entries(blob_store)
    assert sorted(acknowledged) == sorted(recorded)
    assert len(set(recorded)) == len(recorded) == 2 * ROUNDS
    assert all("taken over" in str(conflict) for conflict in conflicts)


def _entries_of(name: bytes) -> Iterator[bytes | None]:
    for number in range(ROUNDS):
        yield b"%s %d" % (name, number)
    yield None
