"""Batches in front of the one writer."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event

import pytest

from actors.group_commit import GroupCommit
from domain.errors import IntegrityError, UnavailableError
from domain.evidence import EventType, EvidenceEvent, Receipt
from domain.tenancy import TenantId


def event(number: int) -> EvidenceEvent:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return EvidenceEvent(TenantId("acme"), f"request-{number}", EventType.EVIDENCE_COLLECTED, at, {"n": number})


class Journal:
    """Accepts events in order and remembers its batches; waits for `gate` before each write."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = Event()
        self.is_entered = Event()

    def write(self, events: Sequence[EvidenceEvent]) -> list[Receipt]:
        self.is_entered.set()
        assert self.gate.wait(5)
        start = sum(len(batch) for batch in self.batches)
        self.batches.append([event.request_id for event in events])
        return [Receipt(e.request_id, "test", start + i, "", "") for i, e in enumerate(events)]


def test_a_batch_forms_while_the_former_is_written() -> None:
    journal = Journal()
    commit = GroupCommit(journal.write)
    with ThreadPoolExecutor(21) as callers:
        first = callers.submit(commit.append, [event(0)])
        assert journal.is_entered.wait(5)
        rest = [callers.submit(commit.append, [event(number)]) for number in range(1, 21)]
        while commit._queued_events < 20:
            pass
        journal.gate.set()
        receipts = [call.result(5) for call in [first, *rest]]
    assert [len(batch) for batch in journal.batches] == [1, 20]
    assert all(receipt.request_id == f"request-{number}" for number, (receipt,) in enumerate(receipts))


def test_more_events_than_a_batch_are_split_and_keep_their_order() -> None:
    journal = Journal()
    journal.gate.set()
    receipts = GroupCommit(journal.write, batch_events_max=3).append([event(number) for number in range(8)])
    assert [len(batch) for batch in journal.batches] == [3, 3, 2]
    assert [receipt.index for receipt in receipts] == list(range(8))


def test_a_full_queue_refuses_at_once() -> None:
    with pytest.raises(UnavailableError) as refusal:
        GroupCommit(Journal().write, queued_events_max=2).append([event(number) for number in range(3)])
    assert refusal.value.facts["limit"] == 2
    assert refusal.value.facts["retry_after_s"] == 1


def test_a_silent_writer_ends_in_unavailable_for_those_who_wait() -> None:
    journal = Journal()
    commit = GroupCommit(journal.write)
    with ThreadPoolExecutor(1) as leader:
        first = leader.submit(commit.append, [event(0)])
        assert journal.is_entered.wait(5)
        with pytest.raises(UnavailableError, match="did not answer in time"):
            commit.append([event(1)], deadline_s=0.01)
        journal.gate.set()
        first.result(5)


def test_a_refusal_of_the_writer_reaches_every_caller_of_the_batch() -> None:
    def refuse(events: Sequence[EvidenceEvent]) -> list[Receipt]:
        raise IntegrityError("journal is damaged", entry=7)

    with pytest.raises(IntegrityError) as refusal:
        GroupCommit(refuse).append([event(0)])
    assert refusal.value.facts == {"entry": 7}


def test_after_a_bug_in_the_writer_the_next_caller_leads() -> None:
    calls = 0

    def write(events: Sequence[EvidenceEvent]) -> list[Receipt]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ZeroDivisionError
        return [Receipt(e.request_id, "test", 0, "", "") for e in events]

    commit = GroupCommit(write)
    with pytest.raises(ZeroDivisionError):
        commit.append([event(0)])
    assert commit.append([event(0)])[0].request_id == "request-0"


def test_nothing_is_nothing() -> None:
    assert GroupCommit(Journal().write).append([]) == ()
