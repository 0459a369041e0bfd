"""The platform: one path for the command line, HTTP callers and jobs, over handles that may be local or Ray's.

A scan is read here, beside the caller, and judged where the tenant's graph is. Its events are recorded before its
document exists, so that no document names evidence that is not durable.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, cast
from weakref import WeakKeyDictionary

from actors.evidence_chain import EvidenceChain, PublishedHead
from actors.evidence_pages import BlockPage, EvidencePage, EvidenceQuery
from actors.evidence_reader import Counts, LogStatus
from actors.group_commit import GroupCommit
from actors.handles import Handle
from actors.log_custody import CustodyOrder
from actors.loop_commit import LoopCommit
from actors.messages import (
    BlockCheck,
    EvidenceView,
    Filters,
    InclusionView,
    Operation,
    OperationTrigger,
    Progress,
    ScanProgress,
    ScanRequest,
    ScanResult,
    ScanStage,
    SimulationRequest,
    SimulationResult,
)
from actors.projecting import ProjectionPool
from actors.shards.beat import FleetState
from actors.shards.router import ShardRouter
from actors.shards.shelf import LocalShelf, Shelf, ViewReader
from actors.shards.supervisor import ShardSupervisor
from actors.simulation import Simulation
from actors.tenant_shard import TenantShard
from actors.upkeep import LogUpkeep
from chain.batch import EntryBatch, Placements
from connectors.files import ReadProgress, read_inputs
from domain.errors import NotFound, UnavailableError
from domain.evidence import EntryId, EvidenceEvent, LogName, Receipt
from domain.finding import Severity
from domain.tenancy import TenantId
from domain.value import Json
from serve.drift_plane import DriftPlane
from serve.evidence_rows import entry_row, evidence_row, head_row, key_row
from serve.log_operations import LogOperations
from serve.policy_bundles import PolicyBundles

if TYPE_CHECKING:
    from actors.impact_desk import Question
    from assessment.finding_lives import Lives
    from assessment.learned import CoChanging, LiveHistory, Prepared
    from assessment.prevention import Foreseen
    from assessment.schema import EvidenceEntry
    from chain.checkpoint_commitment import CheckpointOpening
    from chain.read_models import LatestEvidence
    from chain.signed_checkpoints import SignedPair
    from chain.verify import VerificationReport
    from graph.view import GraphView
    from training.outcomes import Deed, Settled

SCAN_DEADLINE_S: Final = 900.0
READ_DEADLINE_S: Final = 15.0
SCAN_ATTEMPTS: Final = 2
RECORD_BATCH: Final = 1_000

Row = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Crew:
    """The actors of one platform.

    Args:
        shards: where each tenant's is.
        supervisor: watches over them; None where there is only one, of this process.
        is_local: they are objects of this process.
        shelf: where things are put for workers to read.
    """

    shards: ShardRouter[TenantShard]
    chain: Handle[EvidenceChain]
    upkeep: Handle[LogUpkeep]
    simulations: Sequence[Handle[Simulation]]
    is_local: bool
    supervisor: Handle[ShardSupervisor] | None = None
    shelf: Shelf = field(default_factory=LocalShelf)


class Platform:
    """Everything that callers can ask. Safe for several threads."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._commit = GroupCommit(lambda batch: crew.chain.call(EvidenceChain.append, batch))
        self._commits: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopCommit] = WeakKeyDictionary()
        self._turn = count()
        self._views = ViewReader()

    def scan(self, request: ScanRequest, progress: Progress | None = None) -> ScanResult:
        """Read, put into the graph, judge, record, write.

        Raises:
            InputError: nothing is readable, or a policy, alias or exemption file is not valid.
            UnavailableError: an actor did not come back in time.
        """
        report = progress or _silent
        for attempt in range(1, SCAN_ATTEMPTS + 1):
            try:
                return self._scan(request, report)
            except UnavailableError as error:
                if attempt == SCAN_ATTEMPTS or not error.facts.get("is_interrupted"):
                    raise
        raise AssertionError

    def _scan(self, request: ScanRequest, report: Progress) -> ScanResult:
        tenant, ticket = request.tenant, secrets.token_hex(8)
        reading = read_inputs(
            request.paths, tenant=tenant, aws_operation=request.aws_operation, progress=_read_reporter(report)
        )
        items = len(reading.inventory.items)
        shard = self._shard(tenant).within(SCAN_DEADLINE_S)
        report(ScanProgress(ScanStage.GRAPH, 0, items))
        shard.call(TenantShard.ingest, tenant, ticket, request, reading)
        report(ScanProgress(ScanStage.ASSESS, 0, items))
        judged = shard.call(TenantShard.assess, tenant, ticket)
        self._record(judged.events, report)
        published = self._crew.chain.within(SCAN_DEADLINE_S).call(EvidenceChain.publish, tenant, request.as_of)
        assessment = shard.call(TenantShard.assessment, tenant, ticket) if self._crew.is_local else None
        document = shard.call(TenantShard.conclude, tenant, ticket, _evidence_entry(published))
        report(ScanProgress(ScanStage.DONE, items, items))
        return ScanResult(judged.scan_id, cast("Row", document), judged.facts, assessment)

    def _record(self, events: Sequence[EvidenceEvent], report: Progress) -> None:
        for start in range(0, len(events), RECORD_BATCH):
            report(ScanProgress(ScanStage.RECORD, start, len(events)))
            self._commit.append(EntryBatch.encode(events[start : start + RECORD_BATCH]))

    def analyze(self, tenant: TenantId, *, as_of: datetime, filters: Filters, limit: int) -> Row:
        """Judge the graph as it is now; nothing is read and nothing is recorded."""
        shard = self._shard(tenant).within(SCAN_DEADLINE_S)
        return shard.call(TenantShard.analysis, tenant, as_of=as_of, filters=filters, limit=limit)

    async def timeline(self, tenant: TenantId, resource_id: str, *, as_of: datetime, lately: bool = False) -> Row:
        """One resource's past and next seven days; with `lately` as they were found within the last minutes."""
        return await self._shard(tenant).ask(TenantShard.timeline, tenant, resource_id, as_of=as_of, lately=lately)

    def prepared_graph(
        self, tenant: TenantId, *, as_of: datetime, known: tuple[int, datetime] | None
    ) -> Prepared | None:
        """A tenant's resources as the prediction model reads them; None where they are still those that are known."""
        shard = self._shard(tenant).within(SCAN_DEADLINE_S)
        return shard.call(TenantShard.prepared_graph, tenant, as_of=as_of, known=known)

    def cochanging(self, tenant: TenantId, resource_id: str, *, as_of: datetime) -> CoChanging | None:
        """Who may change with a resource; None where it is not there."""
        shard = self._shard(tenant).within(SCAN_DEADLINE_S)
        return shard.call(TenantShard.cochanging, tenant, resource_id, as_of=as_of)

    def settled(
        self, tenant: TenantId, cutoffs: Sequence[datetime], deeds: Sequence[Deed], *, now: datetime
    ) -> Mapping[datetime, Settled]:
        """What followed instants whose seven days are over."""
        return self._shard(tenant).within(SCAN_DEADLINE_S).call(TenantShard.settled, tenant, cutoffs, deeds, now=now)

    def learned_from(self, tenant: TenantId, deeds: Sequence[Deed], *, now: datetime) -> LiveHistory:
        """A tenant's whole history, for a model to learn from."""
        return self._shard(tenant).within(SCAN_DEADLINE_S).call(TenantShard.learned_from, tenant, deeds, now=now)

    def document(self, tenant: TenantId, scan_id: str | None = None) -> Row:
        """A scan's document, by default the last one's."""
        return self._shard(tenant).call(TenantShard.document, tenant, scan_id)

    def violations(
        self, tenant: TenantId, *, severity: Severity | None = None, only_new: bool = False, type: str | None = None
    ) -> tuple[Row, ...]:
        """The last scan's violations; `severity` and worse."""
        rows = cast("list[dict[str, Json]]", self.document(tenant)["violations"])
        return tuple(
            row
            for row in rows
            if (severity is None or Severity(str(row["severity"])).rank <= severity.rank)
            and (not only_new or row["is_new"])
            and (type is None or str(row["resource_type"]).lower() == type.lower())
        )

    def resource(self, tenant: TenantId, resource_id: str) -> Row:
        """One resource as it is now, with what it is connected to."""
        return self._shard(tenant).within(READ_DEADLINE_S).call(TenantShard.resource, tenant, resource_id)

    def resource_history(self, tenant: TenantId, resource_id: str) -> tuple[Row, ...]:
        """Every recorded state of one resource, oldest first."""
        return self._shard(tenant).within(READ_DEADLINE_S).call(TenantShard.resource_history, tenant, resource_id)

    def graph_status(self, tenant: TenantId) -> Row:
        """How large the tenant's graph is, and how far it follows its changes."""
        return self._shard(tenant).within(READ_DEADLINE_S).call(TenantShard.graph_status, tenant)

    def view(self, tenant: TenantId) -> GraphView:
        """The tenant's graph as it is now, for questions that are answered here; its base is read without a copy."""
        shard = self._shard(tenant).within(READ_DEADLINE_S)
        return self._views.view(tenant, lambda: shard.call(TenantShard.shared_view, tenant))

    def fleet(self) -> FleetState:
        """How the shards stand.

        Raises:
            NotFound: the platform is one of this process, without a supervisor.
        """
        return self._supervisor().call(ShardSupervisor.state)

    def resize(self, shards: int) -> FleetState:
        """Have so many shards; their tenants move by and by.

        Raises:
            NotFound: as `fleet`.
            InputError: the number is out of bounds.
        """
        return self._supervisor().call(ShardSupervisor.resize, shards)

    def explain(self, tenant: TenantId, resource_id: str, policy_id: str, *, as_of: datetime) -> Row:
        """Why a policy judges a resource as it does."""
        return self._shard(tenant).call(TenantShard.explain, tenant, resource_id, policy_id, as_of=as_of)

    def impact(self, tenant: TenantId, question: Question, *, as_of: datetime) -> Row:
        """What a failure takes down, what depends on what, in which order things can go, and what there is to draw."""
        shard = self._shard(tenant).within(SCAN_DEADLINE_S)
        return shard.call(TenantShard.impact, tenant, question, as_of=as_of)

    def cost_impact(self, tenant: TenantId, policy_id: str) -> Row:
        """What one policy's violations cost a month, by the last scan."""
        return cost_impact_row(self.document(tenant), policy_id)

    def import_definitions(self, tenant: TenantId, path: Path, *, aliases: Sequence[Path] = ()) -> tuple[Row, ...]:
        """Import policies; one row per id."""
        shard = self._shard(tenant).within(SCAN_DEADLINE_S)
        return shard.call(TenantShard.import_definitions, tenant, path, aliases)

    def policies(self, tenant: TenantId) -> tuple[Row, ...]:
        """Built-in and imported policies, in order of id."""
        return self._shard(tenant).call(TenantShard.policies, tenant)

    def policy(self, tenant: TenantId, policy_id: str) -> Row:
        """One policy's definition."""
        return self._shard(tenant).call(TenantShard.definition, tenant, policy_id)

    def simulate(self, request: SimulationRequest) -> SimulationResult:
        """Run one scenario on the next worker of the pool; the graph goes there by reference."""
        prepared = (
            self._shard(request.tenant).within(SCAN_DEADLINE_S).refer(TenantShard.scenario, request.tenant, request)
        )
        workers = self._crew.simulations
        worker = workers[next(self._turn) % len(workers)].within(SCAN_DEADLINE_S)
        return worker.call(Simulation.run, request, prepared)

    def finding_lives(self, tenant: TenantId) -> Lives:
        """How long findings lived, from what scans found."""
        return self._shard(tenant).within(SCAN_DEADLINE_S).call(TenantShard.finding_lives, tenant)

    def foreseen(self, tenant: TenantId) -> tuple[Foreseen, ...]:
        """What the scans that are kept predicted and found."""
        return self._shard(tenant).within(SCAN_DEADLINE_S).call(TenantShard.foreseen, tenant)

    def collect(self, events: Sequence[EvidenceEvent]) -> tuple[Receipt, ...]:
        """Record events, encoded and hashed here; on return they are durable."""
        batch = EntryBatch.encode(events)
        return tuple(self._commit.append(batch).receipts(batch))

    async def record(self, batch: EntryBatch) -> Placements:
        """Record entries, all of them or none, without a thread that waits; on return they are durable."""
        loop = asyncio.get_running_loop()
        commit = self._commits.get(loop)
        if commit is None:
            commit = self._commits[loop] = LoopCommit(self._append)
        return await commit.append(batch)

    async def _append(self, batch: EntryBatch) -> Placements:
        return await self._crew.chain.ask(EvidenceChain.append, batch)

    def recorded_at(self, tenant: TenantId, request_ids: Sequence[str]) -> list[datetime | None]:
        """When each request was recorded, where it was."""
        return self._crew.chain.call(EvidenceChain.recorded_at, tenant, request_ids)

    def evidence(self, tenant: TenantId, entry_id: EntryId) -> EvidenceView:
        """One entry of the tenant's logs."""
        return self._crew.chain.call(EvidenceChain.entry, tenant, entry_id)

    def inclusion(self, tenant: TenantId, entry_id: EntryId) -> InclusionView:
        """Proof that an entry is in the tenant's published log of its year."""
        return self._crew.chain.call(EvidenceChain.inclusion, tenant, entry_id)

    def heads(self, tenant: TenantId) -> list[LogStatus]:
        """The tenant's logs, oldest first."""
        return self._crew.chain.call(EvidenceChain.heads, tenant)

    def evidence_page(self, tenant: TenantId, query: EvidenceQuery) -> EvidencePage:
        """A page of evidence, newest first."""
        return self._crew.chain.call(EvidenceChain.page, tenant, query)

    def block_page(self, tenant: TenantId, *, before: EntryId | None, limit: int) -> BlockPage:
        """A page of blocks, newest first."""
        return self._crew.chain.call(EvidenceChain.blocks, tenant, before=before, limit=limit)

    def evidence_counts(self, tenant: TenantId) -> Counts:
        """Entries by type and day."""
        return self._crew.chain.within(SCAN_DEADLINE_S).call(EvidenceChain.counts, tenant)

    def latest_evidence(self, tenant: TenantId, matter: str, *, after: str, limit: int) -> list[LatestEvidence]:
        """The newest evidence on each control, subject or policy, by name, beginning behind a name."""
        chain = self._crew.chain.within(SCAN_DEADLINE_S)
        return chain.call(EvidenceChain.latest, tenant, matter, after=after, limit=limit)

    def log_status(self, tenant: TenantId) -> tuple[Row, ...]:
        """The tenant's logs as rows, oldest first."""
        return tuple(head_row(found) for found in self.heads(tenant))

    def publish_log(self, tenant: TenantId) -> tuple[Row, ...]:
        """Seal and publish what is new; the logs as rows."""
        self.publish(tenant)
        return self.log_status(tenant)

    def evidence_entry(self, tenant: TenantId, entry_id: EntryId) -> Row:
        """One entry as a row."""
        return entry_row(self.evidence(tenant, entry_id))

    def evidence_rows(self, tenant: TenantId, query: EvidenceQuery) -> tuple[Row, ...]:
        """The newest evidence, as many rows as the query's limit says, over any number of pages."""
        rows: list[Row] = []
        page = self.evidence_page(tenant, query)
        rows += map(evidence_row, page.items)
        while page.next_cursor is not None and len(rows) < query.limit:
            rest = replace(query, before=page.next_cursor, limit=query.limit - len(rows))
            page = self.evidence_page(tenant, rest)
            rows += map(evidence_row, page.items)
        return tuple(rows)

    def commitments(self, tenant: TenantId, pseudonym: str) -> int:
        """How many commitments the tenant's entries hold under a pseudonym."""
        return self._crew.chain.within(SCAN_DEADLINE_S).call(EvidenceChain.commitments, tenant, pseudonym)

    def publish(self, tenant: TenantId) -> PublishedHead:
        """Seal and publish what is new of the tenant's evidence."""
        return self._crew.chain.within(SCAN_DEADLINE_S).call(EvidenceChain.publish, tenant)

    def publish_platform(self) -> PublishedHead:
        """Publish the platform's own log, over the newest checkpoint of every tenant."""
        return self._crew.chain.within(SCAN_DEADLINE_S).call(EvidenceChain.publish_platform)

    def signed_checkpoints(self, tenant: TenantId, log: LogName) -> tuple[SignedPair, ...]:
        """What was signed of one of the tenant's logs, oldest first."""
        return self._crew.chain.call(EvidenceChain.signed_checkpoints, tenant, log)

    def key_entries(self, tenant: TenantId, log: LogName) -> tuple[int, ...]:
        """Places of what may be entries about the keys of one of the tenant's logs."""
        return self._crew.chain.call(EvidenceChain.key_entries, tenant, log)

    def opening(self, tenant: TenantId, log: LogName, note: str) -> CheckpointOpening:
        """What shows that one of the tenant's checkpoints is in the platform log; for that tenant alone."""
        return self._crew.chain.call(EvidenceChain.opening, tenant, log, note)

    def verify(self, tenant: TenantId) -> VerificationReport:
        """Check the tenant's published logs, every byte."""
        return self._crew.chain.within(SCAN_DEADLINE_S).call(EvidenceChain.verify, tenant)

    def check_block(self, tenant: TenantId, block_id: EntryId) -> BlockCheck:
        """Check one block header of the tenant's logs."""
        return self._crew.chain.call(EvidenceChain.check_block, tenant, block_id)

    def log_keys(self, tenant: TenantId) -> tuple[Row, ...]:
        """The keys of the tenant's, or the platform's, logs."""
        return tuple(map(key_row, self._crew.chain.call(EvidenceChain.log_keys, tenant)))

    def keep_keys(self, tenant: TenantId, order: CustodyOrder) -> tuple[Row, ...]:
        """Rotate keys, end an overlap or freeze a log; then as `log_keys`."""
        chain = self._crew.chain.within(SCAN_DEADLINE_S)
        return tuple(map(key_row, chain.call(EvidenceChain.keep_keys, tenant, order)))

    def report_keys(self) -> list[str]:
        """Digests of the keys that sign report packs, oldest first, as the platform log has them."""
        return self._crew.chain.call(EvidenceChain.report_keys)

    def record_platform(self, events: Sequence[EvidenceEvent]) -> list[Receipt]:
        """Record what concerns the platform as a whole."""
        return self._crew.chain.call(EvidenceChain.platform_append, events)

    def begin(self, operation: Operation) -> tuple[Operation, bool]:
        """Enter long work."""
        return self._shard(operation.tenant).call(TenantShard.begin, operation.tenant, operation)

    def move(
        self,
        tenant: TenantId,
        operation_id: str,
        trigger: OperationTrigger,
        *,
        result: Row | None = None,
        problem: Row | None = None,
    ) -> Operation:
        """Take one step of long work."""
        return self._shard(tenant).call(TenantShard.move, tenant, operation_id, trigger, result, problem)

    def report(self, tenant: TenantId, operation_id: str, progress: ScanProgress) -> None:
        """Note how far long work is."""
        self._shard(tenant).call(TenantShard.report, tenant, operation_id, progress)

    def operation(self, tenant: TenantId, operation_id: str) -> Operation:
        """Where long work stands."""
        return self._shard(tenant).call(TenantShard.operation, tenant, operation_id)

    def parts(self, *, deadline_s: float = 5.0) -> dict[str, str]:
        """Every actor and whether it answers: ``ok`` or what is wrong."""
        parts = {
            name: _answer(handle.within(deadline_s), TenantShard.ping)
            for name, handle in self._crew.shards.all().items()
        }
        if self._crew.supervisor is not None:
            parts["supervisor"] = _answer(self._crew.supervisor.within(deadline_s), ShardSupervisor.ping)
        parts["evidence"] = _answer(self._crew.chain.within(deadline_s), EvidenceChain.ping)
        parts["upkeep"] = _answer(self._crew.upkeep.within(deadline_s), LogUpkeep.ping)
        for number, handle in enumerate(self._crew.simulations):
            parts[f"simulation-{number}"] = _answer(handle.within(deadline_s), Simulation.ping)
        return parts

    @property
    def logs(self) -> LogOperations:
        """What operators do with the logs: anchors, witnesses, holds and the end of years."""
        return LogOperations(self._crew.chain, self._crew.upkeep)

    @property
    def projections(self) -> ProjectionPool:
        """Who draws the paths of projections."""
        return ProjectionPool(self._crew.simulations, self._crew.shelf)

    @property
    def drift(self) -> DriftPlane:
        """Drift: baselines, and what differs from them."""
        return DriftPlane(self._shard, self.collect)

    @property
    def bundles(self) -> PolicyBundles:
        """Policies as code: tested, planned, applied, rolled back."""
        return PolicyBundles(self._shard, self.collect)

    def close(self) -> None:
        """Let go of stores and logs where they are of this process; actors of a cluster stay."""
        if self._crew.is_local:
            for shard in self._crew.shards.all().values():
                shard.call(TenantShard.close)
            self._crew.chain.call(EvidenceChain.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _supervisor(self) -> Handle[ShardSupervisor]:
        if self._crew.supervisor is None:
            raise NotFound("a platform of one process has no shards", todo="Start the platform: pcg up")
        return self._crew.supervisor

    def _shard(self, tenant: TenantId) -> Handle[TenantShard]:
        return self._crew.shards.of(tenant)


def cost_impact_row(document: Row, policy_id: str) -> dict[str, Any]:
    """One policy's part of a scan document's money.

    Raises:
        NotFound: the scan did not know the policy.
    """
    whole = cast("dict[str, Any]", document)
    policy = next((row for row in whole["policies"] if row["id"] == policy_id), None)
    if policy is None:
        raise NotFound("the last scan had no such policy", policy_id=policy_id, todo="Scan with this policy first")
    rows = [
        {"currency": part["currency"], **{key: row[key] for key in ("amount", "resources", "is_waste")}}
        for part in whole["cost"]["currencies"]
        for row in part["by_policy"]
        if row["policy_id"] == policy_id
    ]
    affected = [
        {"resource_id": row["resource_id"], "monthly_cost": row["monthly_cost"]}
        for row in whole["violations"]
        if row["policy_id"] == policy_id
    ]
    return {
        "policy_id": policy_id,
        "title": policy["title"],
        "as_of": whole["as_of"],
        "effective_month": whole["cost"]["effective_month"],
        "periods": whole["cost"]["periods"],
        "violations": policy["violations"],
        "at_risk": rows,
        "resources": affected,
    }


def _evidence_entry(published: PublishedHead) -> EvidenceEntry:
    head = published.head
    return {
        "origin": head.origin,
        "size": head.size,
        "roots": {"sha256": head.root_sha256, "sha3_256": head.root_sha3_256},
        "checkpoint": _unsigned(head.checkpoint),
        "checkpoint_sha3": _unsigned(head.checkpoint_sha3),
        "path": published.location,
    }


def _unsigned(note: str) -> str:
    """The text of a signed note: the same for every key, so that equal scans give equal documents."""
    return note.partition("\n\n")[0] + "\n"


def _read_reporter(report: Progress) -> Callable[[ReadProgress], None]:
    def forward(progress: ReadProgress) -> None:
        report(ScanProgress(ScanStage.READ, progress.bytes_done, progress.bytes_total, progress.file))

    return forward


def _silent(_: ScanProgress) -> None:
    return


A = TypeVar("A")


def _answer(handle: Handle[A], ping: Callable[[A], str]) -> str:
    try:
        return handle.call(ping)
    except UnavailableError as error:
        return error.summary
