"""A view as a snapshot: the one that would be built from scratch, with columns made when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest

from domain.errors import NotFound
from domain.value import Json
from graph.build import build_snapshot
from graph.columns import ChildTable, Column, Table
from graph.joining import joined
from graph.lazy import snapshot_of
from graph.shred import shred
from graph.snapshot import Snapshot
from tests.unit.graph.changing import NET, PLACES, World, state
from tests.unit.graph.estate import TENANT, item

PATHS = frozenset({"noise", "users[*]", "properties.subnet.id", "members[*]", "@id", "properties.subnets[*].id"})
PATHS_BY_TYPE = {kind.lower(): PATHS for _, kind, _, _ in PLACES} | {
    "microsoft.network/virtualnetworks/subnets": frozenset({"@id", "name"}),
    "contoso.none/things": PATHS,
}
NETWORKS = "microsoft.network/virtualnetworks"


def listed(table: Table | ChildTable) -> dict[str, object]:
    """Every cell of a table, however it is coded."""
    found: dict[str, object] = {path: values(column) for path, column in table.columns.items()}
    for path, child in table.children.items():
        found[path] = (child.parents.tolist(), child.states.tolist(), listed(child))
    return found


def values(column: Column) -> list[object]:
    return [column.value(row) for row in range(len(column))]


def tables(found: Mapping[str, Table]) -> dict[str, dict[str, object]]:
    return {kind: listed(table) for kind, table in found.items()}


def require_same(found: Snapshot, expected: Snapshot) -> None:
    assert found.digest == expected.digest
    assert found.uids == expected.uids
    assert tables(found.tables) == tables(expected.tables)
    assert tables(found.nested) == tables(expected.nested)
    assert {k: rows.tolist() for k, rows in found.listed.items()} == {
        k: rows.tolist() for k, rows in expected.listed.items()
    }


def with_subnets(chance: Random) -> dict[str, Json]:
    names = chance.sample(["a", "b", "c"], chance.randint(0, 3))
    return {"properties": {"subnets": [{"name": name, "properties": {}} for name in names]}}


@pytest.mark.parametrize("seed", range(25))
def test_a_view_as_a_snapshot_is_the_one_built_from_scratch(seed: int) -> None:
    chance, world = Random(seed), World()
    world.put(*(state(chance) for _ in range(20)))
    live, former = world.live(), None
    for _ in range(6):
        expected = build_snapshot(TENANT, world.items.values(), as_of=world.now, paths_by_type=PATHS_BY_TYPE)
        former = snapshot_of(live.view(), world.documents, PATHS_BY_TYPE, former=former)
        require_same(former, expected)
        if chance.random() < 0.2:
            live.fold()
        network = item(f"{NET}/virtualNetworks/v", "Microsoft.Network/virtualNetworks", with_subnets(chance))
        live.apply([*world.happen(chance), *world.happen(chance), *world.put(network)])


def test_columns_that_nobody_asks_for_cost_no_document() -> None:
    chance, world = Random(1), World()
    world.put(*(state(chance) for _ in range(40)))
    found = snapshot_of(world.live().view(), world.documents, PATHS_BY_TYPE)
    assert world.asked == 0
    kind = next(iter(found.tables))
    assert found.tables[kind].size == len(found.rows_by_type[kind]) == world.asked
    with pytest.raises(KeyError):
        found.tables["contoso.none/things"]
    with pytest.raises(KeyError):
        found.nested["contoso.none/things"]


def test_from_view_to_view_only_what_changed_is_read() -> None:
    world = World()
    kind = "Microsoft.Network/networkInterfaces"
    world.put(*(item(f"{NET}/networkInterfaces/n{n}", kind, {"noise": n}) for n in range(30)))
    live = world.live()
    paths = {kind.lower(): frozenset({"noise"})}
    first = snapshot_of(live.view(), world.documents, paths)
    assert first.tables[kind.lower()].size == world.asked == 30
    world.asked = 0
    live.apply(
        [
            *world.put(item(f"{NET}/networkInterfaces/n3", kind, {"noise": 99})),
            *world.remove(f"{NET}/networkInterfaces/n4"),
        ]
    )
    second = snapshot_of(live.view(), world.documents, paths, former=first)
    column = second.tables[kind.lower()].columns["noise"]
    assert world.asked == 1
    assert sorted(map(str, values(column))) == sorted(map(str, [99, *(n for n in range(30) if n not in {3, 4})]))


def test_a_document_that_the_store_no_longer_has_is_told() -> None:
    world = World()
    world.put(item(f"{NET}/networkInterfaces/n", "Microsoft.Network/networkInterfaces"))
    found = snapshot_of(world.live().view(), lambda _: (), {"microsoft.network/networkinterfaces": PATHS})
    with pytest.raises(NotFound) as raised:
        found.tables["microsoft.network/networkinterfaces"]
    assert raised.value.facts["uid"] == f"{NET}/networkInterfaces/n"


def test_joined_tables_hold_each_distinct_value_once() -> None:
    def some(numbers: range) -> Table:
        users: list[Json] = [{"a": 1}, "s"]
        return shred([item(f"/x/{n}", "T", {"noise": n % 2, "users": users[: n % 3]}) for n in numbers], PATHS)

    both, whole = joined(some(range(5)), some(range(5, 9))), some(range(9))
    assert listed(both) == listed(whole)
    noise = both.columns["noise"].values
    assert len(noise) == len(set(map(str, noise)))
