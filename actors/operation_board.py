"""Long work and how far it is, per tenant; kept in memory by the tenant's shard.

What an operation changes is durable where it changes it (store, log); the board only lets a caller follow. It is
bounded: the oldest finished operations are forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from actors.messages import Operation, OperationStatus, OperationTrigger, ScanProgress
from domain.errors import ConflictError, NotFound, UnavailableError
from domain.tenancy import TenantId
from domain.value import Json

OPERATIONS_MAX: Final = 1_000

NEXT: Final[Mapping[tuple[OperationStatus, OperationTrigger], OperationStatus]] = {
    (OperationStatus.QUEUED, OperationTrigger.STARTED): OperationStatus.RUNNING,
    (OperationStatus.QUEUED, OperationTrigger.FAILED): OperationStatus.FAILED,
    (OperationStatus.RUNNING, OperationTrigger.SUCCEEDED): OperationStatus.SUCCEEDED,
    (OperationStatus.RUNNING, OperationTrigger.FAILED): OperationStatus.FAILED,
    (OperationStatus.QUEUED, OperationTrigger.CANCELLED): OperationStatus.CANCELLED,
    (OperationStatus.RUNNING, OperationTrigger.CANCELLED): OperationStatus.CANCELLED,
}
"""Every step that an operation can take; any other is refused."""

FINISHED: Final = frozenset({OperationStatus.SUCCEEDED, OperationStatus.FAILED, OperationStatus.CANCELLED})


class OperationBoard:
    """Operations of any number of tenants; a tenant can only name its own."""

    def __init__(self, *, operations_max: int = OPERATIONS_MAX) -> None:
        self._operations_max = operations_max
        self._operations: OrderedDict[tuple[TenantId, str], Operation] = OrderedDict()

    def begin(self, operation: Operation) -> tuple[Operation, bool]:
        """Enter an operation, or return the one that the same key began; the flag tells whether it is new.

        Raises:
            ConflictError: the key began something else.
            UnavailableError: too much work is unfinished.
        """
        key = (operation.tenant, operation.operation_id)
        known = self._operations.get(key)
        if known is None:
            self._make_room()
            self._operations[key] = operation
            return operation, True
        if known.fingerprint != operation.fingerprint:
            raise ConflictError(
                "the idempotency key was used for another request",
                operation_id=operation.operation_id,
                todo="Use a new key for a new request",
            )
        return known, False

    def move(
        self,
        tenant: TenantId,
        operation_id: str,
        trigger: OperationTrigger,
        *,
        result: Mapping[str, Json] | None = None,
        problem: Mapping[str, Json] | None = None,
    ) -> Operation:
        """Take one step of the table.

        Raises:
            ConflictError: the operation cannot take this step now.
        """
        operation = self.get(tenant, operation_id)
        status = NEXT.get((operation.status, trigger))
        if status is None:
            raise ConflictError(
                "the operation cannot take this step",
                operation_id=operation_id,
                operation_status=operation.status.value,
                trigger=trigger.value,
                todo="Read the operation again",
            )
        moved = replace(operation, status=status, result=result, problem=problem)
        self._operations[tenant, operation_id] = moved
        return moved

    def report(self, tenant: TenantId, operation_id: str, progress: ScanProgress) -> None:
        """Note how far a running operation is."""
        operation = self.get(tenant, operation_id)
        if operation.status is OperationStatus.RUNNING:
            self._operations[tenant, operation_id] = replace(operation, progress=progress)

    def get(self, tenant: TenantId, operation_id: str) -> Operation:
        """One operation of this tenant.

        Raises:
            NotFound: this tenant has none by that id, or it was forgotten.
        """
        operation = self._operations.get((tenant, operation_id))
        if operation is None:
            raise NotFound("no such operation", operation_id=operation_id, todo="Operations end with the platform")
        return operation

    def _make_room(self) -> None:
        if len(self._operations) < self._operations_max:
            return
        finished = next((key for key, known in self._operations.items() if known.status in FINISHED), None)
        if finished is None:
            raise UnavailableError(
                "too much work is unfinished",
                limit=self._operations_max,
                retry_after_s=30,
                todo="Repeat the request when some of it is done",
            )
        del self._operations[finished]
