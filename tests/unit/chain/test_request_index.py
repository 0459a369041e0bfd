"""The index of request ids: nothing is missed, whatever sizes it was given in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.request_index import SLOTS_MIN, RequestIndex


def filled(sizes: list[int]) -> RequestIndex:
    index, first = RequestIndex(), 0
    for size in sizes:
        index.extend([f"request-{number}" for number in range(first, first + size)], first)
        first += size
    return index


@given(st.lists(st.integers(0, 150), max_size=12))
def test_every_id_is_found_in_its_place_and_no_other_one(sizes: list[int]) -> None:
    index, total = filled(sizes), sum(sizes)
    assert all(number in index.candidates(f"request-{number}") for number in range(total))
    strangers = [f"other-{number}" for number in range(total + 20)]
    assert not index.holds_any(strangers)
    assert not any(index.candidates(name) for name in strangers)
    for known in range(0, total, 7):
        assert index.holds_any([f"request-{known}"])
        assert index.holds_any([*strangers, f"request-{known}"])


def test_large_tables_are_kept_and_followed_by_larger_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.request_index.SLOTS_REHASHED_MAX", 4 * SLOTS_MIN)
    index = filled([500] * 10)
    assert [table.slots // SLOTS_MIN for table in index._tables] == [4, 8, 16, 32, 64, 128]
    assert all(number in index.candidates(f"request-{number}") for number in range(5_000))
    assert not index.holds_any([f"other-{number}" for number in range(5_000)])


@pytest.mark.parametrize("size", [3, 40])
def test_ids_that_share_a_fingerprint_are_all_candidates(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.request_index.hash", lambda text: 0, raising=False)
    assert filled([size]).candidates("any of them") == list(range(size))
