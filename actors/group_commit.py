"""Batches in front of the one writer: a batch forms while the former is being written, without a time window.

The first caller that finds no writer busy writes everything that has queued up; the others wait for their part of
the result. Entries arrive encoded and hashed, so that the writer only records them. The queue is bounded, and a full
one refuses at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeAlias

from chain.batch import EntryBatch, Placements
from domain.errors import PolicyCortexError, UnavailableError

Write: TypeAlias = "Callable[[EntryBatch], Placements]"

QUEUED_ENTRIES_MAX = 100_000
BATCH_ENTRIES_MAX = 4_096


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
        self, write: Write, *, queued_entries_max: int = QUEUED_ENTRIES_MAX, batch_entries_max: int = BATCH_ENTRIES_MAX
    ) -> None:
        self._write = write
        self._queued_entries_max = queued_entries_max
        self._batch_entries_max = batch_entries_max
        self._waiting: deque[_Submission] = deque()
        self._queued_entries = 0
        self._is_writing = False
        self._lock = Lock()

    def append(self, batch: EntryBatch, *, deadline_s: float = 60.0) -> Placements:
        """Append entries and say where they stand once they are durable.

        Raises:
            UnavailableError: the queue is full, or the writer did not answer within the deadline.
        """
        parts = batch.parts(self._batch_entries_max)
        return Placements.joined([self._append_part(part, deadline_s) for part in parts if len(part)])

    def _append_part(self, batch: EntryBatch, deadline_s: float) -> Placements:
        submission = self._enqueue(batch)
        self._write_while_leading()
        try:
            return submission.answer.result(timeout=deadline_s)
        except TimeoutError:
            raise UnavailableError(
                "the evidence writer did not answer in time",
                deadline_s=deadline_s,
                retry_after_s=5,
                todo="Repeat the call with the same idempotency key; nothing is recorded twice",
            ) from None

    def _enqueue(self, batch: EntryBatch) -> _Submission:
        submission = _Submission(batch)
        with self._lock:
            if self._queued_entries + len(batch) > self._queued_entries_max:
                raise UnavailableError(
                    "the queue of the evidence writer is full",
                    queued=self._queued_entries,
                    limit=self._queued_entries_max,
                    retry_after_s=1,
                    todo="Repeat the call later",
                )
            self._waiting.append(submission)
            self._queued_entries += len(batch)
        return submission

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
            self._queued_entries -= size
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
            self._is_writing = False
        for submission in unanswered:
            submission.answer.set_exception(UnavailableError("the evidence writer failed", todo="See the platform log"))
