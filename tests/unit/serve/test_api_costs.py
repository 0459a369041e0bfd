"""Costs over HTTP: what a tenant's bills say, and nothing of another's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from assessment.billing import import_billing
from cost.billing.store import BillingStore, Terms
from domain.tenancy import TenantId
from serve.bootstrap import folders_of
from serve.costs import billing_store, rates_file
from serve.settings import Settings
from tests.unit.connectors.bills import day, october, write_csv
from tests.unit.serve.api_fixture import STORAGE_ID, Api

AT = datetime(2026, 11, 20, tzinfo=UTC)
SPAN = "start=2026-10-01&end=2026-11-01&cost=billed"


@pytest.fixture(scope="module")
def billed(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Api:
    folder: Path = tmp_path_factory.mktemp("bills")
    rows = [*october(), *october(ResourceId=STORAGE_ID, BilledCost="2", ServiceName="Storage"), day(1, Tags="")]
    folders = folders_of(Settings(store_dir=api.folder / "store"))
    store: BillingStore = billing_store(folders, TenantId("acme"))
    import_billing(store, [write_csv(folder / "bill.csv", rows)], at=AT, terms=Terms())
    lines = [f"2026-10-{number:02},USD,EUR,0.5" for number in range(1, 32)]
    rates_file(folders, TenantId("acme")).write_text("\n".join(["date,from,to,rate", *lines]))
    return api


def test_a_trend_has_its_days_and_both_forecasts(billed: Api) -> None:
    found = billed.get(f"/api/v2/costs/trending?by=service&horizon_days=30&{SPAN}").json()

    assert [(each["key"], each["total"], len(each["daily"])) for each in found["series"]] == [
        ("Compute", "310.00", 30),
        ("Storage", "60.00", 30),
    ]
    made = found["series"][1]["forecast"]
    assert made["mean_of_28_days"]["total"] == made["best"]["total"] == 60.0


def test_shared_cost_is_given_out_and_adds_up(billed: Api) -> None:
    body = {
        "by": "tag:team",
        "cost": "billed",
        "rules": [{"name": "untagged", "shared": [""], "method": "weights", "weights": {"web": "1"}}],
    }

    found = billed.client.post("/api/v2/costs/calculate", json=body, headers=billed.acme).json()

    (dollars,) = found["currencies"]
    assert dollars["whole"] == "382.00"
    assert dollars["items"] == [{"key": "web", "own": "372.00", "given": {"untagged": "10.00"}, "total": "382.00"}]


def test_cost_by_policy_is_attributed_once_and_adds_up(billed: Api) -> None:
    body = {"by": "policy", "cost": "billed", "currency": "EUR"}

    (euros,) = billed.client.post("/api/v2/costs/calculate", json=body, headers=billed.acme).json()["currencies"]

    assert euros["whole"] == "191.00"
    policies = [each for each in euros["items"] if each["key"]]
    assert policies
    assert all(each["at_risk"] == "31.00" and each["resources"] == 1 for each in policies)
    assert sum(float(each["total"]) for each in policies) == pytest.approx(31.0)


def test_another_tenant_sees_nothing_of_it(billed: Api) -> None:
    assert billed.get(f"/api/v2/costs/trending?{SPAN}", billed.globex).json()["series"] == []
    body = {"by": "service", "cost": "billed"}
    answer = billed.client.post("/api/v2/costs/calculate", json=body, headers=billed.globex)
    assert answer.json()["currencies"] == []


@pytest.mark.parametrize(
    ("query", "status"), [("by=colour", 422), ("horizon_days=0", 422), ("currency=eur", 422), ("cost=net", 422)]
)
def test_what_makes_no_sense_is_a_problem(billed: Api, query: str, status: int) -> None:
    answer = billed.get(f"/api/v2/costs/trending?{query}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_a_token_nothing_is_answered(billed: Api) -> None:
    assert billed.client.get("/api/v2/costs/trending").status_code == 401
