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
    policies: Annotated[list[Path], Field(min_length=1, max_length=100)] = ["builtin", "applied"]
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


class ModelStepBody(Request):
    """Who decides about a version of the prediction model, and why: a role and a line of text."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"by": "role:ml-lead", "reason": "the report was read"}]}
    )

    by: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]


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
    anchors: dict[str, str] = Field(
        default_factory=dict, description="Circuit of each anchor target: closed, open, half_open, unknown"
    )
    retraining: str = Field(default="off", description="How the schedule of the prediction model's retraining stands")
