"""Batches in front of the one writer: a batch forms while the former is being written, without a time window.

The first caller that finds no writer busy writes everything that has queued up; the others wait for their part of
the result. The queue is bounded, and a full one refuses at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeAlias

from domain.errors import PolicyCortexError, UnavailableError
from domain.evidence import EvidenceEvent, Receipt

Write: TypeAlias = "Callable[[Sequence[EvidenceEvent]], Sequence[Receipt]]"

QUEUED_EVENTS_MAX = 100_000
BATCH_EVENTS_MAX = 4_096


@dataclass(frozen=True, slots=True)
class _Submission:
    events: tuple[EvidenceEvent, ...]
    answer: Future[tuple[Receipt, ...]] = field(default_factory=Future)


class GroupCommit:
    """Collects events of many callers into batches for `write`, in order of arrival.

    Args:
        write: appends a batch and returns one receipt per event; safe to repeat.
    """

    def __init__(
        self, write: Write, *, queued_events_max: int = QUEUED_EVENTS_MAX, batch_events_max: int = BATCH_EVENTS_MAX
    ) -> None:
        self._write = write
        self._queued_events_max = queued_events_max
        self._batch_events_max = batch_events_max
        self._waiting: deque[_Submission] = deque()
        self._queued_events = 0
        self._is_writing = False
        self._lock = Lock()

    def append(self, events: Sequence[EvidenceEvent], *, deadline_s: float = 60.0) -> tuple[Receipt, ...]:
        """Append events and return their receipts once they are durable.

        Raises:
            UnavailableError: the queue is full, or the writer did not answer within the deadline.
        """
        receipts: list[Receipt] = []
        for start in range(0, len(events), self._batch_events_max):
            receipts += self._append_part(tuple(events[start : start + self._batch_events_max]), deadline_s)
        return tuple(receipts)

    def _append_part(self, events: tuple[EvidenceEvent, ...], deadline_s: float) -> tuple[Receipt, ...]:
        submission = self._enqueue(events)
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

    def _enqueue(self, events: tuple[EvidenceEvent, ...]) -> _Submission:
        submission = _Submission(events)
        with self._lock:
            if self._queued_events + len(events) > self._queued_events_max:
                raise UnavailableError(
                    "the queue of the evidence writer is full",
                    queued=self._queued_events,
                    limit=self._queued_events_max,
                    retry_after_s=1,
                    todo="Repeat the call later",
                )
            self._waiting.append(submission)
            self._queued_events += len(events)
        return submission

    def _write_while_leading(self) -> None:
        with self._lock:
            if self._is_writing:
                return
            self._is_writing = True
        while batch := self._next_batch():
            self._write_batch(batch)

    def _next_batch(self) -> list[_Submission]:
        """Whole submissions up to the batch size, at least one; ends the lead when nothing waits."""
        batch: list[_Submission] = []
        size = 0
        with self._lock:
            while self._waiting and (not batch or size + len(self._waiting[0].events) <= self._batch_events_max):
                batch.append(self._waiting.popleft())
                size += len(batch[-1].events)
            self._queued_events -= size
            if not batch:
                self._is_writing = False
        return batch

    def _write_batch(self, batch: Sequence[_Submission]) -> None:
        try:
            receipts = self._write([event for submission in batch for event in submission.events])
            position = 0
            for submission in batch:
                end = position + len(submission.events)
                submission.answer.set_result(tuple(receipts[position:end]))
                position = end
        except PolicyCortexError as error:
            for submission in batch:
                submission.answer.set_exception(error)
        finally:
            self._hand_over(batch)

    def _hand_over(self, batch: Sequence[_Submission]) -> None:
        """After a bug in the writer nobody waits for ever, and the next caller leads."""
        unanswered = [submission for submission in batch if not submission.answer.done()]
        if not unanswered:
            return
        with self._lock:
            unanswered += self._waiting
            self._waiting.clear()
            self._queued_events = 0
            self._is_writing = False
        for submission in unanswered:
            submission.answer.set_exception(UnavailableError("the evidence writer failed", todo="See the platform log"))
