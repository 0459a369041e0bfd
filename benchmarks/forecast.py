"""How well forecasts of cost hold: error of the sum beside the mean of 28 days, and how often the interval is right.

Series are synthetic, two years of days, from a seed: growth or decline, quiet weekends, noise that remembers yesterday,
and now and then a level that jumps. Each is cut before its last days, forecast, and compared with what came.

    python -m benchmarks.forecast [--series N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.report import Row, publish
from cost.forecast import COVERAGE, Series, forecast

DAYS = 730
HORIZONS = (30, 60, 90)
POINTS_MAX = 3.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=200)
    options = parser.parse_args(arguments)
    started = time.process_time()
    rows = [row for horizon in HORIZONS for row in measured(options.series, horizon)]
    per_forecast_ms = 1e3 * (time.process_time() - started) / options.series / len(HORIZONS)
    publish("forecast", [*rows, Row("one forecast with its back-test", per_forecast_ms, "CPU ms")])
    return 0


def measured(count: int, horizon_days: int) -> list[Row]:
    """One horizon over all series."""
    best, mean, hits = np.zeros(count), np.zeros(count), 0
    for seed in range(count):
        daily = synthetic(seed)
        truth = float(daily[-horizon_days:].sum())
        made = forecast(daily[:-horizon_days], horizon_days=horizon_days)
        best[seed], mean[seed] = abs(made.best.total - truth) / truth, abs(made.mean.total - truth) / truth
        assert made.best.low is not None
        assert made.best.high is not None
        hits += made.best.low <= truth <= made.best.high
    covered = 100 * hits / count
    off = abs(covered - 100 * COVERAGE)
    error, naive = 100 * float(np.median(best)), 100 * float(np.median(mean))
    name = f"{horizon_days} days, {count} series"
    return [
        Row(f"{name}: median error of the sum", error, "%", f"mean of 28 days ({naive:.2f} %)", naive / error),
        Row(f"{name}: interval holds", covered, "%", "", None, f"90 % +- {POINTS_MAX:.0f}", off <= POINTS_MAX),
    ]


def synthetic(seed: int) -> Series:
    """A series of daily cost."""
    generator = np.random.default_rng(seed)
    day = np.arange(DAYS)
    growth = generator.uniform(-0.2, 0.6)
    week = np.where(day % 7 >= 5, generator.uniform(0.5, 1.0), 1.0)
    shocks = generator.normal(0, generator.uniform(0.01, 0.06), DAYS)
    carried = np.zeros(DAYS)
    for each in range(1, DAYS):
        carried[each] = 0.7 * carried[each - 1] + shocks[each]
    jumps = np.cumsum(np.where(generator.random(DAYS) < 1 / 180, generator.normal(0, 0.1, DAYS), 0.0))
    values: Series = 1_000 * (1 + growth) ** (day / 365) * week * np.exp(carried + jumps)
    return values


if __name__ == "__main__":
    main()
