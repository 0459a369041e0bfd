"""Anchoring in simulated time: what dead, slow and late targets do to the others, to the log, and to restarts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from actors.anchor_book import AnchorBook
from actors.anchor_schedule import NEVER_CONFIRMED, NEVER_RAN, AnchorTiming, Circuit, Gap, TargetState, replay
from chain.anchors.receipt import FILE_SIZE_BYTES_MAX
from domain.errors import InputError, UnavailableError
from tests.unit.actors.anchor_world import HOUR, MINUTE, START, SetClock, Target, World, world


def test_every_target_gives_one_receipt_an_hour() -> None:
    it = world("a", "b")
    it.run(3 * HOUR)
    for name in ("a", "b"):
        assert [one["due_at"] for one in it.receipts(name)] == [f"2026-03-01T{hour}:00:00Z" for hour in (12, 13, 14)]
        assert it.gaps(name) == []


def test_a_receipt_is_recorded_with_the_note_it_is_for() -> None:
    it = world("a")
    (receipt,) = it.anchoring.round().receipts
    assert it.log.artifact(receipt.note_sha256) == it.targets[0].asked[0]


def test_a_dead_target_stops_neither_the_others_nor_the_log() -> None:
    it = world("dead", "live")
    it.targets[0].fault = UnavailableError("no answer from the server", host="tsa.example")
    it.run(3 * HOUR)
    assert len(it.receipts("live")) == 3
    assert it.receipts("dead") == []
    assert [(one["from"][11:13], one["to"][11:13]) for one in it.gaps("dead")] == [("12", "13"), ("13", "14")]
    assert {one["reason"] for one in it.gaps("dead")} == {"no answer from the server (host='tsa.example')"}


def test_a_target_that_is_back_catches_up_with_the_next_note() -> None:
    it = world("dead")
    it.targets[0].fault = UnavailableError("down")
    it.run(3 * HOUR)
    it.targets[0].fault = None
    it.run(2 * HOUR)
    assert [one["due_at"][11:13] for one in it.receipts("dead")] == ["15", "16"]
    assert it.targets[0].asked[-1].decode().split("\n")[1] == "4"
    assert len(it.gaps("dead")) == 3


def test_a_failing_target_is_left_alone_longer_and_longer() -> None:
    it = world("flapping")
    it.targets[0].fault = UnavailableError("down")
    it.run(timedelta(minutes=40))
    assert len(it.targets[0].asked) == 6
    state = it.anchoring.states["flapping"]
    assert state.circuit(it.clock.at) is Circuit.OPEN
    assert state.circuit(state.retry_at) is Circuit.HALF_OPEN


def test_a_flapping_target_gives_a_receipt_whenever_it_can_and_closes_the_circuit() -> None:
    it = world("flapping")
    for _ in range(6):
        it.targets[0].fault = UnavailableError("down")
        it.run(5 * MINUTE)
        it.targets[0].fault = None
        it.run(HOUR - 5 * MINUTE)
    assert len(it.receipts("flapping")) == 6
    assert it.gaps("flapping") == []
    assert it.anchoring.states["flapping"].circuit(it.clock.at) is Circuit.CLOSED


def test_a_slow_target_is_waited_for_by_nobody_and_its_late_answer_counts() -> None:
    it = world("slow", "fast")
    it.threads.slow.add("slow")
    first = it.anchoring.round()
    assert first.failures == {"slow": "no answer within 0 s"}
    assert [receipt.target for receipt in first.receipts] == ["fast"]
    it.clock.at += MINUTE
    assert it.anchoring.round().failures == {}
    it.threads.release("slow")
    it.clock.at += MINUTE
    assert [receipt.target for receipt in it.anchoring.round().receipts] == ["slow"]
    assert len(it.targets[0].asked) == 1
    assert it.anchoring.states["slow"].circuit(it.clock.at) is Circuit.CLOSED


def test_a_gap_of_a_slow_target_is_told_once_its_call_has_ended() -> None:
    it = world("slow")
    it.threads.slow.add("slow")
    it.run(HOUR + 5 * MINUTE)
    assert it.gaps("slow") == []
    it.targets[0].fault = UnavailableError("timed out")
    it.threads.release("slow")
    it.anchoring.round()
    assert [one["reason"] for one in it.gaps("slow")] == ["timed out"]


def test_hours_without_a_running_platform_are_told_after_the_restart() -> None:
    it = world("a")
    it.run(HOUR)
    it.clock.at += 5 * HOUR
    it.restart()
    it.run(HOUR)
    (gap,) = it.gaps("a")
    assert (gap["from"], gap["to"], gap["reason"]) == ("2026-03-01T13:00:00Z", "2026-03-01T18:00:00Z", NEVER_RAN)
    assert [one["due_at"][11:13] for one in it.receipts("a")] == ["12", "18"]


def test_a_new_target_owes_nothing_for_the_time_before_it() -> None:
    it = world("a")
    it.run(2 * HOUR)
    it.targets.append(Target("new", it.clock))
    it.restart()
    it.run(HOUR)
    assert (it.gaps("new"), len(it.receipts("new"))) == ([], 1)


def test_a_restart_reads_only_as_much_of_the_log_as_may_be_open() -> None:
    it = world("a")
    it.run(timedelta(days=20), step=HOUR)
    it.log.list[0] = b'{"type":"anchor_receipt", and then nothing that can be read'
    it.restart()
    assert it.anchoring.round().receipts[0].target == "a"


def test_an_unconfirmed_receipt_is_completed_after_a_restart() -> None:
    it = world("chain", confirms=False)
    it.run(HOUR)
    it.restart()
    assert len(it.anchoring.states["chain"].pending) == 1
    it.targets[0].confirmed = True
    it.run(15 * MINUTE)
    assert [one["is_final"] for one in it.receipts("chain")] == [False, False, True, True]
    assert it.anchoring.states["chain"].pending == {}


def test_unconfirmed_receipts_are_asked_about_every_ten_minutes() -> None:
    it = world("chain", confirms=False)
    it.run(HOUR)
    assert it.targets[0].completed == 6


def test_a_completion_that_comes_twice_is_recorded_once() -> None:
    it = world("chain", confirms=False)
    it.anchoring.round()
    other = World(it.targets, it.clock, it.log)
    it.targets[0].confirmed = True
    it.threads.slow.add("chain")
    it.clock.at += MINUTE
    it.anchoring.round()
    other.anchoring.round()
    it.clock.at += MINUTE
    it.threads.release("chain")
    assert it.anchoring.round().receipts == ()
    assert [one["is_final"] for one in it.receipts("chain")] == [False, True]


def test_a_receipt_that_is_never_confirmed_is_given_up_and_its_hour_is_a_gap() -> None:
    it = world("chain", confirms=False)
    it.anchoring.round()
    it.clock.at += timedelta(days=7, hours=1)
    it.anchoring.round()
    abandoned = [one for one in it.gaps("chain") if one["reason"] == NEVER_CONFIRMED]
    assert [(one["from"], one["note_sha256"]) for one in abandoned] == [
        ("2026-03-01T12:00:00Z", it.receipts("chain")[0]["note_sha256"])
    ]
    assert len(it.anchoring.states["chain"].pending) == 1


def test_receipts_survive_a_log_that_cannot_be_written() -> None:
    it = world("a")
    it.log.is_full = True
    with pytest.raises(UnavailableError, match="disk is full"):
        it.anchoring.round()
    it.log.is_full = False
    it.clock.at += MINUTE
    assert len(it.anchoring.round().receipts) == 1
    assert len(it.targets[0].asked) == 1


def test_a_gap_that_another_process_told_meanwhile_is_not_told_again() -> None:
    it = world("a")
    it.anchoring.round()
    it.clock.at += 3 * HOUR
    World(it.targets, it.clock, it.log).anchoring.round()
    it.clock.at += MINUTE
    gap = Gap("a", START.replace(hour=13, second=0, minute=0), START.replace(hour=15, second=0, minute=0), NEVER_RAN)
    book = AnchorBook(it.log, ["a"], timing=it.timing, now=it.clock.at)
    book.record_gaps([gap], it.clock.at)
    assert len(it.gaps("a")) == 1


def test_an_entry_of_another_type_changes_no_state() -> None:
    state = TargetState("a", START)
    assert replay(state, b"", {"type": "anchor_policy", "body": {"target": "a"}}, AnchorTiming()) is state
    assert replay(state, b"", {"type": "anchor_gap", "body": {"target": "b"}}, AnchorTiming()) is state


def test_a_receipt_for_another_note_is_not_recorded() -> None:
    it = world("liar")
    it.targets[0].lies = True
    assert "receipt does not hold" in it.anchoring.round().failures["liar"]
    assert it.receipts("liar") == []


def test_a_receipt_that_cannot_be_an_entry_is_dropped_and_stops_nobody() -> None:
    it = world("huge", "live")
    it.targets[0].extra = {"file.bin": bytes(FILE_SIZE_BYTES_MAX + 1)}
    found = it.anchoring.round()
    assert "cannot be kept" in found.failures["huge"]
    assert [receipt.target for receipt in found.receipts] == ["live"]
    assert it.anchoring.states["huge"].circuit(it.clock.at) is Circuit.OPEN


def test_a_fault_of_a_targets_program_is_that_targets_failure() -> None:
    it = world("broken", "live")
    it.targets[0].fault = KeyError("blockhash")
    found = it.anchoring.round()
    assert found.failures == {"broken": "KeyError: 'blockhash'"}
    assert [receipt.target for receipt in found.receipts] == ["live"]


def test_on_demand_every_target_is_asked_even_with_an_open_circuit() -> None:
    it = world("a", "b")
    it.targets[1].fault = UnavailableError("down")
    it.run(5 * MINUTE)
    it.targets[1].fault = None
    found = it.anchoring.round(is_on_demand=True)
    assert sorted(receipt.target for receipt in found.receipts) == ["a", "b"]


def test_two_targets_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="one name"):
        world("a", "a")


def test_pauses_grow_to_the_longest_and_no_further() -> None:
    timing = AnchorTiming()
    assert [timing.pause(n) // MINUTE for n in (1, 2, 3, 7, 100)] == [1, 2, 4, 60, 60]


def test_a_state_shows_no_failure_before_any() -> None:
    assert TargetState("a", START).circuit(SetClock().now()) is Circuit.CLOSED
