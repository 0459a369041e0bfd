"""Paths of cost: as wide as the interval, day by day, and the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from cost.forecast_paths import block_generator, outlook
from domain.errors import InputError
from tests.unit.cost.test_forecast import series

HORIZONS = (30, 60, 90)


def test_paths_follow_the_forecast_and_spread_as_its_interval() -> None:
    look = outlook(series(5, 500, weekend=0.6), horizons=HORIZONS)

    sums = look.paths(block_generator(1, 0), 8_000).cumsum(axis=1)

    for made in look.forecasts:
        assert made.best.high is not None
        drawn = sums[:, made.horizon_days - 1]
        assert np.median(drawn) == pytest.approx(made.best.total, rel=0.01)
        inside = np.abs(drawn - made.best.total) <= made.best.high - made.best.total
        assert inside.mean() == pytest.approx(0.9, abs=0.03)


def test_all_horizons_are_forecast_by_one_method() -> None:
    look = outlook(series(6, 500, growth=0.5), horizons=HORIZONS)
    assert {made.best.method for made in look.forecasts} == {look.method}


def test_quiet_weekends_stay_quiet_on_paths() -> None:
    look = outlook(series(7, 504, weekend=0.2, noise=0.01), horizons=(28,))
    means = look.paths(block_generator(1, 0), 500).mean(axis=0).reshape(4, 7).mean(axis=0)
    if look.method.value == "mean of 28 days":
        pytest.skip("the mean knows no weekdays")
    assert means.min() < 0.4 * means.max()


def test_equal_blocks_are_equal_and_others_are_not() -> None:
    look = outlook(series(8, 400), horizons=HORIZONS)
    first, again, other = (look.paths(block_generator(9, block), 50) for block in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_short_series_has_one_path() -> None:
    look = outlook(series(9, 60), horizons=HORIZONS)
    paths = look.paths(block_generator(1, 0), 10)
    assert look.certain_days == 0
    assert np.ptp(paths, axis=0) == pytest.approx(0)


def test_no_path_of_a_cost_falls_below_zero() -> None:
    wild = np.abs(np.random.default_rng(1).normal(0, 1, 400)) ** 4
    assert outlook(wild, horizons=HORIZONS).paths(block_generator(1, 0), 200).min() >= 0


@pytest.mark.parametrize("horizons", [(), (60, 30), (30, 30)])
def test_horizons_that_do_not_grow_are_refused(horizons: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="horizons"):
        outlook(series(1), horizons=horizons)
