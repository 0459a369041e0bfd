"""Batches in front of the one writer."""

from __future__ import annotations

from array import array
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event

import pytest

from actors.group_commit import GroupCommit
from chain.batch import EntryBatch, Placements
from domain.errors import ConflictError, IntegrityError, UnavailableError
from domain.evidence import EventType, EvidenceEvent, LogName
from domain.tenancy import TenantId


def entries(*numbers: int) -> EntryBatch:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return EntryBatch.encode(
        EvidenceEvent(TenantId("acme"), f"request-{number}", EventType.EVIDENCE_COLLECTED, at, {"n": number})
        for number in numbers
    )


def placed(batch: EntryBatch, start: int = 0) -> Placements:
    return Placements(
        (("test", LogName(2026)),), array("I", batch.owners), array("Q", range(start, start + len(batch)))
    )


class Journal:
    """Accepts entries in order and remembers its batches; waits for `gate` before each write."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, ...]] = []
        self.gate = Event()
        self.is_entered = Event()

    def write(self, batch: EntryBatch) -> Placements:
        self.is_entered.set()
        assert self.gate.wait(5)
        start = sum(len(earlier) for earlier in self.batches)
        self.batches.append(batch.request_ids)
        return placed(batch, start)


def test_a_batch_forms_while_the_former_is_written() -> None:
    journal = Journal()
    commit = GroupCommit(journal.write)
    with ThreadPoolExecutor(21) as callers:
        first = callers.submit(commit.append, entries(0))
        assert journal.is_entered.wait(5)
        rest = [callers.submit(commit.append, entries(number)) for number in range(1, 21)]
        while commit._queued_entries < 20:
            pass
        journal.gate.set()
        placements = [call.result(5) for call in [first, *rest]]
    assert [len(batch) for batch in journal.batches] == [1, 20]
    recorded = [name for batch in journal.batches for name in batch]
    assert all(recorded[found.indexes[0]] == f"request-{number}" for number, found in enumerate(placements))


def test_more_entries_than_a_batch_are_split_and_keep_their_order() -> None:
    journal = Journal()
    journal.gate.set()
    batch = entries(*range(8))
    receipts = GroupCommit(journal.write, batch_entries_max=3).append(batch).receipts(batch)
    assert [len(batch) for batch in journal.batches] == [3, 3, 2]
    assert [(receipt.index, receipt.request_id) for receipt in receipts] == [
        (number, f"request-{number}") for number in range(8)
    ]


def test_a_full_queue_refuses_at_once() -> None:
    with pytest.raises(UnavailableError) as refusal:
        GroupCommit(Journal().write, queued_entries_max=2).append(entries(0, 1, 2))
    assert refusal.value.facts["limit"] == 2
    assert refusal.value.facts["retry_after_s"] == 1


def test_a_silent_writer_ends_in_unavailable_for_those_who_wait() -> None:
    journal = Journal()
    commit = GroupCommit(journal.write)
    with ThreadPoolExecutor(1) as leader:
        first = leader.submit(commit.append, entries(0))
        assert journal.is_entered.wait(5)
        with pytest.raises(UnavailableError, match="did not answer in time"):
            commit.append(entries(1), deadline_s=0.01)
        journal.gate.set()
        first.result(5)


def test_a_refusal_of_the_writer_reaches_the_caller() -> None:
    def refuse(batch: EntryBatch) -> Placements:
        raise IntegrityError("journal is damaged", entry=7)

    with pytest.raises(IntegrityError) as refusal:
        GroupCommit(refuse).append(entries(0))
    assert refusal.value.facts == {"entry": 7}


@pytest.mark.parametrize("error", [ConflictError("seen before"), UnavailableError("disk is full")])
def test_one_callers_conflict_is_not_the_others_but_a_full_disk_is(error: ConflictError | UnavailableError) -> None:
    journal, calls = Journal(), 0

    def write(batch: EntryBatch) -> Placements:
        nonlocal calls
        calls += 1
        found = journal.write(batch)
        if "request-2" in batch.request_ids:
            raise error
        return found

    commit = GroupCommit(write)
    with ThreadPoolExecutor(4) as callers:
        first = callers.submit(commit.append, entries(0))
        assert journal.is_entered.wait(5)
        rest = [callers.submit(commit.append, entries(number)) for number in (1, 2, 3)]
        while commit._queued_entries < 3:
            pass
        journal.gate.set()
        failures = [type(call.exception(5)) for call in [first, *rest]]
    kind, none = type(error), type(None)
    assert failures == ([none, none, kind, none] if kind is ConflictError else [none, kind, kind, kind])
    assert calls == (5 if kind is ConflictError else 2)


def test_after_a_bug_in_the_writer_the_next_caller_leads() -> None:
    calls = 0

    def write(batch: EntryBatch) -> Placements:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ZeroDivisionError
        return placed(batch)

    commit = GroupCommit(write)
    with pytest.raises(ZeroDivisionError):
        commit.append(entries(0))
    assert [*commit.append(entries(0)).indexes] == [0]


def test_nothing_is_nothing() -> None:
    assert len(GroupCommit(Journal().write).append(entries())) == 0
