"""Distribution shift: the same data never shifts, planted shifts are named, and few rows say nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from training.shift import BINS, ROWS_MIN, Level, counted, psi, rate_change, shifts

NAMES = ("own.age", "own.touches", "near.openings")


def drawn(rows: int, *, seed: int, moved: float = 0.0) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    values = np.abs(np.random.default_rng(seed).normal(1.5, 0.8, (rows, len(NAMES)))).astype(np.float32)
    values[:, 1] += np.float32(moved)
    return values


def test_every_row_is_counted_once_whatever_it_holds() -> None:
    values = np.array([[0.0, -3.0, np.nan], [1e-12, np.inf, 0.5], [7.0, -np.inf, 1e30]], np.float32)
    found = counted(values)
    assert found.shape == (3, BINS)
    assert found.sum(axis=1).tolist() == [3, 3, 3]
    assert found[0, 1] == 2, "zero has a bin of its own"
    assert found[2, -1] == 1, "and so has what is not a number"


def test_a_planted_shift_is_the_largest_and_large() -> None:
    found = shifts(NAMES, counted(drawn(5_000, seed=1)), counted(drawn(5_000, seed=2, moved=2.0)))
    assert (found[0].feature, found[0].level) == ("own.touches", Level.LARGE)
    assert {one.level for one in found[1:]} == {Level.STABLE}


def test_the_same_distribution_differs_by_chance_alone() -> None:
    found = [
        one
        for seed in range(20)
        for one in shifts(NAMES, counted(drawn(400, seed=seed)), counted(drawn(400, seed=seed + 100)))
    ]
    mean = np.mean([one.psi for one in found])
    assert mean == pytest.approx(np.mean([one.by_chance for one in found]), rel=0.4)
    assert {one.level for one in found} == {Level.STABLE}


@pytest.mark.parametrize("rows", [0, 1, ROWS_MIN - 1])
def test_few_rows_say_nothing(rows: int) -> None:
    found = shifts(NAMES, counted(drawn(1_000, seed=1)), counted(drawn(rows, seed=2, moved=3.0)))
    assert {one.level for one in found} == {Level.INSUFFICIENT}
    assert all(np.isfinite(one.psi) for one in found)


COUNTS = hnp.arrays(np.int64, (2, BINS), elements=st.integers(0, 1_000))


@given(COUNTS, COUNTS)
def test_the_index_is_symmetric_never_negative_and_zero_for_equals(
    one: np.ndarray[tuple[int, int], np.dtype[np.int64]], other: np.ndarray[tuple[int, int], np.dtype[np.int64]]
) -> None:
    assert (psi(one, other) >= -1e-12).all()
    np.testing.assert_allclose(psi(one, other), psi(other, one), atol=1e-9)
    np.testing.assert_allclose(psi(one, one), 0, atol=1e-12)


def test_no_features_have_no_shift() -> None:
    assert shifts((), counted(np.zeros((5, 0))), counted(np.zeros((0, 0)))) == ()


def test_a_rate_that_rose_is_said_with_its_interval() -> None:
    draw = np.random.default_rng(1)
    weeks = np.repeat(np.arange(8), 500)
    found = rate_change(0.05, draw.random(4_000) < 0.15, weeks)
    assert found.has_changed
    assert found.now.low < 0.15 < found.now.high
    alternating = np.arange(4_000) % 500 < np.where(weeks % 2, 50, 100)
    assert rate_change(0.15, alternating, weeks).has_changed is False


def test_a_rate_without_rows_weeks_or_reference_is_not_known() -> None:
    one_week = np.zeros(50, np.int64)
    assert rate_change(0.1, np.zeros(0, np.bool_), np.zeros(0, np.int64)).has_changed is None
    assert rate_change(0.1, np.ones(50, np.bool_), one_week).has_changed is None
    assert rate_change(float("nan"), np.ones(50, np.bool_), np.arange(50) % 5).has_changed is None
