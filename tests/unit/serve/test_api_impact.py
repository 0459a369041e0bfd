"""Failures and the graph's shape over HTTP, and asked from afar."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from actors.impact_desk import Question
from assessment.blast import Blast, Score
from assessment.deletion import Removal
from assessment.dependencies import Dependencies, Direction
from assessment.drawing import View
from domain.errors import InputError, NotFound
from domain.tenancy import TenantId
from graph.failure import FailureMode
from serve.remote import RemotePlatform
from serve.run_file import RunningPlatform
from tests.unit.serve.api_fixture import GROUP, NOW, OPERATOR_KEY, STORAGE_ID, Api
from tests.unit.serve.over_http import sent_to

ACME, GLOBEX = TenantId("acme"), TenantId("globex")


@pytest.fixture
def over_http(api: Api, monkeypatch: pytest.MonkeyPatch) -> RemotePlatform:
    sent_to(api, monkeypatch)
    return RemotePlatform(RunningPlatform("http://platform", OPERATOR_KEY))


@pytest.mark.parametrize("named", [quote(STORAGE_ID, safe=""), "shopdata"])
def test_a_blast_radius_is_asked_by_id_or_name(api: Api, named: str) -> None:
    answer = api.get(f"/api/v2/impact/blast-radius?resource_id={named}&mode=deny_access").json()
    assert answer["center"]["resource_id"] == STORAGE_ID
    assert (answer["mode"], answer["failed"], answer["resources"], answer["next_cursor"]) == (
        "deny_access",
        0,
        [],
        None,
    )


def test_a_region_is_lost_with_everything_in_it(api: Api) -> None:
    answer = api.get("/api/v2/impact/blast-radius?region=westeurope").json()
    assert (answer["mode"], answer["lost_at_once"], answer["worth_share"]) == ("region_loss", 2, 1.0)
    assert api.get("/api/v2/impact/blast-radius?zone=westeurope-1").status_code == 404


@pytest.mark.parametrize(
    "query", ["", "zone=a&region=b", "resource_id=shopdata&mode=zone_loss", "resource_id=shopdata&mode=fire"]
)
def test_what_fails_must_be_one_thing_in_one_mode(api: Api, query: str) -> None:
    answer = api.get(f"/api/v2/impact/blast-radius?{query}")
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_input"


def test_a_score_takes_ids_with_slashes(api: Api) -> None:
    for spelling in (quote(STORAGE_ID, safe=""), STORAGE_ID):
        answer = api.get(f"/api/v2/impact/score/{spelling}").json()
        assert answer["score"] == 50.0


def test_dependencies_and_an_order_of_deletion_are_answered(api: Api) -> None:
    found = api.get(f"/api/v2/impact/dependencies?resource_id={quote(STORAGE_ID)}&direction=dependents&depth=2").json()
    assert (found["direction"], found["depth"], found["items"]) == ("dependents", 2, [])
    named = f"resource_id={quote(STORAGE_ID)}&resource_id=shoplogs"
    order = api.get(f"/api/v2/impact/deletion-order?{named}").json()
    assert (order["asked"], order["resources"], order["waves"]) == (2, 2, 1)
    assert api.get("/api/v2/impact/deletion-order").status_code == 422


def test_the_graph_to_draw_is_the_callers_own(api: Api) -> None:
    mine = api.get("/api/v2/graph/view").json()
    assert STORAGE_ID in {node["key"] for node in mine["nodes"]}
    assert api.get("/api/v2/graph/view", api.globex).json()["nodes"] == []
    gathered = api.get("/api/v2/graph/view?nodes_max=1").json()
    assert [node["level"] for node in gathered["nodes"]] == ["type_in_scope"]
    opened = api.get(f"/api/v2/graph/view?nodes_max=1&open={quote(gathered['nodes'][0]['key'])}")
    assert opened.status_code == 422


@pytest.mark.parametrize(
    "question",
    [
        Blast(STORAGE_ID, FailureMode.KEY_DISABLE, limit=7),
        Blast("West Europe", FailureMode.REGION_LOSS, after=1),
        Score(STORAGE_ID, FailureMode.DENY_ACCESS),
        Removal((STORAGE_ID, "shoplogs"), with_dependents=False, limit=5),
        Dependencies(STORAGE_ID, Direction.DEPENDENCIES, FailureMode.NETWORK_BLOCK, depth=5, limit=9),
        View(scope=GROUP, type="Microsoft.Storage/storageAccounts", nodes_max=50),
        View(around=STORAGE_ID, depth=3, opened=("account|/subscriptions/x", "type_in_scope|a|b")),
    ],
)
def test_an_answer_from_afar_is_the_one_of_the_platform(
    api: Api, over_http: RemotePlatform, question: Question
) -> None:
    context = api.client.app.state.context  # type: ignore[attr-defined]
    here = context.platform.impact(ACME, question, as_of=NOW)
    assert over_http.impact(ACME, question, as_of=NOW) == here


def test_refusals_come_back_from_afar_as_errors(over_http: RemotePlatform) -> None:
    with pytest.raises(NotFound):
        over_http.impact(GLOBEX, Blast(STORAGE_ID), as_of=NOW)
    with pytest.raises(InputError):
        over_http.impact(ACME, View(depth=0), as_of=NOW)
