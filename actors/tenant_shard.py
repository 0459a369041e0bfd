"""Owner of the graphs of the tenants that are placed on it: steps of a scan, and answers about the graph.

The first argument names the tenant, and whatever is asked is asked of that tenant's own state. Every method can be
repeated safely. Steps that write come one after the other; answers run beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import TypeAlias

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
from actors.tenant_state import TenantState
from actors.views import (
    Row,
    analysis_row,
    definition_row,
    explanation_row,
    policy_row,
    timeline_row,
    unchecked_row,
)
from assessment.document import scan_document
from assessment.result import Assessment
from assessment.schema import EvidenceEntry, ScanDocument
from assessment.simulate import Estate, PolicyScenario
from assessment.timeline import timeline
from connectors.files import Reading
from domain.errors import InputError
from domain.tenancy import TenantId
from domain.value import Json
from graph.stores.contract import GraphStore, PutCounts, StoredDefinition
from policy.corpus import import_definitions
from policy.explain import explain

Facts: TypeAlias = "Mapping[str, Json]"
OpenStore: TypeAlias = "Callable[[Path, TenantId], GraphStore]"


class TenantShard:
    """Keeps tenants' states, each opened at first use.

    Args:
        open_store: opens the graph store in a tenant's folder.
    """

    def __init__(self, folders: Folders, open_store: OpenStore) -> None:
        self._folders = folders
        self._open_store = open_store
        self._tenants: dict[TenantId, TenantState] = {}
        self._opening = RLock()
        self._board = OperationBoard()

    def ingest(self, tenant: TenantId, ticket: str, request: ScanRequest, reading: Reading) -> PutCounts:
        """First step of a scan: what was read goes into the graph and its history."""
        return self._state(tenant).ingest(ticket, request, reading)

    def assess(self, tenant: TenantId, ticket: str) -> Judged:
        """Second step: judge it. The caller records the events."""
        return self._state(tenant).assess(ticket)

    def conclude(self, tenant: TenantId, ticket: str, evidence: EvidenceEntry | None) -> ScanDocument:
        """Last step: the document, kept with the scan."""
        return self._state(tenant).conclude(ticket, evidence)

    def assessment(self, tenant: TenantId, ticket: str) -> Assessment:
        """A scan as objects, before it is concluded; for callers in the same process."""
        return self._state(tenant).assessment(ticket)

    def document(self, tenant: TenantId, scan_id: str | None = None) -> Row:
        """A scan's document, by default the last one's.

        Raises:
            NotFound: this tenant has no such scan.
        """
        return self._state(tenant).archive.load(scan_id)

    def analysis(self, tenant: TenantId, *, as_of: datetime, filters: Filters, limit: int = 100) -> Row:
        """What is wrong in the graph as it is, and what is expected within seven days."""
        found = self._state(tenant).current(as_of, filters)
        chosen = None if filters.resource_ids is None else frozenset(filters.resource_ids)
        return analysis_row(scan_document(found, None), limit=limit, resource_ids=chosen)

    def timeline(self, tenant: TenantId, resource_id: str, *, as_of: datetime) -> Row:
        """One resource's changes, violations and predictions.

        Raises:
            NotFound: this tenant has no such resource.
        """
        state = self._state(tenant)
        with state.lock:
            history = state.store.history(resource_id)
        return timeline_row(timeline(state.current(as_of), resource_id, history))

    def explain(self, tenant: TenantId, resource_id: str, policy_id: str, *, as_of: datetime) -> Row:
        """Why a policy judges a resource as it does.

        Raises:
            NotFound: this tenant has no such resource or policy.
            InputError: the policy cannot run.
        """
        state = self._state(tenant)
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
        return self._state(tenant).impact.answer(question, as_of=as_of)

    def import_definitions(self, tenant: TenantId, path: Path, aliases: Sequence[Path]) -> tuple[Row, ...]:
        """Import definitions, with the aliases that they need; one row each. Those that are valid are kept."""
        state = self._state(tenant)
        table = state.aliases.table().with_files(list(aliases))
        report = import_definitions(path, table)
        kept = [row for row in report.rows if row.state != "invalid"]
        documents = {row.id: report.documents[row.id] for row in kept}
        stored = [
            StoredDefinition(row.id, document, str(path), row.state)
            for row in kept
            if isinstance(document := documents[row.id], dict)
        ]
        with state.lock:
            state.aliases.keep(documents.values(), table)
            state.store.save_definitions(stored)
            state.forget_judgement()
        return tuple(row.as_json() for row in report.rows)

    def policies(self, tenant: TenantId) -> tuple[Row, ...]:
        """Built-in and imported policies, in order of id."""
        state = self._state(tenant)
        judging = [policy_row(policy) for policy in state.policies((BUILTIN, IMPORTED))]
        unchecked = unchecked_definitions(state.definitions(), state.aliases.table())
        return tuple(sorted([*judging, *map(unchecked_row, unchecked)], key=lambda row: str(row["id"])))

    def definition(self, tenant: TenantId, policy_id: str) -> Row:
        """One policy's definition.

        Raises:
            NotFound: this tenant has no such policy.
        """
        return definition_row(*find_definition(policy_id, self._state(tenant).definitions()))

    def scenario(self, tenant: TenantId, request: SimulationRequest) -> tuple[Estate, PolicyScenario]:
        """What a scenario needs: the graph, with columns for its policy, and the policy."""
        return self._state(tenant).scenario(request)

    def check_bundle(self, tenant: TenantId, order: BundleOrder) -> Row:
        """Run the tests of a bundle of policies."""
        return self._state(tenant).desk.check(order)

    def plan_bundle(self, tenant: TenantId, order: BundleOrder, *, tries: bool) -> Row:
        """What applying a bundle would change, and with `tries` on which resources."""
        return self._state(tenant).desk.plan(order, tries=tries)

    def what_if(self, tenant: TenantId, change: AssignmentChange) -> Row:
        """What a change of assignments would do to the resources of the graph."""
        return self._state(tenant).desk.what_if(change)

    def decide_bundle(self, tenant: TenantId, order: BundleOrder, rollback_to: int | None) -> Decided:
        """First step of applying a bundle, or of going back to a revision: check it. The caller records the event."""
        desk = self._state(tenant).desk
        return desk.decide(order) if rollback_to is None else desk.decide_rollback(order, rollback_to)

    def commit_bundle(self, tenant: TenantId, decided: Decided, evidence_id: str) -> Row:
        """Second step: put it in force."""
        state = self._state(tenant)
        with state.lock:
            row = state.desk.commit(decided, evidence_id)
            state.forget_judgement()
        return row

    def bundle_history(self, tenant: TenantId) -> tuple[Row, ...]:
        """Every revision of the policies in force, newest first."""
        return self._state(tenant).desk.history()

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

    def ping(self) -> str:
        """Answer, to show that the shard is there."""
        return "ok"

    def close(self) -> None:
        """Let go of every store."""
        with self._opening:
            for state in self._tenants.values():
                state.close()
            self._tenants.clear()

    def _state(self, tenant: TenantId) -> TenantState:
        with self._opening:
            if tenant not in self._tenants:
                store = self._open_store(self._folders.graph(tenant), tenant)
                self._tenants[tenant] = TenantState(tenant, store, self._folders)
            return self._tenants[tenant]
