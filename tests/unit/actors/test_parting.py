"""A tenant's graph that is too large for its shard is read in parts, follows its changes, and comes back whole."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from actors.parted_graph import PartedGraph
from actors.parting import PLAN_FILE, Parting
from actors.tenant_graph import TenantGraph
from connectors.stream.memory import MemoryChangeStream
from domain.change import ChangeEvent
from domain.errors import ConflictError, UnavailableError
from domain.resource import resource_key
from graph.hydrate import RELATIONSHIPS, Hydration
from graph.live import LiveGraph
from graph.stores.memory import MemoryStore
from tests.unit.actors.parts_world import Holders
from tests.unit.connectors.stream.changes import NOON, TENANT, FixedClock, batch, deleted, item

LARGE = 40
SMALL_BYTES = 8_000
AMPLE_BYTES = 1_000_000


def state_of(number: int, *, at: datetime = NOON, names: int | None = None) -> ChangeEvent:
    """A queue, in one of five accounts, that names another one: by default the one before it."""
    other = number - 1 if names is None else names
    made = item(f"q{number}", DeadLetterTargetArn=item(f"q{other}").uid, Number=number)
    return ChangeEvent(made.uid, at, replace(made, scope=f"/accounts/{number % 5}"))


@dataclass
class Estate:
    """A tenant with a store and a stream, whose graph may take so much on its shard."""

    folder: Path
    whole_bytes: int
    store: MemoryStore = field(default_factory=lambda: MemoryStore(TENANT))
    stream: MemoryChangeStream = field(default_factory=MemoryChangeStream)
    holders: Holders = field(default_factory=Holders)

    def __post_init__(self) -> None:
        self.epoch = self.store.claim("a")

    def begin(self) -> TenantGraph:
        """The graph, as a process begins it."""
        self.epoch = self.store.claim("a")
        parting = Parting(
            TENANT,
            self.holders,
            self.folder / PLAN_FILE,
            whole_bytes=self.whole_bytes,
            gathered_bytes=AMPLE_BYTES,
            epoch=lambda: self.epoch,
        )
        return TenantGraph(
            TENANT,
            lambda: self.store,
            stream=self.stream,
            clock=FixedClock(),
            folder=self.folder / "live",
            shows_ahead=True,
            parting=parting,
        )

    def put(self, count: int) -> None:
        """Queues, each of which names the one before it, in several accounts."""
        self.store.apply([state_of(number) for number in range(count)])

    def edges_as_built(self) -> set[tuple[str, str, str]]:
        """Edges of a whole graph of the store's documents."""
        built = LiveGraph.from_items(TENANT, self.store.items(), as_of=NOON, documents=self.store.documents)
        return {(each.source, each.target, each.path) for each in built.view().relationships()}

    def stored_edges(self) -> set[tuple[str, str, str]]:
        known = {resource_key(each.uid) for each in self.store.items()}
        return {
            (each.source, each.target, each.path)
            for each in self.store.relationships()
            if resource_key(each.target) in known
        }

    def require_parts(self, graph: TenantGraph) -> PartedGraph:
        """Its parts, which say what the whole graph would."""
        with graph.in_parts() as parts:
            assert parts is not None, "the graph is held in parts"
            documents = self.store.items()
            stated = parts.edges_of([each.uid for each in documents])
            known = {resource_key(each.uid) for each in documents}
            found = {(each.source, each.target, each.path) for each in stated if resource_key(each.target) in known}
            assert found == self.edges_as_built()
            assert parts.resources == len(documents)
            assert parts.numbers().relationships == len(found)
        return parts


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    found = Estate(tmp_path, SMALL_BYTES)
    found.put(LARGE)
    return found


def test_a_graph_too_large_for_its_shard_is_read_in_parts_with_edges_between_them(estate: Estate) -> None:
    graph = estate.begin()
    parts = estate.require_parts(graph)
    assert len(parts.where()) > 1
    assert {row["shard"] for row in parts.where()} == {row["shard"] for row in parts.where()} & set("abc")
    assert len({row["shard"] for row in parts.where()}) == min(3, len(parts.where()))
    assert estate.stored_edges() == estate.edges_as_built()
    assert graph.memory.resources == LARGE


def test_what_needs_the_whole_graph_is_refused_and_says_so(estate: Estate) -> None:
    graph = estate.begin()
    with pytest.raises(ConflictError, match="held in parts") as raised:
        graph.view()
    assert raised.value.facts["tenant"] == TENANT
    assert graph.shown is None


def test_parts_and_store_follow_the_stream(estate: Estate) -> None:
    graph = estate.begin()
    estate.require_parts(graph)
    later = NOON + timedelta(seconds=1)
    estate.stream.publish(batch("1", state_of(LARGE, at=later), state_of(3, at=later, names=9)))
    estate.stream.publish(batch("2", deleted("q7", at=later)))
    followed = graph.follow()
    assert {change.uid.rsplit(":", 1)[1] for change in followed.changes} == {"q3", "q7", f"q{LARGE}"}
    assert graph.unwritten == 0
    estate.require_parts(graph)
    assert estate.stored_edges() == estate.edges_as_built()


def test_a_lost_shard_costs_no_change(estate: Estate) -> None:
    graph = estate.begin()
    shard = estate.require_parts(graph).where()[0]["shard"]
    later = NOON + timedelta(seconds=1)
    estate.holders.start(shard)
    estate.stream.publish(batch("1", state_of(3, at=later, names=9)))
    with pytest.raises(UnavailableError):
        graph.follow()
    graph.follow()
    estate.require_parts(graph)
    assert estate.stored_edges() == estate.edges_as_built()
    estate.holders.start(shard)
    estate.require_parts(graph)


def test_the_next_owner_reads_by_the_plan_of_the_one_before_and_mends_the_edges(estate: Estate) -> None:
    estate.require_parts(estate.begin())
    plan = estate.require_parts(estate.begin()).plan
    estate.store.apply([state_of(3, at=NOON + timedelta(seconds=1), names=9)])  # written, and its edges are not
    assert estate.stored_edges() != estate.edges_as_built()
    graph = estate.begin()
    assert estate.require_parts(graph).plan == plan
    assert estate.stored_edges() == estate.edges_as_built()


def test_a_graph_that_shrank_is_held_whole_again(estate: Estate) -> None:
    estate.require_parts(estate.begin())
    estate.whole_bytes = AMPLE_BYTES
    graph = estate.begin()
    assert {(each.source, each.target, each.path) for each in graph.view().relationships()} == estate.edges_as_built()
    assert not (estate.folder / PLAN_FILE).exists()
    with graph.in_parts() as parts:
        assert parts is None


def test_a_graph_that_outgrows_its_shard_is_parted_at_the_next_inventory(tmp_path: Path) -> None:
    estate = Estate(tmp_path, SMALL_BYTES)
    estate.put(3)
    graph = estate.begin()
    assert len(graph.view()) == 3
    with graph.lock:
        graph.applied(estate.store.apply([state_of(number) for number in range(3, LARGE)]))
    estate.require_parts(graph)
    assert estate.stored_edges() == estate.edges_as_built()


def test_a_graph_that_outgrows_its_shard_by_changes_is_parted_once_they_are_written(tmp_path: Path) -> None:
    estate = Estate(tmp_path, SMALL_BYTES)
    estate.put(3)
    graph = estate.begin()
    assert len(graph.view()) == 3
    estate.stream.publish(batch("1", *(state_of(n, at=NOON + timedelta(seconds=1)) for n in range(LARGE))))
    graph.follow()
    graph.write_all()
    estate.require_parts(graph)
    assert estate.stored_edges() == estate.edges_as_built()


def test_a_platform_of_one_shard_holds_every_graph_whole(estate: Estate) -> None:
    estate.holders = Holders(names=("a",))
    assert len(estate.begin().view()) == LARGE


def test_a_graph_that_had_to_be_held_whole_is_parted_after_other_shards_have_come_back(estate: Estate) -> None:
    estate.holders.down |= {"b", "c"}
    graph = estate.begin()
    assert len(graph.view()) == LARGE
    graph.keep()
    assert len(graph.view()) == LARGE, "there is nobody else"
    estate.holders.down.clear()
    graph.keep()
    estate.require_parts(graph)


def test_parts_are_misplaced_once_the_roster_names_other_shards_and_go_there_when_read_again(estate: Estate) -> None:
    estate.holders.down.add("c")
    graph = estate.begin()
    before = estate.require_parts(graph).shards
    assert set(before) == {"a", "b"}
    graph.keep()
    assert estate.require_parts(graph).shards == before, "they are where they belong"
    estate.holders.down.clear()
    assert graph.memory.is_misplaced
    graph.keep()
    assert set(estate.require_parts(graph).shards) == {"a", "b", "c"}


def test_a_graph_whose_names_alone_do_not_fit_is_refused_with_what_to_do(estate: Estate) -> None:
    estate.whole_bytes = 100
    with pytest.raises(UnavailableError) as raised, estate.begin().in_parts():
        pass
    assert raised.value.facts["budget_bytes"] == 100


def test_the_graph_goes_whole_by_its_documents_since_parts_do_not_break_circles(estate: Estate) -> None:
    estate.require_parts(estate.begin())
    estate.whole_bytes = AMPLE_BYTES
    graph = estate.begin()
    graph.view()
    assert graph.memory.how is Hydration.DOCUMENTS
    assert estate.store.position(RELATIONSHIPS).isdigit()
