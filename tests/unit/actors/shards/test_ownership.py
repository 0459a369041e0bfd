"""Which tenants a shard takes, and what becomes of its leases when the roster changes."""

from __future__ import annotations

import pytest

from actors.shards.leases import LEASE_S, Lease, Tenure, Turn
from actors.shards.ownership import Ownership
from actors.shards.roster import Roster
from actors.shards.roster_file import RosterInMemory
from domain.errors import UnavailableError
from domain.tenancy import TenantId

TENANTS = tuple(TenantId(f"tenant-{number}") for number in range(20))
ROSTER = Roster(7, ("a", "b"))
MINE = next(tenant for tenant in TENANTS if ROSTER.owner(tenant) == "a")
OTHERS = next(tenant for tenant in TENANTS if ROSTER.owner(tenant) == "b")


def held(tenant: TenantId, now_s: float = 0.0) -> Lease:
    return Lease(tenant, "a").turned(Turn.ASKED).claimed(3, now_s)


@pytest.fixture
def ownership() -> Ownership:
    return Ownership("a", RosterInMemory(ROSTER))


def test_a_shard_without_a_roster_owns_every_tenant() -> None:
    alone = Ownership("a", None)
    assert alone.owned(TENANTS) == TENANTS
    alone.require(Lease(OTHERS, "a"))
    assert alone.review(now_s=1.0)(held(OTHERS)).tenure is Tenure.HELD


def test_a_lease_is_renewed_while_the_roster_names_the_shard_and_turned_to_go_after(ownership: Ownership) -> None:
    reviewed = ownership.review(now_s=LEASE_S + 1)
    kept, gone = reviewed(held(MINE)), reviewed(held(OTHERS))
    assert (kept.tenure, kept.until_s, kept.epoch) == (Tenure.HELD, 2 * LEASE_S + 1, 3)
    assert gone.tenure is Tenure.LEAVING
    assert ownership.version == ROSTER.version
    assert reviewed(gone) == gone, "what leaves already is left to leave"


def test_a_tenant_of_another_shard_and_one_that_leaves_are_refused(ownership: Ownership) -> None:
    ownership.require(Lease(MINE, "a"))
    for lease in (Lease(OTHERS, "a"), held(MINE).turned(Turn.MOVED)):
        with pytest.raises(UnavailableError) as refused:
            ownership.require(lease)
        assert refused.value.facts["is_moving"] is True
        assert refused.value.facts["tenant"] == lease.tenant


def test_a_shard_that_ends_takes_nobody_and_lets_everybody_go(ownership: Ownership) -> None:
    ownership.is_draining = True
    with pytest.raises(UnavailableError):
        ownership.require(Lease(MINE, "a"))
    assert ownership.review(now_s=1.0)(held(MINE)).tenure is Tenure.LEAVING
