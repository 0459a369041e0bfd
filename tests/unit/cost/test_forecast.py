"""Forecasts of sums: chosen by back-test, the 28-day mean beside them, intervals that hold."""

from __future__ import annotations

import numpy as np
import pytest

from cost.forecast import Forecast, Method, Series, forecast
from domain.errors import InputError


def series(seed: int, days: int = 365, *, growth: float = 0.0, weekend: float = 1.0, noise: float = 0.05) -> Series:
    """Synthetic daily cost with growth, quiet weekends, and noise that remembers yesterday."""
    generator = np.random.default_rng(seed)
    level = 100 * (1 + growth) ** (np.arange(days) / 365)
    week = np.where(np.arange(days) % 7 >= 5, weekend, 1.0)
    shocks = generator.normal(0, noise, days)
    carried = np.zeros(days)
    for day in range(1, days):
        carried[day] = 0.6 * carried[day - 1] + shocks[day]
    values: Series = level * week * np.exp(carried)
    return values


def test_a_flat_series_costs_what_it_cost() -> None:
    found = forecast(np.full(200, 10.0), horizon_days=30)

    assert found.best.total == pytest.approx(300)
    assert (found.best.method, found.best.error) == (Method.MEAN_28, 0.0)
    assert found.best.low == pytest.approx(300)
    assert found.best.high == pytest.approx(300)


def test_a_growing_series_is_forecast_better_than_by_its_mean() -> None:
    daily = series(1, 730, growth=1.0, noise=0.01)

    found = forecast(daily[:-90], horizon_days=90)

    truth = float(daily[-90:].sum())
    assert found.best.method is Method.THETA
    assert abs(found.best.total - truth) < abs(found.mean.total - truth)


def test_quiet_weekends_count_where_the_horizon_is_no_whole_week() -> None:
    daily = series(2, 371, weekend=0.2, noise=0.01)

    found = forecast(daily, horizon_days=2)

    assert found.best.method is not Method.MEAN_28
    assert found.best.error is not None
    assert found.mean.error is not None
    assert found.best.error < found.mean.error


def test_the_mean_is_always_beside_the_best() -> None:
    found = forecast(series(3), horizon_days=30)

    assert found.mean.method is Method.MEAN_28
    assert found.mean.total == pytest.approx(series(3)[-28:].mean() * 30)


def test_a_short_series_has_a_mean_and_no_interval() -> None:
    found = forecast(np.full(30, 2.0), horizon_days=30)

    assert found == Forecast(30, 0, found.mean, found.mean)
    assert found.mean.total == pytest.approx(60)
    assert found.mean.low is found.mean.error is None


@pytest.mark.parametrize(("days", "horizon"), [(27, 30), (100, 0), (100, 366)])
def test_what_cannot_be_forecast_is_refused(days: int, horizon: int) -> None:
    with pytest.raises(InputError):
        forecast(np.ones(days), horizon_days=horizon)


def test_the_same_series_gives_the_same_forecast() -> None:
    assert forecast(series(4), horizon_days=30) == forecast(series(4), horizon_days=30)


def test_intervals_hold_about_as_often_as_they_say() -> None:
    hits = 0
    for seed in range(60):
        daily = series(100 + seed, 400, growth=0.1, weekend=0.7)
        found = forecast(daily[:-30], horizon_days=30)
        assert found.best.low is not None
        assert found.best.high is not None
        hits += found.best.low <= daily[-30:].sum() <= found.best.high
    assert hits >= 48
