"""The journal on object storage keeps what it acknowledged and belongs to one writer, wherever the other one stops."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from chain.batch import EntryBatch
from chain.frame import Run
from chain.object_epoch import EPOCH, START
from chain.object_frame import frame_name, read_pieces, volume_name, write_piece
from chain.object_journal import ObjectJournal
from chain.storage.contract import Blob, BlobStore
from chain.storage.opening import open_store
from chain.writer import EvidenceWriter
from domain.errors import ConflictError, InputError, IntegrityError, NotFound, UnavailableError
from tests.unit.chain.samples import ACME, Wrist, event
from tests.unit.chain.test_publication import StoppedError, StoppingStore

A, B = "example.org/a/2026", "example.org/b/2026"
OPENERS = (f"opener-{number:04d}" for number in itertools.count())


@pytest.fixture(params=["files", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return open_store(str(tmp_path / "journal") if request.param == "files" else "memory:///")


def opened(store: BlobStore) -> ObjectJournal:
    journal = ObjectJournal(store, next(OPENERS))
    for _ in journal.replay():
        pass
    return journal


def contents(store: BlobStore) -> dict[str, list[bytes]]:
    journal = ObjectJournal(store, None)
    runs = [run for frame in journal.replay() for run in frame]
    found = {name: [journal.entry(name, at) for at in range(journal.size(name))] for name in journal.origins()}
    assert {name: [entry for run in runs if run.origin == name for entry in run.entries] for name in found} == found
    return found


def frames(store: BlobStore) -> list[str]:
    return [item.name for item in store.listing() if item.name not in {EPOCH, START}]


def test_runs_of_several_logs_are_one_object_and_are_read_back(store: BlobStore) -> None:
    journal = opened(store)
    journal.append([Run(A, [b"a0", b""]), Run(B, [b"b0"])], year=2026)
    journal.append([Run(A, [b"a2" * 30_000])], year=2026)
    assert (journal.entry(A, 2), journal.size(A), journal.size("c"), journal.epoch) == (b"a2" * 30_000, 3, 0, 1)
    assert frames(store) == [frame_name(0), frame_name(1), frame_name(2)]
    journal.close()
    assert contents(store) == {A: [b"a0", b"", b"a2" * 30_000], B: [b"b0"]}


def test_an_entry_is_read_from_a_frame_of_many_blocks(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.object_reader.BLOCKS_MAX", 2)
    journal, entries = opened(store), [bytes([number]) * 60_000 for number in range(60)]
    journal.append([Run(A, entries)], year=2026)
    assert [journal.entry(A, at) for at in range(60)] == entries


def test_an_older_writer_is_refused_whether_it_asks_or_writes(store: BlobStore) -> None:
    older = opened(store)
    older.append([Run(A, [b"0"])], year=2026)
    newer = opened(store)
    with pytest.raises(ConflictError, match="taken over") as caught:
        older.require_held()
    assert (caught.value.facts["epoch"], caught.value.facts["newest"]) == (1, 2)
    with pytest.raises(ConflictError, match="taken over"):
        older.append([Run(A, [b"lost"])], year=2026)
    newer.require_held()
    newer.append([Run(A, [b"1"])], year=2026)
    assert contents(store) == {A: [b"0", b"1"]}


def test_what_an_older_writer_wrote_while_a_newer_one_read_is_read_too(store: BlobStore) -> None:
    older = opened(store)
    older.append([Run(A, [b"0"])], year=2026)
    newer = ObjectJournal(store, next(OPENERS))
    replay = newer.replay()
    assert next(replay) == [Run(A, [b"0"])]
    older.append([Run(A, [b"1"])], year=2026)
    assert list(replay) == [[Run(A, [b"1"])]]
    newer.append([Run(A, [b"2"])], year=2026)
    assert contents(store) == {A: [b"0", b"1", b"2"]}


def test_of_two_who_open_at_once_the_later_one_writes(store: BlobStore) -> None:
    first, second = ObjectJournal(store, next(OPENERS)), ObjectJournal(store, next(OPENERS))
    assert list(second.replay()) == []
    with pytest.raises(ConflictError, match="taken over"):
        list(first.replay())
    second.append([Run(A, [b"0"])], year=2026)
    assert contents(store) == {A: [b"0"]}


def test_openers_who_race_for_an_epoch_each_get_their_own(store: BlobStore) -> None:
    assert [ObjectJournal(store, next(OPENERS)).epoch for _ in range(3)] == [1, 2, 3]


class _Racing(StoppingStore):
    """A store in which somebody else raises the epoch whenever it was read."""

    def get(self, name: str) -> Blob:
        blob = self.inner.get(name)
        if self.changes_left > 0:
            self.changes_left -= 1
            ObjectJournal(self.inner, next(OPENERS))
        return blob

    def _change(self) -> None:
        pass

    def below(self, folder: str) -> _Racing:
        return _Racing(self.inner.below(folder), self.changes_left)


def test_an_opener_that_is_overtaken_tries_again_but_not_for_ever(store: BlobStore) -> None:
    ObjectJournal(store, next(OPENERS))
    assert ObjectJournal(_Racing(store, 3), next(OPENERS)).epoch == 5
    with pytest.raises(UnavailableError, match="too many"):
        ObjectJournal(_Racing(store, 10**9), next(OPENERS))


@pytest.mark.parametrize("opener", ["", "short", "with space inside", "x" * 65])
def test_an_opener_has_a_name_of_its_own(store: BlobStore, opener: str) -> None:
    with pytest.raises(InputError, match="opener"):
        ObjectJournal(store, opener)


def test_a_failed_write_stops_the_writer_until_the_journal_is_opened_again(store: BlobStore) -> None:
    opened(store).close()
    failing = StoppingStore(store, 3)
    journal = ObjectJournal(failing, next(OPENERS))
    assert list(journal.replay()) == []
    journal.append([Run(A, [b"0"])], year=2026)
    with pytest.raises(StoppedError):
        journal.append([Run(A, [b"1"])], year=2026)
    failing.changes_left = 9
    with pytest.raises(UnavailableError, match="stopped"):
        journal.append([Run(A, [b"1"])], year=2026)
    assert contents(store) == {A: [b"0"]}


def test_any_bit_that_changes_in_any_object_is_found(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    journal = opened(store)
    for number in range(3):
        journal.append([Run(A, [b"%d" % number])], year=2026)
    journal.gather(frames_min=2)
    journal.append([Run(A, [b"last"])], year=2026)
    for name in frames(store):
        whole = store.get(name).content
        if name == frame_name(0):
            continue  # it is in the volume and stands only to keep older writers out
        for at in range(0, len(whole), 3):
            (tmp_path / name).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(IntegrityError):
                contents(store)
        for size in range(0, len(whole), 17):
            (tmp_path / name).write_bytes(whole[:size])
            with pytest.raises(IntegrityError):
                contents(store)
        (tmp_path / name).write_bytes(whole)
    assert contents(store) == {A: [b"0", b"1", b"2", b"last"]}


def test_a_frame_that_is_missing_or_another_ones_is_found(store: BlobStore) -> None:
    journal = opened(store)
    for number in range(3):
        journal.append([Run(A, [b"%d" % number])], year=2026)
    second = store.get(frame_name(2)).content
    store.delete(frame_name(2))
    with pytest.raises(IntegrityError, match="gap"):
        contents(store)
    store.put(frame_name(2), store.get(frame_name(3)).content)
    with pytest.raises(IntegrityError, match="out of order"):
        contents(store)
    with pytest.raises(IntegrityError, match="out of order"):
        journal.gather(frames_min=1)
    store.put(frame_name(2), second)
    assert contents(store) == {A: [b"0", b"1", b"2"]}


def test_a_frame_that_says_another_place_in_its_log_is_found(store: BlobStore) -> None:
    opened(store)
    opening = next(read_pieces(store.get(frame_name(0)).content, name="opening"))
    wrong = write_piece([Run(A, [b"0"])], [7], year=2026, epoch=1, sequence=1, former=opening.digest)
    store.put(frame_name(1), wrong)
    with pytest.raises(IntegrityError, match="out of order"):
        contents(store)


@pytest.mark.parametrize(("name", "content"), [(EPOCH, b"x"), (START, b"0"), (EPOCH, b"1 short\n")])
def test_a_damaged_object_beside_the_frames_is_refused(store: BlobStore, name: str, content: bytes) -> None:
    opened(store)
    store.put(name, content)
    with pytest.raises(IntegrityError, match="damaged"):
        opened(store)


def test_frames_are_gathered_and_read_as_before(store: BlobStore) -> None:
    journal = opened(store)
    for number in range(10):
        journal.append([Run(A, [b"%d" % number]), Run(B, [b"b%d" % number])], year=2026)
    before = contents(store)
    assert journal.gather(frames_min=20) == 0
    assert journal.gather(frames_min=5, size_bytes_max=600) > 1
    assert journal.gather(frames_min=5) == 0
    assert len(frames(store)) < 9
    assert [journal.entry(A, at) for at in range(10)] == before[A]
    journal.append([Run(A, [b"10"])], year=2026)
    assert contents(store) == {A: [*before[A], b"10"], B: before[B]}
    again = opened(store)
    again.append([Run(A, [b"11"])], year=2026)
    again.gather(frames_min=1)
    assert contents(store)[A][10:] == [b"10", b"11"]


def test_an_older_writer_stays_out_when_its_next_frame_was_gathered(store: BlobStore) -> None:
    older = opened(store)
    older.append([Run(A, [b"0"])], year=2026)
    newer = opened(store)
    newer.append([Run(A, [b"1"])], year=2026)
    newer.gather(frames_min=1)
    with pytest.raises(ConflictError, match="taken over"):
        older.append([Run(A, [b"lost"])], year=2026)
    with pytest.raises(ConflictError, match="taken over"):
        older.gather(frames_min=1)
    assert older.entry(A, 0) == b"0"
    assert contents(store) == {A: [b"0", b"1"]}


def test_a_reader_finds_what_was_gathered_behind_its_back(store: BlobStore) -> None:
    writer = opened(store)
    for number in range(4):
        writer.append([Run(A, [b"%d" % number])], year=2026)
    reader = ObjectJournal(store, None)
    for _ in reader.replay():
        pass
    writer.gather(frames_min=1)
    assert [reader.entry(A, at) for at in range(4)] == [b"0", b"1", b"2", b"3"]


def test_a_reader_that_is_overtaken_by_the_gathering_opens_again(store: BlobStore) -> None:
    writer = opened(store)
    for number in range(40):
        writer.append([Run(A, [b"%d" % number])], year=2026)
    replay = ObjectJournal(store, None).replay()
    next(replay)
    writer.gather(frames_min=1)
    with pytest.raises(UnavailableError, match="changed while it was read"):
        list(replay)


def test_what_two_gathered_differently_is_read_once(store: BlobStore) -> None:
    writer, copy = opened(store), open_store("memory:///")
    for number in range(6):
        writer.append([Run(A, [b"%d" % number])], year=2026)
    kept = {name: store.get(name).content for name in frames(store)}
    writer.gather(frames_min=1, size_bytes_max=400)
    for name, content in kept.items():
        copy.put(name, content)
    copy.put(EPOCH, store.get(EPOCH).content)
    second = opened(copy)
    second.gather(frames_min=1)
    for item in store.listing("volume/"):
        copy.put(item.name, store.get(item.name).content)
    assert contents(copy) == {A: [b"%d" % number for number in range(6)]}


def test_a_volume_that_another_writer_made_of_the_same_frames_is_taken(store: BlobStore) -> None:
    journal = opened(store)
    for number in range(6):
        journal.append([Run(A, [b"%d" % number])], year=2026)
    volume = b"".join(store.get(frame_name(number)).content for number in range(7))
    store.put(volume_name(0, 6), volume)
    assert journal.gather(frames_min=1) == 1
    assert frames(store) == [frame_name(0), volume_name(0, 6)]
    assert contents(store) == {A: [b"%d" % number for number in range(6)]}


def test_a_volume_of_other_frames_is_not_taken_for_ours(store: BlobStore) -> None:
    journal = opened(store)
    journal.append([Run(A, [b"0"])], year=2026)
    store.put(volume_name(0, 1), b"other")
    with pytest.raises(ConflictError, match="exists"):
        journal.gather(frames_min=1)
    assert store.get(frame_name(1)).content


def test_a_stop_at_any_moment_of_gathering_and_forgetting_loses_nothing(tmp_path: Path) -> None:
    for changes in range(100):
        store = open_store("memory:///")
        for year in (2026, 2027):
            journal = opened(store)
            for number in range(4):
                journal.append([Run(f"{A[:-4]}{year}", [b"%d" % number])], year=year)
        stopping = StoppingStore(store, changes + 2)
        try:
            journal = opened(stopping)
            journal.gather(frames_min=2, size_bytes_max=400)
            journal.forget(2026)
        except StoppedError:
            assert contents(store)["example.org/a/2027"] == [b"0", b"1", b"2", b"3"]
            journal = opened(store)
            journal.gather(frames_min=2, size_bytes_max=400)
            journal.forget(2026)
        else:
            break
        assert contents(store) == {"example.org/a/2027": [b"0", b"1", b"2", b"3"]}
    assert changes > 8


def test_the_part_of_a_year_is_deleted_and_older_writers_stay_out(store: BlobStore) -> None:
    older = opened(store)
    older.append([Run(A, [b"old"])], year=2026)
    journal = opened(store)
    journal.append([Run(A, [b"old too"]), Run("example.org/a/2027", [b"new"])], year=2027)
    journal.append([Run("example.org/a/2027", [b"newer"])], year=2027)
    assert journal.forget(2025) == []
    assert journal.forget(2026) == [frame_name(1)]
    assert journal.forget(2026) == []
    assert journal.forget(2030) == []
    with pytest.raises(NotFound):
        opened(store).entry(A, 0) if A in contents(store) else store.get(frame_name(1))
    assert contents(store) == {"example.org/a/2027": [b"new", b"newer"]}
    with pytest.raises(ConflictError, match="taken over"):
        older.append([Run(A, [b"lost"])], year=2026)
    journal = opened(store)
    journal.append([Run("example.org/a/2028", [b"x"])], year=2028)
    journal.forget(2027)
    assert contents(store) == {"example.org/a/2028": [b"x"]}


def test_a_clock_that_was_set_back_does_not_open_a_year_again(store: BlobStore) -> None:
    journal = opened(store)
    journal.append([Run(A, [b"0"])], year=2026)
    journal.append([Run(A, [b"1"])], year=2027)
    journal.append([Run(A, [b"2"])], year=2026)
    assert journal.gather(frames_min=9) == 1  # the year that is over
    assert contents(store) == {A: [b"0", b"1", b"2"]}


def test_a_writer_of_evidence_works_over_it_and_finds_everything_again(store: BlobStore, tmp_path: Path) -> None:
    def writer() -> EvidenceWriter:
        journal = ObjectJournal(store, next(OPENERS))
        state, prefix = tmp_path / "chain", "example.org"
        return EvidenceWriter(
            state, lambda tenant: tmp_path / tenant, origin_prefix=prefix, clock=Wrist(), journal=journal
        )

    first = writer()
    first.append(EntryBatch.encode([event("one"), event("two")]))
    head = first.publish(ACME)
    second = writer()
    with pytest.raises(ConflictError, match="taken over"):
        first.append(EntryBatch.encode([event("lost")]))
    assert second.shard(ACME).head().checkpoint == head.checkpoint
    second.append(EntryBatch.encode([event("two"), event("three")]))
    assert second.receipt(ACME, "lost") is None
    assert second.publish(ACME).size == 5
