"""The graph as it is now over HTTP: one resource, and how the graph stands; never another tenant's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.unit.serve.api_fixture import OPERATOR_KEY, STORAGE_ID, Api, bearer, running_api

OPERATOR = {**bearer(OPERATOR_KEY), "PolicyCortex-Tenant": "acme"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder: Path = tmp_path_factory.mktemp("api")
    with running_api(folder) as found:
        assert found.scan(found.acme)["status"] == "succeeded"
        yield found


@pytest.mark.parametrize("path", [STORAGE_ID, quote(STORAGE_ID, safe="")])
def test_a_resource_is_shown_with_what_it_is_connected_to(api: Api, path: str) -> None:
    answer = api.get(f"/api/v2/resources/{path}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["resource_id"], found["tags"]) == (STORAGE_ID, {"owner": "shop"})
    assert found["properties"]["properties"]["minimumTlsVersion"] == "TLS1_0"
    assert (found["depends_on"], found["needed_by"]) == ([], [])


def test_another_tenants_resource_is_not_found(api: Api) -> None:
    assert api.get(f"/api/v2/resources/{STORAGE_ID}", api.globex).status_code == 404


def test_a_resources_states_are_listed(api: Api) -> None:
    answer = api.get(f"/api/v2/resources/{STORAGE_ID}/history")
    assert [row["kind"] for row in answer.json()["items"]] == ["new"]
    assert api.get(f"/api/v2/resources/{STORAGE_ID}/history", api.globex).status_code == 404


def test_the_graph_says_how_it_stands(api: Api) -> None:
    status = api.get("/api/v2/graph/status").json()
    assert (status["resources"], status["changes_waiting"], status["changes_lost_behind"]) == (2, 0, None)
    assert status["size_bytes"] > 0
    assert api.get("/api/v2/graph/status", api.globex).json()["resources"] == 0


def test_shards_are_the_operators_business(api: Api) -> None:
    assert api.get("/api/v2/shards").status_code == 403
    assert api.client.put("/api/v2/shards", json={"shards": 2}, headers=api.acme).status_code == 403


def test_a_platform_of_one_process_has_no_shards(api: Api) -> None:
    answer = api.get("/api/v2/shards", OPERATOR)
    assert answer.status_code == 404
    assert api.client.put("/api/v2/shards", json={"shards": 2}, headers=OPERATOR).status_code == 404
    assert api.client.put("/api/v2/shards", json={"shards": 0}, headers=OPERATOR).status_code == 422
