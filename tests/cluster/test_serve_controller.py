"""The controller of Ray Serve is killed while people publish and read over HTTP: nothing of it is theirs to notice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any, Final

import httpx
import pytest

from tests.cluster.conftest import Platform
from tests.cluster.test_platform import process_of, writer_pid

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

RESUME_S: Final = 30.0
CONTROLLER: Final = "ServeController"
TENANTS: Final = ("default", "globex")


@dataclass
class Caller:
    """One tenant's publisher and reader, and what it was told."""

    tenant: str
    client: httpx.Client
    acknowledged: list[int] = field(default_factory=list)
    gap_s: float = 0.0
    reads: int = 0
    wrong: list[str] = field(default_factory=list)
    _stopping: Event = field(default_factory=Event)

    @property
    def uid(self) -> str:
        return f"arn:aws:sqs:eu-central-1:123456789012:{self.tenant}-controller"

    def item(self, number: int) -> dict[str, Any]:
        return {
            "provider": "aws",
            "type": "AWS::SQS::Queue",
            "scope": "/accounts/123456789012",
            "region": "eu-central-1",
            "properties": {"DelaySeconds": number},
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [Thread(target=self._publish, daemon=True), Thread(target=self._read, daemon=True)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join(60)

    def wait_for_reads(self, count: int) -> None:
        wanted, end = self.reads + count, time.monotonic() + 120
        while self.reads < wanted:
            assert time.monotonic() < end, f"{self.tenant} is not answered"
            time.sleep(0.05)

    def settled(self) -> dict[str, Any]:
        """The resource, once every acknowledged change is in the graph store."""
        end = time.monotonic() + 120
        while self.client.get("/api/v2/graph/status").json().get("changes_waiting") != 0:
            assert time.monotonic() < end, "changes wait"
            time.sleep(0.2)
        row: dict[str, Any] = self.client.get(f"/api/v2/resources/{self.uid}").json()
        return row

    def _publish(self) -> None:
        number = 0
        while not self._stopping.is_set():
            number += 1
            event = {"uid": self.uid, "at": datetime.now(UTC).isoformat(), "item": self.item(number)}
            batch = {"batch_id": f"controller-{self.tenant}-{number}", "source": "drill", "events": [event]}
            while not self._stopping.is_set() and not self._is_taken(batch):
                time.sleep(0.2)
            if not self._stopping.is_set():
                self.acknowledged.append(number)
            time.sleep(0.05)

    def _is_taken(self, batch: dict[str, Any]) -> bool:
        try:
            answer = self.client.post("/api/v2/changes", json=batch)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and len(answer.json()["batches"]) == 1

    def _read(self) -> None:
        answered = time.monotonic()
        other = next(tenant for tenant in TENANTS if tenant != self.tenant)
        while not self._stopping.is_set():
            try:
                answer = self.client.get(f"/api/v2/resources/{self.uid}")
                foreign = self.client.get(f"/api/v2/resources/{self.uid.replace(self.tenant, other)}")
            except httpx.HTTPError:
                continue
            if foreign.status_code == 200 or (answer.status_code == 200 and answer.json()["resource_id"] != self.uid):
                self.wrong.append(f"{self.tenant} saw {foreign.text[:200]} {answer.text[:200]}")
            if answer.status_code in {200, 404}:
                now = time.monotonic()
                self.gap_s, answered = max(self.gap_s, now - answered), now
                self.reads += 1
            time.sleep(0.02)
        self.gap_s = max(self.gap_s, time.monotonic() - answered)


@pytest.fixture
def callers(platform: Platform) -> Iterator[list[Caller]]:
    found = []
    for tenant in TENANTS:
        token = platform.pcg("token", "--tenant", tenant).stdout.strip()
        headers = {"Authorization": f"Bearer {token}"}
        client = httpx.Client(base_url=platform.client.base_url, headers=headers, timeout=20)
        found.append(Caller(tenant, client))
    yield found
    for caller in found:
        caller.client.close()


def test_a_killed_controller_comes_back_and_no_caller_loses_anything(platform: Platform, callers: list[Caller]) -> None:
    one, two = callers
    before = writer_pid(platform, CONTROLLER)
    with one.running(), two.running():
        for caller in callers:
            caller.wait_for_reads(10)
        os.kill(before, signal.SIGKILL)
        for caller in callers:
            caller.wait_for_reads(40)
        end = time.monotonic() + 120
        while (now := process_of(platform, CONTROLLER, is_needed=False)) in {None, before}:
            assert time.monotonic() < end, "there is no new controller"
            time.sleep(0.5)
        for caller in callers:
            caller.wait_for_reads(10)
    assert now != before
    for caller in callers:
        assert caller.wrong == []
        assert caller.gap_s <= RESUME_S
        assert caller.acknowledged
        row = caller.settled()
        versions = caller.client.get(f"/api/v2/resources/{caller.uid}/history").json()["items"]
        numbers = [version["at"] for version in versions]
        assert row["properties"]["DelaySeconds"] >= caller.acknowledged[-1]
        assert len(set(numbers)) == len(numbers)
        assert len(numbers) in {len(caller.acknowledged), len(caller.acknowledged) + 1}
