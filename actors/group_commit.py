"""Batches in front of the one writer: a batch forms while the former is being written, without a time window.

The first caller that finds no writer busy writes everything that has queued up; the others wait for their part of
the result. A caller on an event loop leaves the writing to one thread, so that any number of them can wait without a
thread each. Entries arrive encoded and hashed, so that the writer only records them. The queue is bounded, and a full
one refuses at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeAlias

from chain.batch import EntryBatch, Placements
from domain.errors import InputError, PolicyCortexError, UnavailableError
from domain.evidence import Receipt
from domain.tenancy import TenantId

Write: TypeAlias = "Callable[[EntryBatch], Placements]"

QUEUED_ENTRIES_MAX = 100_000
QUEUED_ENTRIES_OF_TENANT_MAX = 50_000
BATCH_ENTRIES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class _Submission:
    batch: EntryBatch
    answer: Future[Placements] = field(default_factory=Future)


class GroupCommit:
    """Collects entries of many callers into batches for `write`, in order of arrival.

    Args:
        write: appends a batch and says where each entry stands; safe to repeat.
    """

    def __init__(
        self,
        write: Write,
        *,
        queued_entries_max: int = QUEUED_ENTRIES_MAX,
        queued_entries_of_tenant_max: int = QUEUED_ENTRIES_OF_TENANT_MAX,
        batch_entries_max: int = BATCH_ENTRIES_MAX,
    ) -> None:
        self._write = write
        self._queued_entries_max = queued_entries_max
        self._queued_entries_of_tenant_max = queued_entries_of_tenant_max
        self._batch_entries_max = batch_entries_max
        self._waiting: deque[_Submission] = deque()
        self._queued_entries = 0
        self._queued_of: Counter[TenantId] = Counter()
        self._is_writing = False
        self._lock = Lock()
        self._leader = ThreadPoolExecutor(1, thread_name_prefix="group-commit")

    def append(self, batch: EntryBatch, *, deadline_s: float = 60.0) -> tuple[Receipt, ...]:
        """Append entries and return their receipts once they are durable.

        Raises:
            UnavailableError: the queue is full, or the writer did not answer within the deadline.
        """
        receipts: list[Receipt] = []
        for part in batch.parts(self._batch_entries_max):
            if len(part):
                receipts += self._append_part(part, deadline_s).receipts(part)
        return tuple(receipts)

    async def record(self, batch: EntryBatch, *, deadline_s: float = 60.0) -> Placements:
        """Append entries, all of them or none, and say where they stand once they are durable; for event loops.

        Raises:
            InputError: there are more of them than one batch holds.
            UnavailableError: the queue is full, or the writer did not answer within the deadline.
        """
        if len(batch) > self._batch_entries_max:
            raise InputError("too many entries for one batch", got=len(batch), limit=self._batch_entries_max)
        submission = self._enqueue(batch)
        if not self._is_writing:
            self._leader.submit(self._write_while_leading)
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.shield(asyncio.wrap_future(submission.answer))
        except TimeoutError:
            raise _late(deadline_s) from None

    def _append_part(self, batch: EntryBatch, deadline_s: float) -> Placements:
        submission = self._enqueue(batch)
        self._write_while_leading()
        try:
            return submission.answer.result(timeout=deadline_s)
        except TimeoutError:
            raise _late(deadline_s) from None

    def _enqueue(self, batch: EntryBatch) -> _Submission:
        submission = _Submission(batch)
        with self._lock:
            self._require_room(batch)
            self._waiting.append(submission)
            self._count(batch, 1)
        return submission

    def _require_room(self, batch: EntryBatch) -> None:
        """Refuse what the queue cannot hold; a tenant that fills its share does not keep the others out."""
        if self._queued_entries + len(batch) > self._queued_entries_max:
            raise UnavailableError(
                "the queue of the evidence writer is full",
                queued=self._queued_entries,
                limit=self._queued_entries_max,
                retry_after_s=1,
                todo="Repeat the call later",
            )
        for tenant in batch.tenants:
            if self._queued_of[tenant] + len(batch) > self._queued_entries_of_tenant_max:
                raise UnavailableError(
                    "the tenant's share of the evidence writer's queue is full",
                    queued=self._queued_of[tenant],
                    limit=self._queued_entries_of_tenant_max,
                    retry_after_s=1,
                    status=429,
                    todo="Repeat the call later, with fewer calls at once",
                )

    def _count(self, batch: EntryBatch, sign: int) -> None:
        self._queued_entries += sign * len(batch)
        for tenant in batch.tenants:
            self._queued_of[tenant] += sign * len(batch)
            if not self._queued_of[tenant]:
                del self._queued_of[tenant]

    def _write_while_leading(self) -> None:
        with self._lock:
            if self._is_writing:
                return
            self._is_writing = True
        while submissions := self._next_submissions():
            self._write_together(submissions)

    def _next_submissions(self) -> list[_Submission]:
        """Whole submissions up to the batch size, at least one; ends the lead when nothing waits."""
        found: list[_Submission] = []
        size = 0
        with self._lock:
            while self._waiting and (not found or size + len(self._waiting[0].batch) <= self._batch_entries_max):
                found.append(self._waiting.popleft())
                size += len(found[-1].batch)
                self._count(found[-1].batch, -1)
            if not found:
                self._is_writing = False
        return found

    def _write_together(self, submissions: Sequence[_Submission]) -> None:
        try:
            placements = self._write(EntryBatch.joined([submission.batch for submission in submissions]))
            start = 0
            for submission in submissions:
                stop = start + len(submission.batch)
                submission.answer.set_result(placements.part(start, stop))
                start = stop
        except PolicyCortexError as error:
            self._refuse(submissions, error)
        finally:
            self._hand_over(submissions)

    def _refuse(self, submissions: Sequence[_Submission], error: PolicyCortexError) -> None:
        """Nothing of a refused batch is recorded. One caller's conflict is not the others': each is tried alone."""
        if len(submissions) == 1 or error.is_retried:
            for submission in submissions:
                submission.answer.set_exception(error)
            return
        for submission in submissions:
            self._write_together([submission])

    def _hand_over(self, submissions: Sequence[_Submission]) -> None:
        """After a bug in the writer nobody waits for ever, and the next caller leads."""
        unanswered = [submission for submission in submissions if not submission.answer.done()]
        if not unanswered:
            return
        with self._lock:
            unanswered += self._waiting
            self._waiting.clear()
            self._queued_entries = 0
            self._queued_of.clear()
            self._is_writing = False
        for submission in unanswered:
            submission.answer.set_exception(UnavailableError("the evidence writer failed", todo="See the platform log"))


def _late(deadline_s: float) -> UnavailableError:
    return UnavailableError(
        "the evidence writer did not answer in time",
        deadline_s=deadline_s,
        retry_after_s=5,
        todo="Repeat the call with the same idempotency key; nothing is recorded twice",
    )
