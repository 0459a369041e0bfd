"""What a supervisor asks of a shard and has it do: its beat, its house, reading ahead, and letting go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from actors.shards.beat import Beat
from actors.shards.held_parts import HeldParts
from actors.shards.holding import Holding
from actors.tenant_state import TenantState
from domain.errors import PolicyCortexError
from domain.tenancy import TenantId


class WatchFace:
    """Answers for the shard as a whole."""

    _held: Holding[TenantState]
    _held_parts: HeldParts

    def _has_failed(self) -> bool:
        """Whether work of the shard's own ended by a fault."""
        raise NotImplementedError

    def owned(self, tenants: Iterable[TenantId]) -> tuple[TenantId, ...]:
        """Those of some tenants that are this shard's."""
        return self._held.ownership.owned(tuple(tenants))

    def beat(self) -> Beat:
        """What the supervisor is told; nothing where its own work ended by a fault, so that it is started anew."""
        assert not self._has_failed(), "the shard's own work goes on"
        beat, parts_bytes = self._held.beat(), self._held_parts.used_bytes
        return replace(
            beat,
            parts=len(self._held_parts.names),
            used_bytes=beat.used_bytes + parts_bytes,
            budget_bytes=beat.budget_bytes + parts_bytes,
        )

    def keep_house(self) -> None:
        """Hand over what has moved, cool what is quiet, and have graphs held by the shards that there are now.

        Also done again and again by itself. What cannot be done now is done the next time.
        """
        self._held.keep_house()
        for tenant in self._held.misplaced():
            with suppress(PolicyCortexError), self._held.writing(tenant) as state:
                state.place_anew()

    def warm(self, tenants: Sequence[TenantId]) -> None:
        """Read tenants' graphs ahead of the first question, while there is memory."""
        for tenant in self._held.ownership.owned(tenants):
            if not self._held.room.fits(1):
                return
            with suppress(PolicyCortexError), self._held.reading(tenant) as state:
                state.view()

    def drain(self) -> None:
        """Let every tenant and every part go, to end."""
        self._held.drain()
        self._held_parts.close()

    def ping(self) -> str:
        """Answer, to show that the shard is there."""
        return "ok"
