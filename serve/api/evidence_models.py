"""Bodies of requests and answers about evidence and the chain, as OpenAPI shows them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.evidence import EventType
from serve.api.models import Document, Request

CollectedType = Literal[
    EventType.EVIDENCE_COLLECTED,
    EventType.POLICY_EVALUATION,
    EventType.ACCESS_REVIEW,
    EventType.CHANGE_RECORD,
    EventType.SCAN_RESULT,
]
"""Types that callers may record; the rest are the platform's own."""

CallersId = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]

REVIEW: Document = {
    "type": "access_review",
    "id": "review-2026-q1",
    "subject": "payroll",
    "body": {"system": "payroll", "reviewed": 42, "revoked": 3, "reviewer_role": "system owner"},
    "controls": [{"framework": "SOC 2", "id": "CC6.2"}],
    "result": "satisfied",
}


class ControlBody(Request):
    """A requirement of a framework."""

    framework: Annotated[str, Field(min_length=1, max_length=100)]
    id: Annotated[str, Field(min_length=1, max_length=100)]


class CollectBody(Request):
    """One piece of evidence. Numbers with fractions are written as strings, roles stand instead of people's names."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [REVIEW]})

    type: CollectedType = Field(
        default=EventType.EVIDENCE_COLLECTED, description="`GET /api/v2/evidence/schemas/{type}` shows each type's body"
    )
    id: CallersId
    subject: Annotated[str, Field(min_length=1, max_length=500)]
    body: Document = Field(default_factory=dict)
    controls: Annotated[list[ControlBody], Field(max_length=200)] | None = Field(
        default=None, description="What the evidence is about; reports count it there"
    )
    result: Literal["satisfied", "not_satisfied", "unknown"] | None = None
    occurred_at: AwareDatetime | None = Field(
        default=None, description="When it happened; by default when it is recorded"
    )


class BatchBody(Request):
    """Many pieces of evidence, recorded in this order."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"items": [REVIEW]}]})

    items: Annotated[list[CollectBody], Field(min_length=1, max_length=1_000)]


class EventBody(Request):
    """An event with its whole body, as its type's schema has it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "type": "change_record",
                    "id": "CHG-1042",
                    "body": {
                        "id": "CHG-1042",
                        "subject": "firewall of the shop",
                        "change": "CHG-1042",
                        "state": "applied",
                        "kind": "normal",
                    },
                }
            ]
        },
    )

    type: CollectedType
    id: CallersId
    body: Document
    occurred_at: AwareDatetime | None = None


class ErasureBody(Request):
    """Who is to be erased, why, and who decided it: a ground and a role, both as a line of text."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"subject": "ada@example.org", "basis": "GDPR article 17(1)(a)", "by": "data protection officer"}
            ]
        },
    )

    subject: Annotated[str, Field(min_length=1, max_length=500, description="As it was written in the evidence")]
    basis: Annotated[str, Field(min_length=1, max_length=200)]
    by: Annotated[str, Field(min_length=1, max_length=200)]


class ErasureView(BaseModel):
    """An erasure, and the entry that records it."""

    evidence_id: str
    pseudonym: str
    commitments: int = Field(description="Commitments in the log that nobody can open any more")
    erased_at: str


class ReceiptView(BaseModel):
    """Proof of acceptance: the entry is durable at this place. `id` is the caller's own."""

    id: str
    request_id: str
    evidence_id: str = Field(examples=["2026-17"])
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


class EvidenceRow(BaseModel):
    """One line of a list of evidence."""

    evidence_id: str
    type: str
    at: str
    id: str | None = None
    subject: str | None = None
    result: str | None = None


class EvidenceListView(BaseModel):
    """Evidence, newest first. A page may hold fewer than asked for, or none, and still have a next one."""

    items: list[EvidenceRow]
    next_cursor: str | None = None


class DayCountRow(BaseModel):
    """Entries of one type on one day."""

    day: str
    type: str
    count: int


class EvidenceSummaryView(BaseModel):
    """How much evidence there is of each type, by day."""

    covered: int = Field(description="Entries that the counts are made of")
    items: list[DayCountRow]


class LatestRow(BaseModel):
    """The newest evidence on one matter."""

    name: str
    evidence_id: str
    type: str
    at: str
    result: str | None = None


class LatestView(BaseModel):
    """The newest evidence on each matter of one kind, by name."""

    matter: Literal["control", "subject", "policy"]
    items: list[LatestRow]
    next_cursor: str | None = None


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


class HeadView(BaseModel):
    """A year's log as it was last published."""

    origin: str
    log: str = Field(description="As in the ids of its entries: the year, or such as 2026s2 after a freeze")
    year: int
    blocks: int
    recorded: int = Field(description="Entries that are durable, published or not")
    size: int = Field(description="Entries under the published checkpoints")
    root_sha256: str | None = None
    root_sha3_256: str | None = None
    checkpoint: str | None = None
    checkpoint_sha3: str | None = None
    links: dict[str, str]


class HeadsView(BaseModel):
    """The tenant's logs, one a year, oldest first."""

    logs: list[HeadView]


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


class BlockRow(BaseModel):
    """One line of a list of blocks."""

    block_id: str
    evidence_id: str
    size: int
    sealed_at: str
    root_sha256: str
    root_sha3_256: str


class BlocksView(BaseModel):
    """Blocks, newest first."""

    items: list[BlockRow]
    next_cursor: str | None = None
