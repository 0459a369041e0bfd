"""Waste over a tenant's graph: documents, what refers to them, their cost, use and history, put before the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

import numpy as np

from assessment.facts import BATCH, Documents
from assessment.failure_estate import FailureEstate
from assessment.money import money_entries
from cost.waste import Case, Estate, Known, Undecided, WasteKind, find_waste, judged_types, savings_of
from domain.clock import format_instant
from domain.errors import InputError
from domain.money import Money
from domain.resource import ConfigurationItem, resource_key
from graph.failure import FailureMode
from graph.stores.contract import Changes

Row: TypeAlias = "dict[str, Any]"
LIMIT_MAX: Final = 10_000
REFERRED: Final = ("aws::elasticloadbalancingv2::loadbalancer", "aws::ec2::natgateway")
"""Types whose rules ask what refers to them."""


@dataclass(frozen=True, slots=True)
class WasteQuestion:
    """A question.

    Args:
        kinds: only these; all without any.
        cpu_p99: processor use that was measured, in percent, by resource.
    """

    kinds: frozenset[WasteKind] = frozenset()
    limit: int = 100
    after: int = 0
    cpu_p99: Mapping[str, float] = field(default_factory=dict, hash=False)


def waste(
    estate: FailureEstate,
    documents: Documents,
    asked: WasteQuestion,
    *,
    changes: Changes | None,
    since: datetime | None,
) -> Row:
    """Find waste.

    Args:
        changes: of the last `FORGOTTEN_AFTER` days; None where they are not known. since: when recording began.

    Raises:
        InputError: the page is not within bounds.
    """
    if not 0 < asked.limit <= LIMIT_MAX or asked.after < 0:
        raise InputError("the page is not within bounds", limit=asked.limit, after=asked.after, limit_max=LIMIT_MAX)
    world = Estate(
        as_of=estate.as_of,
        holds=lambda uid: estate.graph.find(uid) is not None,
        is_complete=not estate.graph.base.unproven,
    )
    found = find_waste(_resources(estate, documents, asked, _changed(changes), since), world)
    cases = [each for each in found.cases if not asked.kinds or each.kind in asked.kinds]
    undecided = [each for each in found.undecided if not asked.kinds or each.kind in asked.kinds]
    rows = [*map(_case_row, sorted(cases, key=_by_saving)), *map(_undecided_row, sorted(undecided, key=_by_cost))]
    end = asked.after + asked.limit
    return {
        "as_of": format_instant(estate.as_of),
        "cases": len(cases),
        "undecided": len(undecided),
        "savings": money_entries(Money(amount, name) for name, amount in savings_of(cases).items()),
        "by_kind": _by_kind(cases, undecided),
        "items": rows[asked.after : end],
        "next_cursor": end if end < len(rows) else None,
    }


def _resources(
    estate: FailureEstate,
    documents: Documents,
    asked: WasteQuestion,
    changed: Mapping[str, datetime] | None,
    since: datetime | None,
) -> Iterator[tuple[ConfigurationItem, Known]]:
    """Every resource that a rule looks at, with what is known of it, in order of row."""
    rows = rows_of_types(estate, judged_types())
    for start in range(0, len(rows), BATCH):
        row_of = {resource_key(estate.resource(row).uid): row for row in rows[start : start + BATCH]}
        for item in documents([estate.resource(row).uid for row in rows[start : start + BATCH]]):
            row = row_of[resource_key(item.uid)]
            yield (
                item,
                Known(
                    users=_users(estate, row) if item.type.lower() in REFERRED else None,
                    cpu_p99=asked.cpu_p99.get(item.uid),
                    changed_at=None if changed is None else changed.get(item.uid),
                    history_since=None if changed is None else since,
                    monthly=estate.costs.of(row) if row < len(estate.graph.base) else (),
                ),
            )


def referred_rows(estate: FailureEstate) -> list[int]:
    """Rows of resources that are judged by what an edge joins to them."""
    return rows_of_types(estate, frozenset(REFERRED))


def rows_of_types(estate: FailureEstate, types: frozenset[str]) -> list[int]:
    """Rows of resources of some types, which are in lower case."""
    graph = estate.graph
    apart = {*graph.gone, *graph.changed}
    kinds = graph.base.resources.column("type").to_pylist()
    own = [row for row, kind in enumerate(kinds) if kind.lower() in types and row not in apart]
    changed = [row for row in graph.changed if row not in graph.gone and graph.resource(row).type.lower() in types]
    return sorted([*own, *changed])


def _users(estate: FailureEstate, row: int) -> list[str]:
    """Ids of resources that an edge joins to it, either way."""
    network = estate.network(FailureMode.DELETE)
    at = np.array([row], np.int32)
    rows = {*network.into(at).origins.tolist(), *network.out(at).hits.tolist()} - {row}
    return sorted(estate.resource(each).uid for each in rows)


def _changed(changes: Changes | None) -> dict[str, datetime] | None:
    """The last change of each resource that changed."""
    if changes is None:
        return None
    return {
        uid: datetime.fromtimestamp(at / 1_000_000, UTC)
        for uid, at in zip(changes.uids, changes.at_us.tolist(), strict=True)
    }


def _case_row(case: Case) -> Row:
    return {
        **_item_row(case.item, case.monthly),
        "state": "waste",
        "kind": case.kind.value,
        "text": case.text,
        "evidence": [{"where": fact.where, "found": fact.found} for fact in case.facts],
        "saving": money_entries(case.saving),
    }


def _undecided_row(each: Undecided) -> Row:
    head: Row = {"state": "unknown", "kind": each.kind.value, "text": each.reason, "evidence": [], "saving": []}
    return {**_item_row(each.item, each.monthly), **head}


def _item_row(item: ConfigurationItem, monthly: Sequence[Money]) -> Row:
    return {
        "resource_id": item.uid,
        "resource_name": item.name,
        "resource_type": item.type,
        "scope": item.scope,
        "digest": item.digest,
        "monthly_cost": money_entries(monthly),
    }


def _by_kind(cases: Sequence[Case], undecided: Sequence[Undecided]) -> list[Row]:
    return [
        {
            "kind": kind.value,
            "cases": sum(each.kind is kind for each in cases),
            "undecided": sum(each.kind is kind for each in undecided),
        }
        for kind in WasteKind
    ]


def _by_saving(case: Case) -> tuple[Decimal, str, str]:
    most = max((money.amount for money in case.saving), default=Decimal(0))
    return -most, case.item.uid, case.kind.value


def _by_cost(each: Undecided) -> tuple[Decimal, str, str]:
    most = max((money.amount for money in each.monthly), default=Decimal(0))
    return -most, each.item.uid, each.kind.value
