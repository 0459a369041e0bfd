"""What only a real platform shows: actors in processes of their own, one of them killed, and the same answers."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.cluster.conftest import AS_OF, Platform, run

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


def document(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "out.json").read_text())
    del found["evidence"]["path"]
    return found


def test_a_scan_sent_to_the_platform_gives_what_a_scan_in_process_gives(
    platform: Platform, estate: Path, tmp_path: Path
) -> None:
    alone = {name: value for name, value in platform.environment.items() if not name.startswith("PCG_")}
    sent = platform.pcg("scan", estate, "--as-of", AS_OF, "--json", "out.json")
    here = run("scan", estate, "--as-of", AS_OF, "--json", "out.json", cwd=tmp_path, environment=alone)
    assert (sent.returncode, here.returncode) == (0, 0), sent.stderr + here.stderr
    assert document(platform.folder) == document(tmp_path)


def test_health_is_open_and_the_rest_needs_a_token(platform: Platform) -> None:
    with httpx.Client(base_url=platform.client.base_url) as stranger:
        assert stranger.get("/readyz").status_code == 200
        refused = stranger.get("/api/v2/chain/verify")
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"


def test_only_the_owner_may_read_tokens_and_keys(platform: Platform) -> None:
    secrets = [platform.folder / ".pcg" / name for name in ("tokens.json", "ray_token", "platform.json")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}


def test_a_bulk_scan_over_http_is_followed_to_its_end(platform: Platform, estate: Path) -> None:
    asked = platform.client.post(
        "/api/v2/predictions/bulk-scan",
        json={"paths": [str(estate)], "as_of": f"{AS_OF}T00:00:00Z"},
        headers={"Idempotency-Key": "bulk-1"},
    )
    assert asked.status_code == 202
    operation = finished(platform, asked.json()["operation_id"])
    assert operation["status"] == "succeeded", operation


def test_a_file_outside_the_allowed_folders_is_refused(platform: Platform) -> None:
    asked = platform.client.post("/api/v2/predictions/bulk-scan", json={"paths": ["/etc/passwd"]})
    assert asked.status_code in {403, 404, 422}
    assert "root:" not in asked.text


def test_a_scenario_runs_in_the_pool(platform: Platform, estate: Path) -> None:
    assert platform.pcg("scan", estate, "--as-of", AS_OF).returncode == 0
    worst = platform.client.get("/api/v2/violations", params={"limit": 1}).json()["items"][0]
    asked = platform.client.post(
        "/api/v2/simulator/run",
        json={"kind": "remove_policy", "policy": worst["policy_id"], "as_of": f"{AS_OF}T00:00:00Z"},
    )
    assert finished(platform, asked.json()["operation_id"])["status"] == "succeeded"
    result = platform.client.get(asked.json()["links"]["result"]).json()
    assert worst["resource_id"] in result["closed"]
    assert result["opened"] == []


def test_a_projection_runs_in_the_pool_and_its_seed_decides(platform: Platform, estate: Path) -> None:
    assert platform.pcg("costs", "import", estate / "billing", "--partial", "--as-of", AS_OF).returncode == 0
    change = {"kind": "scaling", "where": {"provider": ["Microsoft"]}, "factor": [0.5, 0.7, 0.9]}
    body = {"scenarios": [{"name": "less", "changes": [change]}], "paths": 1_500, "seed": 5}
    found = []
    for _ in range(2):
        asked = platform.client.post("/api/v2/whatif/simulate", json=body).json()
        done = finished(platform, asked["operation_id"])
        assert done["status"] == "succeeded", done
        found.append(platform.client.get(asked["links"]["result"]).json())
    assert found[0]["scenarios"] == found[1]["scenarios"]
    assert platform.client.get(f"/api/v2/evidence/{found[0]['evidence_id']}").status_code == 200


def cochange(platform: Platform, uid: str) -> dict[str, Any]:
    """What may change with a resource."""
    path = f"/api/v2/predictions/{quote(uid, safe='')}/cochange"
    answer = platform.client.get(path, params={"as_of": f"{AS_OF}T12:00:00Z"})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_the_models_answer_from_a_deployment_that_the_first_question_starts(platform: Platform, estate: Path) -> None:
    assert platform.pcg("scan", estate, "--as-of", AS_OF).returncode == 0
    found = platform.client.get("/api/v2/violations", params={"limit": 24}).json()["items"]
    uids = sorted({one["resource_id"] for one in found})

    def learned(uid: str) -> dict[str, Any]:
        path = f"/api/v2/predictions/{quote(uid, safe='')}/timeline"
        answer = platform.client.get(path, params={"as_of": f"{AS_OF}T12:00:00Z"})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()["learned"]
        return told

    deadline = time.monotonic() + 240
    while (first := learned(uids[0]))["source"] != "learned":
        assert time.monotonic() < deadline, first
        time.sleep(1)
    assert [task["task"] for task in first["tasks"]] == ["T2", "T3", "T4"]
    with ThreadPoolExecutor(4) as callers:
        together = list(callers.map(learned, uids))
    assert {one["model"] for one in together} == {first["model"]}
    operator = json.loads((platform.folder / ".pcg" / "platform.json").read_text())["key"]
    headers = {"Authorization": f"Bearer {operator}", "PolicyCortex-Tenant": "default"}
    figures = platform.client.get("/api/v2/predictions/models", headers=headers).json()
    assert figures["where"] == "a deployment of Ray Serve"
    assert figures["arms"]["serving"]["answered"] >= 1
    others = [cochange(platform, uid) for uid in uids]
    assert {one["source"] for one in others} == {"learned"}
    told = [one for other in others for one in other["candidates"]]
    assert told
    assert all(0 <= one["probability"] <= 1 and 1 <= one["hops"] <= 3 for one in told)
    assert any(one["features"] for one in told), "the head for pairs answered, not the count"


def test_a_killed_writer_loses_nothing_and_doubles_nothing(platform: Platform) -> None:
    first = platform.client.post("/api/v2/evidence/collect", json=evidence("once"))
    assert first.status_code == 201, first.text
    assert platform.client.post("/api/v2/chain/publish").status_code in {200, 201}
    before = platform.client.get("/api/v2/chain/verify").json()
    os.kill(writer_pid(platform), signal.SIGKILL)
    again = insisted(platform, "once")
    after = platform.client.get("/api/v2/chain/verify").json()
    assert again == first.json()
    assert after["ok"], after["findings"]
    assert after["entries"] >= before["entries"]
    later = insisted(platform, "after-the-restart")
    assert later["index"] > first.json()["index"]


def test_ten_thousand_lines_and_many_single_appends_are_recorded_and_proved(platform: Platform) -> None:
    content = b"\n".join(json.dumps(evidence(f"line-{number}")).encode() for number in range(10_000))
    answer = platform.client.post(
        "/api/v2/evidence/batch", content=content, headers={"Content-Type": "application/x-ndjson"}
    )
    assert answer.status_code == 201, answer.text[:500]
    receipts = [json.loads(line) for line in answer.content.splitlines()]
    assert [receipt["index"] for receipt in receipts] == list(
        range(receipts[0]["index"], receipts[0]["index"] + 10_000)
    )
    with ThreadPoolExecutor(16) as callers:
        singles = list(callers.map(lambda number: insisted(platform, f"single-{number}"), range(100)))
    assert len({receipt["evidence_id"] for receipt in singles}) == 100
    (log,) = platform.client.post("/api/v2/chain/publish").json()["logs"]
    checkpoint = platform.client.get(log["links"]["checkpoint"])
    assert checkpoint.text == log["checkpoint"]
    proof = platform.client.get(f"/api/v2/chain/merkle-proof/{singles[0]['evidence_id']}?format=tlog-proof")
    assert proof.text.endswith(log["checkpoint"])
    summary = platform.client.get("/api/v2/evidence/summary").json()
    assert summary["covered"] == log["size"]
    assert platform.pcg("log", "fsck").returncode == 0


def evidence(name: str) -> dict[str, Any]:
    return {"id": name, "subject": "planted by a test", "body": {"n": 1}, "occurred_at": f"{AS_OF}T00:00:00Z"}


def finished(platform: Platform, operation_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        operation: dict[str, Any] = platform.client.get(f"/api/v2/operations/{operation_id}").json()
        if operation["status"] in {"succeeded", "failed"}:
            return operation
        time.sleep(0.2)
    raise AssertionError(f"operation {operation_id} did not end")


def insisted(platform: Platform, key: str) -> dict[str, Any]:
    """Repeat an append until it is acknowledged, as a caller that gets 503 with Retry-After does."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = platform.client.post("/api/v2/evidence/collect", json=evidence(key))
        if answer.status_code == 201:
            receipt: dict[str, Any] = answer.json()
            return receipt
        assert answer.status_code in {503, 504}, answer.text
        time.sleep(1)
    raise AssertionError("the writer did not come back")


def writer_pid(platform: Platform, actor: str = "EvidenceChain") -> int:
    """The process of this platform's one actor of that kind."""
    found = process_of(platform, actor)
    assert found is not None
    return found


def process_of(platform: Platform, actor: str, *, is_needed: bool = True) -> int | None:
    """The process of this platform's one actor of that kind; other platforms may run on the machine."""
    root = int(json.loads((platform.folder / ".pcg" / "platform.json").read_text())["pid"])
    found = [
        int(process.name)
        for process in Path("/proc").iterdir()
        if process.name.isdigit() and _command(process).startswith(f"ray::{actor}")
    ]
    ours = [pid for pid in found if root in _ancestors(pid)]
    assert len(ours) == 1 or (not is_needed and not ours), (root, found)
    return ours[0] if ours else None


def _ancestors(pid: int) -> list[int]:
    """Parents of a process, nearest first."""
    found: list[int] = []
    while pid > 1:
        try:
            pid = int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return found
        found.append(pid)
    return found


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_text().split("\0")[0]
    except OSError:
        return ""
