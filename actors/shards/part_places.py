"""Which shard holds which part of a tenant's graph: evenly, and by rendezvous hashing where there is a choice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from actors.handles import Handle, LocalHandle
from actors.rendezvous import ranked
from actors.shards.part_messages import PartName
from actors.shards.roster_file import RosterPlace
from domain.tenancy import TenantId

A = TypeVar("A")


def placed(tenant: TenantId, parts: int, shards: Sequence[str]) -> tuple[str, ...]:
    """The shard of each part, in order.

    None holds two more than another; each part goes to its highest choice among those that hold the fewest.

    Raises:
        InputError: there is no shard.
    """
    held: Counter[str] = Counter()
    found = []
    for number in range(parts):
        choices = ranked(TenantId(str(PartName(tenant, number))), shards)
        chosen = min(choices, key=lambda shard: held[shard])
        held[chosen] += 1
        found.append(chosen)
    return tuple(found)


class PartPlaces(Protocol[A]):
    """Where parts are to be held."""

    def holders(self, tenant: TenantId, parts: int) -> tuple[str, ...]:
        """The shard that each part is placed on now, in order."""

    def handle(self, shard: str) -> Handle[A]:
        """A shard, to be asked about parts.

        Raises:
            UnavailableError: there is none by that name now.
        """

    def forget(self, shard: str) -> None:
        """Look for a shard anew at the next call."""


class Shards(Protocol[A]):
    """Other shards by name; a `ShardRouter` is one."""

    def named(self, name: str) -> Handle[A]: ...
    def forget(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class RosterPlaces(Generic[A]):
    """Parts on the shards of the roster; this shard is asked without a detour.

    Args:
        here: this shard's name, and itself.
        place: where the roster is; None where this is the only shard.
        others: the other shards; None where there are none.
    """

    here: tuple[str, A]
    place: RosterPlace | None
    others: Shards[A] | None

    def holders(self, tenant: TenantId, parts: int) -> tuple[str, ...]:
        """The shard that each part is placed on now, in order."""
        roster = None if self.place is None or self.others is None else self.place.current()
        return placed(tenant, parts, (self.here[0],) if roster is None else roster.shards)

    def handle(self, shard: str) -> Handle[A]:
        """A shard, to be asked about parts."""
        if shard == self.here[0] or self.others is None:
            return LocalHandle(self.here[1])
        return self.others.named(shard)

    def forget(self, shard: str) -> None:
        """Look for a shard anew at the next call."""
        if self.others is not None:
            self.others.forget(shard)
