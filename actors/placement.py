"""Where actors run: the module that launches them. Names, capacity, restarts, and which calls may overlap.

Classes are plain; `ray.remote` is applied here. Ray restarts an actor whose process dies and, where calls may be
repeated, repeats them; that is safe because every method is. It does not fence: the storage does (`chain.fence`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar, cast

import ray
from ray.exceptions import ActorDiedError, GetTimeoutError, PendingCallsLimitExceeded, RayActorError, RayTaskError

from actors.evidence_chain import EvidenceChain
from actors.folders import Folders
from actors.garbage import rest_collector
from actors.part_face import PartFace
from actors.ray_handle import ObjectStoreShelf, RayHandle
from actors.shards.beat import Beat
from actors.shards.config import ShardConfig
from actors.shards.roster_file import RosterFile, RosterPlace
from actors.shards.router import ShardRouter
from actors.shards.supervisor import ShardSupervisor
from actors.simulation import Simulation
from actors.tenant_shard import OpenFeed, OpenStore, OpenStream, TenantShard
from actors.upkeep import LogUpkeep, UpkeepConfig
from chain.keys.log_key_places import LogKeyPlaces
from domain.errors import UnavailableError
from domain.tenancy import TenantId

A = TypeVar("A")
R = TypeVar("R")

NAMESPACE: Final = "policycortex"
SUPERVISOR_NAME: Final = "shard-supervisor"
CHAIN_NAME: Final = "evidence-chain"
UPKEEP_NAME: Final = "log-upkeep"
CAPACITY_CPUS: Final = 0.0
PENDING_CALLS_MAX: Final = 1_000
BEAT_S: Final = 2.0
"""How long an answer to the supervisor may take."""


@dataclass(frozen=True, slots=True)
class Launch(Generic[A]):
    """How an actor class runs.

    Args:
        groups: threads by concurrency group; what is in no group runs one call at a time, in order.
        group_of: the group of a method, by name.
        retries: how often Ray repeats a call that a dying process took with it.
    """

    kind: type[A]
    groups: Mapping[str, int]
    group_of: Mapping[str, str]
    retries: int = -1


_SHARD_READS: Final = (
    "document",
    "finding_lives",
    "foreseen",
    "analysis",
    "timeline",
    "explain",
    "policies",
    "definition",
    "scenario",
    "check_bundle",
    "plan_bundle",
    "what_if",
    "bundle_history",
    "resource",
    "resource_history",
    "graph_status",
    "shared_view",
    "drift",
    "drift_baselines",
    "active_drift",
    "prepared_graph",
    "cochanging",
    "settled",
    "learned_from",
    "exempted",
)
_SHARD_BOARD: Final = ("begin", "move", "report", "operation", "ping")
_SHARD_PARTS: Final = (
    "begin_part",
    "read_part",
    "finish_part",
    "change_part",
    "part_edges",
    "part_ties",
    "part_counts",
    "part_names",
    "part_around",
    "part_sums",
    "drop_parts",
)
_SHARD_WATCH: Final = ("beat", "drain", "keep_house")
_CHAIN_READS: Final = (
    "entry",
    "inclusion",
    "verify",
    "check_block",
    "recorded_at",
    "opening",
    "signed_checkpoints",
    "key_entries",
    "heads",
    "page",
    "blocks",
    "counts",
    "latest",
    "commitments",
    "log_keys",
    "report_keys",
    "holds",
    "platform_entries",
    "platform_entries_before",
    "platform_artifact",
    "states",
    "newest_head",
    "consistency",
    "ping",
)


class RayShard(TenantShard):
    """A shard in a process of its own, whose memory is made of graphs that stay."""

    def __init__(self, folders: Folders, open_store: OpenStore, config: ShardConfig, **parts: Any) -> None:
        rest_collector()
        others = ShardRouter[PartFace](parts["place"], _found_shard)
        super().__init__(folders, open_store, config, others=others, **parts)


SHARD: Final = Launch(
    RayShard,
    groups={"read": 4, "board": 1, "watch": 2, "warm": 1, "parts": 4},
    group_of={
        **dict.fromkeys(_SHARD_READS, "read"),
        **dict.fromkeys(_SHARD_BOARD, "board"),
        **dict.fromkeys(_SHARD_WATCH, "watch"),
        **dict.fromkeys(_SHARD_PARTS, "parts"),
        "warm": "warm",
    },
)
CHAIN: Final = Launch(
    EvidenceChain,
    groups={"read": 4, "ending": 1},
    group_of={**dict.fromkeys(_CHAIN_READS, "read"), **dict.fromkeys(("expire", "finish_endings"), "ending")},
)
UPKEEP: Final = Launch(LogUpkeep, groups={"board": 2}, group_of=dict.fromkeys(("state", "ping"), "board"))
SUPERVISOR: Final[Launch[ShardSupervisor]] = Launch(
    ShardSupervisor, groups={"board": 2}, group_of=dict.fromkeys(("state", "ping"), "board")
)
SIMULATION: Final = Launch(Simulation, groups={"board": 1}, group_of={"ping": "board"})


@dataclass(frozen=True, slots=True)
class ShardOpening:
    """What a shard is built with; it travels to the node where one starts.

    Args:
        config: of every shard, whatever its name.
    """

    folders: Folders
    open_store: OpenStore
    open_stream: OpenStream
    open_feed: OpenFeed
    config: ShardConfig

    def launched(self, name: str) -> Any:
        """The actor of this name, started where it is not there yet."""
        place = RosterFile(self.folders.store)
        config = replace(self.config, name=name)
        parts = {
            "place": place,
            "open_stream": self.open_stream,
            "open_feed": self.open_feed,
            "shelf": ObjectStoreShelf(),
        }
        return _launch(SHARD, name, self.folders, self.open_store, config, **parts)


class RayShardLauncher:
    """Does to shards what their supervisor decides."""

    def __init__(self, opening: ShardOpening) -> None:
        self._opening = opening
        self._actors: dict[str, Any] = {}

    def beats(self, names: Sequence[str]) -> Mapping[str, Beat | None]:
        """Ask all of them at once; None for each that did not answer in time."""
        asked = {name: ref for name in names if (ref := self._asked(name)) is not None}
        if asked:
            ray.wait(list(asked.values()), num_returns=len(asked), timeout=BEAT_S)
        return {name: self._beat(name, asked.get(name)) for name in names}

    def launch(self, name: str) -> None:
        """Start a shard, or find the one that runs."""
        self._actors[name] = self._opening.launched(name)

    def restart(self, name: str) -> None:
        """End a shard's process and have another one begin."""
        self._quietly(name, lambda actor: ray.kill(actor, no_restart=False))

    def retire(self, name: str) -> None:
        """End a shard for good."""
        self._quietly(name, ray.kill)
        self._actors.pop(name, None)

    def drain(self, name: str) -> None:
        """Ask a shard to let go of everything; not waited for."""
        self._quietly(name, lambda actor: _watch(actor.drain).remote())

    def warm(self, name: str, tenants: Sequence[TenantId]) -> None:
        """Ask a shard to read tenants' graphs ahead of the first question; not waited for."""
        self._quietly(name, lambda actor: _watch(actor.warm, "warm").remote(tuple(tenants)))

    def _asked(self, name: str) -> Any:
        return self._quietly(name, lambda actor: _watch(actor.beat).remote())

    def _beat(self, name: str, ref: Any) -> Beat | None:
        if ref is None:
            return None
        try:
            return cast("Beat", ray.get(ref, timeout=0))
        except ActorDiedError:
            self.launch(name)
        except (GetTimeoutError, RayActorError, RayTaskError):
            pass
        return None

    def _quietly(self, name: str, work: Callable[[Any], R]) -> R | None:
        """Do something to an actor; one that is gone for good is started anew."""
        try:
            return work(self._actors[name])
        except (ActorDiedError, KeyError):
            self.launch(name)
        except (RayActorError, PendingCallsLimitExceeded, ValueError):
            pass
        return None


def _watch(method: Any, group: str = "watch") -> Any:
    """A call that only the process of the moment may answer: a beat that is repeated later says nothing."""
    return method.options(concurrency_group=group, max_task_retries=0)


def shard_router(place: RosterPlace) -> ShardRouter[TenantShard]:
    """The shards of a cluster, by tenant."""
    return ShardRouter[TenantShard](place, _found_shard)


def _found_shard(name: str) -> RayHandle[Any]:
    try:
        return RayHandle(ray.get_actor(name, NAMESPACE), SHARD.group_of)
    except ValueError:
        raise UnavailableError(
            "the shard is not there yet", shard=name, is_moving=True, retry_after_s=1, todo="Repeat the request"
        ) from None


def supervisor_handle(opening: ShardOpening, shards: int) -> RayHandle[ShardSupervisor]:
    """The one that watches over the shards; of several racing starts one wins, and all get it."""
    names = [f"shard-{number}" for number in range(shards)]
    launch = Launch(RaySupervisor, SUPERVISOR.groups, SUPERVISOR.group_of)
    return RayHandle(_launch(launch, SUPERVISOR_NAME, opening, names), SUPERVISOR.group_of)


class RaySupervisor(ShardSupervisor):
    """The supervisor of a cluster: it makes its own launcher, whose handles cannot travel."""

    def __init__(self, opening: ShardOpening, names: Sequence[str]) -> None:
        launcher = RayShardLauncher(opening)
        super().__init__(launcher, RosterFile(opening.folders.store), names, is_working=True)


def chain_handle(folders: Folders, log_keys: LogKeyPlaces | None = None) -> RayHandle[EvidenceChain]:
    """The one writer of evidence; of several racing starts one wins, and all get it."""
    return RayHandle(_launch(CHAIN, CHAIN_NAME, folders, log_keys=log_keys), CHAIN.group_of)


def upkeep_handle(chain: RayHandle[EvidenceChain], config: UpkeepConfig) -> RayHandle[LogUpkeep]:
    """What keeps the logs published and anchored; it works from its start on, and again after each restart."""
    return RayHandle(_launch(UPKEEP, UPKEEP_NAME, chain, config, None, is_working=True), UPKEEP.group_of)


def simulation_handle(number: int) -> RayHandle[Simulation]:
    """One worker of the pool."""
    return RayHandle(_launch(SIMULATION, f"simulation-{number}"), SIMULATION.group_of)


def _launch(launch: Launch[A], name: str, *args: object, **named: object) -> Any:
    remote = cast("Any", ray).remote(concurrency_groups=dict(launch.groups))(launch.kind)
    options = remote.options(
        name=name,
        namespace=NAMESPACE,
        lifetime="detached",
        get_if_exists=True,
        num_cpus=CAPACITY_CPUS,
        max_restarts=-1,
        max_task_retries=launch.retries,
        max_pending_calls=PENDING_CALLS_MAX,
        scheduling_strategy="SPREAD",
    )
    return options.remote(*args, **named)
