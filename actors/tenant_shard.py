"""Owner of the graphs of the tenants that are placed on it: steps of a scan, and answers about the graph.

The first argument names the tenant, and whatever is asked is asked of that tenant's own state. Every method can be
repeated safely. Steps that write come one after the other; answers run beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TypeAlias

from actors.drift_desk import DriftDesk
from actors.drift_face import DriftFace
from actors.folders import Folders
from actors.impact_desk import Question
from actors.messages import (
    BUILTIN,
    IMPORTED,
    AssignmentChange,
    BundleOrder,
    Filters,
    Judged,
    Operation,
    OperationTrigger,
    ScanProgress,
    ScanRequest,
    SimulationRequest,
)
from actors.operation_board import OperationBoard
from actors.policy_catalogue import find_definition, unchecked_definitions
from actors.policy_desk import Decided
from actors.prediction_desk import PredictionDesk
from actors.prediction_face import PredictionDesks, PredictionFace
from actors.shards.admission import Admission
from actors.shards.beat import Beat
from actors.shards.config import MEBIBYTE, ShardConfig
from actors.shards.following import Following
from actors.shards.holding import Holding
from actors.shards.residency import Residency
from actors.shards.roster_file import RosterPlace
from actors.shards.shelf import LocalShelf, SharedView, Shelf
from actors.shards.writing import Writing
from actors.tenant_state import TenantState
from actors.views import (
    Row,
    analysis_row,
    definition_row,
    explanation_row,
    graph_row,
    policy_row,
    resource_row,
    timeline_row,
    unchecked_row,
    version_row,
)
from assessment.document import scan_document
from assessment.finding_lives import Lives
from assessment.prevention import Foreseen
from assessment.result import Assessment
from assessment.schema import EvidenceEntry, ScanDocument
from assessment.simulate import Estate, PolicyScenario
from assessment.timeline import timeline
from connectors.files import Reading
from connectors.stream.contract import ChangeStream
from connectors.stream.feed import Feed
from domain.clock import Clock, SystemClock
from domain.errors import InputError, NotFound, PolicyCortexError
from domain.tenancy import TenantId
from domain.value import Json
from graph.stores.contract import NO_RESOURCE_TODO, GraphStore, PutCounts
from graph.view import GraphView
from policy.explain import explain
from training.outcomes import Deed

Facts: TypeAlias = "Mapping[str, Json]"
OpenStream: TypeAlias = "Callable[[], ChangeStream]"
OpenFeed: TypeAlias = "Callable[[], Feed]"
OpenStore: TypeAlias = "Callable[[Path, TenantId], GraphStore]"


class TenantShard(DriftFace, PredictionFace):
    """Keeps tenants' states, each opened at first use.

    Args:
        open_store: opens the graph store in a tenant's folder.
        config: its name and bounds.
        place: where the roster is; None where this is the only shard.
        open_stream: opens the stream that changes come through.
        open_feed: opens the feed that events go out by.
        shelf: where graphs are put for readers elsewhere.
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
        clock: Clock | None = None,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        config = config or ShardConfig()
        self._stream = None if open_stream is None else open_stream()
        self._feed = None if open_feed is None else open_feed()
        self._shelf = shelf or LocalShelf()
        self._clock = clock or SystemClock()
        self._folders = folders
        self._open_store = open_store
        self._prediction_desks = PredictionDesks()
        self._held = Holding(
            config.name,
            self._open,
            place=place,
            residency=Residency(config.memory_mib * MEBIBYTE),
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

    def ingest(self, tenant: TenantId, ticket: str, request: ScanRequest, reading: Reading) -> PutCounts:
        """First step of a scan: what was read goes into the graph and its history."""
        with self._held.writing(tenant) as state:
            return state.ingest(ticket, request, reading)

    def assess(self, tenant: TenantId, ticket: str) -> Judged:
        """Second step: judge it. The caller records the events."""
        with self._held.writing(tenant) as state:
            return state.assess(ticket)

    def conclude(self, tenant: TenantId, ticket: str, evidence: EvidenceEntry | None) -> ScanDocument:
        """Last step: the document, kept with the scan."""
        with self._held.writing(tenant) as state:
            return state.conclude(ticket, evidence)

    def assessment(self, tenant: TenantId, ticket: str) -> Assessment:
        """A scan as objects, before it is concluded; for callers in the same process."""
        with self._held.reading(tenant) as state:
            return state.assessment(ticket)

    def document(self, tenant: TenantId, scan_id: str | None = None) -> Row:
        """A scan's document, by default the last one's.

        Raises:
            NotFound: this tenant has no such scan.
        """
        with self._held.reading(tenant) as state:
            return state.archive.load(scan_id)

    def finding_lives(self, tenant: TenantId) -> Lives:
        """How long findings lived between the scans that asked what the last one asked."""
        with self._held.reading(tenant) as state:
            return state.finding_lives()

    def foreseen(self, tenant: TenantId) -> tuple[Foreseen, ...]:
        """What the scans that are kept predicted and found."""
        with self._held.reading(tenant) as state:
            return state.foreseen()

    def exempted(self, tenant: TenantId) -> tuple[Deed, ...]:
        """Violations that were exempted between the scans that are kept."""
        with self._held.reading(tenant) as state:
            return state.exempted()

    def analysis(self, tenant: TenantId, *, as_of: datetime, filters: Filters, limit: int = 100) -> Row:
        """What is wrong in the graph as it is, and what is expected within seven days."""
        with self._settled(tenant) as state:
            found = state.current(as_of, filters)
        chosen = None if filters.resource_ids is None else frozenset(filters.resource_ids)
        return analysis_row(scan_document(found, None), limit=limit, resource_ids=chosen)

    def timeline(self, tenant: TenantId, resource_id: str, *, as_of: datetime) -> Row:
        """One resource's changes, violations and predictions.

        Raises:
            NotFound: this tenant has no such resource.
        """
        with self._settled(tenant) as state:
            with state.lock:
                history = state.store.history(resource_id)
            return timeline_row(timeline(state.current(as_of), resource_id, history))

    def explain(self, tenant: TenantId, resource_id: str, policy_id: str, *, as_of: datetime) -> Row:
        """Why a policy judges a resource as it does.

        Raises:
            NotFound: this tenant has no such resource or policy.
            InputError: the policy cannot run.
        """
        with self._settled(tenant) as state:
            with state.lock:
                item = state.store.item(resource_id)
            policy = state.policy(policy_id)
            if policy.program is None:
                raise InputError(
                    "the policy cannot run",
                    policy_id=policy_id,
                    got=policy.reason,
                    todo="Give it parameters, or import aliases",
                )
            related = state.related(policy.program, item, as_of)
        return explanation_row(explain(policy.program, item, now=as_of, related=related), item, policy)

    def impact(self, tenant: TenantId, question: Question, *, as_of: datetime) -> Row:
        """What a failure takes down, what depends on what, in which order things can go, and what there is to draw.

        Raises:
            NotFound: this tenant has no such resource, zone or region.
            InputError: a bound is passed.
        """
        with self._held.reading(tenant) as state:
            return state.impact.answer(question, as_of=as_of)

    def import_definitions(self, tenant: TenantId, path: Path, aliases: Sequence[Path]) -> tuple[Row, ...]:
        """Import definitions, with the aliases that they need; one row each. Those that are valid are kept."""
        with self._held.writing(tenant) as state:
            return state.import_definitions(path, aliases)

    def policies(self, tenant: TenantId) -> tuple[Row, ...]:
        """Built-in and imported policies, in order of id."""
        with self._held.reading(tenant) as state:
            judging = [policy_row(policy) for policy in state.policies((BUILTIN, IMPORTED))]
            unchecked = unchecked_definitions(state.definitions(), state.aliases.table())
        return tuple(sorted([*judging, *map(unchecked_row, unchecked)], key=lambda row: str(row["id"])))

    def definition(self, tenant: TenantId, policy_id: str) -> Row:
        """One policy's definition.

        Raises:
            NotFound: this tenant has no such policy.
        """
        with self._held.reading(tenant) as state:
            return definition_row(*find_definition(policy_id, state.definitions()))

    def scenario(self, tenant: TenantId, request: SimulationRequest) -> tuple[Estate, PolicyScenario]:
        """What a scenario needs: the graph, with columns for its policy, and the policy."""
        with self._settled(tenant) as state:
            return state.scenario(request)

    def check_bundle(self, tenant: TenantId, order: BundleOrder) -> Row:
        """Run the tests of a bundle of policies."""
        with self._held.reading(tenant) as state:
            return state.desk.check(order)

    def plan_bundle(self, tenant: TenantId, order: BundleOrder, *, tries: bool) -> Row:
        """What applying a bundle would change, and with `tries` on which resources."""
        with self._settled(tenant) as state:
            return state.desk.plan(order, tries=tries)

    def what_if(self, tenant: TenantId, change: AssignmentChange) -> Row:
        """What a change of assignments would do to the resources of the graph."""
        with self._settled(tenant) as state:
            return state.desk.what_if(change)

    def decide_bundle(self, tenant: TenantId, order: BundleOrder, rollback_to: int | None) -> Decided:
        """First step of applying a bundle, or of going back to a revision: check it. The caller records the event."""
        with self._held.reading(tenant) as state:
            return state.desk.decide(order) if rollback_to is None else state.desk.decide_rollback(order, rollback_to)

    def commit_bundle(self, tenant: TenantId, decided: Decided, evidence_id: str) -> Row:
        """Second step: put it in force."""
        with self._held.writing(tenant) as state, state.lock:
            row = state.desk.commit(decided, evidence_id)
            state.judged.forget()
            state.drift.forget_policies()
        return row

    def bundle_history(self, tenant: TenantId) -> tuple[Row, ...]:
        """Every revision of the policies in force, newest first."""
        with self._held.reading(tenant) as state:
            return state.desk.history()

    def begin(self, tenant: TenantId, operation: Operation) -> tuple[Operation, bool]:
        """Enter long work on the tenant's board."""
        assert operation.tenant == tenant
        return self._board.begin(operation)

    def move(
        self,
        tenant: TenantId,
        operation_id: str,
        trigger: OperationTrigger,
        result: Facts | None,
        problem: Facts | None,
    ) -> Operation:
        """Take one step of long work."""
        return self._board.move(tenant, operation_id, trigger, result=result, problem=problem)

    def report(self, tenant: TenantId, operation_id: str, progress: ScanProgress) -> None:
        """Note how far long work is."""
        self._board.report(tenant, operation_id, progress)

    def operation(self, tenant: TenantId, operation_id: str) -> Operation:
        """Where long work stands.

        Raises:
            NotFound: this tenant has no such operation.
        """
        return self._board.get(tenant, operation_id)

    def resource(self, tenant: TenantId, resource_id: str) -> Row:
        """One resource as it is now, with what it is connected to.

        Raises:
            NotFound: this tenant has no such resource.
        """
        with self._seen(tenant) as state:
            view = state.view()
            row = view.index_of(resource_id)
            return resource_row(state.item(view.uid(row)), view, row)

    def resource_history(self, tenant: TenantId, resource_id: str) -> tuple[Row, ...]:
        """Every recorded state of one resource, oldest first, without the documents.

        Raises:
            NotFound: this tenant never had such a resource.
        """
        with self._seen(tenant) as state:
            state.settle()
            with state.lock:
                versions = state.store.history(resource_id)
        if not versions:
            raise NotFound("no such resource", resource_id=resource_id, todo=NO_RESOURCE_TODO)
        return tuple(version_row(version) for version in versions)

    def graph_status(self, tenant: TenantId) -> Row:
        """How large the graph is, how far its changes were followed, and what of it is not proven."""
        with self._seen(tenant) as state:
            view = state.view()
            with state.lock:
                return graph_row(view, state.graph, epoch=state.epoch, shard=self._held.name)

    def shared_view(self, tenant: TenantId) -> SharedView:
        """The graph as it is now, for a reader in another process."""
        with self._seen(tenant) as state:
            return state.shared_view()

    def shown(self, tenant: TenantId) -> GraphView | None:
        """The graph after the last change, without waiting; None before it is read. For callers in this process."""
        with self._held.reading(tenant) as state:
            return state.graph.shown

    def follow(self, tenant: TenantId) -> int:
        """Take every change that waits; how many resources they changed."""
        with self._held.writing(tenant) as state:
            return state.catch_up()

    def take_changes(self, tenant: TenantId) -> bool:
        """Take what waits for a tenant, as far as one look goes; whether more waits."""
        with self._held.writing(tenant) as state:
            followed = state.follow()
            if state.graph.has_unwritten:
                self._writing.tell(tenant)
            return followed.is_behind

    def write_shown(self, tenant: TenantId) -> bool:
        """Have a tenant's store follow what is shown, a part of it; whether there is more."""
        with self._held.writing(tenant) as state:
            return state.write_shown().is_behind

    def owned(self, tenants: Iterable[TenantId]) -> tuple[TenantId, ...]:
        """Those of some tenants that are this shard's."""
        return self._held.owned(tuple(tenants))

    def beat(self) -> Beat:
        """What the supervisor is told; nothing where its own work ended by a fault, so that it is started anew."""
        has_failed = self._following.has_failed or self._writing.has_failed
        assert not has_failed, "the shard's own work goes on"
        return self._held.beat()

    def keep_house(self) -> None:
        """Hand over what has moved, cool what is quiet. Also done again and again by itself."""
        self._held.keep_house()

    def warm(self, tenants: Sequence[TenantId]) -> None:
        """Read tenants' graphs ahead of the first question, while there is memory."""
        for tenant in self._held.owned(tenants):
            if not self._held.fits(1):
                return
            with suppress(PolicyCortexError), self._held.reading(tenant) as state:
                state.view()

    def work(self) -> None:
        """Do once what the shard does by itself between requests, where it does not do so in a thread."""
        self._following.tick()
        self._writing.tick()

    def drain(self) -> None:
        """Let every tenant go, to end."""
        self._held.drain()

    def ping(self) -> str:
        """Answer, to show that the shard is there."""
        return "ok"

    def close(self) -> None:
        """Let go of every store."""
        self._following.stop()
        self._writing.stop()
        self._held.close()
        self._renewing.shutdown(wait=False, cancel_futures=True)
        if self._stream is not None:
            self._stream.close()
        if self._feed is not None:
            self._feed.close()

    @contextmanager
    def _at_desk(self, tenant: TenantId, *, is_change: bool = False) -> Iterator[DriftDesk]:
        """The tenant's drift, with its graph as it is now."""
        using = self._held.writing if is_change else self._held.reading
        with using(tenant) as state:
            if not self._config.is_following:
                state.catch_up()
            state.settle()
            with state.lock:
                yield state.drift

    @contextmanager
    def _at_prediction_desk(self, tenant: TenantId) -> Iterator[PredictionDesk]:
        with self._seen(tenant) as state, state.lock:
            state.settle()
            yield self._prediction_desks.of(state.store)

    @contextmanager
    def _seen(self, tenant: TenantId) -> Iterator[TenantState]:
        """A tenant's state for a question about its graph as it is now."""
        with self._held.reading(tenant) as state:
            if not self._config.is_following:
                state.catch_up()
            yield state

    @contextmanager
    def _settled(self, tenant: TenantId) -> Iterator[TenantState]:
        """A tenant's state for a question to its store, which holds everything that is shown."""
        with self._held.reading(tenant) as state:
            state.settle()
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
        )
        state.store  # noqa: B018 (opened and claimed before it is used)
        return state, state.epoch
