"""The running platform publishes and anchors by itself, and goes on after its upkeep was killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.conftest import Platform
from tests.cluster.test_platform import insisted, writer_pid

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


def until(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + 90
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.5)


def receipts(platform: Platform) -> list[Any]:
    answer = platform.client.get("/api/v2/chain/anchors")
    if answer.status_code == 503:
        return []
    return [row for row in answer.json()["items"] if row["type"] == "anchor_receipt"]


def test_receipts_appear_as_entries_and_a_dead_target_stops_no_append(platform: Platform) -> None:
    until(lambda: bool(receipts(platform)))
    assert {row["body"]["target"] for row in receipts(platform)} == {"tsa"}
    until(lambda: platform.client.get("/readyz").json()["anchors"] == {"tsa": "closed", "dead": "open"})
    assert platform.client.get("/readyz").status_code == 200
    assert insisted(platform, "beside-a-dead-target")["index"] >= 0


def test_new_evidence_is_published_without_anybody_asking(platform: Platform) -> None:
    recorded = insisted(platform, "to-be-published")
    until(lambda: platform.client.get("/api/v2/chain/head").json()["logs"][-1]["size"] > recorded["index"])


def test_anchoring_on_demand_goes_on_after_the_upkeep_was_killed(platform: Platform) -> None:
    before = len(receipts(platform))
    os.kill(writer_pid(platform, "LogUpkeep"), signal.SIGKILL)
    until(lambda: platform.client.get("/readyz").status_code == 200)
    insisted(platform, "something-new")
    assert platform.client.post("/api/v2/chain/publish").status_code == 200
    asked = platform.pcg("log", "anchor")
    assert asked.returncode == 1, asked.stderr
    assert "RECEIPT    tsa" in asked.stdout
    assert "FAILED     dead" in asked.stdout
    assert len(receipts(platform)) > before
    status = platform.pcg("log", "status")
    assert "ANCHOR  dead   rfc3161   open" in status.stdout
