"""A world for anchoring: a log in memory, a clock that is set, targets that obey, and threads that run when told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from actors.anchor_schedule import AnchorTiming
from actors.anchoring import Anchoring
from chain.anchors.check import check_receipt
from chain.anchors.verdict import AnchorTrust
from chain.entry import digest_artifacts, encode_event
from domain.anchoring import AnchorKind, AnchorReceipt
from domain.errors import ConflictError, UnavailableError
from domain.evidence import EntryId, EvidenceEvent

START = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass
class SetClock:
    """Shows what it was set to."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at


class MemoryLog:
    """A log that keeps entries in memory; it refuses another event under a request id that it has."""

    def __init__(self) -> None:
        self.list: list[bytes] = []
        self.is_full = False
        self._by_request: dict[str, bytes] = {}
        self._artifacts: dict[str, bytes] = {}

    def note(self) -> bytes:
        return f"example.org/_platform/2026\n{len(self.list)}\nroot\n\n\u2014 signature\n".encode()

    def record(self, events: Sequence[EvidenceEvent]) -> None:
        if self.is_full:
            raise UnavailableError("the disk is full")
        for event in events:
            entry = encode_event(event, digest_artifacts(event))
            if self._by_request.setdefault(event.request_id, entry) != entry:
                raise ConflictError("another content", request_id=event.request_id)
            self.list.append(entry)
            for artifact in event.artifacts.values():
                self._artifacts[hashlib.sha256(artifact.content).hexdigest()] = artifact.content

    def entries(self, after: EntryId | None) -> Iterator[tuple[EntryId, bytes]]:
        start = 0 if after is None else after.index + 1
        for index in range(start, len(self.list)):
            yield EntryId(2026, index), self.list[index]

    def backwards(self) -> Iterator[tuple[EntryId, bytes]]:
        for index in reversed(range(len(self.list))):
            yield EntryId(2026, index), self.list[index]

    def artifact(self, sha256: str) -> bytes:
        return self._artifacts[sha256]

    def bodies(self, entry_type: str, target: str) -> list[dict[str, Any]]:
        read = [orjson.loads(entry) for entry in self.list]
        return [one["body"] for one in read if one["type"] == entry_type and one["body"]["target"] == target]


@dataclass
class Target:
    """A target that answers, fails or keeps waiting as it is told.

    Args:
        confirms: whether receipts are final at once; else they wait for `confirmed`.
        fault: what it does instead of answering.
    """

    name: str
    clock: SetClock
    confirms: bool = True
    fault: Exception | None = None
    confirmed: bool = False
    lies: bool = False
    extra: dict[str, bytes] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)
    completed: int = 0

    @property
    def kind(self) -> AnchorKind:
        return AnchorKind.S3_OBJECT_LOCK if self.confirms else AnchorKind.ETHEREUM

    def anchor(self, note: bytes) -> AnchorReceipt:
        self.asked.append(note)
        if self.fault is not None:
            raise self.fault
        digest = "00" * 32 if self.lies else hashlib.sha256(note).hexdigest()
        stated_at = self.clock.now() if self.confirms else None
        return AnchorReceipt(
            self.kind, self.name, digest, stated_at, self.confirms, {"nth": len(self.asked)}, self.extra
        )

    def complete(self, receipt: AnchorReceipt) -> AnchorReceipt:
        self.completed += 1
        if self.fault is not None:
            raise self.fault
        return replace(receipt, stated_at=self.clock.now(), is_final=True) if self.confirmed else receipt


class Threads(Executor):
    """Runs work at once, but for the slow: that runs when `release` says so."""

    def __init__(self) -> None:
        self.slow: set[str] = set()
        self._waiting: dict[str, tuple[Future[Any], Callable[[], Any]]] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        name = fn.__self__.target.name  # type: ignore[attr-defined]
        if name in self.slow:
            assert name not in self._waiting, "a target is asked by one thread at a time"
            self._waiting[name] = (future, fn)
        else:
            _finish(future, fn)
        return future

    def release(self, name: str) -> None:
        if name in self._waiting:
            _finish(*self._waiting.pop(name))


def _finish(future: Future[Any], work: Callable[[], Any]) -> None:
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001 (as an executor does)
        future.set_exception(error)


@dataclass
class World:
    """Everything together; `restart` forgets all but the log and the targets."""

    targets: list[Target]
    clock: SetClock
    log: MemoryLog = field(default_factory=MemoryLog)
    threads: Threads = field(default_factory=Threads)
    timing: AnchorTiming = field(default_factory=AnchorTiming)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.threads = Threads()
        self.anchoring = Anchoring(
            self.log,
            self.targets,
            clock=self.clock,
            executor=self.threads,
            judge=lambda receipt, note: check_receipt(receipt, note, AnchorTrust()),
            timing=self.timing,
            deadline_s=0,
        )

    def run(self, span: timedelta, *, step: timedelta = MINUTE) -> None:
        """A round every minute."""
        end = self.clock.at + span
        while self.clock.at < end:
            self.anchoring.round()
            self.clock.at += step

    def receipts(self, target: str) -> list[dict[str, Any]]:
        return self.log.bodies("anchor_receipt", target)

    def gaps(self, target: str) -> list[dict[str, Any]]:
        return self.log.bodies("anchor_gap", target)


def world(*names: str, **options: Any) -> World:
    clock = SetClock()
    return World([Target(name, clock, **options) for name in names], clock)
