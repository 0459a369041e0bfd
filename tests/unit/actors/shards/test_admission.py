"""What is taken, what is refused with which status, and when to come back."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from actors.shards.admission import BUCKETS_MAX, Admission, Limits, Work
from domain.errors import UnavailableError
from domain.tenancy import TenantId

ACME, GLOBEX = TenantId("acme"), TenantId("globex")


def take(admission: Admission, tenant: TenantId, work: Work, now_s: float = 0.0) -> None:
    with admission.admitted(tenant, work, now_s):
        pass


def test_a_tenant_that_asks_too_much_gets_429_and_others_do_not_suffer() -> None:
    admission = Admission(Limits(rate_per_s=0.1, burst=3))
    for _ in range(3):
        take(admission, ACME, Work.READ)
    with pytest.raises(UnavailableError) as refusal:
        take(admission, ACME, Work.READ)
    assert refusal.value.facts["status"] == 429
    assert refusal.value.facts["retry_after_s"] == 10
    take(admission, GLOBEX, Work.READ)


def test_time_gives_tokens_back_up_to_the_burst() -> None:
    admission = Admission(Limits(rate_per_s=1.0, burst=2))
    for now_s in (0.0, 0.0, 1.0, 100.0, 100.0):
        take(admission, ACME, Work.READ, now_s)
    with pytest.raises(UnavailableError):
        take(admission, ACME, Work.READ, 100.0)


def test_a_clock_that_goes_back_gives_nothing() -> None:
    admission = Admission(Limits(rate_per_s=1.0, burst=1))
    take(admission, ACME, Work.READ, 50.0)
    with pytest.raises(UnavailableError):
        take(admission, ACME, Work.READ, 10.0)


@pytest.mark.parametrize("work", list(Work))
def test_a_full_shard_answers_503_for_that_kind_of_work_only(work: Work) -> None:
    admission = Admission(Limits(reads=1, writes=1, hydrations=1))
    with admission.admitted(ACME, work, 0.0):
        with pytest.raises(UnavailableError) as refusal:
            take(admission, GLOBEX, work)
        for other in set(Work) - {work}:
            take(admission, GLOBEX, other)
    assert "status" not in refusal.value.facts
    assert refusal.value.facts["retry_after_s"] == 1
    assert admission.running(work) == 0
    take(admission, GLOBEX, work)


def test_one_tenants_writes_do_not_take_every_place() -> None:
    admission = Admission(Limits(writes_per_tenant=2, writes=3))
    with ExitStack() as running:
        for _ in range(2):
            running.enter_context(admission.admitted(ACME, Work.WRITE, 0.0))
        with pytest.raises(UnavailableError) as refusal:
            take(admission, ACME, Work.WRITE)
        take(admission, GLOBEX, Work.WRITE)
    assert refusal.value.facts["status"] == 429
    take(admission, ACME, Work.WRITE)


def test_a_request_that_fails_gives_its_place_back() -> None:
    admission = Admission(Limits(writes=1))
    with pytest.raises(ValueError, match="broken"), admission.admitted(ACME, Work.WRITE, 0.0):
        raise ValueError("broken")
    assert admission.running(Work.WRITE) == 0


def test_memory_of_those_who_asked_is_bounded() -> None:
    admission = Admission(Limits())
    for number in range(BUCKETS_MAX + 10):
        take(admission, TenantId(f"t{number}"), Work.READ)
    assert len(admission._buckets) == BUCKETS_MAX
