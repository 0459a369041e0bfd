"""Persons in callers' evidence: committed to, refused, erased."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from chain.canonical import encode
from chain.privacy.protection import is_protected
from serve.api.submission import CALLERS_TYPES, Submission
from serve.privacy import Protection
from tests.unit.serve.api_fixture import Api

COLLECT, ERASE = "/api/v2/evidence/collect", "/api/v2/evidence/erasures"


def review(name: str, reviewer: str) -> dict[str, Any]:
    body = {"system": "payroll", "reviewed": 1, "revoked": 0, "reviewer": reviewer}
    return {"type": "access_review", "id": name, "subject": "payroll", "body": body}


def collected(api: Api, body: dict[str, Any]) -> dict[str, Any]:
    receipt = api.client.post(COLLECT, json=body, headers=api.acme)
    assert receipt.status_code == 201, receipt.text
    found: dict[str, Any] = api.get(f"/api/v2/evidence/{receipt.json()['evidence_id']}").json()["entry"]["body"]
    return found


def test_a_named_person_is_a_commitment_in_the_entry(api: Api) -> None:
    entry = collected(api, review("person-1", "grace@example.org"))
    assert entry["reviewer"].keys() == {"commitment", "subject"}
    assert b"grace" not in orjson.dumps(entry)
    assert collected(api, review("person-2", "grace@example.org"))["reviewer"] == entry["reviewer"]
    repeated = api.client.post(COLLECT, json=review("person-1", "grace@example.org"), headers=api.acme)
    assert repeated.status_code == 201


def test_lines_are_protected_as_well(api: Api) -> None:
    content = orjson.dumps(review("person-3", "grace@example.org"))
    headers = {**api.acme, "Content-Type": "application/x-ndjson"}
    receipt = orjson.loads(api.client.post("/api/v2/evidence/batch", content=content, headers=headers).content)
    assert b"grace" not in api.get(f"/api/v2/evidence/{receipt['evidence_id']}").content


def test_an_address_that_is_not_declared_is_refused(api: Api) -> None:
    body = {"id": "person-4", "subject": "of heidi@example.org"}
    answer = api.client.post(COLLECT, json=body, headers=api.acme)
    assert answer.status_code == 422
    assert "heidi" not in answer.text


def test_an_erased_person_is_gone_and_the_log_still_verifies(api: Api) -> None:
    entry = collected(api, review("person-5", "ivan@example.org"))
    order = {"subject": "Ivan@example.org", "basis": "GDPR article 17(1)(a)", "by": "data protection officer"}
    done = api.client.post(ERASE, json=order, headers=api.acme)
    assert done.status_code == 201, done.text
    assert (done.json()["pseudonym"], done.json()["commitments"]) == (entry["reviewer"]["subject"], 1)
    recorded = api.get(f"/api/v2/evidence/{done.json()['evidence_id']}").json()["entry"]
    assert recorded["type"] == "erasure"
    assert api.client.post(ERASE, json=order, headers=api.acme).status_code == 404
    api.client.post("/api/v2/chain/publish", headers=api.acme)
    assert api.get("/api/v2/chain/verify").json()["ok"]
    assert collected(api, review("person-6", "ivan@example.org"))["reviewer"] != entry["reviewer"]


@pytest.mark.parametrize("field", ["basis", "by"])
def test_an_erasure_names_no_person(api: Api, field: str) -> None:
    collected(api, review("person-7", "judy@example.org"))
    order = {"subject": "judy@example.org", "basis": "a request", "by": "officer", field: "judy@example.org"}
    assert api.client.post(ERASE, json=order, headers=api.acme).status_code == 422


@pytest.mark.parametrize("kind", sorted(CALLERS_TYPES))
def test_the_quick_look_passes_over_nothing_that_needs_protection(api: Api, kind: Any) -> None:
    protection = api.client.app.state.context.protection  # type: ignore[attr-defined]
    assert isinstance(protection, Protection)
    bodies: list[dict[str, Any]] = [
        {"a": 1},
        {"reviewer": "x"},
        {"body": {"owner": "x"}},
        {"approvers": []},
        {"t": "a@b"},
        {"t": "%40"},
    ]
    for body in bodies:
        content = encode(body)
        submission = Submission("i", "api/id/i", kind, content, None)
        assert protection.needs(submission) is not is_protected(content, kind)
