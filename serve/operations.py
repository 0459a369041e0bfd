"""Long work behind 202: begun once per idempotency key, run on a few threads, followed on the tenant's board."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic
from typing import Final, Protocol, TypeAlias

from actors.messages import Operation, OperationStatus, OperationTrigger, Progress, ScanProgress
from domain.clock import Clock
from domain.errors import ConflictError
from domain.tenancy import TenantId
from domain.value import Json
from serve.problem import problem_of

Result: TypeAlias = "Mapping[str, Json]"
WORKERS: Final = 2
REPORT_INTERVAL_S: Final = 0.2


class Board(Protocol):
    """Where operations stand; a platform is one."""

    def begin(self, operation: Operation) -> tuple[Operation, bool]: ...

    def move(
        self,
        tenant: TenantId,
        operation_id: str,
        trigger: OperationTrigger,
        *,
        result: Result | None = None,
        problem: Result | None = None,
    ) -> Operation: ...

    def report(self, tenant: TenantId, operation_id: str, progress: ScanProgress) -> None: ...

    def operation(self, tenant: TenantId, operation_id: str) -> Operation: ...


@dataclass(frozen=True, slots=True)
class Work:
    """What to run: `run` gets a function to report progress with, which raises once the work is cancelled.

    Args:
        request: the request in canonical form; the same key with another one is a conflict.
        key: the caller's idempotency key, None when there is none.
    """

    tenant: TenantId
    kind: str
    request: bytes
    key: str | None
    run: Callable[[Progress], Result]


class Operations:
    """Starts work and keeps its operation up to date."""

    def __init__(self, board: Board, clock: Clock, *, workers: int = WORKERS) -> None:
        self._board = board
        self._clock = clock
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="operation")

    def start(self, work: Work) -> Operation:
        """Begin the work, or return the operation that the same key began.

        Raises:
            ConflictError: the key began something else.
            UnavailableError: too much work is unfinished.
        """
        fingerprint = sha256(work.request).hexdigest()
        operation = Operation(_operation_id(work), work.tenant, work.kind, fingerprint, self._clock.now())
        operation, is_new = self._board.begin(operation)
        if is_new:
            future = self._threads.submit(self._run, work, operation.operation_id)
            future.add_done_callback(lambda done: self._end(work.tenant, operation.operation_id, done))
        return operation

    def close(self) -> None:
        """Wait for running work; what is queued does not start."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _run(self, work: Work, operation_id: str) -> Result:
        if self._board.operation(work.tenant, operation_id).status is OperationStatus.CANCELLED:
            raise _cancelled(operation_id)
        self._board.move(work.tenant, operation_id, OperationTrigger.STARTED)
        return work.run(_Reporter(self._board, work.tenant, operation_id))

    def _end(self, tenant: TenantId, operation_id: str, done: Future[Result]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if self._board.operation(tenant, operation_id).status is OperationStatus.CANCELLED:
            return
        if error is None:
            self._board.move(tenant, operation_id, OperationTrigger.SUCCEEDED, result=done.result())
        else:
            self._board.move(tenant, operation_id, OperationTrigger.FAILED, problem=problem_of(error))


class _Reporter:
    """Passes progress on a few times a second, and each new stage at once; ends work that was cancelled meanwhile."""

    def __init__(self, board: Board, tenant: TenantId, operation_id: str) -> None:
        self._board = board
        self._tenant = tenant
        self._operation_id = operation_id
        self._stage = ""
        self._next_s = 0.0

    def __call__(self, progress: ScanProgress) -> None:
        if progress.stage == self._stage and monotonic() < self._next_s:
            return
        self._stage, self._next_s = progress.stage, monotonic() + REPORT_INTERVAL_S
        self._board.report(self._tenant, self._operation_id, progress)
        if self._board.operation(self._tenant, self._operation_id).status is OperationStatus.CANCELLED:
            raise _cancelled(self._operation_id)


def _cancelled(operation_id: str) -> ConflictError:
    return ConflictError("the work was cancelled", operation_id=operation_id, todo="Start it again where it is wanted")


def operation_id_of(tenant: TenantId, kind: str, key: str) -> str:
    """The id of the operation that an idempotency key begins."""
    return sha256(f"{tenant}\0{kind}\0{key}".encode()).hexdigest()[:24]


def _operation_id(work: Work) -> str:
    return secrets.token_hex(12) if work.key is None else operation_id_of(work.tenant, work.kind, work.key)
