"""Placement of tenants on shards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rendezvous import owner
from domain.errors import InputError
from domain.tenancy import TenantId

TENANTS = [TenantId(f"tenant-{number}") for number in range(2_000)]
SHARDS = [f"shard-{number}" for number in range(8)]


@given(st.permutations(SHARDS))
def test_the_order_of_shards_does_not_matter(shards: list[str]) -> None:
    assert owner(TENANTS[0], shards) == owner(TENANTS[0], SHARDS)


def test_adding_a_shard_moves_tenants_only_to_it() -> None:
    moved = {
        owner(tenant, [*SHARDS, "shard-8"])
        for tenant in TENANTS
        if owner(tenant, SHARDS) != owner(tenant, [*SHARDS, "shard-8"])
    }
    assert moved == {"shard-8"}


def test_tenants_spread_evenly() -> None:
    counts = [sum(owner(tenant, SHARDS) == shard for tenant in TENANTS) for shard in SHARDS]
    assert min(counts) > 200
    assert max(counts) < 300


def test_no_shard_is_refused() -> None:
    with pytest.raises(InputError) as refusal:
        owner(TENANTS[0], [])
    assert refusal.value.facts["tenant"] == TENANTS[0]
