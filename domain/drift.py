"""Drift: a resource is not as its baseline declares it.

A baseline is what somebody declared or approved: the state or plan of Terraform, a CloudFormation stack, an ARM
deployment, a Pulumi stack, or a snapshot of resources as they were. It declares resources in the provider's native
shape as far as tables say, so that one comparison serves every source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.finding import PolicyId, Severity
from domain.inventory import Gap
from domain.resource import Provider, ResourceId
from domain.value import Absent, Json, Value


class BaselineSource(StrEnum):
    """Who declares."""

    TERRAFORM_STATE = "terraform-state"
    TERRAFORM_PLAN = "terraform-plan"
    CLOUDFORMATION = "cloudformation"
    ARM = "arm"
    PULUMI = "pulumi"
    SNAPSHOT = "snapshot"


class DriftKind(StrEnum):
    """How a resource differs from its baseline.

    ``changed``: an attribute has another value. ``unmanaged``: it exists and no baseline declares it. ``missing``: it
    is declared and is proven not to exist. ``moved``: it is there under another id, scope or region.
    """

    CHANGED = "changed"
    UNMANAGED = "unmanaged"
    MISSING = "missing"
    MOVED = "moved"


class DriftState(StrEnum):
    """Where a drift stands."""

    OPEN = "open"
    RESOLVED = "resolved"


class DriftTrigger(StrEnum):
    """What one comparison says of a drift."""

    DETECTED = "detected"
    CHANGED = "changed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Declared:
    """One resource, or one aspect of one, as a baseline declares it.

    Args:
        address: its name within the baseline: Terraform's address, a logical id, an ARM id, a Pulumi URN.
        uid: the provider's id; empty where the baseline does not know it, as in a plan of what is to be created.
        properties: declared attributes in native shape; compared strictly.
        loose: declared attributes for which no table exists; compared only where the resource has a like-named one.
        tags: None where the baseline says nothing of tags.
        is_whole: attributes that are not declared are declared to be absent, as in an approved snapshot.
        unread: first segments of `properties` that the approved snapshot never asked for.
        is_aspect: it declares a part of a resource that another declaration owns, such as a bucket's policy.
    """

    address: str
    uid: str
    provider: Provider
    type: str
    name: str
    scope: str = ""
    region: str = ""
    properties: Mapping[str, Json] = field(default_factory=dict)
    loose: Mapping[str, Json] = field(default_factory=dict)
    tags: Mapping[str, str] | None = None
    is_whole: bool = False
    unread: tuple[str, ...] = ()
    is_aspect: bool = False


@dataclass(frozen=True, slots=True)
class Baseline:
    """What one file, stack or approval declares.

    Args:
        name: unique within the tenant; importing the same name again replaces it.
        digest: SHA-256, hexadecimal, of what is declared.
        declared_at: when it was written, by its own record; None where it does not say.
        gaps: what it declares that could not be read; nothing is concluded from it.
    """

    name: str
    source: BaselineSource
    digest: str
    declared_at: datetime | None
    resources: tuple[Declared, ...]
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeDrift:
    """One attribute: what is declared and what is there. `MISSING` where it is not set."""

    path: str
    expected: Value
    actual: Value

    def as_json(self) -> dict[str, Json]:
        """Path and both values; a value that is not set is left out."""
        values = {"expected": self.expected, "actual": self.actual}
        return {"path": self.path, **{key: value for key, value in values.items() if not isinstance(value, Absent)}}


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One call that changed something, as CloudTrail, Activity Log or Audit Log recorded it.

    Args:
        resources: every id by which the entry names what was changed: full ids and short ones.
        principal: who called, as the provider names it.
        operation: the provider's name of the call.
        event_id: the provider's id of the entry.
    """

    resources: tuple[str, ...]
    at: datetime
    principal: str
    operation: str
    provider: Provider
    event_id: str = ""
    source_address: str = ""
    is_success: bool = True


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who brought a drift about and when, as far as the audit entries say."""

    principal: str
    at: datetime
    operation: str
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """One resource's drift from one baseline.

    Args:
        drift_id: the same for the same resource, baseline and kind as long as it lasts.
        uid: the provider's id; of a missing resource the declared one.
        baseline: its name; empty for an unmanaged resource.
        moved_to: the id under which a moved resource is now.
        uncompared: declared attributes that nobody could compare: secrets, values unknown until applied, unread ones.
        changed_at: when the drifted state came to be: by the audit entry, else by the observation.
        policies: ids of the policies that read a drifted attribute, worst first.
    """

    drift_id: str
    kind: DriftKind
    uid: ResourceId
    type: str
    name: str
    scope: str
    region: str
    baseline: str = ""
    address: str = ""
    attributes: tuple[AttributeDrift, ...] = ()
    moved_to: str = ""
    uncompared: int = 0
    severity: Severity = Severity.LOW
    policies: tuple[PolicyId, ...] = ()
    detected_at: datetime | None = None
    changed_at: datetime | None = None
    by: Attribution | None = None
    synthetic: bool = False
