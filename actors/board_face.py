"""Long work, as part of the owner of the graphs: where each operation stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from actors.messages import Operation, OperationTrigger, ScanProgress
from actors.operation_board import OperationBoard
from domain.tenancy import TenantId
from domain.value import Json

Facts: TypeAlias = "Mapping[str, Json]"


class BoardFace:
    """Keeps a tenant's operations."""

    _board: OperationBoard

    def begin(self, tenant: TenantId, operation: Operation) -> tuple[Operation, bool]:
        """Enter long work on the tenant's board."""
        assert operation.tenant == tenant
        return self._board.begin(operation)

    def move(
        self,
        tenant: TenantId,
        operation_id: str,
        trigger: OperationTrigger,
        result: Facts | None,
        problem: Facts | None,
    ) -> Operation:
        """Take one step of long work."""
        return self._board.move(tenant, operation_id, trigger, result=result, problem=problem)

    def report(self, tenant: TenantId, operation_id: str, progress: ScanProgress) -> None:
        """Note how far long work is."""
        self._board.report(tenant, operation_id, progress)

    def operation(self, tenant: TenantId, operation_id: str) -> Operation:
        """Where long work stands.

        Raises:
            NotFound: this tenant has no such operation.
        """
        return self._board.get(tenant, operation_id)
