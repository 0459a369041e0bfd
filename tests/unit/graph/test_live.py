"""A live graph after any changes is the graph that would be built from scratch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from random import Random
from typing import Any

import numpy as np
import pytest

from domain.errors import InputError, NotFound
from domain.tenancy import TenantId
from domain.value import Json
from graph.build import build_snapshot, digest_of
from graph.live import LiveGraph
from graph.snapshot import Snapshot
from graph.stores.memory import MemoryStore
from graph.view import GraphView
from tests.unit.graph.changing import NET, PLACES, RG, Mirror, World, keyed, shown, state
from tests.unit.graph.estate import TENANT, inventory, item

NIC, NSG = f"{NET}/networkInterfaces/nic", f"{NET}/networkSecurityGroups/nsg"


def rebuilt(world: World) -> Snapshot:
    return build_snapshot(TENANT, world.items.values(), as_of=world.now, paths_by_type={})


def require_equal(view: GraphView, world: World) -> None:
    """The view shows what a snapshot built from scratch shows."""
    expected = rebuilt(world)
    assert len(view) == len(expected)
    assert Counter(map(shown, view.relationships())) == Counter(map(shown, expected.relationships()))
    assert Counter(view.dangling) == Counter(expected.dangling)
    assert {frozenset(cycle) for cycle in view.cycles} == {frozenset(cycle) for cycle in expected.cycles}
    for each in world.items.values():
        row = view.index_of(each.uid)
        assert (view.uid(row), view.type(row), view.scope(row)) == (each.uid, each.type, each.scope)
        assert row in view.rows_of_type(each.type)
        assert view.resource(row).digest == each.digest
        both = {e.target for e in view.edges_from(row)} | {e.source for e in view.edges_to(row)}
        assert both == view.neighbours(row)
    incoming = [edge for row in view.rows().tolist() for edge in view.edges_to(row)]
    assert Counter(incoming) == Counter(edge for row in view.rows().tolist() for edge in view.edges_from(row))


def require_identical(live: LiveGraph, world: World) -> None:
    """The folded base is the snapshot built from scratch, row by row and edge by edge."""
    live.fold()
    found, expected = live.base.snapshot, rebuilt(world)
    assert found.resources.to_pylist() == expected.resources.to_pylist()
    for name in ("starts", "targets", "kinds", "strengths", "starts_in", "sources_in", "numbers_in"):
        assert np.array_equal(getattr(found.edges, name), getattr(expected.edges, name)), name
    assert list(found.relationships()) == list(expected.relationships())
    assert found.dangling == expected.dangling
    assert found.cycles == expected.cycles
    assert {kind: rows.tolist() for kind, rows in found.rows_by_type.items()} == {
        kind: rows.tolist() for kind, rows in expected.rows_by_type.items()
    }
    assert digest_of(TENANT, expected.as_of, found.resources, found.edges) == expected.digest


@pytest.mark.parametrize("seed", range(60))
def test_a_live_graph_after_any_changes_is_the_graph_built_from_scratch(seed: int) -> None:
    chance, world = Random(seed), World()
    world.put(*(state(chance) for _ in range(chance.randint(0, 25))))
    live = world.live()
    require_equal(live.view(), world)
    mirror = Mirror(live)
    for _ in range(chance.randint(1, 12)):
        changes = [each for _ in range(chance.randint(1, 4)) for each in world.happen(chance)]
        if chance.random() < 0.2:
            live.fold()
        mirror.take(live.apply(changes))
        require_equal(live.view(), world)
        assert mirror.keys() == Mirror(live).keys()
    require_identical(live, world)
    require_equal(live.view(), world)


def filled(world: World) -> MemoryStore:
    """A store that holds what there is."""
    store = MemoryStore(TENANT)
    store.put_inventory(inventory(*world.items.values()), "all", world.now)
    return store


@pytest.mark.parametrize("seed", range(20))
def test_a_graph_read_out_of_a_store_shows_its_edges_at_once_and_follows_changes(seed: int) -> None:
    chance, world = Random(seed), World()
    world.put(*(state(chance) for _ in range(chance.randint(1, 20))))
    store = filled(world)
    store.put_relationships(Mirror(world.live()).relationships())
    live = LiveGraph.from_readout(TENANT, store.read_out(), as_of=world.now, documents=world.documents)
    assert not live.is_learned
    found = {shown(each) for each in live.view().relationships()}
    assert found >= {shown(each) for each in rebuilt(world).relationships()}
    live.apply(world.put(*(state(chance) for _ in range(6))))
    require_equal(live.view(), world)
    require_identical(live, world)


@pytest.mark.parametrize("seed", range(20))
def test_edges_that_a_store_kept_wrong_are_put_right_by_the_first_change(seed: int) -> None:
    chance, world = Random(seed), World()
    world.put(*(state(chance) for _ in range(chance.randint(1, 20))))
    store = filled(world)
    live = LiveGraph.from_readout(TENANT, store.read_out(), as_of=world.now, documents=world.documents)
    delta = live.apply(world.put(*(state(chance) for _ in range(6))))
    require_equal(live.view(), world)
    store.put_inventory(inventory(*world.items.values()), "all", world.now)
    store.put_relationships_of(delta.sources, delta.relationships)
    assert {keyed(each) for each in store.relationships()} == Mirror(live).keys()


def test_a_view_stays_as_it_is_while_the_graph_goes_on() -> None:
    world = World()
    world.put(item(NIC, "Microsoft.Network/networkInterfaces", {"properties": {"networkSecurityGroup": {"id": NSG}}}))
    live = world.live()
    before = live.view()
    live.apply(world.put(item(NSG, "Microsoft.Network/networkSecurityGroups")))
    after = live.view()
    assert (before.version, len(before), [each.value for each in before.dangling]) == (0, 1, [NSG])
    assert (after.version, len(after), after.dangling) == (1, 2, ())
    assert [after.relationship(edge).target for edge in after.edges_from(after.index_of(NIC))] == [NSG]
    live.fold()
    assert before.find(NSG) is None
    assert after.uid(after.index_of(NSG)) == NSG


def test_a_change_of_one_document_asks_for_no_other() -> None:
    world = World()
    world.put(*(item(uid, kind, provider=provider, scope=scope) for uid, kind, provider, scope in PLACES))
    live = world.live()
    live.apply(world.put(item(NIC, "Microsoft.Network/networkInterfaces", {"noise": 2}, scope=RG)))
    assert world.asked == 0


def test_a_new_resource_asks_for_the_documents_that_name_it_alone() -> None:
    world = World()
    named: dict[str, Json] = {"properties": {"networkSecurityGroup": {"id": NSG}}}
    world.put(*(item(f"{NET}/networkInterfaces/n{n}", "Microsoft.Network/networkInterfaces", {}) for n in range(50)))
    world.put(item(NIC, "Microsoft.Network/networkInterfaces", named))
    live = world.live()
    delta = live.apply(world.put(item(NSG, "Microsoft.Network/networkSecurityGroups")))
    assert world.asked == 1
    assert delta.sources == {NIC}
    assert [(each.source, each.target) for each in delta.relationships] == [(NIC, NSG)]


def test_what_is_gone_leaves_its_edges_dangling() -> None:
    world = World()
    world.put(item(NIC, "Microsoft.Network/networkInterfaces", {"properties": {"networkSecurityGroup": {"id": NSG}}}))
    world.put(item(NSG, "Microsoft.Network/networkSecurityGroups"))
    live = world.live()
    delta = live.apply(world.remove(NSG))
    view = live.view()
    assert view.find(NSG) is None
    assert [each.value for each in view.dangling] == [NSG]
    assert delta.sources == {NIC, NSG}
    assert view.patch.gone.tolist() == [0]
    with pytest.raises(NotFound):
        view.resource(next(iter(view.gone)))


def test_circles_of_containment_come_and_go() -> None:
    world = World()
    group = "/providers/Microsoft.Management/managementGroups/{}"
    kind = "Microsoft.Management/managementGroups"
    world.put(item(group.format("a"), kind, {"parent": {"id": group.format("b")}}), item(group.format("b"), kind))
    live = world.live()
    assert live.view().cycles == ()
    live.apply(world.put(item(group.format("b"), kind, {"parent": {"id": group.format("a")}})))
    (circle,) = live.view().cycles
    assert set(circle) == {group.format("a"), group.format("b")}
    assert {each.kind.value for each in live.view().relationships()} == {"references"}
    live.apply(world.put(item(group.format("b"), kind)))
    assert live.view().cycles == ()
    assert [each.kind.value for each in live.view().relationships()] == ["contains"]


def test_a_graph_is_folded_by_size_before_the_next_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.live.FOLD_AT_LEAST", 3)
    world = World()
    live = world.live()
    live.apply(
        world.put(*(item(f"{NET}/networkInterfaces/n{n}", "Microsoft.Network/networkInterfaces") for n in range(5)))
    )
    assert (len(live.base), live.pending) == (0, 5)
    live.apply(world.remove(f"{NET}/networkInterfaces/n1"))
    assert (len(live.base), live.pending) == (5, 1)
    require_equal(live.view(), world)


class Slow(Executor):
    """Does what it is given when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append(lambda: future.set_result(work(*given, **named)))
        return future


@pytest.mark.parametrize("seed", range(25))
def test_a_base_is_renewed_beside_the_changes_that_go_on(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.live.FOLD_AT_LEAST", 4)
    monkeypatch.setattr("graph.live.CAUGHT_UP_AT_LEAST", 1)
    chance, world = Random(seed), World()
    world.put(*(state(chance) for _ in range(15)))
    live = world.live()
    live.executor = slow = Slow()
    bases = set()
    for _ in range(25):
        live.apply([each for _ in range(chance.randint(1, 3)) for each in world.happen(chance)])
        require_equal(live.view(), world)
        bases.add(id(live.base))
        if slow.waiting and chance.random() < 0.3:
            slow.waiting.pop(0)()
    assert len(bases) > 1
    require_identical(live, world)


def test_what_is_folded_meanwhile_makes_a_renewal_needless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.live.FOLD_AT_LEAST", 1)
    chance, world = Random(3), World()
    live = world.live()
    live.executor = slow = Slow()
    for _ in range(3):
        live.apply(world.put(state(chance), state(chance)))
    live.fold()
    slow.waiting.pop(0)()
    live.apply(world.put(state(chance)))
    require_equal(live.view(), world)
    require_identical(live, world)


def test_another_tenants_item_is_refused() -> None:
    world = World()
    live = world.live()
    with pytest.raises(InputError, match="another tenant"):
        live.apply(world.put(item("/a", tenant=TenantId("other"))))
    with pytest.raises(InputError, match="another tenant"):
        LiveGraph.from_items(TENANT, world.items.values(), as_of=world.now, documents=world.documents)
    assert len(live.view()) == 0
