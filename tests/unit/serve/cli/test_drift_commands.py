"""`pcg drift` on a store of its own, and as one comparison for a pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serve.cli.errors import run

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:orders"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def state(delay: int = 5) -> None:
    attributes = {"id": "q", "arn": QUEUE, "name": "orders", "delay_seconds": delay}
    row = {"mode": "managed", "type": "aws_sqs_queue", "name": "orders", "instances": [{"attributes": attributes}]}
    body = {"version": 4, "lineage": "x", "terraform_version": "1", "resources": [row]}
    Path("shop.tfstate").write_text(json.dumps(body))


def export(delay: int) -> None:
    record = {
        "service": "sqs", "operation": "GetQueueAttributes", "account": "123456789012", "region": "eu-central-1",
        "parameters": {}, "data": {"Attributes": {"QueueArn": QUEUE, "DelaySeconds": str(delay)}},
    }  # fmt: skip
    Path("export.ndjson").write_text(json.dumps(record))


def pcg(*arguments: str, code: int = 0) -> None:
    assert run(list(arguments)) == code


def document(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    pcg(*arguments, "--json", "-", code=code)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_pipeline_compares_once_and_fails_where_it_is_told_to(capsys: pytest.CaptureFixture[str]) -> None:
    state()
    export(5)
    pcg("drift", "check", "export.ndjson", "--baseline", "shop.tfstate", "--fail-on", "low")
    export(9)
    asked = ("drift", "check", "export.ndjson", "--baseline", "shop.tfstate")
    found = document(capsys, *asked, "--fail-on", "low", code=1)
    assert found["items"][0]["attributes"] == [{"path": "DelaySeconds", "expected": 5, "actual": "9"}]
    pcg("drift", "check", "export.ndjson", "--baseline", "shop.tfstate", "--fail-on", "critical")
    assert "DelaySeconds: 5 -> 9" in capsys.readouterr().out
    assert not Path(".pcg").exists()


def test_baselines_are_kept_listed_and_withdrawn(capsys: pytest.CaptureFixture[str]) -> None:
    state()
    export(9)
    pcg("scan", "export.ndjson", "--quiet")
    pcg("drift", "baseline", "shop.tfstate")
    assert "shop   terraform-state   1 resources" in capsys.readouterr().out
    found = document(capsys, "drift", "list")
    assert [(row["kind"], row["resource_id"]) for row in found["items"]] == [("changed", QUEUE)]
    assert document(capsys, "drift", "list", "--kind", "missing")["items"] == []
    pcg("drift", "list", "--fail-on", "low", code=1)
    assert [row["name"] for row in document(capsys, "drift", "baselines")["items"]] == ["shop"]
    pcg("drift", "withdraw", "shop")
    assert document(capsys, "drift", "list")["items"] == []
    pcg("drift", "withdraw", "shop", code=2)
    pcg("drift", "baselines")
    assert "No baseline" in capsys.readouterr().out


def test_a_scan_finds_the_drift_that_it_brings(capsys: pytest.CaptureFixture[str]) -> None:
    state()
    export(5)
    pcg("scan", "export.ndjson", "--quiet", "--as-of", "2026-01-01")
    pcg("drift", "baseline", "shop.tfstate", "--name", "payments")
    assert document(capsys, "drift", "list")["total"] == 0
    export(9)
    pcg("scan", "export.ndjson", "--quiet", "--as-of", "2026-01-02")
    (row,) = document(capsys, "drift", "list", "--baseline", "payments")["items"]
    assert row["detected_at"] == "2026-01-02T00:00:00Z"
    evidence = document(capsys, "evidence", "list", "--type", "DriftDetected")
    assert len(evidence["evidence"]) == 1


def test_an_export_is_approved_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    export(9)
    pcg("scan", "export.ndjson", "--quiet")
    pcg("drift", "baseline", "export.ndjson", "--approve", code=2)
    pcg("drift", "baseline", "export.ndjson", "--approve", "--name", "approved")
    assert document(capsys, "drift", "list")["total"] == 0


def test_an_audit_log_says_who_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    state()
    export(9)
    pcg("scan", "export.ndjson", "--quiet")
    pcg("drift", "baseline", "shop.tfstate")
    record = {
        "eventTime": "2026-01-15T11:00:00Z", "eventSource": "sqs.amazonaws.com", "eventName": "SetQueueAttributes",
        "eventID": "e1", "userIdentity": {"arn": "arn:aws:iam::123456789012:user/alice"},
        "requestParameters": {"queueUrl": "https://sqs/123456789012/orders"},
    }  # fmt: skip
    Path("trail.json").write_text(json.dumps({"Records": [record]}))
    pcg("drift", "audit", "trail.json")
    pcg("drift", "list")
    assert "by arn:aws:iam::123456789012:user/alice with sqs:SetQueueAttributes" in capsys.readouterr().out


def test_subscriptions_are_added_listed_and_ended(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pcg("drift", "subscribe", "http://127.0.0.1:9/", code=2)
    monkeypatch.setenv("PCG_WEBHOOK_ALLOWED", "127.0.0.1, hooks.internal")
    made = document(capsys, "drift", "subscribe", "http://127.0.0.1:9/", "--severity", "high", "--event", "detected")
    assert made["secret"].startswith("whsec_")
    pcg("drift", "subscriptions")
    shown = capsys.readouterr().out
    assert made["subscription_id"] in shown
    assert made["secret"] not in shown
    pcg("drift", "unsubscribe", made["subscription_id"])
    assert document(capsys, "drift", "subscriptions")["items"] == []
    pcg("drift", "unsubscribe", made["subscription_id"], code=2)
    pcg("drift", "subscribe", "http://127.0.0.1:9/", "--event", "odd", code=2)
