"""What a shard keeps of one tenant: its store, its documents, and the graph as it is now.

A scan judges what it was given to read, by the history that the store has of it; the graph of everything that any scan
has seen is what questions between scans are asked of. Both are judged by the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any, Final

import polars as pl
import structlog

from actors.drift_desk import DriftDesk, Tell
from actors.drift_desk import Row as DriftRow
from actors.folders import Folders
from actors.impact_desk import ImpactDesk
from actors.imported_aliases import ImportedAliases
from actors.judged_graph import JudgedGraph
from actors.kept_bill import KeptBill
from actors.messages import (
    APPLIED,
    EVERYTHING,
    Filters,
    SimulationRequest,
)
from actors.policies_in_force import as_in_force, in_force
from actors.policy_catalogue import Chosen, chosen_policies, find_policy, inline_policy
from actors.policy_desk import PolicyDesk
from actors.policy_ledger import PolicyLedger
from actors.scan_archive import ScanArchive
from actors.scan_steps import ScanSteps
from actors.shards.shelf import LocalShelf, SharedView, Shelf, ViewPublisher
from actors.shards.taken import Followed, Moved
from actors.tenant_graph import TenantGraph
from assessment.beside import related_items
from assessment.drift_evidence import drift_events
from assessment.heuristics import HISTORY_DAYS_MAX
from assessment.inputs import AssessedPolicy, required_paths
from assessment.result import Assessment
from assessment.simulate import Decision, Estate, PolicyScenario
from connectors.files import Reading
from connectors.stream.contract import ChangeStream
from domain.change import ChangeEvent
from domain.clock import Clock, SystemClock
from domain.errors import ConflictError, NotFound, PolicyCortexError, UnavailableError
from domain.evidence import EvidenceEvent
from domain.resource import ConfigurationItem
from domain.tenancy import TenantId
from domain.value import UNREAD, Absent, Json
from graph.build import build_snapshot
from graph.stores.contract import (
    NO_RESOURCE_TODO,
    Changes,
    GraphStore,
    PutCounts,
    StoredDefinition,
)
from graph.view import GraphView
from policy.aliases import AliasTable
from policy.compile import Program
from policy.corpus import import_definitions

LOOKS_MAX: Final = 1_000


class TenantState:
    """One tenant. Not for several threads but for the questions about the graph, which take the lock.

    Args:
        open_store: opens the tenant's store.
        holder: who claims it, each time it is opened.
        stream: where changes come from; None where there are none.
        hydrating: holds a place, and makes room for so many bytes, while the graph is read.
        shelf: where the graph is put for readers elsewhere.
        shows_ahead, renewing: as `TenantGraph` has them.
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
    ) -> None:
        self._publisher = ViewPublisher(tenant, shelf or LocalShelf())
        self.tenant = tenant
        self.lock = RLock()
        self.epoch = 0
        self._open_store = open_store
        self._holder = holder
        self._opened: GraphStore | None = None
        self.graph = TenantGraph(
            tenant,
            lambda: self.store,
            stream=stream,
            clock=clock or SystemClock(),
            folder=folders.live_graph(tenant),
            hydrating=hydrating,
            at_store=self.lock,
            shows_ahead=shows_ahead,
            renewing=renewing,
        )
        self.archive = ScanArchive(folders.scans(tenant))
        self.aliases = ImportedAliases(folders.graph(tenant) / "aliases.json")
        self.ledger = PolicyLedger(folders.policies(tenant))
        self.desk = PolicyDesk(self, self.ledger, folders.policy_keys)
        self.impact = ImpactDesk(self.view, self.graph.documents, lambda: self.billing, self._recorded)
        self.drift = DriftDesk(self, folders.drift(tenant), tell)
        self._clock = clock or SystemClock()
        self._bill = KeptBill(folders.graph(tenant))
        self._billing: tuple[pl.DataFrame, ...] | None = None
        self.judged = JudgedGraph(self)
        self.scans = ScanSteps(self)

    @property
    def store(self) -> GraphStore:
        """The tenant's store, claimed for this shard; opened where it is not open.

        Raises:
            ConflictError: another process has it open.
            UnavailableError: it does not answer.
        """
        with self.lock:
            if self._opened is None:
                store = self._open_store()
                with ExitStack() as undo:
                    undo.callback(store.close)
                    self.epoch = store.claim(self._holder)
                    undo.pop_all()
                self._opened = store
                self.graph.check()
            return self._opened

    def _recorded(self, since: datetime, until: datetime) -> tuple[Changes, datetime | None]:
        """What changed between two instants, and when the first scan began to record."""
        with self.lock:
            first = min((scan.at for scan in self.store.scans()), default=None)
            return self.store.changes(since, until), first

    def view(self) -> GraphView:
        """The graph as it is. The first question reads it, with the changes that wait."""
        shown = self.graph.shown
        if shown is not None:
            return shown
        with suppress(UnavailableError):
            self.catch_up()
        return self.graph.view()

    def item(self, uid: str) -> ConfigurationItem:
        """A resource as it is shown.

        Raises:
            NotFound: this tenant has no such resource now.
        """
        found = self.graph.documents([uid])
        if not found:
            raise NotFound("no such resource", uid=uid, todo=NO_RESOURCE_TODO)
        return found[0]

    def documents(self, uids: Sequence[str]) -> tuple[ConfigurationItem, ...]:
        """Some resources as they are shown, without those that are not here."""
        return self.graph.documents(uids)

    def follow(self) -> Followed:
        """Take what waits in the stream of changes, as far as one look goes, and hear of it."""
        with self.graph.lock:
            try:
                return self.graph.follow()
            finally:
                self._hear()

    def catch_up(self) -> int:
        """Take everything that waits, within bounds, into graph and store; how many resources it changed."""
        count = 0
        for _ in range(LOOKS_MAX):
            followed = self.follow()
            count += len(followed.changes)
            if not followed.is_behind:
                break
        return count + len(self.settle().changes)

    def settle(self) -> Followed:
        """Have the store hold what is shown, for a question that is asked of the store."""
        if not self.graph.has_unwritten:
            return Followed()
        followed = self.graph.write_all()
        self._check_refuted()
        return followed

    def write_shown(self) -> Followed:
        """Have the store follow what is shown, a part of it."""
        followed = self.graph.write_shown()
        self._check_refuted()
        return followed

    def shared_view(self) -> SharedView:
        """The graph as it is, for a reader in another process."""
        view = self.view()
        with self.lock:
            return self._publisher.published(view, f"{self._holder}/{self.epoch}")

    @contextmanager
    def at_desk(self) -> Iterator[DriftDesk]:
        """The tenant's drift, with its store holding what is shown.

        A process that has just begun first takes what waits: else it would compare with what was before the one that
        ended, and tell that drift has gone.
        """
        if self.drift.is_cold:
            with suppress(UnavailableError):
                self.catch_up()
        self.settle()
        with self.lock:
            yield self.drift

    def take_in(self, reading: Reading, collection: str, at: datetime) -> tuple[PutCounts, tuple[EvidenceEvent, ...]]:
        """Put what was read into graph, history and bill; what it did, and the drift that it showed."""
        with self.graph.lock, self.lock:
            self.settle()
            applied = self.store.put(reading.inventory, collection, at)
            self.graph.applied(applied)
            if reading.inventory.is_complete:
                self.graph.found_again()
            if reading.billing:
                self._billing = tuple(file.frame for file in reading.billing)
                self._bill.save(self._billing)
            return applied.counts, drift_events(self._drifted(applied.changes, at), self.tenant)

    def current(self, as_of: datetime, filters: Filters = EVERYTHING) -> Assessment:
        """The whole graph, judged as of a time by built-in and imported policies; the last answer is kept."""
        return self.judged.at(as_of, filters)

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Keeps graph and store as they are, the store holding what the graph shows."""
        with self.graph.lock, self.lock:
            self.settle()
            yield

    def import_definitions(self, path: Path, aliases: Sequence[Path]) -> tuple[dict[str, Any], ...]:
        """Import definitions, with the aliases that they need; one row each. Those that are valid are kept."""
        table = self.aliases.table().with_files(list(aliases))
        report = import_definitions(path, table)
        kept = [row for row in report.rows if row.state != "invalid"]
        documents = {row.id: report.documents[row.id] for row in kept}
        stored = [
            StoredDefinition(row.id, document, str(path), row.state)
            for row in kept
            if isinstance(document := documents[row.id], dict)
        ]
        with self.lock:
            self.aliases.keep(documents.values(), table)
            self.store.save_definitions(stored)
            self.judged.forget()
            self.drift.forget_policies()
        return tuple(row.as_json() for row in report.rows)

    def definitions(self) -> tuple[StoredDefinition, ...]:
        """Imported definitions."""
        with self.lock:
            return self.store.definitions()

    def policies(self, sources: Sequence[str], aliases: Sequence[str] = ()) -> tuple[AssessedPolicy, ...]:
        """The policies of some sources, in order of id."""
        return self.chosen(sources, aliases).policies

    def chosen(self, sources: Sequence[str], aliases: Sequence[str] = ()) -> Chosen:
        """The policies of some sources, and the exemptions that came with their assignments."""
        table = self.aliases.table().with_files(list(aliases))
        return chosen_policies(sources, self.definitions(), table, self.ledger.policies())

    def alias_table(self) -> AliasTable:
        """Built-in and imported aliases."""
        return self.aliases.table()

    def items(self) -> tuple[ConfigurationItem, ...]:
        """The graph's resources as they are shown, in order of `resource_key`."""
        return tuple(item for _, item in sorted(self.graph.items().items()))

    @property
    def billing(self) -> tuple[pl.DataFrame, ...]:
        """Billing rows that were read last, by this process or by one before."""
        with self.lock:
            if self._billing is None:
                self._billing = self._bill.load()
            return self._billing

    def policy(self, policy_id: str, parameters: Mapping[str, Json] | None = None) -> AssessedPolicy:
        """A policy of the bundle in force, built in or imported, or one that the last scan read from a file.

        Raises:
            NotFound: no such policy.
        """
        assigned = () if parameters else self.chosen((APPLIED,)).policies
        for known in assigned:
            if known.policy_id.casefold() == policy_id.casefold():
                return known
        try:
            return find_policy(policy_id, self.definitions(), self.aliases.table(), parameters or {})
        except NotFound:
            found = [policy for policy in self._policies_of_last_scan() if policy.policy_id == policy_id]
            if not found:
                raise
            return found[0]

    def related(
        self, program: Program, item: ConfigurationItem, as_of: datetime
    ) -> Sequence[ConfigurationItem] | Absent:
        """What an existence condition of a resource is answered from."""
        if program.existence is None:
            return UNREAD
        snapshot, items = self.judged.resources()
        return related_items(program.existence, snapshot.index_of(item.uid), snapshot, items, now=as_of)

    def scenario(self, request: SimulationRequest) -> tuple[Estate, PolicyScenario]:
        """The graph with columns for the scenario's policy beside its own, and the policy. Documents stay here."""
        if isinstance(request.policy, str):
            policy = self.policy(request.policy, request.parameters)
        else:
            policy = inline_policy(dict(request.policy), self.aliases.table(), request.parameters)
        now = self.current(request.as_of)
        policy = as_in_force(now.inputs.policies, policy, request)
        paths = required_paths([*now.inputs.policies, policy], now.inputs.items)
        unproven = now.inputs.snapshot.unproven
        snapshot = build_snapshot(
            self.tenant, now.inputs.items, as_of=request.as_of, paths_by_type=paths, unproven=unproven
        )
        items = tuple(replace(item, properties={}, tags={}) for item in now.inputs.items)
        assigned = in_force(now.inputs.policies, policy, has_parameters=bool(request.parameters))
        estate = Estate(snapshot, items, assigned, now.costs)
        return estate, PolicyScenario(Decision(request.kind), policy, request.scope)

    @property
    def size_bytes(self) -> int:
        """What of the tenant is in memory, about."""
        return self.graph.size_bytes + self.impact.size_bytes + self.drift.size_bytes + self.judged.size_bytes

    @property
    def resources(self) -> int:
        """Resources of the tenant, where that is known."""
        return self.graph.resources

    @property
    def changes_waiting(self) -> int:
        """Changes that are shown and not yet in the store."""
        return self.graph.unwritten

    @property
    def is_busy(self) -> bool:
        """Whether a scan is between its steps, or was so lately."""
        return self.scans.is_busy

    def cool(self) -> None:
        """Close the store, and let go of what can be worked out again; the graph stays."""
        self.impact.forget()
        with self.graph.lock, self.lock:
            self._billing = None
            self._keep_graph()
            self.judged.forget()
            self.drift.forget()
            self._close_store()

    def close(self) -> None:
        """Let go of everything."""
        self.impact.forget()
        with self.graph.lock, self.lock:
            self._keep_graph()
            self.graph.forget()
            self.judged.forget()
            self.drift.forget()
            self._close_store()

    def _hear(self) -> None:
        """What has changed concerns drift; the store is waited for only where everything has to be compared."""
        news, view, now = self.graph.heard(), self.graph.shown, self._clock.now()
        if not news.moved:
            return
        unproven = None if view is None else view.overlay.unproven
        try:
            if self.drift.heard(news.moved, now, events=news.told, unproven=unproven) is not None:
                return
        except PolicyCortexError as error:
            self._not_looked_for(error)
        with self.lock:
            self._drifted(news.moved, now, news.told)

    def _check_refuted(self) -> None:
        """Where the store came to another state than was shown, drift was looked for in the wrong one."""
        if self.graph.was_refuted():
            with self.lock:
                try:
                    self.drift.check(self._clock.now())
                except PolicyCortexError as error:
                    self._not_looked_for(error)

    def _drifted(
        self, changes: Sequence[Moved], at: datetime, told: Sequence[ChangeEvent] = ()
    ) -> tuple[DriftRow, ...]:
        """Compare what changed with its baselines. The changes stand, whatever becomes of that: it is done again."""
        try:
            return self.drift.observe(changes, at, events=told)
        except PolicyCortexError as error:
            self._not_looked_for(error)
            return ()

    def _not_looked_for(self, error: PolicyCortexError) -> None:
        structlog.get_logger().warning("drift was not looked for", tenant=self.tenant, reason=str(error)[:300])

    def _keep_graph(self) -> None:
        """Save the graph; what cannot be saved is worked out again."""
        if self._opened is not None:
            with suppress(ConflictError, UnavailableError):
                self.settle()
                self.graph.keep()

    def _close_store(self) -> None:
        store, self._opened = self._opened, None
        if store is not None:
            store.close()

    def _policies_of_last_scan(self) -> tuple[AssessedPolicy, ...]:
        with self.lock:
            scans = self.store.scans()
        sources = scans[-1].summary.get("policies") if scans else None
        paths = [str(source) for source in sources if Path(str(source)).exists()] if isinstance(sources, list) else []
        return self.policies(paths) if paths else ()

    def changes(self, as_of: datetime) -> Changes:
        """What changed before a time, as far back as predictions look."""
        with self.lock:
            return self.store.changes(as_of - timedelta(days=HISTORY_DAYS_MAX), as_of)
