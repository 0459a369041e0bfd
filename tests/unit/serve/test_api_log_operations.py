"""Anchors, holds, the end of years and cosignatures over HTTP: tenants read, the operator acts."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain.note import parse_verifier_key
from chain.proof import check_consistency
from chain.tree_hash import BOTH
from chain.trust import load_policy
from chain.verify import verify_directory
from chain.witness.collection import CosignatureCollector, addresses
from chain.witness.publishing import publish_cosigned
from connectors.witness import post
from domain.errors import AccessDenied, NotFound
from domain.tenancy import TenantId
from serve.remote import error_of
from serve.remote_logs import RemoteLogs, Row
from tests.unit.chain.witnesses import serving, witness_of
from tests.unit.serve.api_fixture import OPERATOR_KEY, Api, bearer

ACME = TenantId("acme")


def operator(tenant: str = "acme") -> dict[str, str]:
    return {**bearer(OPERATOR_KEY), "PolicyCortex-Tenant": tenant}


def remote(api: Api, headers: dict[str, str]) -> RemoteLogs:
    """The face of a running platform, over the test client."""

    def answered(method: str, path: str, body: object = None) -> Row:
        answer = api.client.request(method, f"/api/v2{path}", json=body, headers=headers)
        if answer.status_code >= 400:
            raise error_of(answer.json())
        found: Row = answer.json()
        return found

    return RemoteLogs(lambda _, path: answered("GET", path), lambda _, path, body: answered("POST", path, dict(body)))


def test_anchors_are_shown_to_tenants_and_asked_for_by_the_operator(api: Api) -> None:
    logs = remote(api, operator())
    done = logs.anchor(ACME)
    assert (done["receipts"], done["failures"]) == ([], {})
    assert done["size"] > 0
    assert api.get("/api/v2/chain/anchors").json() == {"targets": [], "items": [], "next_cursor": None}
    assert logs.anchors(ACME, before="2026-5", limit=3)["items"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("anchors", {}),
        ("holds", {"hold": "h", "year": 2026, "by": "p", "reason": "m"}),
        ("holds/h/release", {"by": "p", "reason": "m"}),
        ("expiry", {"is_dry_run": True}),
        ("cosignatures", {"origin": "o", "checkpoint": "c", "cosigners": []}),
    ],
)
def test_only_the_operator_acts(api: Api, path: str, body: dict[str, object]) -> None:
    answer = api.client.post(f"/api/v2/chain/{path}", json=body, headers=api.acme)
    assert (answer.status_code, answer.json()["code"]) == (403, AccessDenied.code)


def test_a_hold_is_placed_listed_kept_to_and_released(api: Api) -> None:
    logs = remote(api, operator())
    year = api.get("/api/v2/chain/head").json()["logs"][-1]["year"]
    placed = logs.place_hold(ACME, "case-1", year=year, by="p-17", reason="matter 4711")
    assert api.get(f"/api/v2/evidence/{placed['evidence_id']}").json()["entry"]["type"] == "legal_hold_placed"
    (held,) = logs.holds(ACME)
    assert (held["hold"], held["year"], held["by"], held["reason"]) == ("case-1", year, "p-17", "matter 4711")
    assert api.get("/api/v2/chain/holds", api.globex).json() == {"items": []}
    with pytest.raises(NotFound):
        logs.place_hold(ACME, "case-2", year=1999, by="p-17", reason="matter 4711")
    report = logs.expire(ACME, is_dry_run=True)
    assert {row["tenant"]: row["is_over"] for row in report["logs"]}["acme"] is False
    logs.lift_hold(ACME, "case-1", by="p-18", reason="closed")
    assert logs.holds(ACME) == []


def test_an_expiry_that_finds_nothing_over_deletes_nothing(api: Api) -> None:
    report = remote(api, operator()).expire(ACME, is_dry_run=False)
    assert (report["files_deleted"], report["journal_deleted"]) == (0, 0)
    assert {row["reason"] for row in report["logs"]} == {"it is not frozen"}


def test_witnesses_are_asked_through_the_running_platform(api: Api, tmp_path: Path) -> None:
    logs = remote(api, operator())
    folder = api.folder / "store/tenants/acme/evidence"
    api.client.post("/api/v2/chain/publish", headers=api.acme)
    year = max(path for path in folder.iterdir())
    lines = (year / "verifier_keys").read_text().splitlines()[:2]
    with witness_of(tmp_path / "w", parse_verifier_key(lines[0])) as witness, serving(witness) as url:
        path = tmp_path / "policy.txt"
        path.write_text(
            "".join(f"log {line}\n" for line in lines) + f"witness w {witness.key_texts[0]} {url}\nquorum w\n"
        )
        policy = load_policy(path)
        collector = CosignatureCollector(addresses(policy), post, deadline_s=10)
        assert publish_cosigned(logs.witnessed_log(ACME), collector, policy).is_enough
        assert verify_directory(year, policy=policy).ok
        row = {"id": "more", "subject": "a review"}
        assert api.client.post("/api/v2/evidence/collect", json=row, headers=api.acme).status_code == 201
        api.client.post("/api/v2/chain/publish", headers=api.acme)
        witnessed = publish_cosigned(logs.witnessed_log(ACME), collector, policy)
        assert witnessed.names == ("w",), witnessed.failures
    with pytest.raises(NotFound):
        remote(api, operator("nobody")).witnessed_log(TenantId("nobody"))


def test_a_consistency_proof_of_both_trees_checks_out(api: Api) -> None:
    api.client.post("/api/v2/chain/publish", headers=api.acme)
    before = api.get("/api/v2/chain/head").json()["logs"][-1]
    api.client.post("/api/v2/evidence/collect", json={"id": "later", "subject": "s"}, headers=api.acme)
    api.client.post("/api/v2/chain/publish", headers=api.acme)
    after = api.get("/api/v2/chain/head").json()["logs"][-1]
    found = remote(api, api.acme).consistency(ACME, before["origin"], before["size"], after["size"])
    roots = [(bytes.fromhex(log["root_sha256"]), bytes.fromhex(log["root_sha3_256"])) for log in (before, after)]
    check_consistency(BOTH.sha256, found.sha256, roots[0][0], roots[1][0])
    check_consistency(BOTH.sha3_256, found.sha3_256, roots[0][1], roots[1][1])
    assert found.sha256.path
    path = f"/api/v2/chain/consistency-proof?origin={before['origin']}&old=1&new=2"
    assert api.get(path, api.globex).status_code == 404


def test_readiness_shows_the_upkeep_and_no_targets_where_there_are_none(api: Api) -> None:
    health = api.client.get("/readyz").json()
    assert (health["parts"]["upkeep"], health["anchors"]) == ("ok", {})
