"""Questions about a graph that changes are answered as of a graph that is built anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from actors.impact_desk import ImpactDesk, Question
from assessment.blast import Blast
from assessment.deletion import Removal
from assessment.dependencies import Dependencies
from assessment.drawing import View
from domain.errors import NotFound
from domain.resource import ConfigurationItem, ResourceId
from domain.value import Json
from graph.build import build_snapshot
from graph.failure import FailureMode
from graph.live import LiveGraph
from graph.whole import WholeGraph
from tests.unit.graph.changing import RG, World, state
from tests.unit.graph.estate import NOON, TENANT

VM, DISK = f"{RG}/providers/Microsoft.Compute/virtualMachines/vm", f"{RG}/providers/Microsoft.Compute/disks/d"
ORDERED_BY_ROW = {"resources", "items", "likely", "nodes", "edges", "reasons", "cycles", "kept_users"}
"""Fields whose order among equals follows row numbers, or that name one of several ways of the same length."""
SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"


def placed(chance: Random) -> ConfigurationItem:
    """A resource in some state, with tags and a zone now and then."""
    found = state(chance)
    zone: dict[str, Json] = {"zones": [chance.choice("12")]} if chance.random() < 0.5 else {}
    tags = {"env": chance.choice(("prod", "dev"))} if chance.random() < 0.5 else {}
    changed = replace(found, properties={**found.properties, **zone}, tags=tags)
    return replace(changed, digest=f"{hash((str(changed.properties), str(tags))):x}")


def of_snapshot(world: World) -> ImpactDesk:
    snapshot = build_snapshot(TENANT, world.items.values(), as_of=NOON, paths_by_type={})
    whole = WholeGraph(snapshot)
    return ImpactDesk(lambda: whole, world.documents, lambda: ())


def told(desk: ImpactDesk, question: Question) -> Any:
    """The answer without what depends on row numbers: order among equals, and which of several ways is shown."""
    try:
        found = desk.answer(question, as_of=NOON)
    except NotFound as error:
        return error.summary
    shown = {key: value for key, value in found.items() if key not in ORDERED_BY_ROW}
    for name in ("cycles", "kept_users"):
        shown[name] = sorted(str(sorted(map(str, each.get("resources", each)))) for each in found.get(name, []))
    rows = found["items"] if "items" in found else found["resources"]
    if isinstance(question, View):
        rows = [{**node, "hops": 0} for node in found["nodes"]]
        shown["edges"] = sorted(str(edge) for edge in found["edges"])
    keys = ("resource_id", "criticality", "state", "hops", "direction", "worth", "wave")
    return shown, sorted(str({key: row.get(key) for key in keys}) for row in rows)


def questions(uids: Sequence[str]) -> list[Question]:
    asked: list[Question] = [
        View(),
        Blast("westeurope-1", FailureMode.ZONE_LOSS),
        Blast("westeurope", FailureMode.REGION_LOSS),
    ]
    for uid in uids:
        asked += [Blast(uid, mode) for mode in (FailureMode.DELETE, FailureMode.NETWORK_BLOCK)]
        asked += [Dependencies(uid, depth=9), Removal((uid,))]
    return asked


@pytest.mark.parametrize("seed", range(8))
def test_a_live_graph_is_answered_as_one_that_is_built_anew(seed: int) -> None:
    chance, world = Random(seed), World()
    world.put(*(placed(chance) for _ in range(15)))
    live = world.live()
    desk = ImpactDesk(live.view, world.documents, lambda: ())
    for _ in range(3):
        changes = world.remove(chance.choice(list(world.items))) if world.items and chance.random() < 0.3 else []
        changes += world.put(*(placed(chance) for _ in range(chance.randint(1, 3))))
        live.apply(changes)
        if chance.random() < 0.3:
            live.fold()
        known = sorted(item.uid for item in world.items.values())
        anew = of_snapshot(world)
        for question in questions(chance.sample(known, min(2, len(known)))):
            assert told(desk, question) == told(anew, question), question


def test_a_new_resource_without_edges_takes_nothing_down() -> None:
    world = World()
    alone = [replace(state(Random(1)), uid=ResourceId(uid), properties={}, digest=uid) for uid in ("odd", "even")]
    world.put(alone[0])
    live = LiveGraph.from_items(TENANT, world.items.values(), as_of=NOON, documents=world.documents)
    desk = ImpactDesk(live.view, world.documents, lambda: ())
    live.apply(world.put(alone[1]))
    assert not len(live.view().patch)
    for question in (Blast("even"), Dependencies("even", depth=9), Removal(("even",)), View(around="even")):
        assert told(desk, question) == told(of_snapshot(world), question)


def test_a_resource_that_becomes_a_group_is_kept_alive_by_its_members() -> None:
    world = World()
    chance = Random(1)
    base = replace(state(chance), provider=placed(chance).provider)
    machine = replace(base, uid=ResourceId(VM), type="Microsoft.Compute/virtualMachines", scope=RG,
                      properties={"properties": {"virtualMachineScaleSet": {"id": DISK}}}, digest="a")  # fmt: skip
    other = replace(machine, uid=ResourceId(DISK), type="Microsoft.Compute/disks", properties={}, digest="b")
    world.put(machine, other)
    live = LiveGraph.from_items(TENANT, world.items.values(), as_of=NOON, documents=world.documents)
    desk = ImpactDesk(live.view, world.documents, lambda: ())
    assert desk.answer(Blast(VM), as_of=NOON)["failed"] == 0
    live.apply(world.put(replace(other, type=SCALE_SET, digest="c")))
    found = desk.answer(Blast(VM), as_of=NOON)
    assert [row["resource_id"] for row in found["resources"]] == [DISK]
    assert told(desk, Blast(VM)) == told(of_snapshot(world), Blast(VM))


def test_only_documents_that_are_new_are_read_for_a_question() -> None:
    chance, world = Random(3), World()
    world.put(*(placed(chance) for _ in range(20)))
    live = world.live()
    desk = ImpactDesk(live.view, world.documents, lambda: ())
    world.asked = 0
    desk.answer(View(), as_of=NOON)
    assert world.asked == len(world.items)
    live.apply(world.put(placed(chance)))
    world.asked = 0
    desk.answer(View(), as_of=NOON)
    assert world.asked == 1
    live.fold()
    world.asked = 0
    desk.answer(View(), as_of=NOON)
    assert world.asked <= 1
