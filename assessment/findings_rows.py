"""A scan's findings as flat rows with their evidence: what tables (CSV, Parquet) and OCSF events are made from.

A finding is a violation, open or exempt. What complied is counted in the scan's document, and what could not be decided
is counted there too; neither is a finding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from assessment.compliance_inputs import Document, Entries, entry_of_scan
from domain.finding import Control
from domain.resource import ResourceId, resource_key


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding.

    Args:
        finding_id: the same for the same policy and resource of a tenant, scan after scan.
        seen_at: time of the scan.
        monthly_cost: what the resource costs, by currency; amounts as text.
        evidence: the log's entry of the policy's verdict; None where none is recorded.
    """

    finding_id: str
    status: str
    severity: str
    policy_id: str
    title: str
    resource_id: str
    resource_name: str
    resource_type: str
    provider: str
    scope: str
    region: str | None
    is_new: bool
    first_found: str
    seen_at: str
    controls: tuple[Control, ...]
    remediation: str
    evidence: str | None
    exemption_id: str | None
    exemption_reason: str | None
    exemption_expires_at: str | None
    monthly_cost: tuple[tuple[str, str], ...]
    file: str
    line: int | None


def finding_rows(
    document: Document,
    entries: Entries,
    controls: Mapping[str, Sequence[Control]],
    *,
    framework: str | None = None,
) -> Iterator[FindingRow]:
    """The findings of a scan: open ones worst first, then exempt ones.

    Args:
        entries: the log's newest ones.
        controls: by policy in lower case, the controls that it serves.
        framework: only findings that touch a control of it, with these controls alone.
    """
    tenant, as_of = str(document["tenant"]), str(document["as_of"])
    for status, kind in (("open", "violations"), ("exempt", "exempt")):
        for found in document[kind]:
            policy = str(found["policy_id"])
            served = tuple(
                each for each in controls.get(policy.lower(), ()) if framework is None or each.framework == framework
            )
            if framework is not None and not served:
                continue
            yield FindingRow(
                finding_id=_identity(tenant, policy, str(found["resource_id"])),
                status=status,
                severity=found["severity"],
                policy_id=policy,
                title=found["title"],
                resource_id=found["resource_id"],
                resource_name=found["resource_name"],
                resource_type=found["resource_type"],
                provider=found["provider"],
                scope=found["scope"],
                region=found["region"],
                is_new=bool(found.get("is_new", False)),
                first_found=str(found.get("first_found", as_of)),
                seen_at=as_of,
                controls=served,
                remediation=str(found.get("remediation", "")),
                evidence=entry_of_scan(entries, policy, as_of),
                exemption_id=found.get("exemption_id"),
                exemption_reason=found.get("exemption_reason"),
                exemption_expires_at=found.get("exemption_expires_at"),
                monthly_cost=tuple((each["currency"], each["amount"]) for each in found["monthly_cost"]),
                file=found["origin"]["file"],
                line=found["origin"]["line"],
            )


def _identity(tenant: str, policy: str, resource: str) -> str:
    named = "\0".join((tenant, policy.lower(), resource_key(ResourceId(resource))))
    return hashlib.sha256(named.encode("utf-8")).hexdigest()[:32]
