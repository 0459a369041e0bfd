"""The steps of a tenant's scans: what was read goes into the graph, is judged, and becomes a document.

A scan judges what it was given to read, by the history that the store has of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from time import monotonic
from typing import Final, Protocol

from actors.messages import (
    APPLIED,
    Judged,
    ScanFacts,
    ScanRequest,
)
from actors.scan_archive import ScanArchive
from actors.tenant_policies import TenantPolicies
from assessment.applying import assigned_waivers, with_masks
from assessment.document import scan_document
from assessment.events import evidence_events
from assessment.finding_lives import Lives, finding_lives
from assessment.inputs import AssessmentInputs, FormerScan, former_scan, gapped_files, required_paths
from assessment.prevention import Foreseen, exempted, foreseen
from assessment.result import Assessment
from assessment.scan import assess
from assessment.schema import EvidenceEntry, ScanDocument
from connectors.files import Reading
from domain.clock import format_instant
from domain.errors import UnavailableError
from domain.evidence import EvidenceEvent
from domain.resource import ConfigurationItem, resource_key
from domain.tenancy import TenantId
from domain.value import Json
from graph.build import build_snapshot
from graph.stores.contract import (
    Changes,
    GraphStore,
    PutCounts,
    ScanRecord,
)
from policy.exemption import Exemption, load_exemptions
from training.outcomes import Deed

SCANS_COMPARED_MAX: Final = 30
SCANS_PENDING_MAX: Final = 4
PENDING_S: Final = 900.0
"""After so long a scan that did not take its next step keeps its tenant in memory no longer."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pending:
    """A scan between its steps."""

    request: ScanRequest
    reading: Reading
    assessment: Assessment | None = None
    scan_id: str = ""
    drifted: tuple[EvidenceEvent, ...] = ()


class Owner(Protocol):
    """What is asked of the tenant's state."""

    @property
    def tenant(self) -> TenantId:
        """Whose it is."""

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Held while the store is used."""

    @property
    def store(self) -> GraphStore:
        """The tenant's store."""

    @property
    def policies(self) -> TenantPolicies:
        """The policies that judge it."""

    @property
    def archive(self) -> ScanArchive:
        """Documents of scans."""

    def take_in(self, reading: Reading, collection: str, at: datetime) -> tuple[PutCounts, tuple[EvidenceEvent, ...]]:
        """Put what was read into the graph; what it did, and the drift that it showed."""

    def changes(self, as_of: datetime) -> Changes:
        """What changed before a time, as far back as predictions look."""


class ScanSteps:
    """Scans between their steps, and what came of those that were kept. As the state it is part of, for one thread."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._pending: OrderedDict[str, _Pending] = OrderedDict()
        self._pending_s = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether a scan is between its steps, or was so lately."""
        return bool(self._pending) and monotonic() - self._pending_s < PENDING_S

    def ingest(self, ticket: str, request: ScanRequest, reading: Reading) -> PutCounts:
        """Put what was read into the graph, and keep it for the next step of this scan."""
        if self._owner.policies.ledger.current() is None:
            request = replace(request, policies=tuple(each for each in request.policies if each != APPLIED))
        collection = request.collection or _collection(request.paths)
        counts, drifted = self._owner.take_in(reading, collection, request.as_of)
        self._pending[ticket], self._pending_s = _Pending(request, reading, drifted=drifted), monotonic()
        while len(self._pending) > SCANS_PENDING_MAX:
            self._pending.popitem(last=False)
        return counts

    def assess(self, ticket: str) -> Judged:
        """Judge what was read; the events are to be recorded before `conclude`."""
        pending = self._scan(ticket)
        with self._owner.lock:
            assessment = assess(self._inputs(pending.request, pending.reading))
        scan_id = _scan_id(assessment)
        self._pending[ticket] = replace(pending, assessment=assessment, scan_id=scan_id)
        events = evidence_events(assessment, self._owner.tenant, scan_id)
        return Judged(scan_id, (*events, *pending.drifted), _facts(pending.reading, assessment))

    def assessment(self, ticket: str) -> Assessment:
        """A scan that was assessed, as objects."""
        assessment = self._scan(ticket).assessment
        assert assessment is not None, "a scan is asked for after it was assessed"
        return assessment

    def conclude(self, ticket: str, evidence: EvidenceEntry | None) -> ScanDocument:
        """Write the document and keep the scan."""
        pending, assessment = self._scan(ticket), self.assessment(ticket)
        document = scan_document(assessment, evidence)
        summary = {**_coverage(pending.request), "input_digest": assessment.input_digest}
        record = ScanRecord(pending.scan_id, pending.request.as_of, summary, assessment.violation_set())
        with self._owner.lock:
            self._owner.archive.save(pending.scan_id, document)
            self._owner.store.save_scan(record)
        self._pending.pop(ticket, None)
        return document

    def finding_lives(self) -> Lives:
        """Findings between the newest scans that asked what the last one asked."""
        with self._owner.lock:
            scans = self._owner.store.scans()
            if not scans:
                return finding_lives(())
            newest = max(scans, key=lambda scan: scan.at)
            same = sorted((scan for scan in scans if _asked(scan) == _asked(newest)), key=lambda scan: scan.at)
            return finding_lives(
                [(scan.at, self._owner.store.violations_of(scan.scan_id)) for scan in same[-SCANS_COMPARED_MAX:]]
            )

    def foreseen(self) -> tuple[Foreseen, ...]:
        """What each scan that is kept predicted and found."""
        return tuple(foreseen(self._owner.archive.load(scan_id)) for scan_id in self._owner.archive.scan_ids())

    def exempted(self) -> tuple[Deed, ...]:
        """Violations that were exempted between the scans whose documents are kept."""
        return exempted(map(self._owner.archive.load, self._owner.archive.scan_ids()))

    def _scan(self, ticket: str) -> _Pending:
        pending = self._pending.get(ticket)
        if pending is None:
            todo = "Run the scan again; what it had read is in the graph and nothing is recorded twice"
            summary = "the scan was interrupted by a restart"
            raise UnavailableError(summary, is_interrupted=True, retry_after_s=1, todo=todo)
        return pending

    def _inputs(self, request: ScanRequest, reading: Reading) -> AssessmentInputs:
        chosen = self._owner.policies.chosen(request.policies, request.aliases)
        items = _ordered(reading.inventory.items)
        policies = with_masks(chosen.policies, items)
        paths = required_paths(policies, items)
        return AssessmentInputs(
            tenant=self._owner.tenant,
            as_of=request.as_of,
            snapshot=build_snapshot(
                self._owner.tenant,
                items,
                as_of=request.as_of,
                paths_by_type=paths,
                gapped_files=gapped_files(reading.inventory.files),
            ),
            items=items,
            policies=policies,
            exemptions=(*_waivers(request), *assigned_waivers(chosen.exemptions, policies, items)),
            billing=[file.frame for file in reading.billing],
            changes=self._owner.changes(request.as_of),
            former=self._former(request),
            files=reading.inventory.files,
            repeated=reading.inventory.repeated,
            scope=request.scope,
            type=request.type,
        )

    def _former(self, request: ScanRequest) -> FormerScan | None:
        """Earlier scans that asked the same: other filters or policies would make old violations look new."""
        same = [
            scan for scan in self._owner.store.scans() if scan.at < request.as_of and _asked(scan) == _coverage(request)
        ]
        latest = sorted(same, key=lambda scan: scan.at)[-SCANS_COMPARED_MAX:]
        found = [(scan.at, self._owner.store.violations_of(scan.scan_id)) for scan in latest]
        return former_scan(found, before=request.as_of)


def _ordered(items: Sequence[ConfigurationItem]) -> tuple[ConfigurationItem, ...]:
    return tuple(sorted(items, key=lambda item: resource_key(item.uid)))


def _collection(paths: Sequence[str]) -> str:
    return "paths:" + sha256("\0".join(sorted(paths)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _scan_id(assessment: Assessment) -> str:
    inputs = assessment.inputs
    name = f"{inputs.tenant}\0{format_instant(inputs.as_of)}\0{assessment.input_digest}"
    return sha256(name.encode()).hexdigest()[:24]


def _waivers(request: ScanRequest) -> tuple[Exemption, ...]:
    return load_exemptions(request.exemptions) if request.exemptions else ()


def _facts(reading: Reading, assessment: Assessment) -> ScanFacts:
    return ScanFacts(
        readable=sum(file.recognised for file in reading.inventory.files),
        gaps=sum(len(file.gaps) for file in reading.inventory.files),
        violations=assessment.count_by_severity(),
        new_violations=assessment.count_by_severity(new_only=True),
    )


def _coverage(request: ScanRequest) -> dict[str, Json]:
    return {"policies": list(request.policies), "scope": request.scope, "type": request.type}


def _asked(scan: ScanRecord) -> Mapping[str, Json]:
    return {key: scan.summary.get(key) for key in ("policies", "scope", "type")}
