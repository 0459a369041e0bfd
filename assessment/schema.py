"""The shape of the scan document, version 1: what `pcg scan --json` writes and every view shows.

The types below are the definition; `docs/scan.schema.json` is generated from them (`python -m assessment.schema`) and
a test holds the two together. Every object is closed: a key that is not named here is an error.

Money is a decimal in a string with its currency beside it. Instants are ISO 8601 in UTC. Null means "not known" or
"does not apply", as the key's description says.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final, Literal, NotRequired

import orjson
from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

VERSION: Final = "1"
SCHEMA_ID: Final = "urn:policycortex:scan:1"

_CLOSED: Final = ConfigDict(extra="forbid")

Amount = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{2,12}$", description="A decimal, exact.")]
Instant = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$")]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
ControlState = Literal["violated", "met", "unknown"]
SeverityName = Literal["critical", "high", "medium", "low"]


@with_config(_CLOSED)
class MoneyEntry(TypedDict):
    """An amount in one currency."""

    amount: Amount
    currency: str


@with_config(_CLOSED)
class GapEntry(TypedDict):
    """Something in one file that could not be read; line 0 is the whole file."""

    line: Count
    reason: str
    todo: str


@with_config(_CLOSED)
class LocatedGap(TypedDict):
    """Something that could not be read, and where."""

    path: str
    line: Count
    reason: str
    todo: str


@with_config(_CLOSED)
class FileEntry(TypedDict):
    """What one input file came to. `classes` counts records by class; `recognised` are all but the gaps."""

    path: str
    format: str
    records: Count
    recognised: Count
    resources: Count
    classes: dict[str, Count]
    gaps: list[GapEntry]


@with_config(_CLOSED)
class ResourceCounts(TypedDict):
    """Distinct resources. `repeated`: observations of an id seen before; `assessed`: left by the filters."""

    total: Count
    assessed: Count
    repeated: Count
    by_provider: dict[str, Count]
    by_type: dict[str, Count]
    by_scope: dict[str, Count]


@with_config(_CLOSED)
class Filters(TypedDict):
    """What the scan was restricted to."""

    scope: str | None
    type: str | None


@with_config(_CLOSED)
class ControlRef(TypedDict):
    """A framework's requirement."""

    framework: str
    id: str


@with_config(_CLOSED)
class PolicyEntry(TypedDict):
    """What one policy came to.

    `resources` were evaluated; `violations` are not exempt; `reason` says why a policy did not run, or what could not
    be decided. `assignment` and `enforcement` stand where it was judged for an assignment: with ``DoNotEnforce`` it is
    assessed all the same, and its effect acts on nothing.
    """

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
    assignment: NotRequired[str]
    enforcement: NotRequired[Literal["Default", "DoNotEnforce"]]


@with_config(_CLOSED)
class OriginEntry(TypedDict):
    """Where a resource was read: the file as given, and the line or element; 0 is the whole file."""

    file: str
    line: Count


@with_config(_CLOSED)
class ResourceFields(TypedDict):
    """What identifies a resource to a reader."""

    resource_id: str
    resource_name: str
    resource_type: str
    provider: str
    scope: str
    region: str


@with_config(_CLOSED)
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


@with_config(_CLOSED)
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


@with_config(_CLOSED)
class SeverityCount(TypedDict):
    """Violations of one severity, and how many of them the former scan did not have."""

    violations: Count
    new: Count


@with_config(_CLOSED)
class UnknownByPolicy(TypedDict):
    """How many resources one policy could not decide."""

    policy_id: str
    resources: Count


@with_config(_CLOSED)
class UnknownSummary(TypedDict):
    """Evaluations that could not be decided, because nobody asked for what they need."""

    evaluations: Count
    resources: Count
    by_policy: list[UnknownByPolicy]


@with_config(_CLOSED)
class IntervalEntry(TypedDict):
    """Bounds of an estimate, both included."""

    low: Share
    high: Share


@with_config(_CLOSED)
class PredictionEntry(TypedDict):
    """What is expected within seven days. `probability` is null where the source only ranks."""

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


@with_config(_CLOSED)
class BlastRadiusEntry(TypedDict):
    """What goes down with one resource, itself not counted: `resources` fail, and cost `monthly_cost` a month."""

    resource_id: str
    resource_name: str
    resource_type: str
    scope: str
    failure: str
    resources: Count
    degraded: Count
    monthly_cost: list[MoneyEntry]
    reasons: list[str]


@with_config(_CLOSED)
class ControlEntry(TypedDict):
    """A control and what its policies say: `violated`, `met`, or `unknown` when none of them decided anything."""

    framework: str
    id: str
    state: ControlState
    policies: Count
    violations: Count
    resources: Count


@with_config(_CLOSED)
class CostLineEntry(TypedDict):
    """A part of a total, and over how many billing rows."""

    label: str
    amount: Amount
    rows: Count


@with_config(_CLOSED)
class PolicyCostEntry(TypedDict):
    """Monthly cost of the resources that violate one policy."""

    policy_id: str
    amount: Amount
    resources: Count
    is_waste: bool


@with_config(_CLOSED)
class CostPeriodEntry(TypedDict):
    """The month that one provider's cost is of, and why this one; `end` is not part of it."""

    provider: str
    start: Instant
    end: Instant
    rule: Literal["latest complete billing month", "trailing 30 days"]
    days: Count


@with_config(_CLOSED)
class CommitmentEntry(TypedDict):
    """Commitments in effective cost; `set_aside` is what purchase rows carried a second time and is not counted."""

    used: Amount
    unused: Amount
    set_aside: Amount


@with_config(_CLOSED)
class CurrencyCostEntry(TypedDict):
    """Monthly effective cost in one currency; `matched` and `unmatched` add up to `total`."""

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


@with_config(_CLOSED)
class CostEntry(TypedDict):
    """Money. The figures beside `currencies` are of the first of them; all null without billing data."""

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


@with_config(_CLOSED)
class Roots(TypedDict):
    """Root hashes of the two trees, hexadecimal."""

    sha256: str
    sha3_256: str


@with_config(_CLOSED)
class EvidenceEntry(TypedDict):
    """The evidence log after this scan's events. `path` is the folder that `pcg verify` checks.

    The checkpoints stand here without their signatures, which are in the folder.
    """

    origin: str
    size: Count
    roots: Roots
    checkpoint: str
    checkpoint_sha3: str
    path: str


@with_config(_CLOSED)
class ScanDocument(TypedDict):
    """A scan, complete. Equal inputs and `as_of` give equal bytes; only `evidence` depends on the log's state."""

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
