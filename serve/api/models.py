"""Bodies of requests and answers, as OpenAPI shows them. Unknown keys of a request are refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from actors.messages import OperationStatus, ScanStage, ScenarioKind

Document = dict[str, Any]
Id = Annotated[str, Field(min_length=1, max_length=4_096)]
Path = Annotated[str, Field(min_length=1, max_length=4_096)]


class Request(BaseModel):
    """Base of request bodies."""

    model_config = ConfigDict(extra="forbid")


class ScanBody(Request):
    """A bulk scan. Paths are on the platform's machine and must lie below its allowed roots."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"paths": ["exports/"], "policies": ["builtin"]}]}
    )

    paths: Annotated[list[Path], Field(min_length=1, max_length=1_000)]
    as_of: AwareDatetime | None = Field(default=None, description="The scan's only clock; now when it is not given")
    policies: Annotated[list[Path], Field(min_length=1, max_length=100)] = ["builtin"]
    aliases: Annotated[list[Path], Field(max_length=100)] = []
    exemptions: Path | None = None
    scope: Id | None = None
    type: Id | None = None
    aws_operation: Id | None = None
    collection: Id | None = Field(default=None, description="Name of the coverage; by default the paths")


class AnalyzeBody(Request):
    """Judge the tenant's resources as the graph has them now; nothing is read and nothing is recorded."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"as_of": "2026-01-31T00:00:00Z", "limit": 50}]}
    )

    as_of: AwareDatetime | None = None
    resource_ids: Annotated[list[Id], Field(max_length=10_000)] | None = Field(
        default=None, description="Answer about these only"
    )
    scope: Id | None = None
    type: Id | None = None
    limit: int = Field(default=100, ge=1, le=10_000, description="Most violations and most predictions in the answer")


class ScenarioBody(Request):
    """What one decision would do."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "assign_policy", "policy": "pcg-aws-s3-public-access-block"}]},
    )

    kind: ScenarioKind
    policy: Id | Document = Field(description="Id of a known policy, or a whole Azure Policy definition")
    parameters: Document = {}
    as_of: AwareDatetime | None = None
    scope: Id | None = None


class CollectBody(Request):
    """One piece of evidence. Numbers with fractions are written as strings."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"id": "review-2026-01", "subject": "access review", "body": {"reviewed": 42}}]
        },
    )

    id: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]
    subject: Annotated[str, Field(min_length=1, max_length=500)]
    body: Document = {}
    occurred_at: AwareDatetime | None = None


class BatchBody(Request):
    """Many pieces of evidence, recorded in this order."""

    items: Annotated[list[CollectBody], Field(min_length=1, max_length=1_000)]


class ImportBody(Request):
    """Azure Policy definitions to import, as a file or folder on the platform's machine."""

    path: Path
    aliases: Annotated[list[Path], Field(max_length=100)] = []


class ProgressView(BaseModel):
    """How far long work is; `total` is 0 where it is not known."""

    stage: ScanStage
    done: int
    total: int
    detail: str


class OperationView(BaseModel):
    """Long work. `result` once it has succeeded, `problem` (RFC 9457) once it has failed."""

    operation_id: str
    kind: str
    status: OperationStatus
    created_at: datetime
    progress: ProgressView | None = None
    result: Document | None = None
    problem: Document | None = None
    links: dict[str, str] = {}


class ReceiptView(BaseModel):
    """Proof of acceptance: the entry is durable at this index."""

    request_id: str
    evidence_id: str
    origin: str
    index: int
    leaf_sha256: str
    leaf_sha3_256: str


class ReceiptsView(BaseModel):
    """One receipt per item, in the order of the request."""

    receipts: list[ReceiptView]


class EvidenceEntryView(BaseModel):
    """One entry of the tenant's log, as recorded."""

    evidence_id: str
    index: int
    entry: Document
    leaf_sha256: str
    leaf_sha3_256: str


class ProofView(BaseModel):
    """Inclusion in both trees (RFC 6962) under the signed checkpoints. Hashes are hexadecimal."""

    evidence_id: str
    index: int
    size: int
    leaf_sha256: str
    leaf_sha3_256: str
    path_sha256: list[str]
    path_sha3_256: list[str]
    checkpoint: str
    checkpoint_sha3: str


class SimulationView(BaseModel):
    """Resources by what the decision would change."""

    simulation_id: str
    kind: ScenarioKind
    policy_id: str
    as_of: datetime
    evaluated: int
    opened: list[str]
    closed: list[str]
    unknown: list[str]
    at_risk: list[dict[str, str]] = []


class VerificationView(BaseModel):
    """What a check of the whole published log found. `key_trusted` is false: the keys are the log's own."""

    ok: bool
    origin: str | None
    entries: int
    blocks: int
    root_sha256: str | None
    root_sha3_256: str | None
    key_trusted: bool
    findings: list[str]


class BlockView(BaseModel):
    """What a block header states; `differing` names what does not follow from the entries before it."""

    ok: bool
    block_id: str
    height: int
    evidence_id: str
    index: int
    size: int
    root_sha256: str
    root_sha3_256: str
    differing: list[str]


class ViolationsView(BaseModel):
    """Violations of the last scan, worst first, as its document has them."""

    total: int
    items: list[Document]
    next_cursor: str | None = None


class RowsView(BaseModel):
    """Rows of one kind."""

    items: list[Document]


class HealthView(BaseModel):
    """Whether the process answers, and whether everything it needs does."""

    status: Literal["ok", "unavailable"]
    parts: dict[str, str] = {}
