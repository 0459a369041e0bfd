"""Batches in front of the one writer, for callers on an event loop."""

from __future__ import annotations

import asyncio
from array import array
from datetime import UTC, datetime

import pytest

from actors.loop_commit import LoopCommit
from chain.batch import EntryBatch, Placements
from domain.errors import ConflictError, InputError, IntegrityError, UnavailableError
from domain.evidence import EventType, EvidenceEvent, LogName
from domain.tenancy import TenantId

pytestmark = pytest.mark.asyncio


def batch(*numbers: int, tenant: str = "acme") -> EntryBatch:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    kind = EventType.EVIDENCE_COLLECTED
    return EntryBatch.encode([EvidenceEvent(TenantId(tenant), f"r{n}", kind, at, {"n": n}) for n in numbers])


class Journal:
    """Accepts entries in order and remembers its batches; waits for `gate` before each write."""

    def __init__(self, *, refuses: str = "") -> None:
        self.batches: list[list[str]] = []
        self.gate = asyncio.Event()
        self.refuses = refuses

    async def write(self, entries: EntryBatch) -> Placements:
        await self.gate.wait()
        if self.refuses in entries.request_ids:
            raise ConflictError("already recorded with another content", request_id=self.refuses)
        start = sum(len(each) for each in self.batches)
        self.batches.append(list(entries.request_ids))
        size = len(entries)
        return Placements(
            (("log/2026", LogName(2026)),), array("I", [0] * size), array("Q", range(start, start + size))
        )


async def test_a_batch_forms_while_the_former_is_written() -> None:
    journal = Journal()
    commit = LoopCommit(journal.write)
    calls = [asyncio.create_task(commit.append(batch(number))) for number in range(21)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    journal.gate.set()
    placed = await asyncio.gather(*calls)
    assert [len(each) for each in journal.batches] in ([1, 20], [21])
    assert [found.indexes[0] for found in placed] == list(range(21))


async def test_a_submission_is_never_split() -> None:
    journal = Journal()
    commit = LoopCommit(journal.write, batch_entries_max=3)
    calls = [asyncio.create_task(commit.append(batch(*numbers))) for numbers in ((0, 1), (2, 3), (4,))]
    await asyncio.sleep(0)
    journal.gate.set()
    await asyncio.gather(*calls)
    assert journal.batches == [["r0", "r1"], ["r2", "r3", "r4"]]


async def test_more_than_a_batch_holds_is_refused() -> None:
    with pytest.raises(InputError) as refusal:
        await LoopCommit(Journal().write, batch_entries_max=2).append(batch(0, 1, 2))
    assert refusal.value.facts["limit"] == 2


async def test_a_full_queue_refuses_at_once_and_a_tenant_only_its_share() -> None:
    journal = Journal()
    commit = LoopCommit(journal.write, queued_entries_max=5, queued_entries_of_tenant_max=3)
    waiting = [asyncio.create_task(commit.append(batch(0)))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the first one is being written and no longer queued
    waiting.append(asyncio.create_task(commit.append(batch(1, 2, 3))))
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError) as share:
        await commit.append(batch(4))
    assert (share.value.facts["status"], share.value.facts["retry_after_s"]) == (429, 1)
    waiting.append(asyncio.create_task(commit.append(batch(5, 6, tenant="globex"))))
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError) as full:
        await commit.append(batch(7, tenant="initech"))
    assert "status" not in full.value.facts
    journal.gate.set()
    await asyncio.gather(*waiting)
    assert len((await commit.append(batch(4))).indexes) == 1


async def test_the_share_of_each_tenant_of_a_joined_batch_is_counted() -> None:
    journal = Journal()
    commit = LoopCommit(journal.write, queued_entries_of_tenant_max=3)
    joined = EntryBatch.joined([batch(0, 1), batch(2, tenant="globex")])
    waiting = asyncio.create_task(commit.append(joined))
    await asyncio.sleep(0)
    journal.gate.set()
    assert len((await waiting).indexes) == 3


async def test_one_callers_conflict_is_not_the_others() -> None:
    journal = Journal(refuses="r1")
    commit = LoopCommit(journal.write)
    calls = [asyncio.create_task(commit.append(batch(number))) for number in range(3)]
    await asyncio.sleep(0)
    journal.gate.set()
    first, second, third = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(first, Placements)
    assert isinstance(second, ConflictError)
    assert isinstance(third, Placements)


async def test_an_unavailable_writer_is_not_asked_again_for_each() -> None:
    asked = 0

    async def write(_: EntryBatch) -> Placements:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        raise UnavailableError("the disk is full")

    commit = LoopCommit(write)
    found = await asyncio.gather(*(commit.append(batch(number)) for number in range(5)), return_exceptions=True)
    assert {type(each) for each in found} == {UnavailableError}
    assert asked <= 2


async def test_a_refusal_reaches_its_caller_with_its_facts() -> None:
    async def write(_: EntryBatch) -> Placements:
        raise IntegrityError("journal is damaged", entry=7)

    with pytest.raises(IntegrityError) as refusal:
        await LoopCommit(write).append(batch(0))
    assert refusal.value.facts == {"entry": 7}


async def test_a_caller_who_went_away_is_passed_over() -> None:
    journal = Journal()
    commit = LoopCommit(journal.write)
    first = asyncio.create_task(commit.append(batch(0)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gone, kept = (asyncio.create_task(commit.append(batch(number))) for number in (1, 2))
    await asyncio.sleep(0)
    gone.cancel()
    first.cancel()
    await asyncio.sleep(0)
    journal.gate.set()
    await kept
    assert journal.batches == [["r0"], ["r2"]]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_after_a_bug_in_the_writer_nobody_waits_and_the_next_caller_leads() -> None:
    calls = 0

    async def write(entries: EntryBatch) -> Placements:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.sleep(0)
            raise ZeroDivisionError
        return Placements((("log/2026", LogName(2026)),), array("I", [0]), array("Q", [0]))

    commit = LoopCommit(write)
    found = await asyncio.gather(*(commit.append(batch(number)) for number in range(3)), return_exceptions=True)
    assert {type(each) for each in found} == {UnavailableError}
    assert (await commit.append(batch(0))).indexes[0] == 0


async def test_a_write_waits_for_others_as_long_as_some_come(monkeypatch: pytest.MonkeyPatch) -> None:
    journal, slept, coming = Journal(), list[float](), iter(range(100, 104))
    commit, sleep, loop = LoopCommit(journal.write), asyncio.sleep, asyncio.get_running_loop()
    calls = [asyncio.create_task(commit.append(batch(0)))]

    async def pausing(delay: float) -> None:
        slept.append(delay)
        if (number := next(coming, None)) is not None:
            calls.append(loop.create_task(commit.append(batch(number))))
        await sleep(0)
        await sleep(0)

    await sleep(0)
    calls += [asyncio.create_task(commit.append(batch(number))) for number in (1, 2)]
    await sleep(0)
    monkeypatch.setattr(asyncio, "sleep", pausing)
    journal.gate.set()
    while not all(call.done() for call in calls):
        await sleep(0)
    assert journal.batches == [["r0"], ["r1", "r2", "r100", "r101", "r102", "r103"]]
    assert len(slept) == 5
