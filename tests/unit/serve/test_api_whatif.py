"""What-if over HTTP: projected, kept, recorded, compared, cancelled; nothing of another tenant's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.messages import Operation, OperationTrigger
from assessment.billing import import_billing
from cost.billing.store import Terms
from domain.tenancy import TenantId
from serve.bootstrap import folders_of
from serve.costs import billing_store
from serve.remote import RemotePlatform
from serve.run_file import RunningPlatform
from serve.settings import Settings
from serve.whatif_models import WhatIfBody
from tests.unit.connectors.bills import daily, write_csv
from tests.unit.serve.api_fixture import NOW, OPERATOR_KEY, STORAGE_ID, Api, running_api
from tests.unit.serve.over_http import sent_to

ACME = TenantId("acme")
AT = datetime(2026, 1, 14, tzinfo=UTC)
POLICY = "pcg-azure-storage-secure-transfer"


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A platform of its own: what it bills would change what others ask."""
    folder: Path = tmp_path_factory.mktemp("whatif")
    with running_api(folder) as api:
        yield _billed(api, folder)


def _billed(api: Api, folder: Path) -> Api:
    generator = np.random.default_rng(1)
    rows = [
        *daily(date(2025, 5, 1), 60 * np.exp(generator.normal(0, 0.05, 250)), ServiceName="Compute", RegionId="eu"),
        *daily(date(2025, 5, 1), 40 * np.exp(generator.normal(0, 0.05, 250)), ResourceId=STORAGE_ID, RegionId="us"),
    ]
    store = billing_store(folders_of(Settings(store_dir=api.folder / "store")), ACME)
    import_billing(store, [write_csv(folder / "bill.csv", rows)], at=AT, terms=Terms(may_be_partial=True))
    assert api.scan(api.acme)["status"] == "succeeded"
    return api


def post(api: Api, path: str, body: Mapping[str, Any], headers: dict[str, str] | None = None) -> Any:
    return api.client.post(f"/api/v2/whatif/{path}", json=body, headers=api.acme if headers is None else headers)


def scenario(name: str, *changes: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "changes": list(changes)}


def scaling(factor: float, **where: list[str]) -> dict[str, Any]:
    return {"kind": "scaling", "where": where or {"service": ["Compute"]}, "factor": factor}


def projected(api: Api, *scenarios: dict[str, Any], **options: Any) -> dict[str, Any]:
    answer = post(api, "simulate", {"scenarios": list(scenarios), "paths": 600, **options})
    assert answer.status_code == 202, answer.text
    operation = api.wait(api.acme, answer.json()["operation_id"])
    assert operation["status"] == "succeeded", operation
    found: dict[str, Any] = api.get(operation["links"]["result"]).json()
    return found


def test_a_projection_has_figures_with_intervals_and_says_what_it_assumes(billed: Api) -> None:
    found = projected(billed, scenario("half", scaling(0.5, region=["us"])))

    (half,) = found["scenarios"]
    assert [each["horizon_days"] for each in found["going_on"]["cost"]] == [30, 60, 90]
    assert float(half["saving"][0]["mean"]) == pytest.approx(40 * 30 / 2, rel=0.05)
    assert float(half["saving"][0]["low"]) < float(half["saving"][0]["mean"]) < float(half["saving"][0]["high"])
    assert half["chance_of_saving"] == [1.0, 1.0, 1.0]
    assert half["changes"][0]["concerns"]["billing_rows"] == 28
    assert found["bill"]["last_day"] == "2026-01-04"
    assert len(found["assumptions"]) >= 3


def test_the_same_seed_gives_the_same_figures_and_the_result_is_recorded(billed: Api) -> None:
    first, again = (projected(billed, scenario("half", scaling(0.5)), seed=7) for _ in range(2))

    assert {**first, "whatif_id": "", "evidence_id": ""} == {**again, "whatif_id": "", "evidence_id": ""}
    entry = billed.get(f"/api/v2/evidence/{first['evidence_id']}").json()["entry"]
    assert entry["type"] == "PredictionGenerated"
    assert entry["body"]["source"] == "what-if"
    assert entry["artifacts"]["projection"]


def test_enforcing_a_policy_closes_what_the_scan_found_and_saves_what_is_said(billed: Api) -> None:
    change = {"kind": "policy", "policy": violated(billed), "action": "enforce", "saving": 0.25}
    found = projected(billed, scenario("enforce", change))

    (enforced,) = found["scenarios"]
    concerns = enforced["changes"][0]["concerns"]
    assert concerns["violations"] == 2
    assert enforced["violations"][0]["mean"] == found["going_on"]["violations"][0]["mean"] - 2
    assert float(enforced["saving"][2]["mean"]) == pytest.approx(40 * 90 / 4, rel=0.05)


def violated(api: Api) -> str:
    return str(api.get("/api/v2/violations").json()["items"][0]["policy_id"])


def test_scenarios_are_compared_as_a_table_and_small_multiples(billed: Api) -> None:
    both = projected(billed, scenario("less", scaling(0.9)), scenario("least", scaling(0.1)))
    other = projected(billed, scenario("half", scaling(0.5)), seed=5)

    found = post(billed, "compare", {"ids": [both["whatif_id"], other["whatif_id"]]}).json()

    assert [row["scenario"] for row in found["rows"]] == ["least", "half", "less"]
    assert [each["figure"] for each in found["multiples"]] == ["cost", "saving", "violations", "risk"]
    assert all(len(each["series"]) == 3 for each in found["multiples"])
    assert found["is_same_start"] is False
    assert len(found["notes"]) == 1
    assert post(billed, "compare", {"ids": [both["whatif_id"]]}).json()["is_same_start"] is True


def test_results_are_listed_newest_first(billed: Api) -> None:
    found = projected(billed, scenario("last", scaling(0.5)))
    items = billed.get("/api/v2/whatif/results").json()["items"]
    assert items[0]["whatif_id"] == found["whatif_id"]
    assert items[0]["scenarios"] == ["last"]


def test_a_projection_that_waits_can_be_cancelled_and_has_no_result(billed: Api) -> None:
    platform = billed.client.app.state.context.platform  # type: ignore[attr-defined]
    waiting = "a" * 24
    platform.begin(Operation(waiting, ACME, "whatif", "f", NOW))

    assert billed.get(f"/api/v2/whatif/results/{waiting}").status_code == 409
    for _ in range(2):
        answer = post(billed, f"results/{waiting}/cancel", {})
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    problem = billed.get(f"/api/v2/whatif/results/{waiting}")
    assert (problem.status_code, problem.json()["facts"]["operation_status"]) == (409, "cancelled")


def test_a_projection_that_is_done_cannot_be_cancelled(billed: Api) -> None:
    found = projected(billed, scenario("done", scaling(0.5)))
    answer = post(billed, f"results/{found['whatif_id']}/cancel", {})
    assert (answer.status_code, answer.json()["facts"]["operation_status"]) == (409, "succeeded")


def test_a_projection_cancelled_while_it_runs_keeps_nothing(billed: Api) -> None:
    context = billed.client.app.state.context  # type: ignore[attr-defined]
    answer = post(billed, "simulate", {"scenarios": [scenario("long", scaling(0.5))], "paths": 100_000})
    whatif_id = answer.json()["operation_id"]
    context.platform.move(ACME, whatif_id, OperationTrigger.CANCELLED)
    projected(billed, scenario("after", scaling(0.5)))

    assert billed.get(f"/api/v2/operations/{whatif_id}").json()["status"] == "cancelled"
    assert billed.get(f"/api/v2/whatif/results/{whatif_id}").status_code == 409


def test_a_command_reaches_projections_over_http(billed: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    sent_to(billed, monkeypatch)
    desk = RemotePlatform(RunningPlatform("http://platform", OPERATOR_KEY)).whatif
    body = WhatIfBody.model_validate({"scenarios": [scenario("far", scaling(0.5))], "paths": 500})

    found = desk.project(ACME, body, lambda _: None)

    assert desk.result(ACME, found["whatif_id"]) == found
    assert desk.results(ACME)[0]["whatif_id"] == found["whatif_id"]
    assert desk.compare(ACME, [found["whatif_id"]])["rows"][0]["scenario"] == "far"


def test_another_tenant_sees_nothing_of_it(billed: Api) -> None:
    found = projected(billed, scenario("mine", scaling(0.5)))
    path = f"/api/v2/whatif/results/{found['whatif_id']}"

    assert billed.get(path, billed.globex).status_code == 404
    assert billed.get("/api/v2/whatif/results", billed.globex).json() == {"items": []}
    assert post(billed, f"results/{found['whatif_id']}/cancel", {}, billed.globex).status_code == 404
    assert post(billed, "compare", {"ids": [found["whatif_id"]]}, billed.globex).status_code == 404


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (scaling(0.5, service=["Misspelled"]), "selects no cost"),
        (scaling(0.5, colour=["red"]), "cannot be grouped"),
        ({"kind": "policy", "policy": "no-such", "action": "enforce"}, "no such policy"),
        ({"kind": "compliance", "framework": "no-such"}, "no such framework"),
    ],
)
def test_a_change_that_concerns_nothing_fails_with_the_reason(billed: Api, change: dict[str, Any], says: str) -> None:
    answer = post(billed, "simulate", {"scenarios": [scenario("wrong", change)]})
    operation = billed.wait(billed.acme, answer.json()["operation_id"])
    assert operation["status"] == "failed"
    assert says in operation["problem"]["detail"]


def test_a_tenant_without_bills_is_told_so(billed: Api) -> None:
    answer = post(billed, "simulate", {"scenarios": [scenario("one", scaling(0.5))]}, billed.globex)
    operation = billed.wait(billed.globex, answer.json()["operation_id"])
    assert "no bills" in operation["problem"]["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"scenarios": []},
        {"scenarios": [scenario("a", scaling(0.5)), scenario("a", scaling(0.4))]},
        {"scenarios": [scenario("a", scaling(-1))]},
        {"scenarios": [scenario("a", {"kind": "miracle"})]},
        {"scenarios": [scenario("a", scaling(0.5))], "paths": 0},
        {"scenarios": [scenario("a", scaling(0.5))], "paths": 100_001},
        {"scenarios": [scenario("a", scaling(0.5))], "currency": "euro"},
        {"scenarios": [scenario("a", scaling(0.5))], "speed": 1},
        {"scenarios": [scenario("a", {"kind": "scaling", "where": {}, "factor": 1})]},
        {"scenarios": [scenario("a", {"kind": "scaling", "where": {"service": ["x"]}, "factor": [3, 2, 1]})]},
    ],
)
def test_a_body_that_makes_no_sense_is_a_problem(billed: Api, body: dict[str, Any]) -> None:
    answer = post(billed, "simulate", body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_a_token_nothing_is_answered(billed: Api) -> None:
    assert billed.client.get("/api/v2/whatif/results").status_code == 401
