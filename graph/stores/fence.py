"""One writer: whoever wrote before the present claim can write no longer."""

from __future__ import annotations

from domain.errors import ConflictError
from domain.tenancy import TenantId


def require_epoch(mine: int, present: int, holder: str, tenant: TenantId) -> None:
    """Refuse a write under a former epoch.

    Raises:
        ConflictError: the store was claimed since.
    """
    if mine != present:
        raise ConflictError(
            "another writer has claimed the store",
            tenant=tenant,
            epoch=mine,
            present=present,
            holder=holder,
            todo="Send the work to the holder",
        )
