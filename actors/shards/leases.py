"""Ownership of a tenant for a while, with the epoch that fences whoever owned it before.

A shard holds a lease while the roster names it; a lease that lapsed is renewed by reading the roster again, so a shard
that was cut off stops answering when its lease ends. Writes need no clock: the store accepts only the epoch that was
claimed last (`GraphStore.claim`), whatever a stopped or slow shard believes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from domain.errors import ConflictError
from domain.tenancy import TenantId

LEASE_S: Final = 10.0


class Tenure(StrEnum):
    """Where a shard stands with a tenant."""

    ABSENT = "absent"
    """Nothing of it is held."""

    OPENING = "opening"
    """Its store is being claimed."""

    HELD = "held"
    """It is answered for and written to."""

    LAPSED = "lapsed"
    """The time is over and the roster has not been read since."""

    LEAVING = "leaving"
    """Writes in flight are waited for; new ones are refused."""


class Turn(StrEnum):
    """What happens to a tenure."""

    ASKED = "asked"
    CLAIMED = "claimed"
    FAILED = "failed"
    EXPIRED = "expired"
    RENEWED = "renewed"
    FENCED = "fenced"
    MOVED = "moved"
    EVICTED = "evicted"
    DRAINED = "drained"


NEXT: Final[Mapping[tuple[Tenure, Turn], Tenure]] = {
    (Tenure.ABSENT, Turn.ASKED): Tenure.OPENING,
    (Tenure.OPENING, Turn.CLAIMED): Tenure.HELD,
    (Tenure.OPENING, Turn.FAILED): Tenure.ABSENT,
    (Tenure.OPENING, Turn.FENCED): Tenure.ABSENT,
    (Tenure.HELD, Turn.EXPIRED): Tenure.LAPSED,
    (Tenure.HELD, Turn.RENEWED): Tenure.HELD,
    (Tenure.HELD, Turn.FENCED): Tenure.ABSENT,
    (Tenure.HELD, Turn.MOVED): Tenure.LEAVING,
    (Tenure.HELD, Turn.EVICTED): Tenure.LEAVING,
    (Tenure.LAPSED, Turn.RENEWED): Tenure.HELD,
    (Tenure.LAPSED, Turn.FENCED): Tenure.ABSENT,
    (Tenure.LAPSED, Turn.MOVED): Tenure.LEAVING,
    (Tenure.LAPSED, Turn.EVICTED): Tenure.LEAVING,
    (Tenure.LEAVING, Turn.DRAINED): Tenure.ABSENT,
    (Tenure.LEAVING, Turn.FENCED): Tenure.ABSENT,
}
"""Every turn that a tenure can take; any other is refused."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One shard's hold on one tenant.

    Args:
        epoch: what the store was claimed with; 0 before that.
        until_s: monotonic time until which the roster need not be read again.
    """

    tenant: TenantId
    holder: str
    tenure: Tenure = Tenure.ABSENT
    epoch: int = 0
    until_s: float = 0.0

    def turned(self, turn: Turn) -> Lease:
        """After one turn of the table.

        Raises:
            ConflictError: the lease cannot take this turn now.
        """
        tenure = NEXT.get((self.tenure, turn))
        if tenure is None:
            raise ConflictError(
                "the lease cannot take this turn",
                tenant=self.tenant,
                holder=self.holder,
                tenure=self.tenure.value,
                turn=turn.value,
                todo="Ask again: the shard reads the roster first",
            )
        return replace(self, tenure=tenure)

    def claimed(self, epoch: int, now_s: float, *, lease_s: float = LEASE_S) -> Lease:
        """After the store accepted the claim."""
        return replace(self.turned(Turn.CLAIMED), epoch=epoch, until_s=now_s + lease_s)

    def renewed(self, now_s: float, *, lease_s: float = LEASE_S) -> Lease:
        """After the roster was read and names the holder."""
        return replace(self.turned(Turn.RENEWED), until_s=now_s + lease_s)

    def at(self, now_s: float) -> Lease:
        """The lease as it is at a time: a held one whose time is over has lapsed."""
        is_over = self.tenure is Tenure.HELD and now_s >= self.until_s
        return self.turned(Turn.EXPIRED) if is_over else self
