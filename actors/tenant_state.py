"""What a shard keeps of one tenant: its store, its documents, and the graph as it is now.

A scan judges what it was given to read, by the history that the store has of it; the graph of everything that any scan
has seen is what questions between scans are asked of. Both are judged by the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime, timedelta

import polars as pl

from actors.drift_desk import DriftDesk, Tell
from actors.folders import Folders
from actors.gathering import Gathering
from actors.impact_desk import ImpactDesk
from actors.judged_graph import JudgedGraph
from actors.judged_source import JudgedSource
from actors.kept_bill import KeptBill
from actors.parted_graph import PartedGraph
from actors.parting import Parting
from actors.policy_desk import PolicyDesk
from actors.scan_archive import ScanArchive
from actors.scan_steps import ScanSteps
from actors.shards.shelf import LocalShelf, SharedView, Shelf, ViewPublisher
from actors.tenant_graph import TenantGraph
from actors.tenant_policies import TenantPolicies
from actors.tenant_store import TenantStore
from actors.updates import Updates
from assessment.drift_evidence import drift_events
from assessment.heuristics import HISTORY_DAYS_MAX
from connectors.files import Reading
from connectors.stream.contract import ChangeStream
from domain.clock import Clock, SystemClock
from domain.errors import ConflictError, NotFound, UnavailableError
from domain.evidence import EvidenceEvent
from domain.resource import ConfigurationItem
from domain.tenancy import TenantId
from graph.stores.contract import NO_RESOURCE_TODO, Changes, GraphStore, PutCounts
from graph.view import GraphView


class TenantState:
    """One tenant. Not for several threads but for the questions about the graph, which take the lock.

    Args:
        open_store: opens the tenant's store.
        holder: who claims it, each time it is opened.
        stream: where changes come from; None where there are none.
        hydrating: holds a place, and makes room for so many bytes, while the graph is read.
        shelf: where the graph is put for readers elsewhere.
        shows_ahead, renewing: as `TenantGraph` has them.
        open_parting: makes what has a large graph held in parts, given the epoch of the store.
        judged_bytes: what a graph in parts may take, with its documents, where it is judged between scans.
        tell: takes what is to be heard of at once, such as drift, to whoever listens.
    """

    def __init__(
        self,
        tenant: TenantId,
        open_store: Callable[[], GraphStore],
        folders: Folders,
        *,
        holder: str = "",
        stream: ChangeStream | None = None,
        clock: Clock | None = None,
        hydrating: Callable[[int], AbstractContextManager[None]] = lambda _: nullcontext(),
        shelf: Shelf | None = None,
        tell: Tell | None = None,
        shows_ahead: bool = False,
        renewing: Executor | None = None,
        open_parting: Callable[[Callable[[], int]], Parting | None] = lambda _: None,
        judged_bytes: int = 0,
    ) -> None:
        self.tenant = tenant
        clock = clock or SystemClock()
        self._store = TenantStore(open_store, holder, self._reopened)
        self.lock = self._store.lock
        self.graph = TenantGraph(
            tenant,
            self._store.open,
            stream=stream,
            clock=clock,
            folder=folders.live_graph(tenant),
            hydrating=hydrating,
            at_store=self.lock,
            shows_ahead=shows_ahead,
            renewing=renewing,
            parting=open_parting(lambda: self._store.epoch),
        )
        self._publisher = ViewPublisher(tenant, shelf or LocalShelf())
        self._bill = KeptBill(folders.graph(tenant))
        self.archive = ScanArchive(folders.scans(tenant))
        self.policies = TenantPolicies(tenant, folders, self._store, self.policies_changed)
        self.desk = PolicyDesk(self, self.policies, folders.policy_keys)
        self.impact = ImpactDesk(
            self.view, self.graph.documents.some, lambda: self.billing, self._recorded, self._gathering
        )
        self.drift = DriftDesk(self, folders.drift(tenant), tell)
        self.updates = Updates(self.graph, self.drift, self._store, clock)
        self.judged = JudgedGraph(JudgedSource(self, judged_bytes))
        self.scans = ScanSteps(self)

    @property
    def store(self) -> GraphStore:
        """The tenant's store, claimed for this shard; opened where it is not open.

        Raises:
            ConflictError: another process has it open.
            UnavailableError: it does not answer.
        """
        return self._store.open()

    @property
    def epoch(self) -> int:
        """What the store was claimed with last."""
        return self._store.epoch

    def view(self) -> GraphView:
        """The graph as it is. The first question reads it, with the changes that wait."""
        return self.graph.shown or self._caught_up().view()

    def in_parts(self) -> AbstractContextManager[PartedGraph | None]:
        """The graph where it is held in parts, as it is while this is held. The first question reads it."""
        graph = self.graph if self.graph.memory.is_there else self._caught_up()
        return graph.in_parts()

    @contextmanager
    def _gathering(self) -> Iterator[Gathering | None]:
        with self.in_parts() as parts:
            yield None if parts is None else parts.gathering

    def shared_view(self) -> SharedView:
        """The graph as it is, for a reader in another process."""
        view = self.view()
        with self.lock:
            return self._publisher.published(view, f"{self._store.holder}/{self.epoch}")

    def item(self, uid: str) -> ConfigurationItem:
        """A resource as it is shown.

        Raises:
            NotFound: this tenant has no such resource now.
        """
        found = self.documents([uid])
        if not found:
            raise NotFound("no such resource", uid=uid, todo=NO_RESOURCE_TODO)
        return found[0]

    def items(self) -> tuple[ConfigurationItem, ...]:
        """The graph's resources as they are shown, in order of `resource_key`."""
        return tuple(item for _, item in sorted(self.graph.documents.all().items()))

    def documents(self, uids: Sequence[str]) -> tuple[ConfigurationItem, ...]:
        """Some resources as they are shown, without those that are not here."""
        return self.graph.documents.some(uids)

    def changes(self, as_of: datetime) -> Changes:
        """What changed before a time, as far back as predictions look."""
        with self.lock:
            return self.store.changes(as_of - timedelta(days=HISTORY_DAYS_MAX), as_of)

    @property
    def billing(self) -> tuple[pl.DataFrame, ...]:
        """Billing rows that were read last, by this process or by one before."""
        with self.lock:
            return self._bill.frames

    def take_in(self, reading: Reading, collection: str, at: datetime) -> tuple[PutCounts, tuple[EvidenceEvent, ...]]:
        """Put what was read into graph, history and bill; what it did, and the drift that it showed."""
        with self.updates.settled():
            applied = self.store.put(reading.inventory, collection, at)
            self.updates.applied(applied, is_complete=reading.inventory.is_complete)
            if reading.billing:
                self._bill.save(tuple(file.frame for file in reading.billing))
            return applied.counts, drift_events(self.updates.compared(applied.changes, at), self.tenant)

    def policies_changed(self) -> None:
        """Other policies judge than before."""
        self.judged.forget()
        self.drift.forget_policies()

    @property
    def size_bytes(self) -> int:
        """What of the tenant is in memory, about."""
        return self.graph.size_bytes + self.impact.size_bytes + self.drift.size_bytes + self.judged.size_bytes

    @property
    def resources(self) -> int:
        """Resources of the tenant, where that is known."""
        return self.graph.memory.resources

    @property
    def changes_waiting(self) -> int:
        """Changes that are shown and not yet in the store."""
        return self.graph.unwritten

    @property
    def is_busy(self) -> bool:
        """Whether a scan is between its steps, or was so lately."""
        return self.scans.is_busy

    @property
    def is_misplaced(self) -> bool:
        """Whether the graph is here and not held as the shards that there are now would have it."""
        return self.graph.memory.is_misplaced

    def place_anew(self) -> None:
        """Have the graph read again by the shards that there are now.

        Raises:
            ConflictError: another shard has claimed the store.
            UnavailableError: it cannot be read now; the next question reads it.
        """
        self.updates.settle()
        self.graph.keep()
        with self.in_parts():
            pass

    def cool(self) -> None:
        """Close the store, and let go of what can be worked out again; the graph stays."""
        self.impact.forget()
        with self.graph.lock, self.lock:
            self._keep_graph()
            self._let_go()

    def close(self) -> None:
        """Let go of everything."""
        self.impact.forget()
        with self.graph.lock, self.lock:
            self._keep_graph()
            self.graph.forget()
            self._let_go()

    def _caught_up(self) -> TenantGraph:
        """The graph with the changes that wait, as far as they can be had."""
        with suppress(UnavailableError):
            self.updates.catch_up()
        return self.graph

    def _reopened(self) -> None:
        self.graph.check()

    def _let_go(self) -> None:
        self._bill.forget()
        self.judged.forget()
        self.drift.forget()
        self._store.close()

    def _keep_graph(self) -> None:
        """Save the graph; what cannot be saved is worked out again."""
        if self._store.is_open:
            with suppress(ConflictError, UnavailableError):
                self.updates.settle()
                self.graph.keep()

    def _recorded(self, since: datetime, until: datetime) -> tuple[Changes, datetime | None]:
        """What changed between two instants, and when the first scan began to record."""
        with self.lock:
            first = min((scan.at for scan in self.store.scans()), default=None)
            return self.store.changes(since, until), first
