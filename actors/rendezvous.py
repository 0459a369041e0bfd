"""Which shard owns a tenant: highest random weight, so that adding a shard moves only what it takes over.

Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM ToN 6(1), 1998; with
capacities, Schindelhauer and Schomaker, "Weighted distributed hash tables", SPAA 2005: the logarithmic method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import log
from typing import Final

from domain.errors import InputError
from domain.tenancy import TenantId

_RANGE: Final = float(1 << 64)


def owner(tenant: TenantId, shards: Sequence[str], capacities: Mapping[str, float] | None = None) -> str:
    """The shard with the highest weight for this tenant; the order of `shards` does not matter.

    Args:
        capacities: a shard's share beside the others'; 1 where it is not named. With 0 it gets nothing while another
            has more.

    Raises:
        InputError: there is no shard.
    """
    return ranked(tenant, shards, capacities)[0]


def ranked(tenant: TenantId, shards: Sequence[str], capacities: Mapping[str, float] | None = None) -> tuple[str, ...]:
    """Every shard, the one that the tenant belongs to first; the others in the order in which they would follow.

    Raises:
        InputError: there is no shard.
    """
    if not shards:
        raise InputError("no shard to place a tenant on", tenant=tenant, todo="Set shards to at least 1")
    shares = capacities or {}
    return tuple(
        sorted(shards, key=lambda shard: (_weight(tenant, shard, shares.get(shard, 1.0)), shard), reverse=True)
    )


def _weight(tenant: str, shard: str, capacity: float) -> float:
    number = int.from_bytes(blake2b(f"{shard}\0{tenant}".encode(), digest_size=8).digest(), "big")
    return -capacity / log((number + 0.5) / (_RANGE + 1.0))
