"""Evidence events: what the platform did and decided, as typed entries of the log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from domain.errors import InputError
from domain.tenancy import TenantId
from domain.value import Json

_LOG = re.compile(r"([1-9][0-9]{3})(?:s([1-9][0-9]{0,5}))?")
_INDEX = re.compile(r"0|[1-9][0-9]{0,15}")


class EventType(StrEnum):
    """Types of entries."""

    POLICY_EVALUATED = "PolicyEvaluated"
    DRIFT_DETECTED = "DriftDetected"
    PREDICTION_GENERATED = "PredictionGenerated"
    REMEDIATION_APPLIED = "RemediationApplied"
    EVIDENCE_COLLECTED = "EvidenceCollected"
    COMPLIANCE_CHECKED = "ComplianceChecked"

    POLICY_EVALUATION = "policy_evaluation"
    ACCESS_REVIEW = "access_review"
    CHANGE_RECORD = "change_record"
    SCAN_RESULT = "scan_result"

    BLOCK_SEALED = "BlockSealed"
    SHARD_OPENED = "shard_opened"
    SHARD_EXPIRED = "shard_expired"
    LEGAL_HOLD_PLACED = "legal_hold_placed"
    LEGAL_HOLD_LIFTED = "legal_hold_lifted"
    KEY_ADDED = "key_added"
    KEY_RETIRED = "key_retired"
    LOG_FROZEN = "log_frozen"
    ERASURE = "erasure"
    TENANT_CHECKPOINT = "tenant_checkpoint"
    ANCHOR_RECEIPT = "anchor_receipt"
    ANCHOR_GAP = "anchor_gap"


PLATFORM_EVENTS: Final = frozenset(EventType) - {
    EventType.POLICY_EVALUATION,
    EventType.ACCESS_REVIEW,
    EventType.CHANGE_RECORD,
    EventType.SCAN_RESULT,
    EventType.EVIDENCE_COLLECTED,
}
"""Types that the platform alone writes; the rest may be collected from callers."""


@dataclass(frozen=True, slots=True, order=True)
class LogName:
    """One log of a tenant: the year's, or one that succeeded a frozen log of that year.

    Written ``2026``, ``2026s2``, ``2026s3``: so are its folder and its entries' ids. Logs are in this order.
    """

    year: int
    part: int = 1

    def __str__(self) -> str:
        return f"{self.year:04d}" if self.part == 1 else f"{self.year:04d}s{self.part}"

    @property
    def successor(self) -> LogName:
        """The log that follows if this one is frozen."""
        return LogName(self.year, self.part + 1)

    def entry(self, index: int) -> EntryId:
        """Id of an entry, or of a block by its height."""
        return EntryId(self.year, index, part=self.part)

    @classmethod
    def find(cls, text: str) -> LogName | None:
        """The log of that name in its only spelling; ``None`` where it is no name of a log."""
        matched = _LOG.fullmatch(text)
        if matched is None or matched[2] == "1":
            return None
        return cls(int(matched[1]), int(matched[2] or 1))


@dataclass(frozen=True, slots=True, order=True)
class EntryId:
    """An entry of a tenant's evidence, or a block of it: the log, and the index (or height) within.

    Written ``2026-17``, and in a log that succeeded a frozen one ``2026s2-17``.
    """

    shard: int
    part: int = field(default=1, kw_only=True)
    index: int

    def __str__(self) -> str:
        return f"{self.log}-{self.index}"

    @property
    def log(self) -> LogName:
        """The log that it is in."""
        return LogName(self.shard, self.part)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``LOG-INDEX``.

        Raises:
            InputError: the text is not of that form.
        """
        name, _, index = text.partition("-")
        log = LogName.find(name)
        if log is None or _INDEX.fullmatch(index) is None:
            raise InputError(
                "not the id of an entry",
                got=text[:40],
                expected="the log's year and the index within it, such as 2026-17",
                todo="Use the evidence_id of a receipt",
            )
        return cls(log.year, int(index), part=log.part)


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
    """Proof of acceptance: the entry's place in its year's log, known only after it is durable."""

    request_id: str
    origin: str
    id: EntryId
    leaf_sha256: str
    leaf_sha3_256: str

    @property
    def index(self) -> int:
        """Place within the year's log."""
        return self.id.index
