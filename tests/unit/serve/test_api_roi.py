"""The P&L over HTTP: from a promise to what bills show, told as it happens, and nothing of another tenant's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assessment.billing import import_billing
from assessment.ledger import SavingTrigger
from cost.billing.store import Terms
from domain.tenancy import TenantId
from serve.bootstrap import folders_of
from serve.costs import billing_store
from serve.remote import RemotePlatform
from serve.roi import Promise
from serve.run_file import RunningPlatform
from serve.settings import Settings
from tests.unit.connectors.bills import daily, write_csv
from tests.unit.serve.api_fixture import OPERATOR_KEY, STORAGE_ID, Api, running_api
from tests.unit.serve.over_http import sent_to

ACME = TenantId("acme")
AT = datetime(2026, 1, 14, tzinfo=UTC)
APPLIED = "2025-11-15T08:00:00Z"
PREDICTED = {"low": "800", "likely": "900", "high": "1000"}


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A platform of its own whose compute costs three tenths less from the middle of November on."""
    folder: Path = tmp_path_factory.mktemp("roi")
    noise = np.exp(np.random.default_rng(3).normal(0, 0.02, 300))
    level = np.where(np.arange(300) < 245, 100.0, 70.0) * noise
    rows = [
        *daily(date(2025, 3, 15), level, ResourceId="i-1"),
        *daily(date(2025, 3, 15), [20.0] * 300, ResourceId=STORAGE_ID, ServiceName="Storage"),
    ]
    with running_api(folder) as api:
        store = billing_store(folders_of(Settings(store_dir=api.folder / "store")), ACME)
        import_billing(store, [write_csv(folder / "bill.csv", rows)], at=AT, terms=Terms(may_be_partial=True))
        assert api.scan(api.acme)["status"] == "succeeded"
        yield api


def post(api: Api, path: str, body: Mapping[str, Any], headers: dict[str, str] | None = None) -> Any:
    return api.client.post(f"/api/v2/roi/{path}", json=body, headers=api.acme if headers is None else headers)


def entered(api: Api, title: str = "Smaller machines", **fields: Any) -> dict[str, Any]:
    body = {
        "title": title,
        "currency": "USD",
        "where": {"service": ["Compute"]},
        "predicted_30_days": PREDICTED,
        "by": "role:finops",
        "at": "2025-10-01T00:00:00Z",
    }
    answer = post(api, "savings", {**body, **fields})
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = answer.json()
    return row


def applied(api: Api, **fields: Any) -> str:
    saving_id = str(entered(api, **fields)["saving_id"])
    assert post(api, f"savings/{saving_id}/approve", {"by": "role:cfo", "at": "2025-11-01T00:00:00Z"}).is_success
    assert post(api, f"savings/{saving_id}/apply", {"by": "role:platform", "at": APPLIED}).is_success
    return saving_id


def test_the_expected_loss_of_a_year_is_known_once_an_hour_has_a_value(billed: Api) -> None:
    def asked() -> dict[str, Any]:
        found: dict[str, Any] = billed.client.get("/api/v2/roi/metrics", headers=billed.acme).json()["expected_loss"]
        return found

    before = asked()
    assert before["yearly"] is None
    assert "what an hour is worth is not known" in before["reason"]

    own = {"hour_values": {STORAGE_ID: {"low": 100, "high": 400}}}
    assert billed.client.put("/api/v2/impact/assumptions", json=own, headers=billed.acme).is_success
    found = asked()

    assert found["yearly"]["now"]["mean"] > before["parts"][0]["now"]["mean"]
    assert found["yearly"]["reduction"] is found["resources_at_start"] is None
    assert found["reason"] == "no scan was made by the window's first day: the loss then is not known"
    assert (found["resources_now"], found["not_priced"]) == (before["resources_now"], 0)


def test_a_promise_is_approved_applied_and_shown_by_the_bills(billed: Api) -> None:
    saving_id = applied(billed)
    assert post(billed, "platform-cost", {"fee_month": "100", "currency": "USD"}).is_success

    found = billed.get("/api/v2/roi/dashboard").json()
    shown = billed.get(f"/api/v2/roi/savings/{saving_id}").json()

    assert found["window"]["to"] == "2026-01-07"
    (dollars,) = found["statements"]
    realised = float(dollars["realised"]["amount"])
    assert realised == pytest.approx(30 * 54, rel=0.05)
    assert float(dollars["realised"]["low"]) < realised < float(dollars["realised"]["high"])
    assert float(dollars["net"]) == pytest.approx(realised - 100 * 12 / 365 * 90, abs=0.02)
    assert dollars["rests_on"]["savings"] == [saving_id]
    assert shown["observed"]["status"] == "realised"
    assert shown["billing_rows"][0]["x_SourceFile"] == "bill.csv"
    assert "pays for itself" in " ".join(found["summary"])
    entries = [billed.get(f"/api/v2/evidence/{each}").json() for each in shown["rests_on"]["evidence_ids"]]
    assert [each["entry"]["body"]["state"] for each in entries] == ["planned", "approved", "applied"]
    assert billed.get("/api/v2/roi/metrics").json()["statements"] == found["statements"]
    assert post(billed, f"savings/{saving_id}/roll-back", {"by": "role:platform", "at": APPLIED}).is_success


def test_a_step_out_of_turn_is_a_conflict(billed: Api) -> None:
    saving_id = entered(billed)["saving_id"]
    answer = post(billed, f"savings/{saving_id}/apply", {"by": "role:platform"})
    assert (answer.status_code, answer.json()["facts"]["saving_status"]) == (409, "predicted")


def test_the_same_key_enters_one_saving(billed: Api) -> None:
    body = {"title": "t", "currency": "USD", "where": {"service": ["Compute"]}, "predicted_30_days": PREDICTED}
    headers = {**billed.acme, "Idempotency-Key": "once"}
    ids = {post(billed, "savings", {**body, "by": "role:x"}, headers).json()["saving_id"] for _ in range(2)}
    assert ids == {"sav-once"}
    kept = [each for each in billed.get("/api/v2/roi/savings").json()["items"] if each["saving_id"] == "sav-once"]
    assert len(kept) == 1


def test_a_saving_of_a_policy_concerns_what_violates_it(billed: Api) -> None:
    policy = billed.get("/api/v2/violations").json()["items"][0]["policy_id"]
    found = entered(billed, where=None, policy_id=policy)
    assert STORAGE_ID in found["where"]["resource"]


def test_listeners_hear_of_the_ledger_and_resume_where_they_were(billed: Api) -> None:
    with billed.client.websocket_connect("/ws/roi-stream", headers=billed.acme) as socket:
        assert socket.receive_json()["type"] == "ready"
        first = entered(billed, "first")
        (heard,) = socket.receive_json()["events"]
    assert heard["saving"]["saving_id"] == first["saving_id"]
    second = entered(billed, "second")
    with billed.client.websocket_connect(f"/ws/roi-stream?after={heard['id']}", headers=billed.acme) as socket:
        assert socket.receive_json()["type"] == "ready"
        (missed,) = socket.receive_json()["events"]
    assert missed["saving"]["saving_id"] == second["saving_id"]


def test_a_command_keeps_the_ledger_over_http(billed: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    sent_to(billed, monkeypatch)
    desk = RemotePlatform(RunningPlatform("http://platform", OPERATOR_KEY)).roi
    one = Decimal(1)

    promise = Promise("far", "USD", one, one, one, "role:x", {"service": ("Storage",)})
    saving_id = desk.predict(ACME, promise)["saving_id"]
    assert desk.move(ACME, saving_id, SavingTrigger.REJECT, by="role:y")["status"] == "rejected"

    assert desk.saving(ACME, saving_id)["status"] == "rejected"
    assert saving_id in {row["saving_id"] for row in desk.savings(ACME)["items"]}
    assert desk.dashboard(ACME, days=30)["window"]["days"] == 30
    assert desk.price(ACME, fee_month=one, currency="USD", where={})["fee_month"] == "1"


def test_another_tenant_sees_nothing_of_it(billed: Api) -> None:
    saving_id = entered(billed)["saving_id"]
    assert billed.get("/api/v2/roi/savings", billed.globex).json() == {"items": []}
    assert billed.get(f"/api/v2/roi/savings/{saving_id}", billed.globex).status_code == 404
    assert post(billed, f"savings/{saving_id}/approve", {"by": "role:x"}, billed.globex).status_code == 404
    assert billed.get("/api/v2/roi/dashboard", billed.globex).status_code == 404


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"where": {"service": ["Misspelled"]}}, "no billing row is selected"),
        ({"where": {"colour": ["red"]}}, "cannot be grouped"),
        ({"where": None}, "concerns no cost"),
        ({"where": None, "policy_id": "none"}, "nothing violates"),
        ({"currency": "ZZZ"}, "no such currency"),
        ({"predicted_30_days": {"low": "3", "likely": "2", "high": "1"}}, "predicted saving is not valid"),
        ({"at": "2030-01-01T00:00:00Z"}, "in the future"),
        ({"predicted_30_days": {"low": "-3", "likely": "2", "high": "1"}}, ""),
        ({"by": ""}, ""),
    ],
)
def test_a_saving_that_makes_no_sense_is_a_problem(billed: Api, fields: dict[str, Any], says: str) -> None:
    body = {"title": "t", "currency": "USD", "where": {"service": ["Compute"]}, "predicted_30_days": PREDICTED}
    answer = post(billed, "savings", {**body, "by": "role:x", **fields})
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("path", ["dashboard?days=0", "metrics?days=9999", "savings/no-id"])
def test_questions_out_of_bounds_are_problems(billed: Api, path: str) -> None:
    assert billed.get(f"/api/v2/roi/{path}").status_code == 422


def test_a_negative_fee_is_refused(billed: Api) -> None:
    assert post(billed, "platform-cost", {"fee_month": "-1", "currency": "USD"}).status_code == 422
