"""Who leaves memory, in which order, and who never does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shards.residency import Residency
from domain.errors import UnavailableError
from domain.tenancy import TenantId

A, B, C = TenantId("a"), TenantId("b"), TenantId("c")


def resident(budget: int, **sizes: int) -> Residency:
    residency = Residency(budget)
    for time, (name, size) in enumerate(sizes.items()):
        residency.use(TenantId(name), float(time), size_bytes=size)
    return residency


def test_the_least_recently_used_goes_first() -> None:
    residency = resident(100, a=50, b=30, c=40)
    residency.use(A, 9.0)
    assert residency.excess() == (B,)


def test_as_many_go_as_are_needed_for_what_comes() -> None:
    residency = resident(100, a=50, b=30)
    assert residency.excess(20) == ()
    assert residency.excess(60) == (A,)
    assert residency.excess(80) == (A, B)


def test_a_tenant_with_a_write_in_flight_stays() -> None:
    residency = resident(100, a=60, b=60)
    with residency.pinned(A):
        assert residency.is_pinned(A)
        assert residency.excess() == (B,)
    assert residency.excess() == (A,)


def test_where_writes_hold_the_memory_the_caller_is_asked_to_come_back() -> None:
    residency = resident(100, a=60, b=60)
    with residency.pinned(A), residency.pinned(B), pytest.raises(UnavailableError) as refusal:
        residency.excess(10, keeping=C)
    assert refusal.value.facts["retry_after_s"] == 2
    assert refusal.value.facts["missing_bytes"] == 30


def test_a_tenant_larger_than_the_budget_is_kept_alone() -> None:
    residency = resident(100, a=10, b=500)
    assert residency.excess(keeping=B) == (A,)
    residency.remove(A)
    assert residency.excess(keeping=B) == ()


def test_quiet_tenants_are_cooled_once_and_warm_again_by_use() -> None:
    residency = resident(100, a=1, b=1)
    residency.use(B, 50.0)
    assert residency.quiet(60.0, 30.0) == (A,)
    residency.cool(A)
    assert residency.quiet(60.0, 30.0) == ()
    residency.use(A, 60.0)
    assert residency.quiet(95.0, 30.0) == (B, A)


def test_a_pin_of_a_tenant_that_left_is_forgotten() -> None:
    residency = resident(100, a=1)
    residency.pin(A)
    residency.remove(A)
    residency.unpin(A)
    assert (A in residency, len(residency), residency.size_bytes(A)) == (False, 0, 0)


@given(
    st.integers(0, 500),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 100), st.booleans()), max_size=40),
)
def test_after_eviction_the_budget_holds_or_only_what_is_pinned_remains(
    budget: int, uses: list[tuple[int, int, bool]]
) -> None:
    residency = Residency(budget)
    for time, (number, size, is_pinned) in enumerate(uses):
        tenant = TenantId(f"t{number}")
        residency.use(tenant, float(time), size_bytes=size)
        if is_pinned:
            residency.pin(tenant)
    try:
        going = residency.excess()
    except UnavailableError:
        pinned = sum(residency.size_bytes(tenant) for tenant in residency if residency.is_pinned(tenant))
        assert pinned > budget
        return
    assert not any(residency.is_pinned(tenant) for tenant in going)
    for tenant in going:
        residency.remove(tenant)
    assert residency.used_bytes <= budget
