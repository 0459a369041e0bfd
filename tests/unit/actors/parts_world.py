"""Shards that hold parts of one tenant's graph, in this process, beside everything that the graph is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Concatenate, ParamSpec, TypeVar

import pyarrow as pa

from actors.handles import Handle, LocalHandle
from actors.part_face import PartFace
from actors.parted_graph import PartedGraph
from actors.shards.held_parts import HeldParts
from actors.shards.part_messages import Term
from actors.shards.part_places import placed
from domain.errors import UnavailableError
from domain.resource import resource_key
from domain.tenancy import TenantId
from graph.build import resource_table
from graph.partition import Plan, plan_parts
from graph.references import Dangling
from tests.unit.actors.shards.tenants import Watch
from tests.unit.graph.changing import World
from tests.unit.graph.estate import TENANT

R = TypeVar("R")
P = ParamSpec("P")
BUDGET_BYTES = 100_000_000
FIRST = Term(1, 1)


class Holder(PartFace):
    """A shard that holds parts and nothing else."""

    def __init__(self, watch: Watch, budget_bytes: int = BUDGET_BYTES) -> None:
        self.told = list[int]()
        self._held_parts = HeldParts(budget_bytes, told=self.told.append, now_s=watch)

    @property
    def held(self) -> HeldParts:
        """What it holds."""
        return self._held_parts


class NamedHandle(LocalHandle[PartFace]):
    """The shard that has a name at the time of a call."""

    def __init__(self, holders: Holders, name: str) -> None:
        self._holders, self._name = holders, name

    def call(self, method: Callable[Concatenate[PartFace, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self._name in self._holders.down:
            raise UnavailableError("an actor's process ended", is_interrupted=True)
        return method(self._holders.shards[self._name], *args, **kwargs)


@dataclass
class Holders:
    """Shards by name; some may be down."""

    names: tuple[str, ...] = ("a", "b", "c")
    watch: Watch = field(default_factory=Watch)
    budget_bytes: int = BUDGET_BYTES
    down: set[str] = field(default_factory=set)
    shards: dict[str, Holder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.names:
            self.start(name)

    def start(self, name: str) -> None:
        """A shard with nothing in its memory."""
        self.shards[name] = Holder(self.watch, self.budget_bytes)

    def holders(self, tenant: TenantId, parts: int) -> tuple[str, ...]:
        return placed(tenant, parts, [name for name in self.names if name not in self.down])

    def handle(self, shard: str) -> Handle[PartFace]:
        return NamedHandle(self, shard)

    def forget(self, shard: str) -> None:
        """Nothing is remembered."""


@dataclass(frozen=True)
class Readout:
    """What a store reads out."""

    version: int
    resources: pa.Table
    edges: pa.Table
    dangling: tuple[Dangling, ...] = ()


def readout_of(world: World, version: int = 1) -> Readout:
    """The resources of a world, as a store reads them out."""
    ordered = sorted(world.items.values(), key=lambda item: resource_key(item.uid))
    return Readout(version, resource_table(ordered), pa.table({"source": pa.array([], pa.int32())}))


def plan_of(world: World, parts: int) -> Plan:
    """A plan over the scopes of a world."""
    return plan_parts(Counter(item.scope for item in world.items.values()), parts)


def parted(
    world: World, holders: Holders, plan: Plan, term: Term = FIRST, *, gathered_bytes: int = BUDGET_BYTES
) -> PartedGraph:
    """The graph of a world, read by its holders."""
    graph = PartedGraph(
        TENANT,
        plan,
        term,
        holders,
        read_out=lambda: readout_of(world),
        documents=world.documents,
        as_of=world.now,
        part_bytes=[1_000] * plan.parts,
        gathered_bytes=gathered_bytes,
    )
    graph.read(readout_of(world))
    return graph
