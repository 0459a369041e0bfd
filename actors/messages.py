"""What callers and actors say to each other: frozen values that cross process boundaries.

Only the standard library and the domain are imported, so that a command-line start stays light. Where stores and
evidence lie is no message: a platform is opened on its folders (`serve.bootstrap`), and a request that could name
a folder would let a caller write anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from domain.evidence import EntryId, EvidenceEvent
from domain.finding import PolicyId, Severity
from domain.money import Money
from domain.resource import ResourceId
from domain.tenancy import TenantId
from domain.value import Json

if TYPE_CHECKING:
    from assessment.scan import Assessment

BUILTIN = "builtin"
IMPORTED = "imported"
APPLIED = "applied"


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """One run of the main job.

    Args:
        paths: files, folders or globs.
        as_of: the only clock of the scan.
        policies: ``builtin``, ``imported`` (definitions kept by an earlier import), ``applied`` (the bundle in force)
            or paths. A path with assignments is judged as they say.
        aliases: files of alias rows beside the built-in ones.
        exemptions: file of waivers.
        scope, type: judge only resources below this scope, of this type; the graph keeps everything.
        collection: name of the run's coverage; a gap-free run retires what only earlier runs of it hold. By
            default the paths are the name.
    """

    tenant: TenantId
    paths: tuple[str, ...]
    as_of: datetime
    policies: tuple[str, ...] = (BUILTIN,)
    aliases: tuple[str, ...] = ()
    exemptions: str | None = None
    scope: str | None = None
    type: str | None = None
    aws_operation: str | None = None
    collection: str | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which resources a question is about; None is all of them."""

    scope: str | None = None
    type: str | None = None
    resource_ids: tuple[str, ...] | None = None


EVERYTHING = Filters()


class ScanStage(StrEnum):
    """Steps of long work, in order; a scan has all but `PROJECT`, a projection that alone."""

    READ = "read"
    GRAPH = "graph"
    ASSESS = "assess"
    RECORD = "record"
    PROJECT = "project"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """How far a scan is: `done` of `total` (0 where unknown) steps of one stage."""

    stage: ScanStage
    done: int
    total: int
    detail: str = ""


Progress: TypeAlias = "Callable[[ScanProgress], None]"


@dataclass(frozen=True, slots=True)
class ScanFacts:
    """What decides an exit code.

    Args:
        readable: records that were recognised; 0 means that nothing could be read.
        gaps: records or files that could not be read.
        violations, new_violations: counts by severity, of all and of those that the former scan had not;
            exempt ones are in neither.
    """

    readable: int
    gaps: int
    violations: Mapping[Severity, int] = field(default_factory=dict)
    new_violations: Mapping[Severity, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScanResult:
    """A finished scan.

    Args:
        document: the versioned document of docs/scan.schema.json; complete, and all that HTTP callers get.
        assessment: the same as objects; None when the scan ran on another machine.
    """

    scan_id: str
    document: Mapping[str, Json]
    facts: ScanFacts
    assessment: Assessment | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A scan that was assessed: its events are to be recorded, then it is concluded."""

    scan_id: str
    events: tuple[EvidenceEvent, ...]
    facts: ScanFacts


class ScenarioKind(StrEnum):
    """What a scenario changes."""

    ASSIGN_POLICY = "assign_policy"
    REMOVE_POLICY = "remove_policy"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """Ask what one decision would do to the tenant's resources as they are now.

    Args:
        policy: id of a built-in or imported policy, or a whole definition.
        parameters: values for the definition's parameters.
        scope: where the policy is assigned or removed; None is everywhere.
    """

    tenant: TenantId
    kind: ScenarioKind
    policy: str | Mapping[str, Json]
    as_of: datetime
    parameters: Mapping[str, Json] = field(default_factory=dict)
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What a scenario would change: resources by their verdict before and after.

    Args:
        evaluated: resources to which the policy applies in the scope.
        opened, closed: resources that would newly violate, and that would no longer.
        unknown: resources for which the policy cannot be decided.
        at_risk: change of the monthly cost under this policy; negative where violations close.
    """

    simulation_id: str
    kind: ScenarioKind
    policy_id: PolicyId
    as_of: datetime
    evaluated: int
    opened: tuple[ResourceId, ...]
    closed: tuple[ResourceId, ...]
    unknown: tuple[ResourceId, ...]
    at_risk: tuple[Money, ...] = ()


@dataclass(frozen=True, slots=True)
class BundleOrder:
    """A bundle of policies to test, to plan or to apply.

    Args:
        files: documents by path in the bundle.
        signature: the note beside it; None where there is none.
        by: role of who decides it, for the record.
        base_state: digest of the state that a plan was made against; None to apply to whatever is in force.
        commit: revision of the repository that it came from.
    """

    tenant: TenantId
    files: Mapping[str, Json]
    at: datetime
    signature: str | None = None
    by: str = ""
    base_state: str | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class AssignmentChange:
    """Policy documents to add to those in force or to put in the place of those with the same id, and ids to remove."""

    tenant: TenantId
    at: datetime
    documents: tuple[Mapping[str, Json], ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """One entry of the tenant's logs as callers see it."""

    id: EntryId
    entry: Mapping[str, Json]
    leaf_sha256: str
    leaf_sha3_256: str


@dataclass(frozen=True, slots=True)
class InclusionView:
    """Proof, in both trees, that an entry is in its year's log of `size` entries. Hashes are hexadecimal."""

    id: EntryId
    size: int
    leaf_sha256: str
    leaf_sha3_256: str
    path_sha256: tuple[str, ...]
    path_sha3_256: tuple[str, ...]
    checkpoint: str
    checkpoint_sha3: str


@dataclass(frozen=True, slots=True)
class BlockCheck:
    """What a block header states, and the fields that do not follow from the entries before it.

    Args:
        id: the block: its year's log, and its height there.
        entry_id: the entry that is its header.
    """

    id: EntryId
    entry_id: EntryId
    size: int
    root_sha256: str
    root_sha3_256: str
    differing: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything that the header states is so."""
        return not self.differing


class OperationStatus(StrEnum):
    """Where long work is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OperationTrigger(StrEnum):
    """What moves long work on."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Operation:
    """Long work that a caller follows.

    Args:
        fingerprint: digest of the request; the same idempotency key with another request is a conflict.
        result: what it came to, once it has succeeded; `problem` why not, once it has failed.
    """

    operation_id: str
    tenant: TenantId
    kind: str
    fingerprint: str
    created_at: datetime
    status: OperationStatus = OperationStatus.QUEUED
    progress: ScanProgress | None = None
    result: Mapping[str, Json] | None = None
    problem: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class LogState:
    """A tenant's newest log: entries recorded, and entries that strangers can read."""

    tenant: TenantId
    origin: str
    size: int
    published_size: int


@dataclass(frozen=True, slots=True)
class Ending:
    """What was decided of a year's log.

    Args:
        is_over: whether it goes.
        until: end of its retention.
        holds: which legal holds keep it.
    """

    tenant: TenantId
    year: int
    origin: str
    is_over: bool
    reason: str
    until: datetime
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpiryReport:
    """What was decided of each log, and how many files and pieces of the journal were deleted."""

    endings: tuple[Ending, ...]
    files: int = 0
    journal: int = 0


@dataclass(frozen=True, slots=True)
class AnchorTargetView:
    """An anchor target.

    Args:
        circuit: ``closed``, ``open`` or ``half_open``; ``unknown`` until the log was read.
        failures: in a row.
        pending: receipts that wait for confirmation.
        settled_until: every interval that begins before is anchored or told as a gap.
    """

    name: str
    kind: str
    circuit: str = "unknown"
    failures: int = 0
    reason: str = ""
    pending: int = 0
    settled_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AnchorRound:
    """What a round of anchoring brought, over the platform log of that size.

    Args:
        receipts: target, kind, and whether it is final.
        gaps: target, beginning, end, reason.
        failures: reasons by target.
    """

    size: int
    receipts: tuple[tuple[str, str, bool], ...] = ()
    gaps: tuple[tuple[str, datetime, datetime, str], ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpkeepState:
    """How the work on the logs stands.

    Args:
        reasons: what fails now, by work.
    """

    is_running: bool
    reasons: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[AnchorTargetView, ...] = ()


@dataclass(frozen=True, slots=True)
class AnchorRecord:
    """An entry of the platform log about anchors: a receipt or a gap."""

    id: EntryId
    type: str
    at: str
    body: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class AnchorHistory:
    """A page of such entries, newest first."""

    items: tuple[AnchorRecord, ...]
    next_cursor: EntryId | None = None
