"""Verdicts of policies on resources: facts without a lifecycle."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NewType

from domain.resource import ResourceId

PolicyId = NewType("PolicyId", str)


class Severity(StrEnum):
    """How bad a violation is. Ordered by `rank`, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for critical to 3 for low."""
        return list(Severity).index(self)


class Verdict(IntEnum):
    """What one evaluation came to, as the codes that columns hold (uint8)."""

    COMPLIANT = 0
    VIOLATION = 1
    UNKNOWN = 2


class ComplianceState(StrEnum):
    """As Azure Policy names them."""

    COMPLIANT = "compliant"
    NON_COMPLIANT = "non-compliant"
    EXEMPT = "exempt"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Control:
    """A framework's requirement, by id: ``Control("CIS-AWS-3.0", "5.2")``."""

    framework: str
    id: str

    def __str__(self) -> str:
        return f"{self.framework} {self.id}"


@dataclass(frozen=True, slots=True)
class Violation:
    """One failed evaluation: this policy, on this resource, now."""

    resource_id: ResourceId
    policy_id: PolicyId
    severity: Severity
