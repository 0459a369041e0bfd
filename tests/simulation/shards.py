"""A platform of several shards in one process that crash, hang, are cut off, come back, join and leave.

    python -m tests.simulation.shards [--runs 50] [--steps 300] [--seed N]

Stores and the stream survive, as databases do; everything in a shard's memory goes with it. A shard may die between any
two writes to a store, calls are dropped before or after their effect or done twice, batches are published twice and
late, and a shard that was given up goes on writing. After each step no reader may see what is another tenant's, and
nothing may stand twice in a history; when all is well again every change that was acknowledged must be there, once, in
the store and in the graph, and the graph must be the one that is built from scratch.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Concatenate, ParamSpec, TypeVar

from actors.folders import Folders
from actors.shards.beat import Beat
from actors.shards.config import ShardConfig
from actors.shards.health import Patience
from actors.shards.roster_file import RosterFile
from actors.shards.router import ShardRouter
from actors.shards.stream_place import LOST, STREAM
from actors.shards.supervisor import ShardSupervisor
from actors.tenant_shard import TenantShard
from connectors.stream.memory import MemoryChangeStream
from domain.change import ChangeBatch, ChangeEvent
from domain.errors import NotFound, PolicyCortexError, UnavailableError
from domain.resource import ConfigurationItem, Relationship, ResourceId
from domain.tenancy import TenantId
from domain.value import Json
from graph.live import LiveGraph
from graph.stores.contract import Applied, Relate, Related
from graph.stores.memory import MemoryStore
from tests.unit.connectors.stream.changes import NOON, FixedClock, item

R = TypeVar("R")
P = ParamSpec("P")

NAMES = ("orders", "letters", "stock", "mail", "audit")


class Crash(BaseException):
    """The process of a shard ends here."""


@dataclass
class Fate:
    """When the next process dies, counted in writes to stores."""

    left: int | None = None

    def pass_by(self) -> None:
        """A place to die."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Crash


class MortalStore(MemoryStore):
    """A connection to a database that survives; whoever writes through it may die before and after each write."""

    def __init__(self, tenant: TenantId, beside: MemoryStore, fate: Fate) -> None:
        super().__init__(tenant, beside=beside)
        self._fate = fate

    def apply(
        self,
        events: Sequence[ChangeEvent],
        *,
        stream: str = "",
        position: str = "",
        now: datetime | None = None,
        relate: Relate | None = None,
    ) -> Applied:
        self._fate.pass_by()
        mortal = None if relate is None else self._mortal(relate)
        applied = super().apply(events, stream=stream, position=position, now=now, relate=mortal)
        self._fate.pass_by()
        return applied

    def _mortal(self, relate: Relate) -> Relate:
        """Somebody who may die when the graph is told and the store has nothing yet."""

        def told(applied: Applied) -> Related:
            found = relate(applied)
            self._fate.pass_by()
            return found

        return told

    def put_relationships_of(self, sources: Collection[ResourceId], relationships: Iterable[Relationship]) -> None:
        self._fate.pass_by()
        super().put_relationships_of(sources, relationships)
        self._fate.pass_by()


@dataclass
class Process:
    """One life of a shard."""

    shard: TenantShard
    fate: Fate
    is_hanging: bool = False


@dataclass
class World:
    """The platform, what is wrong with it, and what was promised to publishers."""

    folder: Path
    random: Random
    shards: int = 3
    tenants: int = 8
    memory_mib: int = 1
    clock: FixedClock = field(default_factory=FixedClock)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.names = [TenantId(f"tenant-{number}") for number in range(self.tenants)]
        self.folders = Folders(self.folder)
        for tenant in self.names:
            self.folders.graph(tenant).mkdir(parents=True)
        self.databases = {tenant: MemoryStore(tenant) for tenant in self.names}
        self.stream = MemoryChangeStream(clock=self.clock)
        self.place = RosterFile(self.folder)
        self.processes: dict[str, Process] = {}
        self.zombies: list[Process] = []
        self.promised: dict[TenantId, dict[ResourceId, ChangeEvent]] = {tenant: {} for tenant in self.names}
        self.told: dict[TenantId, set[tuple[ResourceId, datetime]]] = {tenant: set() for tenant in self.names}
        self.numbers, self.events = Counter[TenantId](), Counter[TenantId]()
        self.is_calm = False
        self.supervisor = self.supervised()
        self.router = ShardRouter[TenantShard](self.place, self.connect, pause=lambda _: self.elapse(0.1))

    def now_s(self) -> float:
        """Monotonic seconds."""
        return (self.clock.at - NOON).total_seconds()

    def elapse(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.move(seconds)

    def supervised(self) -> ShardSupervisor:
        """A new supervisor."""
        names = [f"shard-{number}" for number in range(self.shards)]
        return ShardSupervisor(
            Launcher(self), self.place, names, now_s=self.now_s, patience=Patience(starting_s=20.0, silent_s=8.0)
        )

    def begun(self, name: str) -> Process:
        """A new process of a shard."""
        fate = Fate()
        shard = TenantShard(
            self.folders,
            lambda _, tenant: MortalStore(tenant, self.databases[tenant], fate),
            ShardConfig(
                name,
                memory_mib=self.memory_mib,
                idle_s=20.0,
                is_following=True,
                shows_ahead=True,
                has_threads=False,
            ),
            place=RosterFile(self.folder),
            open_stream=lambda: self.stream,
            clock=self.clock,
            now_s=self.now_s,
        )
        self.processes[name] = Process(shard, fate)
        return self.processes[name]

    def connect(self, name: str) -> FlakyHandle:
        """A shard's handle."""
        return FlakyHandle(self, name)

    def step(self) -> None:
        """Something happens, then everybody works a little, then nothing may be wrong."""
        self._happen()
        self._work()
        self.elapse(self.random.choice((0.2, 1.0, 3.0)))
        self.check()

    def recover(self) -> None:
        """All well again, for long enough."""
        self.is_calm = True
        for process in (*self.processes.values(), *self.zombies):
            process.is_hanging, process.fate.left = False, None
        for _ in range(90):
            self._work()
            self.elapse(1.0)
        self.check()
        self.check_everything()

    def _happen(self) -> None:
        happening = self.random.choices(
            ["publish", "read", "crash", "die_writing", "hang", "resize", "supervisor", "zombie"],
            [50, 30, 3, 6, 2, 1, 1, 7],
        )[0]
        self.counts[happening] += 1
        getattr(self, f"_{happening}")()

    def _publish(self) -> None:
        tenant = self.random.choice(self.names)
        events = [self._event(tenant) for _ in range(self.random.randrange(1, 4))]
        number = self.numbers[tenant] = self.numbers[tenant] + 1
        batch = ChangeBatch(tenant, f"{tenant}-{number}", "simulated", self.clock.at, tuple(events))
        for _ in range(self.random.choice((1, 1, 2))):
            self.stream.publish(batch)
        for event in events:
            self.told[tenant].add((event.uid, event.at))
            known = self.promised[tenant].get(event.uid)
            if known is None or event.at > known.at:
                self.promised[tenant][event.uid] = event

    def _event(self, tenant: TenantId) -> ChangeEvent:
        """A state of a resource, sometimes a late one; instants are distinct, so that the newest is one."""
        self.events[tenant] += 1
        at = self.clock.at + timedelta(microseconds=self.events[tenant])
        if self.random.random() < 0.2:
            at -= timedelta(seconds=self.random.randrange(1, 60))
        made = _made(tenant, self.random.choice(NAMES), self.random.choice(NAMES), self.random.randrange(1_000))
        return ChangeEvent(made.uid, at, None if self.random.random() < 0.2 else replace(made, captured_at=at))

    def _read(self) -> None:
        tenant, name = self.random.choice(self.names), self.random.choice(NAMES)
        uid = _made(tenant, name, name, 0).uid
        handle = self.router.of(tenant)
        try:
            row = handle.call(TenantShard.resource, tenant, uid)
            shared = handle.call(TenantShard.shared_view, tenant)
        except (UnavailableError, NotFound):
            self.counts["unanswered"] += 1
            return
        assert row["resource_id"] == uid, f"{tenant} asked for {uid} and got {row['resource_id']}"
        assert shared.tenant == tenant
        assert all(str(tenant) in each for each in shared.base.get().snapshot.uids), f"{tenant} sees others' resources"

    def _crash(self) -> None:
        self.processes.pop(self.random.choice([*self.processes, "nobody"]), None)

    def _die_writing(self) -> None:
        if self.processes:
            self.random.choice([*self.processes.values()]).fate.left = self.random.randrange(8)

    def _hang(self) -> None:
        if self.processes:
            self.random.choice([*self.processes.values()]).is_hanging = True

    def _resize(self) -> None:
        self.supervisor.resize(self.random.randrange(1, 6))

    def _supervisor(self) -> None:
        self.supervisor = self.supervised()

    def _zombie(self) -> None:
        """A process that was given up goes on where it was."""
        if self.zombies:
            zombie = self.random.choice(self.zombies)
            for tenant in self.random.sample(self.names, 3):
                try:
                    zombie.shard.follow(tenant)
                    self.counts["zombie wrote"] += 1
                except UnavailableError:
                    self.counts["zombie fenced"] += 1
                except Crash:
                    self.counts["zombie died"] += 1

    def _work(self) -> None:
        for name, process in list(self.processes.items()):
            if not process.is_hanging:
                self.living(name, process.shard.work)
        if self.is_calm or self.random.random() < 0.9:
            try:
                self.supervisor.tick()
            except PolicyCortexError:
                self.counts["supervisor failed"] += 1

    def living(self, name: str, work: Callable[[], R]) -> R | None:
        """Do something in a shard's process, which may end with it."""
        try:
            return work()
        except Crash:
            self.counts["died"] += 1
            self.processes.pop(name, None)
            return None

    def check(self) -> None:
        """What must hold at any time."""
        for tenant, database in self.databases.items():
            for resource in database.items():
                assert str(tenant) in resource.uid, f"{tenant} holds {resource.uid}"
                instants = [version.at for version in database.history(resource.uid)]
                assert len(set(instants)) == len(instants), f"{resource.uid} has a change twice"
                assert {(resource.uid, at) for at in instants} <= self.told[tenant], f"{resource.uid} was invented"

    def check_everything(self) -> None:
        """What must hold when all is well and nothing waits."""
        for tenant, database in self.databases.items():
            assert self.stream.lag(tenant, database.position(STREAM)) == 0, f"changes of {tenant} wait"
            assert self.stream.parked(tenant).messages == ()
            assert not database.position(LOST), f"changes of {tenant} are taken for lost"
            expected = {uid: event.item for uid, event in self.promised[tenant].items() if event.item is not None}
            found = {resource.uid: resource for resource in database.items()}
            assert found.keys() == expected.keys(), f"{tenant} has {found.keys() ^ expected.keys()} too much or not"
            for uid, made in expected.items():
                assert found[uid].properties == made.properties, f"{uid} is not as it was acknowledged"
            self._check_graph(tenant, database)

    def _check_graph(self, tenant: TenantId, database: MemoryStore) -> None:
        view = self.router.of(tenant).call(TenantShard.shared_view, tenant)
        shown = {uid for uid in view.base.get().snapshot.uids}
        shown |= {each.uid for each in view.overlay.changed.values()}
        built = LiveGraph.from_items(tenant, database.items(), as_of=self.clock.at, documents=database.documents)
        assert {each.uid for each in database.items()} <= shown
        known = {each.uid for each in database.items()}
        stored = {(r.source, r.target, r.kind, r.path) for r in database.relationships() if r.target in known}
        fresh = {(r.source, r.target, r.kind, r.path) for r in built.view().relationships()}
        assert stored == fresh, f"edges of {tenant} are not those of its documents: {stored ^ fresh}"
        for name in NAMES:
            uid = _made(tenant, name, name, 0).uid
            try:
                row = self.router.of(tenant).call(TenantShard.resource, tenant, uid)
            except NotFound:
                assert uid not in known
                continue
            assert row["properties"] == database.item(uid).properties


class Launcher:
    """Starts and ends shards of a world; their answers may not come."""

    def __init__(self, world: World) -> None:
        self._world = world

    def beats(self, names: Sequence[str]) -> Mapping[str, Beat | None]:
        found: dict[str, Beat | None] = {}
        for name in names:
            process = self._world.processes.get(name)
            is_silent = process is None or process.is_hanging
            is_late = not self._world.is_calm and self._world.random.random() < 0.1
            if process is None and self._world.random.random() < 0.3:
                self._world.begun(name)  # as Ray does, some time after a process ended
            found[name] = None if is_silent or is_late or process is None else process.shard.beat()
        return found

    def launch(self, name: str) -> None:
        if name not in self._world.processes:
            self._world.begun(name)

    def restart(self, name: str) -> None:
        """A process that hangs may be cut off rather than dead: it is not always ended."""
        process = self._world.processes.pop(name, None)
        if process is not None:
            process.is_hanging = False
            self._world.zombies = [*self._world.zombies[-3:], process]
        self._world.begun(name)

    def retire(self, name: str) -> None:
        self._world.processes.pop(name, None)

    def drain(self, name: str) -> None:
        if (process := self._world.processes.get(name)) is not None:
            self._world.living(name, process.shard.drain)

    def warm(self, name: str, tenants: Sequence[TenantId]) -> None:
        if (process := self._world.processes.get(name)) is not None and not process.is_hanging:
            self._world.living(name, lambda: process.shard.warm(tenants))


class FlakyHandle:
    """A shard as callers reach it: an answer may be lost, a call may be done twice, a process may be gone."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name

    def call(self, method: Callable[Concatenate[TenantShard, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        chance = 1.0 if self._world.is_calm else self._world.random.random()
        if chance < 0.05:
            raise _interrupted()
        answer = self._once(method, *args, **kwargs)
        if chance < 0.10:
            answer = self._once(method, *args, **kwargs)
        if chance < 0.15:
            raise _interrupted()
        return answer

    async def ask(self, method: Callable[Concatenate[TenantShard, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return self.call(method, *args, **kwargs)

    def refer(self, method: Callable[Concatenate[TenantShard, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return self.call(method, *args, **kwargs)

    def within(self, deadline_s: float) -> FlakyHandle:
        del deadline_s
        return self

    def _once(self, method: Callable[Concatenate[TenantShard, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        process = self._world.processes.get(self._name)
        if process is None:
            raise _interrupted()
        if process.is_hanging:
            self._world.elapse(5.0)
            raise UnavailableError("an actor did not answer in time")
        try:
            return method(process.shard, *args, **kwargs)
        except Crash:
            self._world.counts["died"] += 1
            self._world.processes.pop(self._name, None)
            raise _interrupted() from None


def run(folder: Path, seed: int, *, steps: int) -> Counter[str]:
    """One history of a platform; what happened in it.

    Raises:
        AssertionError: something was lost, doubled, or seen by the wrong tenant.
    """
    world = World(folder, Random(seed))
    for _ in range(steps):
        world.step()
    world.recover()
    return world.counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as many histories as asked; print what happened."""
    parser = argparse.ArgumentParser(description="Crash, cut off, add and remove shards, and hold them to their word.")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=20_261_126)
    options = parser.parse_args(arguments)
    happened = Counter[str]()
    for number in range(options.runs):
        sys.stderr.write(f"seed {options.seed + number}\n")
        with TemporaryDirectory() as folder:
            happened += run(Path(folder), options.seed + number, steps=options.steps)
    sys.stdout.write("".join(f"{what}: {count}\n" for what, count in sorted(happened.items())))
    return 0


def _made(tenant: TenantId, name: str, other: str, number: int) -> ConfigurationItem:
    """A queue that names another one of its tenant."""
    target = f"arn:aws:sqs:eu-central-1:123456789012:{tenant}-{other}"
    properties: dict[str, Json] = {"RedrivePolicy": {"deadLetterTargetArn": target}, "Number": number}
    return item(f"{tenant}-{name}", tenant=tenant, **properties)


def _interrupted() -> UnavailableError:
    return UnavailableError("an actor's process ended", is_interrupted=True)


if __name__ == "__main__":
    sys.exit(main())
