"""Batches in front of the one writer, for callers on an event loop: a thousand can wait, and no thread does.

As with `actors.group_commit`, a batch forms while the former is being written. Where several wait already, others are
about to come, and a call costs nearly the same for one as for fifty: so the next write waits as long as more keep
coming, a twentieth of a second at most. Whoever comes alone never waits. Each submission is recorded as a whole or not
at all. The queue is bounded, for everybody and for each tenant, and a full one refuses at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from chain.batch import EntryBatch, Placements
from domain.errors import InputError, PolicyCortexError, UnavailableError
from domain.tenancy import TenantId

Write: TypeAlias = "Callable[[EntryBatch], Awaitable[Placements]]"
_Submission: TypeAlias = "tuple[EntryBatch, asyncio.Future[Placements]]"

QUEUED_ENTRIES_MAX = 100_000
QUEUED_ENTRIES_OF_TENANT_MAX = 50_000
BATCH_ENTRIES_MAX = 10_000
PAUSE_S_MAX = 0.05
PAUSE_STEP_S_MAX = 0.01
PAUSED_ENTRIES_MAX = 64
"""From so many waiting entries on, more would hardly make one cheaper."""


class LoopCommit:
    """Collects entries of many callers of one event loop into batches for `write`, in order of arrival.

    Args:
        write: appends a batch and says where each entry stands; safe to repeat, and ends by a deadline of its own.
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
        self._queued: Counter[TenantId] = Counter()
        self._leader: asyncio.Task[None] | None = None

    async def append(self, batch: EntryBatch) -> Placements:
        """Append entries, all of them or none, and say where they stand once they are durable.

        Raises:
            InputError: there are more of them than one batch holds.
            UnavailableError: the queue is full, or the writer did not answer in time.
        """
        if len(batch) > self._batch_entries_max:
            raise InputError("too many entries for one batch", got=len(batch), limit=self._batch_entries_max)
        self._require_room(batch)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Placements] = loop.create_future()
        self._waiting.append((batch, answer))
        self._count(batch, 1)
        if self._leader is None:
            self._leader = loop.create_task(self._lead())
        return await answer

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def _require_room(self, batch: EntryBatch) -> None:
        """Refuse what the queue cannot hold; a tenant that fills its share does not keep the others out."""
        queued = self._queued.total()
        if queued + len(batch) > self._queued_entries_max:
            raise UnavailableError(
                "the queue of the evidence writer is full",
                queued=queued,
                limit=self._queued_entries_max,
                retry_after_s=1,
                todo="Repeat the call later",
            )
        for tenant in batch.tenants:
            if self._queued[tenant] + len(batch) > self._queued_entries_of_tenant_max:
                raise UnavailableError(
                    "the tenant's share of the evidence writer's queue is full",
                    queued=self._queued[tenant],
                    limit=self._queued_entries_of_tenant_max,
                    retry_after_s=1,
                    status=429,
                    todo="Repeat the call later, with fewer calls at once",
                )

    def _count(self, batch: EntryBatch, sign: int) -> None:
        for tenant, owner in zip(batch.tenants, range(len(batch.tenants)), strict=True):
            self._queued[tenant] += sign * (len(batch) if len(batch.tenants) == 1 else batch.owners.count(owner))
            if not self._queued[tenant]:
                del self._queued[tenant]

    async def _lead(self) -> None:
        """Write until nothing waits. After a bug in the writer nobody waits for ever, and the next caller leads."""
        submissions: list[_Submission] = []
        try:
            while submissions := self._next():
                begun = self._now()
                await self._write_together(submissions)
                submissions = []
                await self._let_join(self._now() - begun)
        finally:
            self._leader = None
            for batch, _ in self._waiting:
                self._count(batch, -1)
            for _, answer in (*submissions, *self._waiting):
                if not answer.done():
                    answer.set_exception(UnavailableError("the evidence writer failed", todo="See the platform log"))
            self._waiting.clear()

    async def _let_join(self, took_s: float) -> None:
        """Wait for others as long as some come, in steps as long as the former write took."""
        step_s, until = min(took_s, PAUSE_STEP_S_MAX), self._now() + PAUSE_S_MAX
        while len(self._waiting) > 1 and self._queued.total() < PAUSED_ENTRIES_MAX and self._now() < until:
            before = len(self._waiting)
            await asyncio.sleep(step_s)
            if len(self._waiting) == before:
                return

    def _next(self) -> list[_Submission]:
        """Whole submissions up to the batch size, at least one; those whose caller has gone are left out."""
        found: list[_Submission] = []
        size = 0
        while self._waiting and (not found or size + len(self._waiting[0][0]) <= self._batch_entries_max):
            batch, answer = self._waiting.popleft()
            self._count(batch, -1)
            if not answer.done():
                found.append((batch, answer))
                size += len(batch)
        return found

    async def _write_together(self, submissions: Sequence[_Submission]) -> None:
        try:
            placements = await self._write(EntryBatch.joined([batch for batch, _ in submissions]))
        except PolicyCortexError as error:
            await self._refuse(submissions, error)
            return
        start = 0
        for batch, answer in submissions:
            stop = start + len(batch)
            if not answer.done():
                answer.set_result(placements.part(start, stop))
            start = stop

    async def _refuse(self, submissions: Sequence[_Submission], error: PolicyCortexError) -> None:
        """Nothing of a refused batch is recorded. One caller's conflict is not the others': each is tried alone."""
        if len(submissions) > 1 and not error.is_retried:
            for submission in submissions:
                await self._write_together([submission])
            return
        for _, answer in submissions:
            if not answer.done():
                answer.set_exception(error)
