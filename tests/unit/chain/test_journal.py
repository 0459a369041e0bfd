"""The journal keeps what it acknowledged, repairs a torn end, and belongs to one writer."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chain.fence import format_epoch
from chain.file_journal import HANDLES_MAX, SYNCED_BESIDE_SIZE_BYTES_MIN, FileJournal
from chain.frame import Run
from domain.errors import ConflictError, IntegrityError, NotFound, UnavailableError

A, B = "example.org/a/2026", "example.org/b/2026"


def opened(path: Path, **options: object) -> FileJournal:
    journal = FileJournal(path, **options)  # type: ignore[arg-type]
    for _ in journal.replay():
        pass
    return journal


def contents(path: Path) -> dict[str, list[bytes]]:
    journal = opened(path, is_read_only=True)
    found = {name: [journal.entry(name, at) for at in range(journal.size(name))] for name in journal.origins()}
    journal.close()
    return found


def segments(path: Path) -> list[Path]:
    return sorted((path / "journal").glob("0*"))


def test_runs_of_several_logs_are_one_frame_and_are_read_back(tmp_path: Path) -> None:
    syncs: list[int] = []
    journal = opened(tmp_path, sync=syncs.append)
    journal.append([Run(A, [b"a0", b""]), Run(B, [b"b0"])], year=2026)
    journal.append([Run(A, [b"a2" * 30_000])], year=2026)
    assert len(syncs) == 2
    assert (journal.entry(A, 2), journal.size(A), journal.size(B), journal.size("c")) == (b"a2" * 30_000, 3, 1, 0)
    journal.close()
    assert contents(tmp_path) == {A: [b"a0", b"", b"a2" * 30_000], B: [b"b0"]}


def test_replay_gives_the_frames_as_they_were_written(tmp_path: Path) -> None:
    frames = [[Run(A, [b"1", b"2"]), Run(B, [b"3"])], [Run(B, [b"4"])]]
    journal = opened(tmp_path)
    for frame in frames:
        journal.append(frame, year=2026)
    journal.close()
    again = FileJournal(tmp_path)
    assert list(again.replay()) == frames
    again.close()


def test_every_opening_that_writes_begins_a_segment_and_the_others_none(tmp_path: Path) -> None:
    for number in range(3):
        opened(tmp_path).close()
        journal = opened(tmp_path)
        journal.append([Run(A, [b"%d" % number])], year=2026)
        journal.close()
    assert [path.name for path in segments(tmp_path)] == ["00000001-2026", "00000002-2026", "00000003-2026"]
    assert contents(tmp_path) == {A: [b"0", b"1", b"2"]}


def test_a_full_segment_and_a_new_year_begin_another_and_the_chain_goes_on(tmp_path: Path) -> None:
    journal = opened(tmp_path, segment_size_bytes_max=300)
    for number in range(6):
        journal.append([Run(A, [b"x" * 60])], year=2026 + (number > 3))
    journal.append([Run(A, [b"clock set back"])], year=2026)
    journal.close()
    names = [path.name for path in segments(tmp_path)]
    assert names[0] == "00000001-2026"
    assert names[-1][-4:] == "2027"
    assert names == sorted(names)
    assert len(contents(tmp_path)[A]) == 7


def test_a_torn_end_is_cut_at_every_byte_and_kept_aside(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append([Run(A, [b"a", b"b"])], year=2026)
    (path,) = segments(tmp_path)
    whole = path.read_bytes()
    journal.append([Run(A, [b"c"]), Run(B, [b"d"])], year=2026)
    journal.close()
    longer = path.read_bytes()
    for cut in range(len(whole) + 1, len(longer)):
        path.write_bytes(longer[:cut])
        again = opened(tmp_path)
        assert (again.size(A), again.size(B), again.torn_size_bytes) == (2, 0, cut - len(whole))
        again.close()
        assert path.read_bytes() == whole
        assert (tmp_path / f"journal/torn-{path.name}-{len(whole)}").read_bytes() == longer[len(whole) : cut]


@pytest.mark.parametrize("end", [b"\0" * 500, b"\0" * 10, b"\0" * 90 + b"FRAM" + b"x" * 90, b"FRAM" * 40])
def test_an_end_that_was_made_but_never_written_is_cut_off(tmp_path: Path, end: bytes) -> None:
    journal = opened(tmp_path)
    journal.append([Run(A, [b"a"])], year=2026)
    journal.close()
    with segments(tmp_path)[0].open("ab") as stream:
        stream.write(end)
    assert opened(tmp_path).size(A) == 1


def test_a_last_frame_that_was_not_wholly_written_is_cut_off(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append([Run(A, [b"a"])], year=2026)
    journal.append([Run(A, [b"b" * 90])], year=2026)
    journal.close()
    (path,) = segments(tmp_path)
    path.write_bytes(path.read_bytes()[:-40] + b"\0" * 40)
    assert opened(tmp_path).size(A) == 1


def test_a_last_frame_that_was_written_and_then_changed_keeps_the_journal_shut(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append([Run(A, [b"a"])], year=2026)
    start = segments(tmp_path)[0].stat().st_size
    journal.append([Run(A, [b"b" * 90])], year=2026)
    journal.close()
    (path,) = segments(tmp_path)
    whole = path.read_bytes()
    for at in range(start, len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        with pytest.raises(IntegrityError, match="journal is damaged"):
            opened(tmp_path, is_read_only=True)
    for cut in range(start, len(whole)):
        path.write_bytes(whole[:cut])
        assert opened(tmp_path, is_read_only=True).size(A) == 1


def test_an_epoch_file_that_is_behind_its_journal_is_refused(tmp_path: Path) -> None:
    for number in range(2):
        journal = opened(tmp_path)
        journal.append([Run(A, [b"%d" % number])], year=2026)
        journal.close()
    (tmp_path / "epoch").write_bytes(format_epoch(1))
    with pytest.raises(IntegrityError, match="later epoch"):
        opened(tmp_path)


def test_damage_anywhere_before_the_last_frame_keeps_the_journal_shut(tmp_path: Path) -> None:
    for _ in range(2):
        journal = opened(tmp_path)
        journal.append([Run(A, [b"abc"])], year=2026)
        journal.append([Run(A, [b"def"])], year=2026)
        journal.close()
    first, second = segments(tmp_path)
    header_size = 126
    last_frame = (second.stat().st_size - header_size) // 2
    for path, end in ((first, first.stat().st_size), (second, second.stat().st_size - last_frame)):
        whole = path.read_bytes()
        for at in range(end):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(IntegrityError):
                contents(tmp_path)
        for cut in range(end):
            path.write_bytes(whole[:cut])
            if path is first or cut < header_size:
                with pytest.raises(IntegrityError):
                    contents(tmp_path)
        path.write_bytes(whole)
    assert len(contents(tmp_path)[A]) == 4


def test_a_missing_or_exchanged_segment_is_noticed(tmp_path: Path) -> None:
    for number in range(3):
        journal = opened(tmp_path)
        journal.append([Run(A, [b"%d" % number])], year=2026)
        journal.close()
    second = segments(tmp_path)[1]
    whole = second.read_bytes()
    second.unlink()
    with pytest.raises(IntegrityError, match="do not continue"):
        contents(tmp_path)
    second.write_bytes(segments(tmp_path)[0].read_bytes())
    with pytest.raises(IntegrityError, match="damaged"):
        contents(tmp_path)
    second.write_bytes(b"something else, that is longer than a header of a segment " * 3)
    with pytest.raises(IntegrityError, match="not a journal"):
        contents(tmp_path)
    second.write_bytes(whole)
    assert contents(tmp_path) == {A: [b"0", b"1", b"2"]}


def test_a_frame_that_is_not_the_next_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(tmp_path)
    journal.append([Run(A, [b"a"])], year=2026)
    monkeypatch.setattr(journal, "_sequence", 7)
    journal.append([Run(A, [b"b"])], year=2026)
    journal.close()
    with pytest.raises(IntegrityError, match="out of order"):
        contents(tmp_path)


def test_a_paused_writer_that_wakes_up_behind_another_records_nothing(tmp_path: Path) -> None:
    """It has asked for the epoch and written its frame; only then it sleeps, and the other takes over."""

    def take_over(handle: int) -> None:
        os.fdatasync(handle)
        (tmp_path / "lock").unlink()
        newer = opened(tmp_path)
        newer.append([Run(A, [b"newer"])], year=2026)
        newers.append(newer)

    newers: list[FileJournal] = []
    paused = opened(tmp_path)
    paused.append([Run(A, [b"before"])], year=2026)
    paused._sync = take_over
    with pytest.raises(ConflictError, match="taken over"):
        paused.append([Run(A, [b"paused"])], year=2026)
    with pytest.raises(ConflictError, match="taken over"):
        paused.append([Run(A, [b"paused again"])], year=2026)
    newers[0].append([Run(A, [b"later"])], year=2026)
    assert contents(tmp_path)[A][0] == b"before"
    assert contents(tmp_path)[A][-2:] == [b"newer", b"later"]


def test_what_a_paused_writer_writes_after_the_other_read_is_behind_the_end(tmp_path: Path) -> None:
    paused = opened(tmp_path)
    paused.append([Run(A, [b"before"])], year=2026)
    (tmp_path / "lock").unlink()
    newer = opened(tmp_path)
    newer.append([Run(A, [b"newer"])], year=2026)
    with segments(tmp_path)[0].open("ab") as stream:
        stream.write(b"FRAM and what else it may have had in its hands")
    assert contents(tmp_path) == {A: [b"before", b"newer"]}
    newer.close()
    again = opened(tmp_path)
    again.append([Run(A, [b"again"])], year=2026)
    assert contents(tmp_path)[A] == [b"before", b"newer", b"again"]


def failing(error: int) -> Callable[[int], None]:
    def sync(handle: int) -> None:
        raise OSError(error, os.strerror(error))

    return sync


@pytest.mark.parametrize("size_bytes", [1, SYNCED_BESIDE_SIZE_BYTES_MIN])
def test_a_sync_that_fails_stops_the_journal_until_it_is_opened_again(tmp_path: Path, size_bytes: int) -> None:
    journal = opened(tmp_path, sync=failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        journal.append([Run(A, [b"a" * size_bytes])], year=2026)
    with pytest.raises(UnavailableError, match="stopped"):
        journal.append([Run(A, [b"a"])], year=2026)
    journal.close()
    opened(tmp_path).append([Run(A, [b"a"])], year=2026)


def test_segments_of_a_closed_year_can_be_deleted_and_the_rest_still_opens(tmp_path: Path) -> None:
    early, late = "example.org/a/2026", "example.org/a/2027"
    journal = opened(tmp_path)
    journal.append([Run(early, [b"1"])], year=2026)
    journal.append([Run(early, [b"last block"]), Run(late, [b"2"])], year=2027)
    assert [path.name for path in journal.forget(2026)] == ["00000001-2026"]
    journal.close()
    assert contents(tmp_path) == {late: [b"2"]}
    again = opened(tmp_path)
    again.append([Run(late, [b"3"])], year=2027)
    assert [path.name for path in again.forget(2027)] == ["00000002-2027"]
    again.close()
    assert contents(tmp_path) == {}


def test_an_entry_whose_segment_was_deleted_is_not_found(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append([Run(A, [b"1"])], year=2026)
    journal.close()
    journal = opened(tmp_path)
    journal.append([Run(B, [b"1"])], year=2027)
    journal.close()
    journal = FileJournal(tmp_path)
    list(journal.replay())
    journal.append([Run(B, [b"2"])], year=2027)
    journal.forget(2026)
    journal._handles.clear()
    with pytest.raises(NotFound, match="deleted"):
        journal.entry(A, 0)


def test_more_segments_than_open_files_can_be_read(tmp_path: Path) -> None:
    journal = opened(tmp_path, segment_size_bytes_max=1)
    for number in range(HANDLES_MAX + 3):
        journal.append([Run(A, [b"%d" % number])], year=2026)
    assert len(segments(tmp_path)) == HANDLES_MAX + 3
    assert len(journal._handles) == HANDLES_MAX
    assert [journal.entry(A, at) for at in (0, HANDLES_MAX + 2, 1)] == [b"0", b"%d" % (HANDLES_MAX + 2), b"1"]


def test_a_journal_whose_sync_failed_is_stopped_until_it_is_opened_again(tmp_path: Path) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    journal = opened(tmp_path, sync=fail)
    with pytest.raises(OSError, match="input/output"):
        journal.append([Run(A, [b"a"])], year=2026)
    assert journal.is_stopped
    journal.close()
