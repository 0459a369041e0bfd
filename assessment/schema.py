"""The shape of the scan document, version 1: what `pcg scan --json` writes and every view shows.

The types below are the definition; `docs/scan.schema.json` is generated from them (`python -m assessment.schema`) and
a test holds the two together. Every object is closed: a key that is not named here is an error.

Money is a decimal in a string with its currency beside it. Instants are ISO 8601 in UTC. Null means "not known" or
"does not apply", as the key's description says.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

VERSION: Final = "1"
SCHEMA_ID: Final = "urn:policycortex:scan:1"

_CLOSED: Final = ConfigDict(extra="forbid")

Amount = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{2,12}$", description="A decimal, exact.")]
Instant = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$")]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
SeverityName = Literal["critical", "high", "medium", "low"]


class MoneyEntry(TypedDict):
    """An amount in one currency."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    amount: Amount
    currency: str


class GapEntry(TypedDict):
    """Something in one file that could not be read; line 0 is the whole file."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    line: Count
    reason: str
    todo: str


class LocatedGap(TypedDict):
    """Something that could not be read, and where."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    path: str
    line: Count
    reason: str
    todo: str


class FileEntry(TypedDict):
    """What one input file came to. `classes` counts records by class; `recognised` are all but the gaps."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    path: str
    format: str
    records: Count
    recognised: Count
    resources: Count
    classes: dict[str, Count]
    gaps: list[GapEntry]


class ResourceCounts(TypedDict):
    """Distinct resources. `repeated`: observations of an id seen before; `assessed`: left by the filters."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    total: Count
    assessed: Count
    repeated: Count
    by_provider: dict[str, Count]
    by_type: dict[str, Count]
    by_scope: dict[str, Count]


class Filters(TypedDict):
    """What the scan was restricted to."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    scope: str | None
    type: str | None
    new_only: bool


class ControlRef(TypedDict):
    """A framework's requirement."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    framework: str
    id: str


class PolicyEntry(TypedDict):
    """What one policy came to.

    `resources` were evaluated; `violations` are not exempt; `reason` says why a policy did not run, or what could not
    be decided.
    """

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    id: str
    title: str
    source: str
    severity: SeverityName
    state: Literal["ran", "not_applicable", "unknown", "needs_parameters", "error"]
    reason: str | None
    resources: Count
    violations: Count
    exempt: Count
    unknown: Count
    controls: list[ControlRef]
    cost_tag: str | None
    digest: str


class OriginEntry(TypedDict):
    """Where a resource was read: the file as given, and the line or element; 0 is the whole file."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    file: str
    line: Count


class ResourceFields(TypedDict):
    """What identifies a resource to a reader."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    resource_id: str
    resource_name: str
    resource_type: str
    provider: str
    scope: str
    region: str


class ViolationEntry(ResourceFields):
    """One failed evaluation. `monthly_cost` has an entry per currency, none where the resource was not billed."""

    policy_id: str
    severity: SeverityName
    title: str
    remediation: str
    controls: list[ControlRef]
    monthly_cost: list[MoneyEntry]
    origin: OriginEntry
    is_new: bool
    first_found: Instant


class ExemptEntry(ResourceFields):
    """A violation that somebody accepted: shown, not counted among the violations."""

    policy_id: str
    severity: SeverityName
    title: str
    monthly_cost: list[MoneyEntry]
    origin: OriginEntry
    exemption_id: str
    exemption_reason: str
    exemption_owner: str
    exemption_expires_at: Instant | None


class SeverityCount(TypedDict):
    """Violations of one severity, and how many of them the former scan did not have."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    violations: Count
    new: Count


class UnknownByPolicy(TypedDict):
    """How many resources one policy could not decide."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    policy_id: str
    resources: Count


class UnknownSummary(TypedDict):
    """Evaluations that could not be decided, because nobody asked for what they need."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    evaluations: Count
    resources: Count
    by_policy: list[UnknownByPolicy]


class IntervalEntry(TypedDict):
    """Bounds of an estimate, both included."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    low: Share
    high: Share


class PredictionEntry(TypedDict):
    """What is expected within seven days. `probability` is null where the source only ranks."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    resource_id: str
    resource_name: str
    resource_type: str
    policy_id: str | None
    title: str
    severity: SeverityName | None
    source: Literal["date", "learned", "anomaly", "pattern", "heuristic"]
    date: Instant | None
    probability: Share | None
    interval: IntervalEntry | None
    score: Share
    reasons: list[str]
    resources_behind: Count


class BlastRadiusEntry(TypedDict):
    """What goes down with one resource. `resources` excludes the resource itself; `monthly_cost` is theirs."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    resource_id: str
    resource_name: str
    resource_type: str
    scope: str
    failure: str
    resources: Count
    monthly_cost: list[MoneyEntry]
    reasons: list[str]


class ControlEntry(TypedDict):
    """A control and what its policies say: `violated`, `met`, or `unknown` when none of them decided anything."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    framework: str
    id: str
    state: Literal["violated", "met", "unknown"]
    policies: Count
    violations: Count
    resources: Count


class CostLineEntry(TypedDict):
    """A part of a total, and over how many billing rows."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    label: str
    amount: Amount
    rows: Count


class PolicyCostEntry(TypedDict):
    """Monthly cost of the resources that violate one policy."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    policy_id: str
    amount: Amount
    resources: Count
    is_waste: bool


class CostPeriodEntry(TypedDict):
    """The month that one provider's cost is of, and why this one; `end` is not part of it."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    provider: str
    start: Instant
    end: Instant
    rule: Literal["latest complete billing month", "trailing 30 days"]
    days: Count


class CommitmentEntry(TypedDict):
    """Commitments in effective cost; `set_aside` is what purchase rows carried a second time and is not counted."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    used: Amount
    unused: Amount
    set_aside: Amount


class CurrencyCostEntry(TypedDict):
    """Monthly effective cost in one currency; `matched` and `unmatched` add up to `total`."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    currency: str
    total: Amount
    matched: Amount
    unmatched: Amount
    billed: Amount
    at_risk: Amount
    waste: Amount
    corrections: Amount
    credits: Amount
    commitments: CommitmentEntry
    matched_by: list[CostLineEntry]
    unmatched_by_reason: list[CostLineEntry]
    by_account: list[CostLineEntry]
    by_scope: list[CostLineEntry]
    by_policy: list[PolicyCostEntry]


class CostEntry(TypedDict):
    """Money. The figures beside `currencies` are of the first of them; all null without billing data."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    currency: str | None
    effective_month: str | None
    total: Amount | None
    at_risk: Amount | None
    waste: Amount | None
    unmatched: Amount | None
    by_policy: list[PolicyCostEntry]
    periods: list[CostPeriodEntry]
    currencies: list[CurrencyCostEntry]
    rows: Count
    copied_rows: Count
    other_rows: Count


class Roots(TypedDict):
    """Root hashes of the two trees, hexadecimal."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    sha256: str
    sha3_256: str


class EvidenceEntry(TypedDict):
    """The evidence log after this scan's events. `path` is the folder that `pcg verify` checks."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    origin: str
    size: Count
    roots: Roots
    checkpoint: str
    checkpoint_sha3: str
    path: str


class ScanDocument(TypedDict):
    """A scan, complete. Equal inputs and `as_of` give equal bytes; only `evidence` depends on the log's state."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    version: Literal["1"]
    tenant: str
    as_of: Instant
    input_digest: str
    synthetic: bool
    filters: Filters
    notes: list[str]
    files: list[FileEntry]
    gaps: list[LocatedGap]
    resources: ResourceCounts
    policies: list[PolicyEntry]
    severities: dict[SeverityName, SeverityCount]
    new_since: Instant | None
    violations: list[ViolationEntry]
    exempt: list[ExemptEntry]
    unknown: UnknownSummary
    predictions: list[PredictionEntry]
    blast_radius: list[BlastRadiusEntry]
    controls: list[ControlEntry]
    cost: CostEntry
    evidence: EvidenceEntry | None


def scan_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a scan document."""
    schema = TypeAdapter(ScanDocument).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(scan_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
