"""Each route, asked by its own tenant."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.unit.serve.api_fixture import OPERATOR_KEY, STORAGE_ID, Api, bearer

POLICY = "pcg-azure-storage-secure-transfer"


def test_a_scan_reports_progress_and_names_its_document(api: Api) -> None:
    operation = api.scan(api.acme)
    assert operation["result"]["facts"]["readable"] == 2
    assert operation["progress"]["stage"] in {"read", "graph", "assess", "record", "done"}
    document = api.get(operation["links"]["result"]).json()
    assert document["resources"]["total"] == 2
    assert {row["resource_id"] for row in document["violations"]} >= {STORAGE_ID}


def test_the_same_key_is_the_same_scan(api: Api) -> None:
    headers = {**api.acme, "Idempotency-Key": "nightly-1"}
    assert api.scan(headers)["operation_id"] == api.scan(headers)["operation_id"]


def test_the_same_key_for_another_scan_is_a_conflict(api: Api) -> None:
    headers = {**api.acme, "Idempotency-Key": "nightly-2"}
    api.scan(headers)
    body = {"paths": [str(api.folder / "exports")], "type": "x"}
    answer = api.client.post("/api/v2/predictions/bulk-scan", json=body, headers=headers)
    assert answer.status_code == 409
    assert answer.json()["code"] == "conflict"


def test_a_scan_of_nothing_readable_fails_with_a_problem(api: Api) -> None:
    empty = api.folder / "exports" / "nothing"
    empty.mkdir(exist_ok=True)
    operation = api.scan(api.acme, paths=[str(empty)])
    assert operation["status"] == "failed"
    assert operation["problem"]["status"] == 422
    assert operation["problem"]["todo"]


def test_analysis_judges_the_graph_without_reading(api: Api) -> None:
    answer = api.client.post(
        "/api/v2/predictions/analyze", json={"resource_ids": [STORAGE_ID], "limit": 3}, headers=api.acme
    ).json()
    assert answer["resources"] == 2
    assert len(answer["violations"]) == 3 < answer["violations_total"]
    assert {row["resource_id"] for row in answer["violations"]} == {STORAGE_ID}


@pytest.mark.parametrize("spelling", [quote(STORAGE_ID, safe=""), STORAGE_ID])
def test_a_timeline_takes_ids_with_slashes(api: Api, spelling: str) -> None:
    answer = api.get(f"/api/v2/predictions/{spelling}/timeline")
    assert answer.status_code == 200, answer.text
    assert answer.json()["resource_id"] == STORAGE_ID
    assert {point["moment"] for point in answer.json()["points"]} >= {"change", "violation"}


def test_a_timeline_says_what_the_model_expects_and_how_it_was_calibrated(api: Api) -> None:
    learned = api.get(f"/api/v2/predictions/{quote(STORAGE_ID, safe='')}/timeline").json()["learned"]
    assert [one["task"] for one in learned["tasks"]] == ["T2", "T3", "T4"]
    assert all(0 <= one["probability"] <= 1 for one in learned["tasks"])
    assert learned["calibration"] == "global model, not calibrated on this tenant"
    assert learned["source"] == "learned"
    assert len(learned["series"]) == 1
    operator = {**bearer(OPERATOR_KEY), "PolicyCortex-Tenant": "acme"}
    figures = api.get("/api/v2/predictions/models", operator).json()
    assert figures["arms"]["serving"]["answered"] >= 1
    assert figures["arms"]["serving"]["model"] == learned["model"]


@pytest.mark.parametrize("spelling", [quote(STORAGE_ID, safe=""), STORAGE_ID])
def test_what_changes_with_a_resource_is_told_by_the_shipped_head(api: Api, spelling: str) -> None:
    answer = api.get(f"/api/v2/predictions/{spelling}/cochange?limit=7")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["source"], found["resource_id"]) == ("learned", STORAGE_ID)
    assert found["calibration"] == "global model, not calibrated on this tenant"
    assert len(found["candidates"]) <= 7
    assert found["candidates"] or "no relationship" in found["note"]
    assert all(0 <= one["probability"] <= 1 for one in found["candidates"])
    assert api.get(f"/api/v2/predictions/{spelling}/cochange?limit=0").status_code == 422


def test_what_changes_with_an_unknown_resource_is_not_found(api: Api) -> None:
    assert api.get("/api/v2/predictions/%2Fsubscriptions%2F1/cochange").status_code == 404


def test_a_whole_tenant_is_scored_on_order(api: Api) -> None:
    answer = api.client.post("/api/v2/predictions/score", headers=api.acme)
    assert answer.status_code == 202, answer.text
    done = api.wait(api.acme, answer.json()["operation_id"])
    assert done["result"]["resources"] == 2


def test_quality_is_insufficient_until_weeks_have_ended(api: Api) -> None:
    answer = api.get("/api/v2/predictions/quality").json()
    assert answer["weeks"] == 0
    assert {one["figures"] for one in answer["tasks"].values()} == {"insufficient"}
    assert 0.0004 < answer["tasks"]["T2"]["base_rate"]["learned"] < 0.0008, "what the shipped weights learned from"
    assert answer["model"].startswith("global@")


def test_a_timeline_of_an_unknown_resource_is_not_found(api: Api) -> None:
    assert api.get("/api/v2/predictions/%2Fsubscriptions%2F1/timeline").status_code == 404


def test_a_timeline_is_of_an_instant_with_its_zone_and_for_callers_with_a_token(api: Api) -> None:
    path = f"/api/v2/predictions/{quote(STORAGE_ID, safe='')}/timeline"
    answer = api.get(f"{path}?as_of=2031-01-01T00:00:00Z").json()
    assert answer["now"] == "2031-01-01T00:00:00Z"
    for wrong in ("yesterday", "2031-01-01T00:00:00"):
        problem = api.get(f"{path}?as_of={wrong}")
        assert (problem.status_code, problem.headers["content-type"]) == (422, "application/problem+json")
        assert problem.json()["facts"]["errors"][0]["where"] == "query.as_of"
    assert api.client.get(path).status_code == 401
    assert api.client.get(path, headers={"Authorization": "Basic YTpi"}).status_code == 401


def test_an_explanation_shows_what_was_found_and_where(api: Api) -> None:
    answer = api.get(f"/api/v2/explanations?resource_id={quote(STORAGE_ID)}&policy_id={POLICY}").json()
    assert answer["verdict"] == "violation"
    assert [each["found"] for each in answer["conditions"]] == ["Microsoft.Storage/storageAccounts", False]
    assert answer["origin"]["file"].endswith("storage.json")


def test_violations_come_in_pages(api: Api) -> None:
    first = api.get("/api/v2/violations?limit=2").json()
    second = api.get(f"/api/v2/violations?limit=2&cursor={first['next_cursor']}").json()
    assert len(first["items"]) == len(second["items"]) == 2
    assert first["items"] != second["items"]
    assert first["total"] == len(api.get("/api/v2/violations").json()["items"])


def test_removing_a_policy_closes_its_violations(api: Api) -> None:
    body = {"kind": "remove_policy", "policy": POLICY}
    answer = api.client.post("/api/v2/simulator/run", json=body, headers=api.acme)
    assert answer.status_code == 202
    operation = api.wait(api.acme, answer.json()["operation_id"])
    assert operation["status"] == "succeeded", operation
    found = api.get(operation["links"]["result"]).json()
    assert found["evaluated"] == 2
    assert found["closed"] == [STORAGE_ID, STORAGE_ID.replace("shopdata", "shoplogs")]
    assert found["opened"] == []


def test_assigning_a_definition_opens_violations_in_its_scope(api: Api) -> None:
    rule = {"if": {"field": "location", "equals": "westeurope"}, "then": {"effect": "deny"}}
    body = {
        "kind": "assign_policy",
        "policy": {"name": "no-west", "properties": {"mode": "All", "policyRule": rule}},
        "scope": STORAGE_ID.partition("/providers")[0],
    }
    answer = api.client.post("/api/v2/simulator/run", json=body, headers=api.acme).json()
    api.wait(api.acme, answer["operation_id"])
    assert len(api.get(f"/api/v2/simulator/results/{answer['operation_id']}").json()["opened"]) == 2


def test_a_failed_simulation_has_no_result(api: Api) -> None:
    body = {"kind": "assign_policy", "policy": "no-such-policy"}
    answer = api.client.post("/api/v2/simulator/run", json=body, headers=api.acme).json()
    assert api.wait(api.acme, answer["operation_id"])["problem"]["code"] == "not_found"
    result = api.get(f"/api/v2/simulator/results/{answer['operation_id']}")
    assert result.status_code == 409
    assert result.json()["facts"]["operation_status"] == "failed"


def test_collected_evidence_is_recorded_once_and_can_be_proved(api: Api) -> None:
    body = {"id": "review-7", "subject": "access review", "body": {"reviewed": 42}}
    first = api.client.post("/api/v2/evidence/collect", json=body, headers=api.acme)
    again = api.client.post("/api/v2/evidence/collect", json=body, headers=api.acme)
    assert (first.status_code, first.json()) == (201, again.json())
    entry = api.get(f"/api/v2/evidence/{first.json()['evidence_id']}").json()
    assert entry["entry"]["body"]["body"] == {"reviewed": 42}
    proof = api.get(f"/api/v2/chain/merkle-proof/{first.json()['evidence_id']}").json()
    assert proof["leaf_sha256"] == entry["leaf_sha256"] == first.json()["leaf_sha256"]
    assert proof["checkpoint"].startswith(first.json()["origin"])


def test_the_same_id_with_another_content_is_a_conflict(api: Api) -> None:
    body = {"id": "review-8", "subject": "access review"}
    api.client.post("/api/v2/evidence/collect", json=body, headers=api.acme)
    answer = api.client.post("/api/v2/evidence/collect", json={**body, "subject": "other"}, headers=api.acme)
    assert answer.status_code == 409


def test_a_batch_gives_a_receipt_for_each_item(api: Api) -> None:
    items = [{"id": f"batch-{number}", "subject": "s"} for number in range(5)]
    answer = api.client.post("/api/v2/evidence/batch", json={"items": items}, headers=api.acme)
    assert answer.status_code == 201
    indexes = [receipt["index"] for receipt in answer.json()["receipts"]]
    assert indexes == list(range(indexes[0], indexes[0] + 5))


def test_the_published_log_and_each_block_verify(api: Api) -> None:
    api.scan(api.acme, type="Microsoft.Storage/storageAccounts")
    report = api.get("/api/v2/chain/verify").json()
    assert (report["ok"], report["findings"], report["key_trusted"]) == (True, [], False)
    year = report["origin"].rpartition("/")[2]
    block = api.get(f"/api/v2/chain/verify/{year}-0").json()
    assert (block["ok"], block["block_id"], block["evidence_id"]) == (True, f"{year}-0", f"{year}-{block['index']}")
    assert api.get(f"/api/v2/chain/verify/{year}-{report['blocks']}").status_code == 404
    assert api.get("/api/v2/chain/verify/0").status_code == 422


def test_cost_impact_names_the_violating_resources(api: Api) -> None:
    api.scan(api.acme)
    answer = api.get(f"/api/v2/costs/impact/{POLICY}").json()
    assert answer["violations"] == 2
    assert answer["resources"][0]["resource_id"] == STORAGE_ID
    assert api.get("/api/v2/costs/impact/no-such-policy").status_code == 404


def test_policies_are_listed_and_shown(api: Api) -> None:
    rows = api.get("/api/v2/policies").json()["items"]
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert api.get(f"/api/v2/policies/{POLICY}").json()["properties"]["policyRule"]["then"]
    assert api.get("/api/v2/policies/no-such-policy").status_code == 404


def test_the_operator_may_name_tenants_and_paths(api: Api) -> None:
    outside = api.folder / "elsewhere"
    outside.mkdir(exist_ok=True)
    (outside / "storage.json").write_bytes((api.folder / "exports" / "storage.json").read_bytes())
    headers = {**bearer(OPERATOR_KEY), "PolicyCortex-Tenant": "initech"}
    assert api.scan(headers, paths=[str(outside)])["status"] == "succeeded"
    assert api.client.get("/api/v2/violations", headers=bearer(OPERATOR_KEY)).status_code == 422


def test_openapi_describes_every_route_with_problems_and_security(api: Api) -> None:
    document = api.get("/api/v2/openapi.json").json()
    for path, methods in document["paths"].items():
        for method in methods.values():
            if path.startswith("/api/"):
                assert method["security"], path
                assert "application/problem+json" in method["responses"]["422"]["content"], path
            assert method.get("description"), path


def test_health_is_open_and_readiness_names_every_part(api: Api) -> None:
    assert api.client.get("/healthz").json()["status"] == "ok"
    answer = api.client.get("/readyz").json()
    assert answer["retraining"] == "off"
    assert answer["parts"] == {"local": "ok", "evidence": "ok", "upkeep": "ok", "simulation-0": "ok"}


def test_a_damaged_schedule_of_retrainings_keeps_nobody_from_being_ready(api: Api) -> None:
    damaged = api.folder / "store" / "models" / "schedule.json"
    damaged.parent.mkdir(exist_ok=True)
    damaged.write_text("{")
    answer = api.client.get("/readyz")
    damaged.unlink()
    assert (answer.status_code, answer.json()["retraining"]) == (200, "unknown")
