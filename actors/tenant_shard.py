"""Owner of the graphs of the tenants that are placed on it: steps of a scan, and answers about the graph.

The first argument names the tenant, and whatever is asked is asked of that tenant's own state. Every method can be
repeated safely. Steps that write come one after the other; answers run beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic
from typing import TypeAlias

from actors.board_face import BoardFace
from actors.drift_desk import DriftDesk
from actors.drift_face import DriftFace
from actors.folders import Folders
from actors.graph_face import GraphFace
from actors.operation_board import OperationBoard
from actors.part_face import PartFace
from actors.parting import PLAN_FILE, Parting
from actors.policy_face import PolicyFace
from actors.prediction_desk import PredictionDesk
from actors.prediction_face import PredictionDesks, PredictionFace
from actors.scan_face import ScanFace
from actors.shards.admission import Admission
from actors.shards.config import MEBIBYTE, ShardConfig
from actors.shards.following import Following
from actors.shards.held_parts import HeldParts
from actors.shards.holding import Holding
from actors.shards.part_places import PartPlaces, RosterPlaces, Shards
from actors.shards.residency import Residency
from actors.shards.roster_file import RosterPlace
from actors.shards.shelf import LocalShelf, Shelf
from actors.shards.writing import Writing
from actors.tenant_state import TenantState
from actors.watch_face import WatchFace
from connectors.stream.contract import ChangeStream
from connectors.stream.feed import Feed
from domain.clock import Clock, SystemClock
from domain.tenancy import TenantId
from graph.stores.contract import GraphStore

OpenStream: TypeAlias = "Callable[[], ChangeStream]"
OpenFeed: TypeAlias = "Callable[[], Feed]"
OpenStore: TypeAlias = "Callable[[Path, TenantId], GraphStore]"


class TenantShard(ScanFace, PolicyFace, GraphFace, PartFace, BoardFace, DriftFace, PredictionFace, WatchFace):
    """Keeps tenants' states, each opened at first use.

    Args:
        open_store: opens the graph store in a tenant's folder.
        config: its name and bounds.
        place: where the roster is; None where this is the only shard.
        open_stream: opens the stream that changes come through.
        open_feed: opens the feed that events go out by.
        shelf: where graphs are put for readers elsewhere.
        others: the shards that hold parts of graphs too large for this one; None has every graph held whole.
    """

    def __init__(
        self,
        folders: Folders,
        open_store: OpenStore,
        config: ShardConfig | None = None,
        *,
        place: RosterPlace | None = None,
        open_stream: OpenStream | None = None,
        open_feed: OpenFeed | None = None,
        shelf: Shelf | None = None,
        others: Shards[PartFace] | None = None,
        clock: Clock | None = None,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        config = config or ShardConfig()
        self._name = config.name
        self._stream = None if open_stream is None else open_stream()
        self._feed = None if open_feed is None else open_feed()
        self._shelf = shelf or LocalShelf()
        self._clock = clock or SystemClock()
        self._folders = folders
        self._open_store = open_store
        self._prediction_desks = PredictionDesks()
        residency = Residency(config.memory_mib * MEBIBYTE)
        self._held_parts = HeldParts(config.parts_bytes, told=residency.leave_for_parts, now_s=now_s)
        self._part_places: PartPlaces[PartFace] = RosterPlaces((config.name, self), place, others)
        self._held = Holding(
            config.name,
            self._open,
            place=place,
            residency=residency,
            admission=Admission(config.limits),
            now_s=now_s,
            idle_s=config.idle_s,
        )
        self._board = OperationBoard()
        self._config = config
        self._renewing = ThreadPoolExecutor(1, "renewing")
        self._following = Following(self, self._stream, folders.tenants, now_s=now_s)
        self._writing = Writing(self.write_shown, lambda tenant: bool(self.owned([tenant])), now_s=now_s)
        if config.is_following and config.has_threads:
            self._following.begin()
            self._writing.begin()

    def follow(self, tenant: TenantId) -> int:
        """Take every change that waits; how many resources they changed."""
        with self._changing(tenant) as state:
            return state.updates.catch_up()

    def take_changes(self, tenant: TenantId) -> bool:
        """Take what waits for a tenant, as far as one look goes; whether more waits."""
        with self._changing(tenant) as state:
            followed = state.updates.follow()
            if state.graph.unwritten:
                self._writing.tell(tenant)
            return followed.is_behind

    def write_shown(self, tenant: TenantId) -> bool:
        """Have a tenant's store follow what is shown, a part of it; whether there is more."""
        with self._changing(tenant) as state:
            return state.updates.write_shown().is_behind

    def work(self) -> None:
        """Do once what the shard does by itself between requests, where it does not do so in a thread."""
        self._following.tick()
        self._writing.tick()

    def close(self) -> None:
        """Let go of every store."""
        self._following.stop()
        self._writing.stop()
        self._held.close()
        self._held_parts.close()
        self._renewing.shutdown(wait=False, cancel_futures=True)
        if self._stream is not None:
            self._stream.close()
        if self._feed is not None:
            self._feed.close()

    def _has_failed(self) -> bool:
        return self._following.has_failed or self._writing.has_failed

    def _asking(self, tenant: TenantId) -> AbstractContextManager[TenantState]:
        return self._held.reading(tenant)

    def _changing(self, tenant: TenantId) -> AbstractContextManager[TenantState]:
        return self._held.writing(tenant)

    @contextmanager
    def _at_desk(self, tenant: TenantId, *, is_change: bool = False) -> Iterator[DriftDesk]:
        """The tenant's drift, with its graph as it is now."""
        using = self._changing if is_change else self._asking
        with using(tenant) as state:
            if not self._config.is_following:
                state.updates.catch_up()
            with state.updates.at_desk() as desk:
                yield desk

    @contextmanager
    def _at_prediction_desk(self, tenant: TenantId) -> Iterator[PredictionDesk]:
        with self._seen(tenant) as state:
            with state.in_parts():
                pass  # read, where it was not: a store that was just filled knows its relationships only from then on
            with state.lock:
                state.updates.settle()
                yield self._prediction_desks.of(state.store)

    @contextmanager
    def _seen(self, tenant: TenantId) -> Iterator[TenantState]:
        """A tenant's state for a question about its graph as it is now."""
        with self._asking(tenant) as state:
            if not self._config.is_following:
                state.updates.catch_up()
            yield state

    def _open(self, tenant: TenantId, holder: str) -> tuple[TenantState, int]:
        folder = self._folders.graph(tenant)
        state = TenantState(
            tenant,
            lambda: self._open_store(folder, tenant),
            self._folders,
            holder=holder,
            stream=self._stream,
            clock=self._clock,
            hydrating=lambda coming_bytes: self._held.hydrating(tenant, coming_bytes),
            shelf=self._shelf,
            tell=None if self._feed is None else self._feed.append,
            shows_ahead=self._config.shows_ahead,
            renewing=self._renewing if self._config.has_threads and self._config.is_following else None,
            judged_bytes=self._config.judged_bytes_max,
            open_parting=lambda epoch: Parting(
                tenant,
                self._part_places,
                folder / PLAN_FILE,
                whole_bytes=self._config.whole_bytes_max,
                gathered_bytes=self._config.gathered_bytes,
                epoch=epoch,
            ),
        )
        state.store  # noqa: B018 (opened and claimed before it is used)
        return state, state.epoch
