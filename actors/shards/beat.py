"""What a shard tells its supervisor about itself, and what the supervisor tells operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.tenancy import TenantId

RECENT_MAX = 500


@dataclass(frozen=True, slots=True)
class Beat:
    """One answer of a shard.

    Args:
        roster: version of the roster that it goes by; 0 before it has read one.
        recent: tenants in its memory, the one used last first, as far as `RECENT_MAX`.
        heavy: resources of the large tenants among those that it has seen.
        light: resources of all others that it has seen, together.
        writing: tenants with a write in flight.
        changes_waiting: changes that are shown and not yet in a store.
        leases: how many tenants it holds in each tenure.
        parts: how many parts of graphs it holds, of its own tenants or of others'.
    """

    name: str
    roster: int = 0
    recent: tuple[TenantId, ...] = ()
    heavy: Mapping[TenantId, int] = field(default_factory=dict)
    light: int = 0
    tenants: int = 0
    used_bytes: int = 0
    budget_bytes: int = 0
    writing: int = 0
    changes_waiting: int = 0
    leases: Mapping[str, int] = field(default_factory=dict)
    parts: int = 0


@dataclass(frozen=True, slots=True)
class ShardState:
    """One shard as its supervisor sees it."""

    name: str
    standing: str
    is_placed: bool
    restarts: int
    beat: Beat | None


@dataclass(frozen=True, slots=True)
class FleetState:
    """All shards, and the version of the roster in force."""

    roster: int
    shards: tuple[ShardState, ...]
    problem: str = ""
