"""Whatever is written, every store answers the same: a generated life of a graph, in all of them side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from domain.change import ChangeEvent
from domain.errors import ConflictError
from domain.finding import PolicyId, Severity, Violation
from domain.resource import ConfigurationItem, Relationship, RelationshipKind, ResourceId, Strength
from graph.stores.contract import GraphStore, ScanRecord, StoredDefinition
from graph.stores.duckdb import DuckDbStore
from graph.stores.memory import MemoryStore
from graph.stores.migrate import migrate
from graph.stores.neo4j import Neo4jStore
from graph.stores.neo4j_database import Neo4jDatabase
from tests.contract.graph_stores import NEO4J, in_pieces_of
from tests.unit.graph.estate import NOON, TENANT, inventory, item

MINUTE = timedelta(minutes=1)
UIDS = [f"/subscriptions/S{n % 2}/Group/{n}" for n in range(5)] + [f"arn:aws:s3:::b{n}" for n in range(4)]
TYPES = ("AWS::S3::Bucket", "Microsoft.Web/sites", "microsoft.web/Sites")
STEPS = 45


class Life:
    """Random writes, the same for every store that is given them."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def steps(self) -> Iterator[Callable[[GraphStore], object]]:
        """One write after the other."""
        for _ in range(STEPS):
            kind = self._random.choices(("put", "apply", "all", "some"), (4, 6, 2, 2))[0]
            yield {"put": self._put, "apply": self._apply, "all": self._link_all, "some": self._link_some}[kind]()

    def _moment(self) -> datetime:
        return NOON + self._random.randrange(60) * MINUTE

    def _item(self, uid: str, captured_at: datetime | None) -> ConfigurationItem:
        chosen = self._random
        spelt = uid.lower() if uid.startswith("/") and chosen.random() < 0.2 else uid
        return item(
            spelt,
            chosen.choice(TYPES),
            {"v": chosen.randrange(3)},
            scope=chosen.choice(("", "/accounts/1", "/subscriptions/S/resourceGroups/G")),
            captured_at=captured_at,
            tags={"env": chosen.choice(("prod", "dev"))},
            line=chosen.randrange(3),
        )

    def _put(self) -> Callable[[GraphStore], object]:
        found = {uid: self._item(uid, self._maybe()) for uid in self._random.sample(UIDS, self._random.randrange(7))}
        former = [self._item(uid, self._moment()) for uid in found if self._random.random() < 0.2]
        whole = self._random.random() < 0.7
        run = inventory(*found.values(), former=tuple(former), is_complete=whole)
        name, at = self._random.choice(("east", "west")), self._moment()
        return lambda store: store.put(run, name, at)

    def _maybe(self) -> datetime | None:
        return self._moment() if self._random.random() < 0.7 else None

    def _apply(self) -> Callable[[GraphStore], object]:
        events = []
        for uid in self._random.choices(UIDS, k=self._random.randrange(1, 6)):
            at = self._moment()
            state = None if self._random.random() < 0.3 else self._item(uid, at)
            events.append(ChangeEvent(ResourceId(uid), at, state))
        return lambda store: store.apply(events, stream="s", position=str(len(events)))

    def _links(self, sources: list[str]) -> list[Relationship]:
        return [
            Relationship(
                ResourceId(source),
                ResourceId(self._random.choice([*UIDS, "ghost"])),
                self._random.choice(list(RelationshipKind)),
                self._random.choice(list(Strength)),
                self._random.choice(("a", "b.c")),
            )
            for source in sources
            for _ in range(self._random.randrange(3))
        ]

    def _link_all(self) -> Callable[[GraphStore], object]:
        links = self._links([*UIDS, "nobody"])
        return lambda store: store.put_relationships(links)

    def _link_some(self) -> Callable[[GraphStore], object]:
        sources = self._random.sample(UIDS, 3)
        links = self._links(sources)
        return lambda store: store.put_relationships_of([ResourceId(source) for source in sources], links)


def answers(store: GraphStore, since: int) -> dict[str, object]:
    """Everything that a store can be asked, but for version numbers, which are its own."""
    read_out = store.read_out()
    changed = store.changed_after(since)
    assert changed is not None
    assert changed.version == read_out.version == store.version()
    changes = store.changes(NOON, NOON + 40 * MINUTE)
    return {
        "items": store.items(),
        "as_of": [store.items(NOON + minutes * MINUTE) for minutes in (0, 10, 30)],
        "history": [store.history(uid) for uid in UIDS],
        "changes": (changes.uids, changes.types, changes.scopes, changes.at_us.tolist(), changes.kinds.tolist()),
        "changed": (changed.items, changed.gone),
        "relationships": store.relationships(),
        "resources": read_out.resources.to_pydict(),
        "edges": read_out.edges.to_pylist(),
        "dangling": read_out.dangling,
        "unproven": store.unproven(),
        "position": store.position("s"),
        "documents": store.documents(UIDS[::2]),
    }


@contextmanager
def opened(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], GraphStore]]:
    """A function that opens the store, again each time as another process would."""
    if kind == "duckdb":
        yield lambda: DuckDbStore(folder, TENANT)
    else:
        database: Neo4jDatabase = request.getfixturevalue("neo4j_database")
        yield lambda: Neo4jStore(database, TENANT)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["duckdb", NEO4J])
def test_every_store_agrees_with_the_one_in_memory(
    kind: str, seed: int, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed % 2:
        in_pieces_of(3, monkeypatch)
    model = MemoryStore(TENANT)
    with opened(kind, tmp_path, request) as open_again:
        store = open_again()
        versions = (0, 0)
        for number, step in enumerate(Life(seed).steps()):
            expected, got = step(model), step(store)
            if expected is not None:
                assert (got.changes, got.counts) == (expected.changes, expected.counts), number  # type: ignore[attr-defined]
            if number % 9 == 8:
                assert answers(store, versions[1]) == answers(model, versions[0]), number
                versions = (model.version(), store.version())
                store.close()
                store = open_again()
        store.close()


@pytest.mark.xdist_group("servers")
@pytest.mark.parametrize("seed", range(20, 23))
def test_a_graph_moves_through_every_store_and_loses_nothing(
    seed: int, tmp_path: Path, neo4j_database: Neo4jDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed % 2:
        in_pieces_of(3, monkeypatch)
    first = MemoryStore(TENANT)
    for step in Life(seed).steps():
        step(first)
    first.save_scan(
        ScanRecord("two", NOON, {"n": 2}, frozenset({Violation(ResourceId("a"), PolicyId("p"), Severity.LOW)}))
    )
    first.save_scan(ScanRecord("one", NOON, {"n": 1}))
    first.save_definitions([StoredDefinition("p", {"v": 2**70}, "f", "runs")])
    first.apply([ChangeEvent(ResourceId("unseen"), NOON, None)])
    stores: list[GraphStore] = [
        first,
        DuckDbStore(tmp_path, TENANT),
        Neo4jStore(neo4j_database, TENANT),
        DuckDbStore(tmp_path / "back", TENANT),
        MemoryStore(TENANT),
    ]
    for source, target in pairwise(stores):
        moved = migrate(source, target)
        assert (moved.versions, moved.scans) == (len(first.archive().versions), 2)
        assert answers(target, 0) == answers(first, 0)
        assert target.version() == first.version()
        assert [scan.scan_id for scan in target.scans()] == ["two", "one"]
        with pytest.raises(ConflictError, match="already"):
            target.restore(first.archive())
    for number, step in enumerate(Life(seed + 100).steps()):
        if number < STEPS // 3:
            for store in stores:
                step(store)
    for store in stores[1:]:
        assert answers(store, 0) == answers(first, 0)
        store.close()


def test_scans_and_definitions_outlive_the_process(neo4j_database: Neo4jDatabase) -> None:
    first = Neo4jStore(neo4j_database, TENANT)
    first.save_scan(ScanRecord("one", NOON, {"n": 1}))
    first.save_definitions([StoredDefinition("p", {"v": 1}, "f", "runs")])
    again = Neo4jStore(neo4j_database, TENANT)
    assert (again.last_scan(), again.definitions()) == (first.last_scan(), first.definitions())
