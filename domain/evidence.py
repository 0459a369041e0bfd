"""Evidence events: what the platform did and decided, as typed entries of the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.tenancy import TenantId
from domain.value import Json


class EventType(StrEnum):
    """Types of entries. ``BlockSealed`` and ``CheckpointObserved`` are the log's own."""

    POLICY_EVALUATED = "PolicyEvaluated"
    DRIFT_DETECTED = "DriftDetected"
    PREDICTION_GENERATED = "PredictionGenerated"
    REMEDIATION_APPLIED = "RemediationApplied"
    EVIDENCE_COLLECTED = "EvidenceCollected"
    COMPLIANCE_CHECKED = "ComplianceChecked"
    BLOCK_SEALED = "BlockSealed"


@dataclass(frozen=True, slots=True)
class Artifact:
    """Bytes too large for an entry, kept in blob storage and named by digest."""

    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EvidenceEvent:
    """One thing to record.

    Args:
        request_id: repeats with the same id are the same event and are recorded once.
        body: JSON with ASCII keys, integers within ±2^53 and no floats (write them as strings).
        artifacts: larger evidence by name; the entry holds their digests, the store their bytes.
    """

    tenant: TenantId
    request_id: str
    type: EventType
    occurred_at: datetime
    body: Mapping[str, Json]
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of acceptance: the entry's index in its log, known only after it is durable."""

    request_id: str
    origin: str
    index: int
    leaf_sha256: str
    leaf_sha3_256: str
