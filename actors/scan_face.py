"""Scans and what is judged, as part of the owner of the graphs: steps of a scan, and answers about the whole graph."""

from __future__ import annotations

from datetime import datetime

from actors.messages import Filters, Judged, ScanRequest, SimulationRequest
from actors.scenarios import scenario
from actors.tenant_face import TenantFace
from actors.views import Row, analysis_row, explanation_row, timeline_row
from assessment.document import scan_document
from assessment.finding_lives import Lives
from assessment.prevention import Foreseen
from assessment.result import Assessment
from assessment.schema import EvidenceEntry, ScanDocument
from assessment.simulate import Estate, PolicyScenario
from assessment.timeline import timeline
from connectors.files import Reading
from domain.errors import InputError
from domain.tenancy import TenantId
from graph.stores.contract import PutCounts
from policy.explain import explain
from training.outcomes import Deed


class ScanFace(TenantFace):
    """Takes the steps of scans, and answers from what was judged."""

    def ingest(self, tenant: TenantId, ticket: str, request: ScanRequest, reading: Reading) -> PutCounts:
        """First step of a scan: what was read goes into the graph and its history."""
        with self._changing(tenant) as state:
            return state.scans.ingest(ticket, request, reading)

    def assess(self, tenant: TenantId, ticket: str) -> Judged:
        """Second step: judge it. The caller records the events."""
        with self._changing(tenant) as state:
            return state.scans.assess(ticket)

    def conclude(self, tenant: TenantId, ticket: str, evidence: EvidenceEntry | None) -> ScanDocument:
        """Last step: the document, kept with the scan."""
        with self._changing(tenant) as state:
            return state.scans.conclude(ticket, evidence)

    def assessment(self, tenant: TenantId, ticket: str) -> Assessment:
        """A scan as objects, before it is concluded; for callers in the same process."""
        with self._asking(tenant) as state:
            return state.scans.assessment(ticket)

    def document(self, tenant: TenantId, scan_id: str | None = None) -> Row:
        """A scan's document, by default the last one's.

        Raises:
            NotFound: this tenant has no such scan.
        """
        with self._asking(tenant) as state:
            return state.archive.load(scan_id)

    def finding_lives(self, tenant: TenantId) -> Lives:
        """How long findings lived between the scans that asked what the last one asked."""
        with self._asking(tenant) as state:
            return state.scans.finding_lives()

    def foreseen(self, tenant: TenantId) -> tuple[Foreseen, ...]:
        """What the scans that are kept predicted and found."""
        with self._asking(tenant) as state:
            return state.scans.foreseen()

    def analysis(self, tenant: TenantId, *, as_of: datetime, filters: Filters, limit: int = 100) -> Row:
        """What is wrong in the graph as it is, and what is expected within seven days."""
        with self._settled(tenant) as state:
            found = state.judged.at(as_of, filters)
        chosen = None if filters.resource_ids is None else frozenset(filters.resource_ids)
        return analysis_row(scan_document(found, None), limit=limit, resource_ids=chosen)

    def timeline(self, tenant: TenantId, resource_id: str, *, as_of: datetime, lately: bool = False) -> Row:
        """One resource's changes, violations and predictions.

        Args:
            lately: `as_of` is now, and what was found a few minutes before will do.

        Raises:
            NotFound: this tenant has no such resource.
        """
        with self._settled(tenant) as state:
            with state.lock:
                history = state.store.history(resource_id)
            found = state.judged.lately(as_of) if lately else state.judged.at(as_of)
            return timeline_row(timeline(found, resource_id, history))

    def explain(self, tenant: TenantId, resource_id: str, policy_id: str, *, as_of: datetime) -> Row:
        """Why a policy judges a resource as it does.

        Raises:
            NotFound: this tenant has no such resource or policy.
            InputError: the policy cannot run.
        """
        with self._settled(tenant) as state:
            with state.lock:
                item = state.store.item(resource_id)
            policy = state.policies.find(policy_id)
            if policy.program is None:
                raise InputError(
                    "the policy cannot run",
                    policy_id=policy_id,
                    got=policy.reason,
                    todo="Give it parameters, or import aliases",
                )
            related = state.judged.related(policy.program, item, as_of)
        return explanation_row(explain(policy.program, item, now=as_of, related=related), item, policy)

    def scenario(self, tenant: TenantId, request: SimulationRequest) -> tuple[Estate, PolicyScenario]:
        """What a scenario needs: the graph, with columns for its policy, and the policy."""
        with self._settled(tenant) as state:
            policy = state.policies.asked_about(request)
            return scenario(request, policy, state.judged.at(request.as_of))

    def exempted(self, tenant: TenantId) -> tuple[Deed, ...]:
        """Violations that were exempted between the scans that are kept."""
        with self._asking(tenant) as state:
            return state.scans.exempted()
