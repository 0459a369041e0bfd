"""The thread that has stores follow what is shown."""

from __future__ import annotations

from threading import Event

import pytest

from actors.shards.due import RETRY_MIN_S
from actors.shards.writing import Writing
from domain.errors import UnavailableError
from domain.tenancy import TenantId
from tests.unit.actors.shards.tenants import Watch

ACME, GLOBEX = TenantId("acme"), TenantId("globex")


def test_a_tenant_is_written_until_nothing_is_left_and_one_that_fails_stops_no_other() -> None:
    left, watch = {ACME: 2, GLOBEX: 1}, Watch()
    asked: list[TenantId] = []

    def write(tenant: TenantId) -> bool:
        asked.append(tenant)
        if tenant == GLOBEX and asked.count(GLOBEX) == 1:
            raise UnavailableError("the store is down")
        left[tenant] -= 1
        return left[tenant] > 0

    writing = Writing(write, lambda _: True, now_s=watch)
    writing.tell(ACME)
    writing.tell(GLOBEX)
    for _ in range(3):
        writing.tick()
    assert (asked, left) == ([ACME, GLOBEX, ACME], {ACME: 0, GLOBEX: 1})
    watch.now_s += RETRY_MIN_S
    writing.tick()
    assert left == {ACME: 0, GLOBEX: 0}


def test_its_thread_writes_what_it_is_told_and_a_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shards.writing.GATHER_S", 0.0)
    written = Event()

    def write(tenant: TenantId) -> bool:
        written.set()
        return False

    writing = Writing(write, lambda _: True)
    writing.begin()
    writing.tell(ACME)
    assert written.wait(30)
    assert not writing.has_failed
    writing.stop()
