"""The machines of a tenant's graph with what they cost, for rightsizing; and rightsizing's answer as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeAlias

from assessment.cost_impact_waste import rows_of_types
from assessment.facts import BATCH, Documents
from assessment.failure_estate import FailureEstate
from assessment.money import amount_text
from cost.billing.frame import COUNTED, bill_frame, within
from cost.billing.store import BillingStore
from cost.rightsizing import Machine, Proposal, Refused
from cost.waste import read
from domain.clock import format_instant
from domain.money import Money
from domain.resource import ConfigurationItem, resource_key

Row: TypeAlias = "dict[str, Any]"

SIZE_PATHS: Final[Mapping[str, str]] = {
    "aws::ec2::instance": "InstanceType",
    "microsoft.compute/virtualmachines": "properties.hardwareProfile.vmSize",
    "compute.googleapis.com/instance": "machineType",
}
"""Where a machine's size stands, by type in lower case."""

_COVERED: Final = f"""
SELECT ResourceId AS uid, SUM(CASE WHEN CommitmentDiscountStatus = 'Used' THEN {COUNTED} ELSE 0 END)
       / NULLIF(SUM({COUNTED}), 0) AS share
FROM charges WHERE {{conditions}} AND ChargeCategory = 'Usage' AND ResourceId IS NOT NULL
GROUP BY ALL HAVING share > 0
"""  # noqa: S608 (fixed words of ours)


@dataclass(frozen=True, slots=True)
class MachinesQuestion:
    """All machines with their monthly cost; those without a cost have none."""


def machine_rows(estate: FailureEstate, documents: Documents) -> Row:
    """Every machine: id, name, size, region and monthly cost."""
    return {
        "as_of": format_instant(estate.as_of),
        "items": [_machine_row(estate, row, item) for row, item in _machines(estate, documents)],
    }


def machines_of(rows: Sequence[Row], covered: Mapping[str, Decimal]) -> list[Machine]:
    """Machines for rightsizing, in the currency that each is billed in first; those that cost nothing are left out."""
    found = []
    for row in rows:
        if row["monthly_cost"] and row["size"]:
            money = row["monthly_cost"][0]
            amount = Decimal(money["amount"])
            share = min(max(covered.get(resource_key(row["resource_id"]), Decimal(0)), Decimal(0)), Decimal(1))
            cost = Money(amount, money["currency"])
            found.append(Machine(row["resource_id"], row["size"], row["region"], cost, amount * share))
    return found


def covered_shares(store: BillingStore, *, start: date | None = None, end: date | None = None) -> dict[str, Decimal]:
    """The share of each resource's cost that commitments covered, by `resource_key`; absent where it is none."""
    conditions, values = within(start, end)
    found = bill_frame(store, _COVERED.format(conditions=conditions), values, start=start)
    return {resource_key(uid): Decimal(str(share)) for uid, share in found.rows()} if not found.is_empty() else {}


def rightsizing_document(proposals: Sequence[Proposal], refused: Sequence[Refused], *, headroom: float) -> Row:
    """Proposals with their evidence, and machines of which nothing can be said with the reason."""
    sums: dict[str, Decimal] = {}
    for each in proposals:
        sums[each.saving.currency] = sums.get(each.saving.currency, Decimal(0)) + each.saving.amount
    reasons: dict[str, int] = {}
    for one in refused:
        reasons[one.reason.value] = reasons.get(one.reason.value, 0) + 1
    return {
        "headroom": headroom,
        "savings": [{"amount": amount_text(amount), "currency": name} for name, amount in sorted(sums.items())],
        "proposals": [_proposal_row(each) for each in proposals],
        "refused": [_refused_row(each) for each in refused],
        "reasons": dict(sorted(reasons.items())),
    }


def _machines(estate: FailureEstate, documents: Documents) -> Iterator[tuple[int, ConfigurationItem]]:
    rows = rows_of_types(estate, frozenset(SIZE_PATHS))
    for start in range(0, len(rows), BATCH):
        row_of = {resource_key(estate.resource(row).uid): row for row in rows[start : start + BATCH]}
        for item in documents([estate.resource(row).uid for row in rows[start : start + BATCH]]):
            yield row_of[resource_key(item.uid)], item


def _machine_row(estate: FailureEstate, row: int, item: ConfigurationItem) -> Row:
    size = read(item, SIZE_PATHS[item.type.lower()])
    return {
        "resource_id": item.uid,
        "resource_name": item.name,
        "scope": item.scope,
        "region": item.region,
        "size": size.rpartition("/")[2] if isinstance(size, str) else None,
        "monthly_cost": estate.money([row]),
    }


def _proposal_row(each: Proposal) -> Row:
    return {
        "resource_id": each.machine.uid,
        "size": each.machine.size,
        "to": each.size.name,
        "needed_cores": round(each.needed_cores, 3),
        "needed_memory_gib": round(each.needed_memory_gib, 3),
        "use": {name: getattr(each.use, name) for name in type(each.use).__slots__},
        "hour_now": {"amount": amount_text(each.now.amount), "basis": each.now.basis, "source": each.now.source},
        "hour_then": {"amount": amount_text(each.then.amount), "basis": each.then.basis, "source": each.then.source},
        "monthly_cost": amount_text(each.machine.monthly.amount),
        "saving": amount_text(each.saving.amount),
        "committed_saving": amount_text(each.committed_saving.amount),
        "currency": each.saving.currency,
    }


def _refused_row(each: Refused) -> Row:
    return {
        "resource_id": each.machine.uid,
        "size": each.machine.size,
        "state": "unknown" if each.reason.name != "FITS" else "fits",
        "reason": each.reason.value,
    }
