"""Bringing a graph into memory: the quickest way that is right, whatever was cut short before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from domain.change import ChangeEvent
from graph.hydrate import Hydration, follow, hydrate, keep, put
from graph.live import LiveGraph
from graph.stores.contract import GraphStore
from graph.stores.duckdb import DuckDbStore
from graph.stores.memory import MemoryStore
from tests.unit.graph.changing import Happened, Mirror, World, keyed, state
from tests.unit.graph.estate import TENANT, inventory
from tests.unit.graph.test_live import require_equal


class Stored:
    """A world whose every change goes through a store."""

    def __init__(self, store: GraphStore, seed: int) -> None:
        self.world, self.chance, self.store = World(), Random(seed), store
        self.world.put(*(state(self.chance) for _ in range(20)))
        store.put_inventory(inventory(*self.world.items.values()), "all", self.world.now)

    def happen(self, count: int = 4) -> list[ChangeEvent]:
        """Changes in the world, of which nobody knows yet."""
        return [_event(each) for _ in range(count) for each in self.world.happen(self.chance)]

    def require_in_step(self, live: LiveGraph) -> None:
        """The graph shows the world, and the store keeps the graph's relationships."""
        require_equal(live.view(), self.world)
        assert {keyed(each) for each in self.store.relationships()} == Mirror(live).keys()


def _event(happened: Happened) -> ChangeEvent:
    return ChangeEvent(happened.uid, happened.at, happened.after)


@pytest.fixture(params=["memory", "duckdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GraphStore]:
    opened: GraphStore = MemoryStore(TENANT) if request.param == "memory" else DuckDbStore(tmp_path / "db", TENANT)
    yield opened
    opened.close()


def test_a_store_whose_relationships_were_never_worked_out_is_read_whole(store: GraphStore, tmp_path: Path) -> None:
    stored = Stored(store, 1)
    found = hydrate(store, tmp_path / "saved", as_of=stored.world.now)
    assert (found.how, found.reason) == (Hydration.DOCUMENTS, "nothing was saved")
    put(store, found.delta)
    stored.require_in_step(found.live)


def test_changes_go_through_the_store_into_the_graph_and_their_edges_back(store: GraphStore) -> None:
    stored = Stored(store, 2)
    found = hydrate(store, None, as_of=stored.world.now)
    put(store, found.delta)
    for _ in range(10):
        follow(store, found.live, stored.happen())
        stored.require_in_step(found.live)


def test_a_kept_graph_is_mapped_and_catches_up(store: GraphStore, tmp_path: Path) -> None:
    stored = Stored(store, 3)
    first = hydrate(store, tmp_path / "saved", as_of=stored.world.now)
    put(store, first.delta)
    follow(store, first.live, stored.happen())
    assert keep(store, first.live, tmp_path / "saved") > 0
    follow(store, first.live, stored.happen())
    second = hydrate(store, tmp_path / "saved", as_of=stored.world.now)
    assert (second.how, second.reason) == (Hydration.SAVED, "")
    assert second.changed > 0
    assert second.live.view().version >= first.live.view().version
    put(store, second.delta)
    stored.require_in_step(second.live)


def test_a_writer_that_died_between_item_and_edges_is_made_good(store: GraphStore, tmp_path: Path) -> None:
    stored = Stored(store, 4)
    first = hydrate(store, tmp_path / "saved", as_of=stored.world.now)
    put(store, first.delta)
    keep(store, first.live, tmp_path / "saved")
    store.apply(stored.happen(8))
    for folder in (tmp_path / "saved", None):
        again = hydrate(store, folder, as_of=stored.world.now)
        assert again.how is (Hydration.SAVED if folder else Hydration.DOCUMENTS)
        put(store, again.delta)
        stored.require_in_step(again.live)


def test_what_a_store_keeps_is_shown_at_once_where_its_relationships_belong_to_its_items(store: GraphStore) -> None:
    stored = Stored(store, 5)
    first = hydrate(store, None, as_of=stored.world.now)
    put(store, first.delta)
    keep(store, first.live, None)
    second = hydrate(store, None, as_of=stored.world.now)
    assert (second.how, second.live.is_learned) == (Hydration.READ_OUT, False)
    require_equal(second.live.view(), stored.world)
    follow(store, second.live, stored.happen())
    stored.require_in_step(second.live)


def test_a_store_that_was_put_back_is_not_taken_for_the_one_that_was_saved(tmp_path: Path) -> None:
    stored = Stored(MemoryStore(TENANT), 6)
    live = hydrate(stored.store, None, as_of=stored.world.now).live
    for _ in range(3):
        follow(stored.store, live, stored.happen())
    keep(stored.store, live, tmp_path)
    earlier = Stored(MemoryStore(TENANT), 6)
    found = hydrate(earlier.store, tmp_path, as_of=earlier.world.now)
    assert (found.how, found.reason) == (Hydration.DOCUMENTS, "the store has not had its version")
    require_equal(found.live.view(), earlier.world)


def test_accounts_that_could_not_be_read_are_known_to_the_graph(store: GraphStore, tmp_path: Path) -> None:
    stored = Stored(store, 7)
    gapped = inventory(*stored.world.items.values(), is_complete=False)
    store.put_inventory(gapped, "all", stored.world.now)
    found = hydrate(store, None, as_of=stored.world.now)
    assert found.live.view().overlay.unproven == store.unproven() != frozenset()


def test_a_first_scan_is_worked_out_in_one_pass() -> None:
    stored = Stored(MemoryStore(TENANT), 8)
    empty = MemoryStore(TENANT)
    found = hydrate(empty, None, as_of=stored.world.now)
    applied = empty.put(inventory(*stored.world.items.values()), "all", stored.world.now)
    put(empty, found.live.apply(applied.changes, store_version=applied.version))
    stored.store = empty
    stored.require_in_step(found.live)


@pytest.mark.parametrize("seed", range(10))
def test_many_changes_at_once_are_worked_out_whole(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.live.WHOLE_AT_LEAST", 2)
    stored = Stored(MemoryStore(TENANT), seed)
    found = hydrate(stored.store, None, as_of=stored.world.now)
    put(stored.store, found.delta)
    for count in (1, 9, 2, 12):
        follow(stored.store, found.live, stored.happen(count))
        stored.require_in_step(found.live)
