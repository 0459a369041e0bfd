"""Who may ask, and what they may see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from actors.messages import Operation
from domain.tenancy import TenantId
from tests.unit.serve.api_fixture import NOW, STORAGE_ID, Api, bearer

OPEN = {"/healthz", "/readyz"}
COUNTS = {"reviewed": 1, "revoked": 0}
WINDOW = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-15T00:00:00Z"}
OCCASION = {"reason": "a test", "by": "role:key-custodian"}
BODIES: dict[str, dict[str, Any]] = {
    "/predictions/analyze": {"resource_ids": [STORAGE_ID]},
    "/predictions/bulk-scan": {"paths": ["exports"]},
    "/predictions/score": {},
    "/predictions/models/versions/{model}/{step}": {"by": "role:x", "reason": "a test"},
    "/simulator/run": {"kind": "remove_policy", "policy": "pcg-azure-storage-secure-transfer"},
    "/evidence/collect": {"id": "x", "subject": "s"},
    "/evidence/batch": {"items": [{"id": "x", "subject": "s"}]},
    "/policies/import": {"path": "x"},
    "/compliance/mappings": {"paths": ["x"]},
    "/compliance/map": {"policy": "pcg-azure-storage-secure-transfer"},
    "/policies/bundles/test": {"files": {"bundle.json": {}}},
    "/policies/bundles/plan": {"files": {"bundle.json": {}}},
    "/policies/bundles/apply": {"files": {"bundle.json": {}}, "by": "role:lead"},
    "/policies/bundles/rollback": {"revision": 1, "by": "role:lead"},
    "/policies/what-if": {"remove": ["none"]},
    "/chain/add": {"type": "access_review", "id": "a", "body": {"id": "a", "subject": "s", "system": "x", **COUNTS}},
    "/chain/publish": {},
    "/evidence/erasures": {"subject": "Ada Lovelace", "basis": "a request", "by": "officer"},
    "/reports/generate": WINDOW,
    "/reports/board-pack": WINDOW,
    "/chain/anchors": {},
    "/chain/cosignatures": {"origin": "o", "checkpoint": "c", "cosigners": []},
    "/chain/holds": {"hold": "h", "year": 2026, "by": "p", "reason": "m"},
    "/chain/holds/{hold_id}/release": {"by": "p", "reason": "m"},
    "/chain/expiry": {"is_dry_run": True},
    "/chain/keys/rotations": OCCASION,
    "/chain/keys/rotations/end": OCCASION,
    "/chain/keys/freezes": OCCASION,
    "/changes": {"events": [{"uid": "x", "at": "2026-01-14", "item": None}]},
    "/shards": {"shards": 2},
    "/costs/calculate": {},
    "/costs/commitments": {"services": ["Compute"]},
    "/costs/impact/{policy_id}": {},
    "/impact/analyze": {"years": 100},
    "/impact/assumptions": {},
    "/changes/parked/retry": {},
    "/changes/parked/discard": {"ids": ["refused-0"]},
    "/drift/audit": {"paths": ["exports"]},
    "/drift/baselines": {"paths": ["exports"]},
    "/drift/check": {},
    "/drift/subscribe": {"url": "http://127.0.0.1:9/"},
    "/drift/subscriptions/{subscription_id}/redeliver": {},
    "/whatif/simulate": {
        "scenarios": [{"name": "s", "changes": [{"kind": "scaling", "where": {"service": ["Compute"]}, "factor": 0.5}]}]
    },
    "/whatif/compare": {"ids": ["c" * 24]},
    "/whatif/results/{whatif_id}/cancel": {},
    "/roi/savings": {
        "title": "t",
        "currency": "USD",
        "where": {"service": ["Compute"]},
        "predicted_30_days": {"low": "1", "likely": "1", "high": "1"},
        "by": "role:x",
    },
    "/roi/savings/{saving_id}/{trigger}": {"by": "role:x"},
    "/roi/platform-cost": {"fee_month": "1", "currency": "USD"},
}
OPERATORS = {
    "/chain/keys",
    "/chain/keys/rotations",
    "/chain/keys/rotations/end",
    "/chain/keys/freezes",
    "/chain/cosignatures",
    "/chain/holds/{hold_id}/release",
    "/chain/expiry",
    "/shards",
    "/predictions/models",
    "/predictions/models/versions",
    "/predictions/models/retraining",
    "/predictions/models/versions/{model}/{step}",
}
"""Refused to every tenant."""
OWN_TO_THE_CALLER = {
    "/drift/active",
    "/drift/audit",
    "/drift/baselines",
    "/drift/check",
    "/drift/subscribe",
    "/drift/subscriptions",
    "/changes",
    "/changes/parked",
    "/changes/parked/retry",
    "/changes/parked/discard",
    "/predictions/analyze",
    "/predictions/bulk-scan",
    "/predictions/score",
    "/predictions/quality",
    "/simulator/run",
    "/evidence/collect",
    "/evidence/batch",
    "/policies/import",
    "/policies/bundles",
    "/policies/bundles/test",
    "/policies/bundles/plan",
    "/policies/bundles/apply",
    "/policies/bundles/rollback",
    "/policies/what-if",
    "/policies",
    "/policies/{policy_id}",
    "/openapi.json",
    "/chain/add",
    "/chain/publish",
    "/chain/head",
    "/chain/blocks",
    "/evidence",
    "/evidence/summary",
    "/evidence/latest",
    "/evidence/erasures",
    "/evidence/schemas",
    "/evidence/schemas/{evidence_type}",
    "/chain/anchors",
    "/chain/holds",
    "/reports",
    "/reports/generate",
    "/reports/board-pack",
    "/compliance/mappings",
    "/compliance/map",
    "/graph/status",
    "/graph/view",
    "/costs/calculate",
    "/costs/commitments",
    "/costs/machines",
    "/costs/prices",
    "/costs/rightsizing",
    "/costs/trending",
    "/whatif/simulate",
    "/whatif/results",
    "/whatif/compare",
    "/costs/waste",
    "/impact/assumptions",
    "/roi/dashboard",
    "/roi/metrics",
    "/roi/savings",
    "/roi/platform-cost",
}
"""Routes that name nothing of another tenant: they act on the caller's own, or on what everybody has."""
NEED_BILLS = {"/roi/savings/{saving_id}", "/roi/savings/{saving_id}/{trigger}"}
"""Asked of two tenants in `test_api_roi`, where one of them has bills."""
NAME_A_RESOURCE = {"/explanations", "/impact/blast-radius", "/impact/dependencies", "/impact/deletion-order"}
"""Routes that are asked about a resource in the query, and repeat its id when they refuse."""


def routes(api: Api) -> Iterator[tuple[str, str]]:
    for path, methods in api.get("/api/v2/openapi.json").json()["paths"].items():
        for method in methods:
            yield method.upper(), path


def acmes(api: Api) -> dict[str, str]:
    """Ids that exist for acme, by the name of the path parameter."""
    simulated = api.client.post("/api/v2/simulator/run", json=BODIES["/simulator/run"], headers=api.acme).json()
    api.wait(api.acme, simulated["operation_id"])
    scan = api.scan(api.acme)
    report = api.client.post("/api/v2/reports/generate", json=WINDOW, headers=api.acme).json()
    api.wait(api.acme, report["operation_id"])
    head = api.client.post("/api/v2/chain/publish", headers=api.acme).json()["logs"][-1]
    return {
        **drift_ids(api),
        "whatif_id": projection_id(api),
        "report_id": report["operation_id"],
        "log_path": f"{head['origin']}/checkpoint",
        "evidence_type": "access_review",
        "resource_id": quote(STORAGE_ID, safe=""),
        "operation_id": scan["operation_id"],
        "simulation_id": simulated["operation_id"],
        "evidence_id": f"{head['year']}-0",
        "block_id": f"{head['year']}-0",
        "scan_id": scan["result"]["scan_id"],
        "policy_id": "pcg-azure-storage-secure-transfer",
    }


def projection_id(api: Api) -> str:
    """A projection that acme has kept, and whose operation is still known."""
    whatif_id = "c" * 24
    context = api.client.app.state.context  # type: ignore[attr-defined]
    folder = context.folders.whatif(TenantId("acme"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{whatif_id}.json").write_text(json.dumps({"whatif_id": whatif_id}))
    context.platform.begin(Operation(whatif_id, TenantId("acme"), "whatif", "f", NOW))
    return whatif_id


def drift_ids(api: Api) -> dict[str, str]:
    """A baseline, a drift from it, and a webhook of acme; the baseline's file does not stay among the exports."""
    attributes = {"id": STORAGE_ID, "name": "shopdata", "min_tls_version": "TLS1_2"}
    row = {"mode": "managed", "type": "azurerm_storage_account", "name": "a", "instances": [{"attributes": attributes}]}
    file = api.folder / "exports" / "access.tfstate"
    file.write_text(json.dumps({"version": 4, "lineage": "x", "resources": [row]}))
    declared = api.client.post("/api/v2/drift/baselines", json={"paths": [str(file)]}, headers=api.acme)
    file.unlink()
    webhook = api.client.post("/api/v2/drift/subscribe", json=BODIES["/drift/subscribe"], headers=api.acme).json()
    drifted = api.get("/api/v2/drift/active?kind=changed").json()["items"]
    return {
        "name": declared.json()["baselines"][0]["name"],
        "drift_id": drifted[0]["drift_id"],
        "subscription_id": webhook["subscription_id"],
    }


def test_every_route_that_names_something_hides_another_tenants(api: Api) -> None:
    ids = acmes(api)
    asked = 0
    for method, path in routes(api):
        route = path.removeprefix("/api/v2")
        if path in OPEN or route in OWN_TO_THE_CALLER | OPERATORS | NEED_BILLS:
            continue
        query = f"?resource_id={ids['resource_id']}" if route in NAME_A_RESOURCE else ""
        query += f"&policy_id={ids['policy_id']}" if route == "/explanations" else ""
        if route == "/chain/consistency-proof":
            query = f"?origin={ids['log_path'].removesuffix('/checkpoint')}&old=1&new=2"
        if route == "/compliance/oscal":
            query = "?framework=SOC2"
        url = path.format(**ids) + query
        assert api.client.request(method, url, headers=api.acme, json=BODIES.get(route)).status_code == 200, url
        answer = api.client.request(method, url, headers=api.globex, json=BODIES.get(route))
        assert answer.status_code == 404, (url, answer.text)
        assert STORAGE_ID not in answer.text or "{resource_id}" in path or route in NAME_A_RESOURCE
        asked += 1
    assert asked >= 14


def test_what_is_the_operators_is_refused_to_every_tenant(api: Api) -> None:
    asked = 0
    for method, path in routes(api):
        route = path.removeprefix("/api/v2")
        if route in OPERATORS:
            for query in ("", "?platform=true"):
                answer = api.client.request(
                    method,
                    path.format(hold_id="h", model="shipped", step="approve") + query,
                    headers=api.acme,
                    json=BODIES.get(route),
                )
                assert (answer.status_code, answer.json()["code"]) == (403, "access_denied"), route
                asked += 1
    assert asked == 26


def test_erasing_a_person_of_another_tenant_finds_nobody(api: Api) -> None:
    body = {"id": "ada", "subject": "s", "body": {"owner": "Ada Lovelace"}}
    assert api.client.post("/api/v2/evidence/collect", json=body, headers=api.acme).status_code == 201
    erasure = BODIES["/evidence/erasures"]
    assert api.client.post("/api/v2/evidence/erasures", json=erasure, headers=api.globex).status_code == 404
    assert api.client.post("/api/v2/evidence/erasures", json=erasure, headers=api.acme).status_code == 201


def test_another_tenants_analysis_and_simulation_know_nothing_of_ours(api: Api) -> None:
    analysis = api.client.post("/api/v2/predictions/analyze", json={}, headers=api.globex).json()
    assert (analysis["resources"], analysis["violations"]) == (0, [])
    started = api.client.post("/api/v2/simulator/run", json=BODIES["/simulator/run"], headers=api.globex).json()
    assert api.wait(api.globex, started["operation_id"])["result"]["evaluated"] == 0


def test_the_same_idempotency_key_of_two_tenants_is_two_operations(api: Api) -> None:
    started = [
        api.client.post("/api/v2/simulator/run", json=BODIES["/simulator/run"], headers={**who, "Idempotency-Key": "k"})
        for who in (api.acme, api.globex)
    ]
    ids = [answer.json()["operation_id"] for answer in started]
    assert ids[0] != ids[1]
    for who, operation_id in zip((api.acme, api.globex), ids, strict=True):
        api.wait(who, operation_id)


def test_every_route_but_health_needs_a_known_token(api: Api) -> None:
    for method, path in routes(api):
        if path in OPEN:
            continue
        url = path.format(**dict.fromkeys(acme_names(), "1"))
        body = BODIES.get(path.removeprefix("/api/v2"))
        for headers in ({}, bearer("pcg_guess"), {"Authorization": "Basic YTpi"}):
            answer = api.client.request(method, url, headers=headers, json=body)
            assert answer.status_code == 401, (url, answer.text)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["code"] == "access_denied"


def acme_names() -> tuple[str, ...]:
    return (
        "resource_id",
        "operation_id",
        "simulation_id",
        "evidence_id",
        "block_id",
        "scan_id",
        "policy_id",
        "report_id",
        "log_path",
        "evidence_type",
        "hold_id",
        "name",
        "drift_id",
        "subscription_id",
        "whatif_id",
        "saving_id",
        "trigger",
        "model",
        "step",
    )


def test_the_bodies_above_cover_every_route_with_a_body(api: Api) -> None:
    assert {path.removeprefix("/api/v2") for method, path in routes(api) if method in {"POST", "PUT"}} == set(BODIES)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../store/tokens.json", "/", "~/x", "exports/../store", "/etc/*", "*", "\0"]
)
def test_paths_outside_the_allowed_folders_are_refused(api: Api, path: str) -> None:
    answer = api.client.post("/api/v2/predictions/bulk-scan", json={"paths": [path]}, headers=api.acme)
    assert answer.status_code == 422
    assert "outside the folders" in answer.json()["detail"]


@pytest.mark.parametrize("field", ["policies", "aliases", "exemptions"])
def test_no_field_names_a_file_outside(api: Api, field: str) -> None:
    body: dict[str, Any] = {"paths": [str(api.folder / "exports")], field: ["/etc/passwd"]}
    if field == "exemptions":
        body[field] = "/etc/passwd"
    answer = api.client.post("/api/v2/predictions/bulk-scan", json=body, headers=api.acme)
    assert answer.status_code == 422
    assert "outside the folders" in answer.json()["detail"]


def test_a_link_out_of_an_allowed_folder_is_resolved_before_it_is_judged(api: Api) -> None:
    link = api.folder / "exports" / "link"
    link.symlink_to("/etc")
    try:
        answer = api.client.post("/api/v2/predictions/bulk-scan", json={"paths": [str(link)]}, headers=api.acme)
    finally:
        link.unlink()
    assert answer.status_code == 422


def test_a_tenants_token_cannot_name_another_tenant(api: Api) -> None:
    headers = {**api.globex, "PolicyCortex-Tenant": "acme"}
    assert api.client.get("/api/v2/violations", headers=headers).status_code == 404


def test_no_answer_to_another_tenant_quotes_the_store(api: Api) -> None:
    answer = api.client.get("/api/v2/scans/latest", headers=api.globex)
    assert str(api.folder) not in json.dumps(answer.json())


def test_every_route_is_a_documented_one(api: Api) -> None:
    assert isinstance(api.client.app, FastAPI)
    hidden = [
        route.path for route in api.client.app.routes if isinstance(route, APIRoute) and not route.include_in_schema
    ]
    assert hidden == []
