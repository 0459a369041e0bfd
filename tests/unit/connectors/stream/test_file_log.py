"""The log in files: what a crash, damage, and other processes do to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.stream.file_log import FileLog
from connectors.stream.position import Position
from domain.errors import IntegrityError, UnavailableError
from tests.unit.connectors.stream.changes import FixedClock

START = Position(0, 0)


def log(folder: Path, **named: int) -> FileLog:
    return FileLog(folder, clock=FixedClock(), **named)  # type: ignore[arg-type]


def payloads(found: FileLog, after: Position = START) -> list[bytes]:
    return [entry.payload for entry in found.read(after, 10_000)]


def newest(folder: Path) -> Path:
    return max(folder.glob("*.log"))


def test_a_reader_does_not_make_a_folder(tmp_path: Path) -> None:
    assert payloads(log(tmp_path / "none")) == []
    assert log(tmp_path / "none").last() == START
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("cut", [1, 5, 20, 30])
def test_an_entry_that_a_crash_cut_short_is_gone_and_the_next_one_takes_its_place(tmp_path: Path, cut: int) -> None:
    one = log(tmp_path)
    one.append([(b"a", b"first"), (b"b", b"second is longer than a cut")])
    path = newest(tmp_path)
    os.truncate(path, path.stat().st_size - cut)

    other = log(tmp_path)
    assert payloads(other) == [b"first"]
    placed = other.append([(b"c", b"third")])

    assert placed[0].number == 2
    assert payloads(log(tmp_path)) == [b"first", b"third"]
    assert other.find(b"b") is None


def test_blocks_that_never_reached_the_disk_are_a_cut_too(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([(b"", b"first"), (b"", b"x" * 200)])
    path = newest(tmp_path)
    content = bytearray(path.read_bytes())
    content[-150:] = bytes(150)
    path.write_bytes(content)

    other = log(tmp_path)

    assert other.append([(b"", b"third")])[0].number == 2
    assert payloads(other) == [b"first", b"third"]


@pytest.mark.parametrize("at", [3, 10, 30, 75, -3])
def test_a_changed_byte_is_damage_and_nothing_is_passed_over(tmp_path: Path, at: int) -> None:
    log(tmp_path).append([(b"key", b"first entry of some length"), (b"", b"the second of them")])
    path = newest(tmp_path)
    content = bytearray(path.read_bytes())
    content[at] ^= 0x40
    path.write_bytes(content)

    with pytest.raises(IntegrityError) as caught:
        payloads(log(tmp_path))
    assert caught.value.facts["path"] == str(path)
    with pytest.raises(IntegrityError):
        log(tmp_path).append([(b"", b"third")])


def test_damage_is_found_by_who_has_read_the_entry_before(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([(b"", b"first entry"), (b"", b"second")])
    path = newest(tmp_path)
    content = bytearray(path.read_bytes())
    content[25] ^= 1
    path.write_bytes(content)

    with pytest.raises(IntegrityError):
        payloads(one)


def test_a_missing_file_is_damage(tmp_path: Path) -> None:
    one = log(tmp_path, segment_bytes_max=60)
    for number in range(12):
        one.append([(b"", b"entry %d" % number)])
    sorted(tmp_path.glob("*.log"))[1].unlink()

    with pytest.raises(IntegrityError):
        payloads(log(tmp_path))


def test_files_go_when_all_their_entries_may(tmp_path: Path) -> None:
    one = log(tmp_path, segment_bytes_max=100)
    placed = [one.append([(b"", b"entry %02d" % number)])[0] for number in range(20)]
    before = len(list(tmp_path.glob("*.log")))

    one.trim(placed[-1])

    assert before > 4
    assert len(list(tmp_path.glob("*.log"))) == 1
    assert log(tmp_path).last() == placed[-1]
    assert log(tmp_path).append([(b"", b"later")])[0].number == 21


def test_a_reader_keeps_its_place_while_another_process_trims_and_adds(tmp_path: Path) -> None:
    one, other = log(tmp_path, segment_bytes_max=80), log(tmp_path, segment_bytes_max=80)
    after, read = START, []
    for number in range(60):
        one.append([(b"", b"%03d" % number)])
        if number % 3 == 0:
            for entry in other.read(after, 10):
                after = entry.position
                read.append(entry.payload)
            one.trim(after)
    read += payloads(other, after)

    assert read == [b"%03d" % number for number in range(60)]


def test_time_that_goes_back_does_not_turn_the_order(tmp_path: Path) -> None:
    clock = FixedClock()
    one = FileLog(tmp_path, clock=clock)
    first = one.append([(b"", b"first")])[0]
    clock.move(-3_600)

    second = one.append([(b"", b"second")])[0]

    assert second > first
    assert payloads(one, first) == [b"second"]


def test_a_full_disk_is_told_and_leaves_the_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = log(tmp_path)
    one.append([(b"", b"first")])

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", full)
        with pytest.raises(UnavailableError) as caught:
            one.append([(b"", b"second")])
    assert caught.value.facts["reason"] == "No space left on device"

    assert payloads(log(tmp_path)) == [b"first"]
    assert one.append([(b"", b"third")])[0].number == 2
    assert payloads(one) == [b"first", b"third"]


Step = tuple[int, int]


@given(
    st.lists(st.tuples(st.sampled_from(["append", "trim", "reopen", "tear"]), st.integers(0, 60)), max_size=40),
    st.integers(40, 400),
)
def test_any_history_keeps_what_was_acknowledged_and_not_trimmed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], segment_bytes_max: int
) -> None:
    folder = tmp_path_factory.mktemp("log")
    logs = [log(folder, segment_bytes_max=segment_bytes_max) for _ in range(2)]
    held: list[tuple[Position, bytes]] = []
    last = START
    for turn, (what, size) in enumerate(steps):
        one = logs[turn % 2]
        if what == "append":
            payload = b"%d:" % turn + b"x" * size
            (last,) = one.append([(b"", payload)])
            held.append((last, payload))
        elif what == "trim" and held:
            upto = held[size % len(held)][0]
            one.trim(upto)
            held = [each for each in held if each[0] > upto]
        elif what == "reopen":
            logs[turn % 2] = log(folder, segment_bytes_max=segment_bytes_max)
        elif what == "tear" and list(folder.glob("*.log")):
            with newest(folder).open("ab") as stream:
                stream.write((b"PCE1\0\0\x01\0" + b"x" * 60)[:size])
    for one in logs:
        assert [(entry.position, entry.payload) for entry in one.read(START, 10_000)] == held
        assert one.last() == last
