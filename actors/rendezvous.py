"""Which shard owns a tenant: highest random weight, so that adding a shard moves only what it takes over.

Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM ToN 6(1), 1998.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from domain.errors import InputError
from domain.tenancy import TenantId


def owner(tenant: TenantId, shards: Sequence[str]) -> str:
    """The shard with the highest weight for this tenant; the order of `shards` does not matter.

    Raises:
        InputError: there is no shard.
    """
    if not shards:
        raise InputError("no shard to place a tenant on", tenant=tenant, todo="Set shards to at least 1")
    return max(shards, key=lambda shard: (_weight(tenant, shard), shard))


def _weight(tenant: str, shard: str) -> bytes:
    return blake2b(f"{shard}\0{tenant}".encode(), digest_size=8).digest()
