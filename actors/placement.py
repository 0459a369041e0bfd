"""Where actors run: the only module here that knows Ray. Names, capacity, restarts, and which calls may overlap.

Classes are plain; `ray.remote` is applied here. Ray restarts an actor whose process dies and, where calls may be
repeated, repeats them; that is safe because every method is. It does not fence: the storage does (`chain.fence`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar, cast

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError

from actors.evidence_chain import EvidenceChain
from actors.folders import Folders
from actors.handles import DEADLINE_S
from actors.simulation import Simulation
from actors.tenant_shard import OpenStore, TenantShard
from actors.upkeep import LogUpkeep, UpkeepConfig
from chain.keys.log_key_places import LogKeyPlaces
from domain.errors import PolicyCortexError, UnavailableError

A = TypeVar("A")
R = TypeVar("R")
P = ParamSpec("P")

NAMESPACE: Final = "policycortex"
CHAIN_NAME: Final = "evidence-chain"
UPKEEP_NAME: Final = "log-upkeep"
CAPACITY_CPUS: Final = 0.0
PENDING_CALLS_MAX: Final = 1_000


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
)
_SHARD_BOARD: Final = ("begin", "move", "report", "operation", "ping")
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

SHARD: Final = Launch(
    TenantShard,
    groups={"read": 4, "board": 1},
    group_of={**dict.fromkeys(_SHARD_READS, "read"), **dict.fromkeys(_SHARD_BOARD, "board")},
)
CHAIN: Final = Launch(
    EvidenceChain,
    groups={"read": 4, "ending": 1},
    group_of={**dict.fromkeys(_CHAIN_READS, "read"), **dict.fromkeys(("expire", "finish_endings"), "ending")},
)
UPKEEP: Final = Launch(LogUpkeep, groups={"board": 2}, group_of=dict.fromkeys(("state", "ping"), "board"))
SIMULATION: Final = Launch(Simulation, groups={"board": 1}, group_of={"ping": "board"})


class RayHandle(Generic[A]):
    """An actor of a cluster."""

    def __init__(self, actor: Any, launch: Launch[A], *, deadline_s: float = DEADLINE_S) -> None:
        self._actor = actor
        self._launch = launch
        self._deadline_s = deadline_s

    def call(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a method of the actor and wait for its result.

        Raises:
            UnavailableError: no answer within the deadline, or the actor's process is gone.
        """
        name = method.__name__
        with self._translated(name):
            return cast("R", ray.get(self._submit(name, *args, **kwargs), timeout=self._deadline_s))

    async def ask(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Like `call`, for an event loop.

        Raises:
            UnavailableError: no answer within the deadline, or the actor's process is gone.
        """
        name = method.__name__
        with self._translated(name):
            async with asyncio.timeout(self._deadline_s):
                return cast("R", await self._submit(name, *args, **kwargs))

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        """Let Ray's errors leave as ours, and an actor's own error as itself."""
        try:
            yield
        except (GetTimeoutError, TimeoutError):
            raise UnavailableError(
                "an actor did not answer in time", call=name, deadline_s=self._deadline_s, todo="Repeat the request"
            ) from None
        except RayTaskError as error:
            if isinstance(error.cause, PolicyCortexError):
                raise error.cause from None
            raise
        except RayActorError:
            raise UnavailableError(
                "an actor's process ended", call=name, is_interrupted=True, retry_after_s=2, todo="Repeat the request"
            ) from None

    def refer(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Like `call`, but the result stays in the object store; another actor's call gets it without a copy here."""
        return cast("R", self._submit(method.__name__, *args, **kwargs))

    def within(self, deadline_s: float) -> RayHandle[A]:
        """The same actor with another deadline."""
        return RayHandle(self._actor, self._launch, deadline_s=deadline_s)

    def _submit(self, name: str, *args: object, **kwargs: object) -> Any:
        method = getattr(self._actor, name)
        group = self._launch.group_of.get(name)
        call = method.options(concurrency_group=group) if group else method
        return call.remote(*args, **kwargs)


def shard_handle(name: str, folders: Folders, open_store: OpenStore) -> RayHandle[TenantShard]:
    """The shard of this name, started where it is not there yet."""
    return RayHandle(_launch(SHARD, name, folders, open_store), SHARD)


def chain_handle(folders: Folders, log_keys: LogKeyPlaces | None = None) -> RayHandle[EvidenceChain]:
    """The one writer of evidence; of several racing starts one wins, and all get it."""
    return RayHandle(_launch(CHAIN, CHAIN_NAME, folders, log_keys=log_keys), CHAIN)


def upkeep_handle(chain: RayHandle[EvidenceChain], config: UpkeepConfig) -> RayHandle[LogUpkeep]:
    """What keeps the logs published and anchored; it works from its start on, and again after each restart."""
    return RayHandle(_launch(UPKEEP, UPKEEP_NAME, chain, config, None, is_working=True), UPKEEP)


def simulation_handle(number: int) -> RayHandle[Simulation]:
    """One worker of the pool."""
    return RayHandle(_launch(SIMULATION, f"simulation-{number}"), SIMULATION)


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
    )
    return options.remote(*args, **named)
