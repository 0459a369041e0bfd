"""What every part of the owner of the graphs asks it for: the state of a tenant, for what is to be done with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from actors.tenant_state import TenantState
from domain.tenancy import TenantId


class TenantFace:
    """Gives a tenant's state to its parts."""

    def _asking(self, tenant: TenantId) -> AbstractContextManager[TenantState]:
        """A tenant's state for a question."""
        raise NotImplementedError

    def _changing(self, tenant: TenantId) -> AbstractContextManager[TenantState]:
        """A tenant's state for a change."""
        raise NotImplementedError

    def _seen(self, tenant: TenantId) -> AbstractContextManager[TenantState]:
        """A tenant's state for a question about its graph as it is now."""
        raise NotImplementedError

    @contextmanager
    def _settled(self, tenant: TenantId) -> Iterator[TenantState]:
        """A tenant's state for a question to its store, which holds everything that is shown."""
        with self._asking(tenant) as state:
            state.updates.settle()
            yield state
