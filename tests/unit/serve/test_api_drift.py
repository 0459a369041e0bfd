"""Drift over HTTP and WebSocket, on a whole platform in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from serve.api import streams
from tests.unit.serve.api_fixture import ACCOUNT, GROUP, STORAGE_ID, Api, running_api, storage_account

PREFIX = "/api/v2/drift"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A platform of its own: one scan, and a baseline that one account differs from."""
    with running_api(tmp_path_factory.mktemp("drift")) as api:
        assert api.scan(api.acme)["status"] == "succeeded"
        declare(api, "TLS1_2")
        yield api


def template(tls: str) -> dict[str, Any]:
    row = {
        "type": "Microsoft.Storage/storageAccounts",
        "apiVersion": "2023-01-01",
        "name": "shopdata",
        "tags": {"owner": "shop"},
        "properties": {"minimumTlsVersion": tls},
    }
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    return {"$schema": schema, "contentVersion": "1.0.0.0", "resources": [row]}


def declare(api: Api, tls: str) -> dict[str, Any]:
    folder = api.folder / "exports" / "iac"
    folder.mkdir(exist_ok=True)
    (folder / "shop.json").write_text(json.dumps(template(tls)))
    deployment = {"id": f"{GROUP}/providers/Microsoft.Resources/deployments/shop", "properties": {}}
    (folder / "deployment.json").write_text(json.dumps(deployment))
    answer = api.client.post(f"{PREFIX}/baselines", json={"paths": [str(folder)]}, headers=api.acme)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def active(api: Api, query: str = "") -> dict[str, Any]:
    answer = api.get(f"{PREFIX}/active{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_baseline_tells_what_differs_from_it(shop: Api) -> None:
    found = active(shop, "?kind=changed")
    (row,) = found["items"]
    assert (row["resource_id"], row["baseline"]) == (STORAGE_ID, "shop")
    assert row["attributes"] == [{"path": "properties.minimumTlsVersion", "expected": "TLS1_2", "actual": "TLS1_0"}]
    assert row["severity"] in {"critical", "high", "medium"}
    assert row["policies"]
    assert shop.get(f"{PREFIX}/{row['drift_id']}").json() == row


def test_what_nobody_declares_is_listed_and_pages_follow(shop: Api) -> None:
    whole = active(shop)
    assert {row["kind"] for row in whole["items"]} == {"changed", "unmanaged"}
    first = active(shop, "?limit=1")
    second = active(shop, f"?limit=1&cursor={first['next_cursor']}")
    assert [*first["items"], *second["items"]] == whole["items"][:2]
    assert first["total"] == whole["total"]


def test_another_tenant_sees_none_of_it(shop: Api) -> None:
    assert shop.get(f"{PREFIX}/active", shop.globex).json()["items"] == []
    drift_id = active(shop)["items"][0]["drift_id"]
    assert shop.get(f"{PREFIX}/{drift_id}", shop.globex).status_code == 404
    assert shop.get(f"{PREFIX}/baselines", shop.globex).json()["items"] == []
    assert shop.client.delete(f"{PREFIX}/baselines/shop", headers=shop.globex).status_code == 404


@pytest.mark.parametrize("path", ["active", "baselines", "subscriptions", "x"])
def test_nobody_without_a_token_sees_anything(shop: Api, path: str) -> None:
    assert shop.client.get(f"{PREFIX}/{path}").status_code == 401


def test_paths_outside_the_allowed_folders_are_refused(shop: Api) -> None:
    answer = shop.client.post(f"{PREFIX}/baselines", json={"paths": ["/etc"]}, headers=shop.acme)
    assert answer.status_code == 422
    answer = shop.client.post(f"{PREFIX}/audit", json={"paths": ["/etc"]}, headers=shop.acme)
    assert answer.status_code == 422


def test_words_that_mean_nothing_are_refused(shop: Api) -> None:
    for query in ("?severity=awful", "?kind=odd", "?limit=0", "?since=yesterday", "?cursor=nonsense"):
        assert shop.get(f"{PREFIX}/active{query}").status_code == 422, query


def test_an_audit_log_names_who_it_was(shop: Api) -> None:
    entry = {
        "caller": "alice@example.com",
        "eventTimestamp": "2026-01-15T11:00:00Z",
        "eventDataId": "d1",
        "operationName": {"value": "Microsoft.Storage/storageAccounts/write"},
        "resourceId": STORAGE_ID,
        "status": {"value": "Succeeded"},
    }
    (shop.folder / "exports" / "activity.json").write_text(json.dumps([entry]))
    path = str(shop.folder / "exports" / "activity.json")
    done = shop.client.post(f"{PREFIX}/audit", json={"paths": [path]}, headers=shop.acme)
    assert done.status_code == 201, done.text
    assert done.json()["entries"] == 1
    (row,) = active(shop, "?kind=changed")["items"]
    assert row["changed_by"]["principal"] == "alice@example.com"


def test_an_event_of_drift_is_evidence_without_a_name(shop: Api) -> None:
    page = shop.get("/api/v2/evidence?type=DriftDetected&limit=10")
    rows = page.json()["items"] if page.status_code == 200 else []
    assert rows, page.text
    body = shop.get(f"/api/v2/evidence/{rows[0]['evidence_id']}").json()
    assert "alice" not in json.dumps(body)
    assert STORAGE_ID not in json.dumps(body)


def test_a_subscription_shows_its_secret_once(shop: Api) -> None:
    made = shop.client.post(
        f"{PREFIX}/subscribe", json={"url": "http://127.0.0.1:9/hook", "severity": "high"}, headers=shop.acme
    )
    assert made.status_code == 201, made.text
    sub = made.json()["subscription_id"]
    assert made.json()["secret"].startswith("whsec_")
    listed = shop.get(f"{PREFIX}/subscriptions").json()
    assert [row["subscription_id"] for row in listed] == [sub]
    assert "secret" not in listed[0]
    assert shop.get(f"{PREFIX}/subscriptions", shop.globex).json() == []
    assert shop.get(f"{PREFIX}/subscriptions/{sub}/dead-letters").json() == {"items": []}
    again = shop.client.post(f"{PREFIX}/subscriptions/{sub}/redeliver", headers=shop.acme)
    assert again.json() == {"delivered": 0, "left": 0, "reason": None}
    assert shop.client.delete(f"{PREFIX}/subscriptions/{sub}", headers=shop.globex).status_code == 404
    assert shop.client.delete(f"{PREFIX}/subscriptions/{sub}", headers=shop.acme).status_code == 200
    assert shop.get(f"{PREFIX}/subscriptions/{sub}/dead-letters").status_code == 404


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "https://169.254.169.254/latest", "https://127.0.0.2/", "ftp://x/"]
)
def test_webhooks_never_go_to_our_own_machines(shop: Api, url: str) -> None:
    answer = shop.client.post(f"{PREFIX}/subscribe", json={"url": url}, headers=shop.acme)
    assert answer.status_code in {422, 503}, answer.text


def test_drift_is_streamed_and_resumed_from_the_last_id(shop: Api) -> None:
    with shop.client.websocket_connect("/ws/drift-stream", headers=shop.acme) as socket:
        assert socket.receive_json()["type"] == "ready"
        declare(shop, "TLS1_3")
        (event,) = socket.receive_json()["events"]
        assert event["event"] == "changed"
        assert event["drift"]["attributes"][0]["expected"] == "TLS1_3"
    declare(shop, "TLS1_2")
    with shop.client.websocket_connect(f"/ws/drift-stream?after={event['id']}", headers=shop.acme) as socket:
        assert socket.receive_json() == {"type": "ready", "after": event["id"]}
        (missed,) = socket.receive_json()["events"]
        assert missed["drift"]["attributes"][0]["expected"] == "TLS1_2"
        assert missed["id"] > event["id"]


def test_a_browser_names_its_token_as_a_protocol(shop: Api) -> None:
    token = shop.acme["Authorization"].removeprefix("Bearer ")
    protocols = [streams.PROTOCOL, f"{streams.TOKEN_PROTOCOL}{token}"]
    with shop.client.websocket_connect("/ws/drift-stream", subprotocols=protocols) as socket:
        assert str(socket.accepted_subprotocol) == streams.PROTOCOL
        assert socket.receive_json()["type"] == "ready"


@pytest.mark.parametrize(
    ("headers", "query", "code"),
    [
        ({}, "", streams.REFUSED),
        ({"Authorization": "Bearer x"}, "", streams.REFUSED),
        (None, "?after=%20", 4422),
    ],
)
def test_a_listener_that_may_not_listen_is_told_why(
    shop: Api, headers: dict[str, str] | None, query: str, code: int
) -> None:
    given = shop.acme if headers is None else headers
    with shop.client.websocket_connect(f"/ws/drift-stream{query}", headers=given) as socket:
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
        assert closed.value.code == code


def test_a_listener_hears_nothing_of_another_tenant(shop: Api) -> None:
    with shop.client.websocket_connect("/ws/drift-stream?after=", headers=shop.globex) as socket:
        assert socket.receive_json() == {"type": "ready", "after": ""}
        declare(shop, "TLS1_1")
        declare(shop, "TLS1_2")
        assert shop.get(f"{PREFIX}/active", shop.globex).json()["total"] == 0


def test_a_scan_that_sees_the_declared_state_resolves_the_drift(tmp_path: Path) -> None:
    with running_api(tmp_path) as api:
        api.scan(api.acme)
        declare(api, "TLS1_2")
        assert active(api, "?kind=changed")["total"] == 1
        export = [storage_account("shopdata", minimumTlsVersion="TLS1_2"), storage_account("shoplogs")]
        (api.folder / "exports" / "storage.json").write_text(json.dumps(export))
        api.scan(api.acme, as_of="2026-01-16T12:00:00Z", paths=[str(api.folder / "exports" / "storage.json")])
        assert active(api, "?kind=changed")["total"] == 0
        withdrawn = api.client.delete(f"{PREFIX}/baselines/shop", headers=api.acme)
        assert withdrawn.status_code == 200
        assert active(api)["total"] == 0
        assert ACCOUNT in STORAGE_ID
