"""A shard's memory for parts: room is made, or a part is refused; and where parts are placed."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from actors.shards.held_parts import QUIET_S
from actors.shards.part_messages import Mark, PartName, PartOpening, Term
from actors.shards.part_places import placed
from actors.shards.residency import Residency
from domain.errors import InputError, UnavailableError
from domain.tenancy import TenantId
from graph.partition import Plan
from tests.unit.actors.parts_world import Holder, readout_of
from tests.unit.actors.shards.tenants import Watch
from tests.unit.graph.changing import World, state
from tests.unit.graph.estate import TENANT

FIRST = Mark(Term(1, 1), 0)


def opening(size_bytes: int) -> PartOpening:
    world = World()
    world.put(*(state(Random(1)) for _ in range(5)))
    return PartOpening(Plan(4, {}), readout_of(world).resources, world.now, size_bytes)


def test_a_part_that_does_not_fit_is_refused_and_one_that_is_quiet_makes_room() -> None:
    watch = Watch()
    holder = Holder(watch, 1_000)
    holder.begin_part(PartName(TENANT, 0), FIRST, opening(600))
    with pytest.raises(UnavailableError) as raised:
        holder.begin_part(PartName(TENANT, 1), FIRST, opening(600))
    assert (raised.value.facts["used_bytes"], raised.value.facts["wanted_bytes"]) == (600, 600)
    watch.now_s += QUIET_S
    holder.begin_part(PartName(TENANT, 1), FIRST, opening(600))
    assert holder.held.names == (PartName(TENANT, 1),)
    assert holder.told[-1] == 600


def test_a_part_asked_for_before_its_documents_came_is_not_held() -> None:
    holder = Holder(Watch())
    name = PartName(TENANT, 0)
    holder.begin_part(name, FIRST, opening(10))
    with pytest.raises(UnavailableError) as raised:
        holder.part_counts(name, FIRST)
    assert raised.value.facts["is_part_lost"]
    with pytest.raises(UnavailableError, match="missing"):
        holder.read_part(name, FIRST.term, 1, [])
    with pytest.raises(UnavailableError, match="missing"):
        holder.finish_part(name, FIRST.term, 1)


def test_steps_that_were_answered_and_asked_again_have_the_same_answer() -> None:
    holder = Holder(Watch())
    name = PartName(TENANT, 0)
    holder.begin_part(name, FIRST, opening(10))
    holder.read_part(name, FIRST.term, 0, [])
    holder.read_part(name, FIRST.term, 0, [])
    assert holder.finish_part(name, FIRST.term, 1) == holder.finish_part(name, FIRST.term, 1)


def test_what_parts_take_is_taken_off_the_budget_of_a_shards_own_tenants() -> None:
    residency = Residency(1_000)
    residency.leave_for_parts(300)
    assert residency.budget_bytes == 700
    residency.leave_for_parts(0)
    assert residency.budget_bytes == 1_000


def test_parts_are_placed_evenly_and_move_little() -> None:
    shards = [f"shard-{number}" for number in range(5)]
    found = placed(TenantId("acme"), 8, shards)
    assert found == placed(TenantId("acme"), 8, shards[::-1])
    assert set(Counter(found).values()) == {1, 2}
    assert len(set(placed(TenantId("acme"), 5, shards))) == 5
    with pytest.raises(InputError):
        placed(TenantId("acme"), 2, [])
