"""The shape of every error."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from domain.errors import (
    AccessDenied,
    ConflictError,
    IncompleteError,
    InputError,
    IntegrityError,
    NotFound,
    PolicyCortexError,
    UnavailableError,
)
from serve.limits import RequestLimits
from serve.problem import MEDIA_TYPE, install
from tests.unit.serve.api_fixture import Api

STATUSES = {
    InputError: 422,
    AccessDenied: 401,
    NotFound: 404,
    ConflictError: 409,
    UnavailableError: 503,
    IncompleteError: 409,
    IntegrityError: 500,
}


def client_for(error: Exception) -> TestClient:
    app = FastAPI()
    install(app)

    @app.get("/fails")
    def fails() -> None:
        raise error

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("kind", STATUSES, ids=lambda kind: kind.__name__)
def test_every_error_is_a_problem_of_its_status(kind: type[PolicyCortexError]) -> None:
    answer = client_for(kind("it failed", where="here", todo="Do this")).get("/fails")
    assert answer.status_code == STATUSES[kind]
    assert answer.headers["content-type"] == MEDIA_TYPE
    body = answer.json()
    assert (body["status"], body["code"], body["type"]) == (
        STATUSES[kind],
        kind.code,
        f"urn:policycortex:problem:{kind.code}",
    )
    if kind is not IntegrityError:
        assert (body["detail"], body["todo"], body["facts"]) == ("it failed", "Do this", {"where": "here"})


def test_a_bug_tells_the_caller_a_number_and_nothing_else() -> None:
    body = client_for(RuntimeError("password=hunter2 in /secret/place")).get("/fails").json()
    assert (body["status"], body["code"]) == (500, "fault")
    assert list(body["facts"]) == ["number"]
    assert "hunter2" not in str(body)
    assert "/secret" not in str(body)


def test_an_integrity_error_keeps_its_facts_from_callers() -> None:
    body = client_for(IntegrityError("journal is damaged", path=Path("/secret"))).get("/fails").json()
    assert (body["code"], body["detail"]) == ("integrity", "the platform failed")


def test_what_is_down_says_when_to_come_back() -> None:
    answer = client_for(UnavailableError("busy", retry_after_s=7)).get("/fails")
    assert answer.headers["retry-after"] == "7"


def test_unknown_routes_and_methods_are_problems(api: Api) -> None:
    for method, path, status in (("GET", "/nowhere", 404), ("DELETE", "/api/v2/policies", 405)):
        answer = api.client.request(method, path, headers=api.acme)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"paths": []}', b'{"paths": ["x"], "shards": 3}', b'{"paths": ["x"], "as_of": "2026-01-01"}'],
)
def test_a_request_that_is_not_valid_is_a_problem_that_says_where(api: Api, body: bytes) -> None:
    answer = api.client.post("/api/v2/predictions/bulk-scan", content=body, headers=api.acme)
    assert answer.status_code == 422
    assert answer.json()["facts"]["errors"][0]["where"].startswith("body")


def test_a_body_over_the_limit_is_refused(api: Api) -> None:
    answer = api.client.post("/api/v2/evidence/collect", content=b"x" * 5_000_000, headers=api.acme)
    assert answer.status_code == 413
    assert answer.json()["facts"]["limit_bytes"] == 4 * 1024 * 1024


def test_a_request_over_its_deadline_is_cut_off() -> None:
    app = FastAPI()
    app.add_middleware(RequestLimits, deadline_s=0.01, deadlines_s={"/slow/but": 5.0})

    @app.get("/slow")
    async def slow() -> None:
        await asyncio.Event().wait()

    @app.get("/slow/but/allowed")
    async def allowed() -> str:
        await asyncio.sleep(0.02)
        return "done"

    client = TestClient(app)
    answer = client.get("/slow")
    assert (answer.status_code, answer.json()["status"]) == (504, 504)
    assert client.get("/slow/but/allowed").json() == "done"
