"""Custody of keys over HTTP and from afar: for the operator alone, and the same as on the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.log_custody import CustodyOrder, CustodyStep
from domain.errors import AccessDenied, ConflictError, InputError
from domain.tenancy import PLATFORM, TenantId
from serve.remote import RemotePlatform
from serve.run_file import RunningPlatform
from tests.unit.serve.api_fixture import NOW, OPERATOR_KEY, Api, bearer, running_api
from tests.unit.serve.over_http import sent_to

ACME = TenantId("acme")
OPERATOR = {**bearer(OPERATOR_KEY), "PolicyCortex-Tenant": "acme"}
OCCASION = {"reason": "yearly rotation", "by": "role:key-custodian"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A platform of its own, since keys are rotated and a log is frozen."""
    folder: Path = tmp_path_factory.mktemp("keys")
    with running_api(folder) as api:
        body = {"id": "first", "subject": "a review"}
        assert api.client.post("/api/v2/evidence/collect", json=body, headers=api.acme).status_code == 201
        assert api.client.post("/api/v2/chain/publish", headers=api.acme).status_code == 200
        yield api


def asked(api: Api, path: str, **body: object) -> Any:
    answer = api.client.post(f"/api/v2/chain/keys/{path}", json={**OCCASION, **body}, headers=OPERATOR)
    assert answer.status_code == 201, answer.text
    return [(row["log"], row["status"]) for row in answer.json()["keys"] if "sha3" not in row["key"]]


def test_keys_are_rotated_withdrawn_retired_and_a_log_is_frozen(own: Api) -> None:
    assert asked(own, "rotations") == [("2026", "overlap"), ("2026", "active")]
    assert asked(own, "rotations/end", withdraws_new=True) == [("2026", "active"), ("2026", "retired")]
    assert asked(own, "rotations")[1:] == [("2026", "retired"), ("2026", "active")]
    assert asked(own, "rotations/end")[0] == ("2026", "retired")
    refused = own.client.post("/api/v2/chain/keys/freezes", json=OCCASION, headers=OPERATOR)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert asked(own, "freezes", is_confirmed=True)[0] == ("2026s2", "active")
    body = {"id": "second", "subject": "a review"}
    recorded = own.client.post("/api/v2/evidence/collect", json=body, headers=own.acme).json()
    assert recorded["evidence_id"].startswith("2026s2-")
    assert recorded["origin"].endswith("/acme/2026/s2")
    found = own.get(f"/api/v2/evidence/{recorded['evidence_id']}").json()
    assert found["evidence_id"] == recorded["evidence_id"]
    assert own.get(f"/api/v2/chain/merkle-proof/{recorded['evidence_id']}").json()["index"] == recorded["index"]
    listed = own.get("/api/v2/evidence").json()["items"]
    assert [row["evidence_id"].partition("-")[0] for row in listed] == ["2026s2", "2026"]
    logs = own.get("/api/v2/chain/head").json()["logs"]
    assert [log["log"] for log in logs] == ["2026", "2026s2"]
    for log in logs:
        assert own.get(log["links"]["checkpoint"]).text == log["checkpoint"]
    blocks = own.get("/api/v2/chain/blocks").json()["items"]
    assert own.get(f"/api/v2/chain/verify/{blocks[0]['block_id']}").json()["ok"]
    assert own.get("/api/v2/chain/verify").json()["findings"] == []


def test_an_order_that_names_a_person_or_an_unknown_field_is_refused(own: Api) -> None:
    for body in ({**OCCASION, "by": "ann@example.org"}, {**OCCASION, "force": True}, {"reason": "x"}):
        answer = own.client.post("/api/v2/chain/keys/rotations", json=body, headers=OPERATOR)
        assert answer.status_code == 422, answer.text


def test_the_same_from_afar(own: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    sent_to(own, monkeypatch)
    far = RemotePlatform(RunningPlatform("http://platform", OPERATOR_KEY))
    platform = {row["key"] for row in far.log_keys(PLATFORM)}
    assert platform.isdisjoint(row["key"] for row in far.log_keys(ACME))

    def order(step: CustodyStep, **more: bool) -> CustodyOrder:
        return CustodyOrder(step, NOW, "a test", "role:key-custodian", **more)

    with pytest.raises(ConflictError, match="never replaced"):
        far.keep_keys(PLATFORM, order(CustodyStep.END_OVERLAP))
    for step, count in ((CustodyStep.ROTATE, 4), (CustodyStep.WITHDRAW, 4)):
        assert len(far.keep_keys(PLATFORM, order(step))) == count
    with pytest.raises(InputError, match="for ever"):
        far.keep_keys(PLATFORM, order(CustodyStep.FREEZE))
    frozen = far.keep_keys(PLATFORM, order(CustodyStep.FREEZE, is_confirmed=True, trusts_keys=True))
    assert [row["log"] for row in frozen][:3] == ["2026s2", "2026s2", "2026"]


def test_a_tenants_token_does_not_do_it_from_afar(own: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    sent_to(own, monkeypatch)
    token = own.acme["Authorization"].removeprefix("Bearer ")
    far = RemotePlatform(RunningPlatform("http://platform", token, is_operator=False))
    with pytest.raises(AccessDenied, match="only the platform's operator"):
        far.log_keys(ACME)
