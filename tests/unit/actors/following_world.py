"""A tenant with its store and stream, whose graph can be begun anew as by another process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from actors.tenant_graph import TenantGraph
from connectors.stream.memory import MemoryChangeStream
from domain.change import ChangeEvent
from domain.errors import UnavailableError
from domain.resource import ResourceId
from graph.live import LiveGraph
from graph.stores.memory import MemoryStore
from tests.unit.connectors.stream.changes import NOON, TENANT, FixedClock, batch

QUEUES = "arn:aws:sqs:eu-central-1:123456789012:{}"
LETTERS = ResourceId(QUEUES.format("letters"))


@dataclass
class World:
    """A tenant with its store and stream; the graph can be begun anew, as by another process."""

    stream: MemoryChangeStream = field(default_factory=MemoryChangeStream)
    store: MemoryStore = field(default_factory=lambda: MemoryStore(TENANT))
    clock: FixedClock = field(default_factory=FixedClock)
    room: list[int] = field(default_factory=list)
    folder: Path | None = None
    seconds: float = 0.0
    shows_ahead: bool = False

    def __post_init__(self) -> None:
        self.store.claim("a")
        self.graph = self.anew()

    def anew(self) -> TenantGraph:
        self.graph = TenantGraph(
            TENANT,
            lambda: self.store,
            stream=self.stream,
            clock=self.clock,
            folder=self.folder,
            hydrating=self.hydrating,
            now_s=self.now_s,
            shows_ahead=self.shows_ahead,
        )
        return self.graph

    def now_s(self) -> float:
        self.seconds += 10.0  # so that nothing is put off
        return self.seconds

    @contextmanager
    def hydrating(self, coming_bytes: int) -> Iterator[None]:
        self.room.append(coming_bytes)
        yield

    def publish(self, name: str, *events: ChangeEvent) -> str:
        return self.stream.publish(batch(name, *events))

    def as_built(self) -> set[tuple[str, str, str]]:
        """Edges of a graph that is built from the store's documents."""
        built = LiveGraph.from_items(TENANT, self.store.items(), as_of=NOON, documents=self.store.documents)
        return {(each.source, each.target, each.path) for each in built.view().relationships()}

    def edges(self) -> set[tuple[str, str, str]]:
        return {(each.source, each.target, each.path) for each in self.graph.view().relationships()}

    def stored_edges(self) -> set[tuple[str, str, str]]:
        known = {each.uid for each in self.store.items()}
        return {(r.source, r.target, r.path) for r in self.store.relationships() if r.target in known}


@contextmanager
def down(store: MemoryStore, method: str) -> Iterator[None]:
    """While one method of the store fails."""

    def fail(*_: object, **__: object) -> None:
        raise UnavailableError("the store is down")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store, method, fail)
        yield


def names(world: World) -> set[str]:
    view = world.graph.view()
    return {view.resource(row).name for row in view.rows().tolist()}
