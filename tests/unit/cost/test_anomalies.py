"""Days that stand out from the weeks before."""

from __future__ import annotations

import numpy as np
import pytest

from cost.anomalies import anomalies


def quiet(days: int = 120, seed: int = 5) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    generator = np.random.default_rng(seed)
    week = np.where(np.arange(days) % 7 >= 5, 40.0, 100.0)
    values: np.ndarray[tuple[int], np.dtype[np.float64]] = week * generator.normal(1, 0.03, days)
    return values


def test_quiet_weeks_have_none() -> None:
    assert anomalies(quiet()) == ()


@pytest.mark.parametrize("factor", [2.0, 0.3])
def test_a_day_that_doubles_or_collapses_is_found_with_what_was_expected(factor: float) -> None:
    daily = quiet()
    daily[70] *= factor

    (found,) = anomalies(daily)

    assert found.day == 70
    assert found.expected == pytest.approx(100, rel=0.1)
    assert (found.score > 0) is (factor > 1)


def test_a_weekend_as_dear_as_a_weekday_is_found() -> None:
    daily = quiet()
    daily[75] = 100.0
    assert [each.day for each in anomalies(daily)] == [75]


def test_a_spike_does_not_hide_the_next_one() -> None:
    daily = quiet()
    daily[[63, 70, 77]] *= 3
    assert [each.day for each in anomalies(daily)] == [63, 70, 77]


def test_a_new_level_is_reported_for_a_week_and_is_then_normal() -> None:
    daily = quiet()
    daily[60:] *= 2
    assert [each.day for each in anomalies(daily)][:7] == list(range(60, 67))
    assert all(each.day < 90 for each in anomalies(daily))


def test_a_service_that_begins_is_reported_for_a_week() -> None:
    daily = np.concatenate([np.zeros(60), np.full(60, 50.0)])
    assert [each.day for each in anomalies(daily)] == list(range(60, 67))


def test_cents_are_not_worth_a_look() -> None:
    daily = quiet() / 1000
    daily[70] *= 5
    assert anomalies(daily) == ()


def test_a_series_without_history_has_none() -> None:
    assert anomalies(np.array([1.0, 1000.0, 1.0])) == ()
