"""Costs of policies, waste, rightsizing, commitments and impact over HTTP; nothing of another tenant's."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from assessment.billing import import_billing
from assessment.cost_impact_machines import MachinesQuestion
from assessment.cost_impact_waste import WasteQuestion
from assessment.impact_analysis import Analysis
from assessment.impact_exposure import Exposure
from cost.billing.store import Terms
from cost.waste import WasteKind
from domain.errors import InputError, IntegrityError, NotFound
from domain.tenancy import TenantId
from graph.failure import FailureMode
from serve import run_file
from serve.bootstrap import folders_of
from serve.cli.application import application
from serve.cost_impact import ImpactQuestion
from serve.costs import billing_store
from serve.impact import ASSUMPTIONS_NAME, own_assumptions
from serve.metrics_store import keep_metrics, processor_use
from serve.remote import RemotePlatform
from serve.run_file import RunningPlatform
from serve.settings import Settings
from tests.unit.connectors.bills import day, october, write_csv
from tests.unit.serve.api_fixture import NOW, OPERATOR_KEY, STORAGE_ID, Api
from tests.unit.serve.over_http import sent_to

AT = datetime(2026, 11, 20, tzinfo=UTC)
POLICY = "pcg-azure-storage-https-only"
ACME, GLOBEX = TenantId("acme"), TenantId("globex")


@pytest.fixture(scope="module")
def billed(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Api:
    folder: Path = tmp_path_factory.mktemp("bills")
    folders = folders_of(Settings(store_dir=api.folder / "store"))
    rows = [*october(ResourceId=STORAGE_ID, SubAccountId=""), *october(ResourceId=""), day(1)]
    terms = Terms(is_incremental=True, may_be_partial=True)
    import_billing(billing_store(folders, ACME), [write_csv(folder / "payback.csv", rows)], at=AT, terms=terms)
    return api


def policy_of(api: Api) -> str:
    found = api.get("/api/v2/violations").json()["items"]
    return str(next(row["policy_id"] for row in found if row["resource_id"] == STORAGE_ID))


def post(api: Api, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    return api.client.post(f"/api/v2{path}", json=body, headers=headers or api.acme)


def test_a_policy_s_cost_is_a_part_of_the_bill_and_drills_down_to_rows(billed: Api) -> None:
    policy = policy_of(billed)
    found = billed.get(f"/api/v2/costs/impact/{policy}?start=2026-10-01&end=2026-11-01&rows=5").json()
    (dollars,) = found["bill"]
    whole = dollars["whole"]
    parts = [float(each) for each in [*whole["policies"].values(), *whole["undistributed"].values()]]
    assert sum(parts) == pytest.approx(float(whole["billed"]))
    assert dollars["resources"][0]["resource_id"] == STORAGE_ID
    assert len(found["rows"]) == 5
    assert {"x_SourceFile", "x_SourceRow", "EffectiveCost"} <= found["rows"][0].keys()


def test_declared_rules_give_shared_cost_to_policies(billed: Api) -> None:
    policy = policy_of(billed)
    rules = [{"name": "rest", "shared": ["(no resource)"], "method": "proportional"}]
    (dollars,) = post(billed, f"/costs/impact/{policy}", {"rules": rules}).json()["bill"]
    assert float(dollars["given"]["rest"]) > 0
    bad = [{"name": "rest", "shared": ["me"], "method": "even"}]
    assert post(billed, f"/costs/impact/{policy}", {"rules": bad}).status_code == 422
    assert post(billed, "/costs/impact/nothing", {}).status_code == 404


def test_waste_says_what_it_looked_at(billed: Api) -> None:
    found = billed.get("/api/v2/costs/waste").json()
    assert (found["cases"], found["undecided"], found["items"]) == (0, 0, [])
    assert {each["kind"] for each in found["by_kind"]} == {kind.value for kind in WasteKind}
    assert billed.get("/api/v2/costs/waste?kind=colour").status_code == 422


def test_prices_and_commitments_come_out_of_the_tenant_s_own_bill(billed: Api) -> None:
    prices = billed.get("/api/v2/costs/prices").json()["items"]
    assert ("sku-1", "2", "USD") in {(each["sku"], each["contracted"], each["currency"]) for each in prices}
    body = {"services": ["Compute"], "rate": 0.7, "days": 60, "paths": 50, "tranches": 2}
    (advice,) = post(billed, "/costs/commitments", body).json()["items"]
    assert set(advice["advice"]["rules"]) == {"none", "minimum", "mean", "current"}
    assert post(billed, "/costs/commitments", {"services": []}).status_code == 422
    for path in ("/costs/prices", "/costs/machines", "/costs/waste", "/costs/rightsizing"):
        assert billed.get(f"/api/v2{path}", billed.globex).json().get("items", []) == []
    assert post(billed, "/costs/commitments", body, billed.globex).json()["items"] == []


def test_rightsizing_and_machines_answer_without_machines(billed: Api) -> None:
    assert billed.get("/api/v2/costs/machines").json()["items"] == []
    found = billed.get("/api/v2/costs/rightsizing?headroom=0.3").json()
    assert (found["headroom"], found["proposals"], found["refused"]) == (0.3, [], [])
    assert billed.get("/api/v2/costs/rightsizing?headroom=9").status_code == 422


def test_an_analysis_has_its_parts_and_its_assumptions(billed: Api) -> None:
    body = {"resource_ids": [STORAGE_ID], "years": 1_000, "seed": 3}
    found = post(billed, "/impact/analyze", body).json()
    assert found["violations"] > 0
    assert found["efficiency"]["gain"]["mean"] > 0
    assert found["downtime"]["centers"][0]["resource_id"] == STORAGE_ID
    assert post(billed, "/impact/analyze", body).json() == found
    more = {**body, "assumptions": {"hour_values": {STORAGE_ID: {"low": 900, "high": 1_100}}}}
    assert post(billed, "/impact/analyze", more).json()["downtime"]["hour"]["mean"] > 500
    assert post(billed, "/impact/analyze", {"assumptions": {"x": 1}}).status_code == 422
    assert post(billed, "/impact/analyze", {"resource_ids": ["nowhere/at/all"]}).status_code == 404
    assert post(billed, "/impact/analyze", {"policy_ids": ["nothing"]}).status_code == 404


def test_a_tenant_s_assumptions_are_kept_and_are_its_own(billed: Api) -> None:
    own = {"ranges": {"outage.hours": {"low": 1, "high": 2, "source": "our incidents"}}, "frameworks": ["HIPAA"]}
    url = "/api/v2/impact/assumptions"
    assert billed.client.put(url, json=own, headers=billed.acme).status_code == 200
    kept = billed.get(url).json()
    row = next(each for each in kept["ranges"] if each["name"] == "outage.hours")
    assert (row["low"], row["source"], row["is_own"], kept["frameworks"]) == (1, "our incidents", True, ["HIPAA"])
    assert billed.get(url, billed.globex).json()["frameworks"] is None
    assert billed.client.put(url, json={"ranges": 5}, headers=billed.acme).status_code == 422
    assert billed.get(url).json() == kept
    assert billed.client.put(url, json={}, headers=billed.acme).json()["frameworks"] is None


def test_damaged_assumptions_are_said_to_be_damaged(tmp_path: Path) -> None:
    folders = folders_of(Settings(store_dir=tmp_path))
    folders.graph(ACME).mkdir(parents=True)
    (folders.graph(ACME) / ASSUMPTIONS_NAME).write_text("[")
    with pytest.raises(IntegrityError, match="damaged"):
        own_assumptions(folders, ACME)


def test_the_same_is_asked_from_afar(billed: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    sent_to(billed, monkeypatch)
    remote = RemotePlatform(RunningPlatform("http://platform", OPERATOR_KEY))
    asked = Analysis((STORAGE_ID,), years=1_000, seed=3)
    assert remote.analyze_impact(ACME, asked, as_of=NOW)["seed"] == 3
    question = WasteQuestion(frozenset({WasteKind.IDLE, WasteKind.ORPHANED}), 10, 0)
    assert remote.impact(ACME, question, as_of=NOW)["items"] == []
    assert remote.impact(ACME, MachinesQuestion(), as_of=NOW) == {"items": []}
    with pytest.raises(InputError, match="from afar"):
        remote.impact(ACME, Exposure((), (), FailureMode.DELETE), as_of=NOW)


def test_advice_on_cost_is_asked_from_afar_as_the_routes_have_it(billed: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    sent_to(billed, monkeypatch)
    desk = RemotePlatform(RunningPlatform("http://platform", OPERATOR_KEY)).costs
    policy = policy_of(billed)

    found = desk.policy(ACME, ImpactQuestion(policy, date(2026, 10, 1), date(2026, 11, 1), rows=2))

    assert found == billed.get(f"/api/v2/costs/impact/{policy}?start=2026-10-01&end=2026-11-01&rows=2").json()
    idle = desk.waste(ACME, WasteQuestion(frozenset({WasteKind.IDLE}), 5), as_of=NOW)
    assert idle == billed.get("/api/v2/costs/waste?kind=idle&limit=5").json()
    sizes = desk.rightsizing(ACME, 0.3, as_of=NOW)
    assert sizes == billed.get("/api/v2/costs/rightsizing?headroom=0.3").json()
    with pytest.raises(NotFound):
        desk.policy(ACME, ImpactQuestion("no-such-policy"))


def test_a_command_asks_the_platform_that_is_named_for_advice(
    billed: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sent_to(billed, monkeypatch)
    monkeypatch.setattr(run_file, "find_running", lambda _: RunningPlatform("http://platform", OPERATOR_KEY))
    place = ["--tenant", "acme", "--store", str(tmp_path), "--cluster", "http://platform", "--json", "-"]

    for words in (["policy", policy_of(billed)], ["waste"], ["rightsizing"]):
        done = CliRunner().invoke(application, ["costs", *words, *place], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert json.loads(done.output)
    assert list(tmp_path.iterdir()) == []


def test_samples_are_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    folders = folders_of(Settings(store_dir=tmp_path / "store"))
    rows = [
        {"resource_id": "vm", "metric": "cpu_percent", "at": f"2026-10-{1 + hour // 24:02}T{hour % 24:02}:00:00Z",
         "value": "4"}
        for hour in range(20 * 24)
    ]  # fmt: skip
    good = write_csv(tmp_path / "use.csv", rows)
    assert keep_metrics(folders, ACME, good) == 480
    assert processor_use(folders, ACME) == {"vm": 4.0}
    bad = write_csv(tmp_path / "bad.csv", [{**rows[0], "value": "140"}])
    with pytest.raises(InputError):
        keep_metrics(folders, ACME, bad)
    assert processor_use(folders, ACME) == {"vm": 4.0}
    assert processor_use(folders, GLOBEX) == {}
    with pytest.raises(NotFound):
        keep_metrics(folders, ACME, tmp_path / "none.csv")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match="lack a column"):
        keep_metrics(folders, ACME, tmp_path / "x.parquet")
