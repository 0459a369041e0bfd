"""Every turn of a tenure, and what a lease is worth when its time is over."""

from __future__ import annotations

from itertools import product

import pytest

from actors.shards.leases import LEASE_S, NEXT, Lease, Tenure, Turn
from domain.errors import ConflictError
from domain.tenancy import TenantId

ACME = TenantId("acme")
REFUSED = {
    (tenure, turn)
    for tenure, turns in {
        Tenure.ABSENT: set(Turn) - {Turn.ASKED},
        Tenure.OPENING: set(Turn) - {Turn.CLAIMED, Turn.FAILED, Turn.FENCED},
        Tenure.HELD: {Turn.ASKED, Turn.CLAIMED, Turn.FAILED, Turn.DRAINED},
        Tenure.LAPSED: {Turn.ASKED, Turn.CLAIMED, Turn.FAILED, Turn.EXPIRED, Turn.DRAINED},
        Tenure.LEAVING: set(Turn) - {Turn.DRAINED, Turn.FENCED},
    }.items()
    for turn in turns
}


def test_every_pair_is_a_turn_or_refused() -> None:
    assert set(NEXT) | REFUSED == set(product(Tenure, Turn))
    assert not set(NEXT) & REFUSED


@pytest.mark.parametrize(("tenure", "turn"), sorted(REFUSED))
def test_a_turn_that_does_not_fit_is_refused_with_its_facts(tenure: Tenure, turn: Turn) -> None:
    with pytest.raises(ConflictError) as refusal:
        Lease(ACME, "a", tenure).turned(turn)
    assert (refusal.value.facts["tenure"], refusal.value.facts["turn"]) == (tenure.value, turn.value)


def test_a_lease_lapses_with_its_time_and_is_renewed_by_reading_the_roster() -> None:
    lease = Lease(ACME, "a").turned(Turn.ASKED).claimed(3, 100.0)
    assert lease.at(100.0 + LEASE_S - 0.1).tenure is Tenure.HELD
    lapsed = lease.at(100.0 + LEASE_S)
    assert lapsed.tenure is Tenure.LAPSED
    assert lapsed.renewed(200.0).at(205.0).tenure is Tenure.HELD
    assert lapsed.epoch == 3


def test_whoever_was_fenced_holds_nothing() -> None:
    lease = Lease(ACME, "a").turned(Turn.ASKED).claimed(1, 0.0)
    assert lease.turned(Turn.FENCED).tenure is Tenure.ABSENT
    assert lease.turned(Turn.MOVED).turned(Turn.FENCED).tenure is Tenure.ABSENT
