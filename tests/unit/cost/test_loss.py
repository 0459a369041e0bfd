"""Losses as distributions: seeds reproduce, mending never makes it worse, and means are those of the ranges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cost.loss import YEARS_MAX, Figure, Range, Threat, simulate
from domain.errors import InputError


def test_nine_of_ten_outcomes_lie_in_the_range() -> None:
    drawn = Range(10, 1_000).draw(40_000, np.random.default_rng(1))
    inside = ((drawn >= 10) & (drawn <= 1_000)).mean()
    assert inside == pytest.approx(0.9, abs=0.01)
    assert drawn.mean() == pytest.approx(Range(10, 1_000).mean, rel=0.05)


def test_a_range_of_one_value_is_that_value_and_one_from_zero_is_even() -> None:
    assert set(Range(5, 5).draw(10, np.random.default_rng(1))) == {5.0}
    drawn = Range(0, 8).draw(20_000, np.random.default_rng(1))
    assert drawn.max() <= 8
    assert drawn.mean() == pytest.approx(Range(0, 8).mean, rel=0.02)
    assert Range(2, 4).scaled(3) == Range(6, 12)


def test_a_year_s_loss_is_how_often_times_how_much() -> None:
    threat = Threat("t", Range(3, 3), Range(100, 100), share_before=0.5, share_after=0.1)
    years = simulate([threat], years=50_000, random=np.random.default_rng(2))
    assert years.before.mean() == pytest.approx(150, rel=0.02)
    assert years.after.mean() == pytest.approx(30, rel=0.05)
    assert years.reduction.mean == pytest.approx(120, rel=0.03)


@settings(deadline=None, max_examples=30)
@given(
    yearly=st.floats(0, 5), low=st.floats(0, 100), wide=st.floats(0, 1_000),
    before=st.floats(0, 1), share=st.floats(0, 1), seed=st.integers(0, 99),
)  # fmt: skip
def test_no_year_is_worse_when_mended(
    yearly: float, low: float, wide: float, before: float, share: float, seed: int
) -> None:
    threat = Threat("t", Range(yearly, yearly * 2), Range(low, low + wide), before, before * share)
    years = simulate([threat, threat], years=200, random=np.random.default_rng(seed))
    assert (years.after <= years.before).all()
    again = simulate([threat, threat], years=200, random=np.random.default_rng(seed))
    assert (years.before == again.before).all()


def test_without_threats_nothing_is_lost() -> None:
    years = simulate([], years=10, random=np.random.default_rng(0))
    assert years.reduction == Figure(0.0, 0.0, 0.0)
    assert Figure.of(np.zeros(0)) == Figure(0.0, 0.0, 0.0)


@pytest.mark.parametrize(("low", "high"), [(-1, 2), (3, 2), (float("nan"), 1), (0, float("inf"))])
def test_what_is_no_range_is_refused(low: float, high: float) -> None:
    with pytest.raises(InputError, match="range"):
        Range(low, high)


def test_bounds_are_kept() -> None:
    rare = Threat("t", Range(1, 1), Range(1, 1))
    for years in (0, YEARS_MAX + 1):
        with pytest.raises(InputError, match="years"):
            simulate([rare], years=years, random=np.random.default_rng(0))
    with pytest.raises(InputError, match="too many events"):
        simulate([Threat("t", Range(9_000, 9_000), Range(1, 1))], years=100_000, random=np.random.default_rng(0))
    with pytest.raises(InputError, match="too frequent"):
        Threat("t", Range(1, 20_000), Range(1, 1))
    with pytest.raises(InputError, match="worse"):
        Threat("t", Range(1, 1), Range(1, 1), share_before=0.2, share_after=0.5)


def test_a_seed_brings_the_same_events_whatever_they_cost() -> None:
    def years(magnitude: Range) -> NDArray[np.bool_]:
        threats = [Threat(name, Range(0.2, 2), magnitude, share_after=0.3) for name in ("a", "b")]
        found = simulate(threats, years=500, random=np.random.default_rng(4))
        return np.column_stack([found.before > 0, found.after > 0])

    assert np.array_equal(years(Range(1, 1)), years(Range(5, 90)))
    assert 0 < years(Range(1, 1)).sum() < 1_000
