"""Waste and machines of a graph: from documents, edges, the bill, measured use and the history of changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from assessment.cost_impact_machines import machine_rows, machines_of, rightsizing_document
from assessment.cost_impact_waste import WasteQuestion, waste
from assessment.failure_estate import FailureEstate
from cost.rightsizing import Refusal, Refused
from cost.waste import WasteKind
from domain.errors import InputError
from domain.resource import ConfigurationItem, resource_key
from graph.build import build_snapshot
from graph.stores.contract import Changes
from graph.whole import WholeGraph
from tests.unit.assessment.estate import AS_OF, TENANT
from tests.unit.assessment.impact_samples import disk, estate_of, made, vm
from tests.unit.cost.rows import frame, row

LEFT, USED = disk(1), disk(2)


def items() -> list[ConfigurationItem]:
    found = [
        made(LEFT, {"diskState": "Unattached"}, tags={"env": "dev"}),
        made(USED, {"diskState": "Attached"}),
        made(vm(1), {"hardwareProfile": {"vmSize": "Standard_D4s_v5"},
                     "storageProfile": {"osDisk": {"managedDisk": {"id": USED}}}}),
    ]  # fmt: skip
    return sorted(found, key=lambda item: resource_key(item.uid))


def graph() -> FailureEstate:
    known = items()
    bill = frame(
        row(ResourceId=LEFT, EffectiveCost=Decimal(30), ProviderName="Microsoft"),
        row(ResourceId=vm(1), EffectiveCost=Decimal(140), ProviderName="Microsoft"),
    )
    return estate_of(WholeGraph(build_snapshot(TENANT, known, as_of=AS_OF, paths_by_type={})), known, [bill])


def documents(uids: Sequence[str]) -> list[ConfigurationItem]:
    return [item for item in items() if item.uid in uids]


def found(question: WasteQuestion | None = None, **history: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"changes": None, "since": None, **history}
    return waste(graph(), documents, question or WasteQuestion(), **given)


def test_cases_come_dearest_first_with_evidence_and_then_what_is_unknown_with_the_reason() -> None:
    answer = found()
    first = answer["items"][0]
    assert (first["resource_id"], first["kind"], first["state"]) == (LEFT, "unattached", "waste")
    assert first["evidence"] == [{"where": "properties.diskState", "found": "Unattached"}]
    assert answer["savings"] == [{"amount": "30.00", "currency": "EUR"}]
    assert answer["cases"] == 1
    unknown = {(each["resource_id"], each["kind"]): each["text"] for each in answer["items"][1:]}
    assert "was not read" in unknown[vm(1), "idle"]
    assert "not recorded" in unknown[LEFT, "forgotten"]


def test_measured_use_decides_whether_a_machine_is_idle() -> None:
    idle = found(WasteQuestion(frozenset({WasteKind.IDLE}), cpu_p99={vm(1): 1.0}))
    assert [(each["state"], each["saving"]) for each in idle["items"]] == [
        ("waste", [{"amount": "140.00", "currency": "EUR"}])
    ]
    busy = found(WasteQuestion(frozenset({WasteKind.IDLE}), cpu_p99={vm(1): 80.0}))
    assert busy["items"] == []


def test_history_decides_what_was_forgotten() -> None:
    at = np.array([int((AS_OF - timedelta(days=10)).timestamp() * 1e6)], np.int64)
    changed = Changes((LEFT,), ("t",), ("s",), at, np.zeros(1, np.uint8))
    none = Changes((), (), (), at[:0], np.zeros(0, np.uint8))
    since = datetime(2026, 1, 1, tzinfo=UTC)
    only = WasteQuestion(frozenset({WasteKind.FORGOTTEN}))
    assert [each["resource_id"] for each in found(only, changes=none, since=since)["items"]] == [LEFT]
    assert found(only, changes=changed, since=since)["items"] == []


def test_an_inventory_with_gaps_proves_no_absence() -> None:
    known = items()
    snapshot = replace(
        build_snapshot(TENANT, known, as_of=AS_OF, paths_by_type={}), unproven=frozenset({"/subscriptions/s-1"})
    )
    world = estate_of(WholeGraph(snapshot), known)
    answer = waste(world, documents, WasteQuestion(), changes=None, since=None)
    assert answer["cases"] == 1
    assert answer["savings"] == []


def test_answers_come_in_pages_within_bounds() -> None:
    whole = found()
    pages: list[Any] = []
    page: dict[str, Any] = {"next_cursor": 0}
    while page["next_cursor"] is not None:
        page = found(WasteQuestion(limit=1, after=page["next_cursor"]))
        pages += page["items"]
    assert pages == whole["items"]
    for limit, after in ((0, 0), (10_001, 0), (1, -1)):
        with pytest.raises(InputError, match="page"):
            found(WasteQuestion(limit=limit, after=after))


def test_machines_have_size_region_and_cost() -> None:
    (machine,) = machine_rows(graph(), documents)["items"]
    assert (machine["size"], machine["region"]) == ("Standard_D4s_v5", "westeurope")
    (made_of,) = machines_of([machine], {resource_key(vm(1)): Decimal("0.5")})
    assert (made_of.monthly.amount, made_of.committed) == (Decimal(140), Decimal(70))
    assert machines_of([{**machine, "monthly_cost": []}], {}) == []


def test_a_document_counts_reasons() -> None:
    (machine,) = machines_of(machine_rows(graph(), documents)["items"], {})
    document = rightsizing_document([], [Refused(machine, Refusal.NO_MEMORY)], headroom=0.2)
    assert document["reasons"] == {"no memory use was read": 1}
    assert document["refused"][0]["state"] == "unknown"
