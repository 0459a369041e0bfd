"""How well forecasts of cost hold: error of the sum beside the mean of 28 days, and how often the interval is right.

Series are synthetic, two years of days, from a seed: growth or decline, quiet weekends, noise that remembers yesterday,
and now and then a level that jumps. Each is cut before its last days, forecast, and compared with what came.

    python -m benchmarks.forecast [--series N] [--estates N] [--peers N]

`--estates N` adds the daily cost of each service of N estates of two years (`pcg estate`): synthetic too, without
noise, and all on one calendar, so that they are far fewer cases than series.

`--peers N` forecasts N of the series with statsforecast as well, in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.environments import peer
from benchmarks.report import Row, publish
from connectors.estate import write_estate
from cost.forecast import COVERAGE, Series, forecast

DAYS = 730
HORIZONS = (30, 60, 90)
POINTS_MAX = 3.0
STATSFORECAST = ("statsforecast==2.1.1",)
SCRIPT = Path(__file__).parent / "peers" / "statsforecast_sums.py"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=200)
    parser.add_argument("--estates", type=int, default=0, help="estates whose services are forecast as well")
    parser.add_argument("--peers", type=int, default=0, help="series that statsforecast is asked of as well")
    options = parser.parse_args(arguments)
    started = time.process_time()
    made = [synthetic(seed) for seed in range(options.series)]
    rows = [row for horizon in HORIZONS for row in measured(made, horizon, "series")]
    per_forecast_ms = 1e3 * (time.process_time() - started) / options.series / len(HORIZONS)
    rows.append(Row("one forecast with its back-test", per_forecast_ms, "CPU ms"))
    services = [series for seed in range(options.estates) for series in estate(seed)]
    rows += [row for horizon in HORIZONS if services for row in measured(services, horizon, "services of estates")]
    publish("forecast", [*rows, *peers(options.peers)])
    return 0


def measured(series: Sequence[Series], horizon_days: int, kind: str) -> list[Row]:
    """One horizon over all series."""
    count = len(series)
    best, mean, hits = np.zeros(count), np.zeros(count), 0
    for seed, daily in enumerate(series):
        truth = float(daily[-horizon_days:].sum())
        made = forecast(daily[:-horizon_days], horizon_days=horizon_days)
        best[seed], mean[seed] = abs(made.best.total - truth) / truth, abs(made.mean.total - truth) / truth
        assert made.best.low is not None
        assert made.best.high is not None
        hits += made.best.low <= truth <= made.best.high
    covered = 100 * hits / count
    off = abs(covered - 100 * COVERAGE)
    error, naive = 100 * float(np.median(best)), 100 * float(np.median(mean))
    name = f"{horizon_days} days, {count} {kind}"
    return [
        Row(f"{name}: median error of the sum", error, "%", f"mean of 28 days ({naive:.2f} %)", naive / error),
        Row(f"{name}: interval holds", covered, "%", "", None, f"90 % +- {POINTS_MAX:.0f}", off <= POINTS_MAX),
    ]


def estate(seed: int) -> list[Series]:
    """Daily cost of each service of an estate that has some every day."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "estate"
        write_estate(folder, resources=60, tenants=1, days=DAYS, seed=seed, as_of=datetime(2026, 11, 24, tzinfo=UTC))
        bill = pl.concat([pl.read_csv(path, infer_schema=False) for path in sorted(folder.rglob("focus-*.csv"))])
    usage = bill.filter((pl.col("ChargeCategory") == "Usage") & pl.col("ServiceName").is_not_null())
    by_day = usage.group_by("ServiceName", pl.col("ChargePeriodStart").str.slice(0, 10).alias("day")).agg(
        pl.col("EffectiveCost").cast(pl.Float64).sum()
    )
    parts = by_day.sort("ServiceName", "day").partition_by("ServiceName", maintain_order=True)
    series = [part["EffectiveCost"].to_numpy()[-DAYS:] for part in parts]
    return [each for each in series if len(each) == DAYS and each.min() > 0]


def peers(count: int) -> list[Row]:
    """Errors of statsforecast's methods on the same series, beside what is chosen here."""
    python = peer("peers-statsforecast", *STATSFORECAST) if count else None
    if python is None:
        return []
    series = np.stack([synthetic(seed) for seed in range(count)])
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file.name, series)
        command = [str(python), str(SCRIPT), file.name, ",".join(map(str, HORIZONS))]
        told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    rows = []
    for days in HORIZONS:
        truth = series[:, -days:].sum(axis=1)
        ours = np.array([forecast(row[:-days], horizon_days=days).best.total for row in series])
        chosen = 100 * float(np.mean(np.abs(ours - truth) / truth))
        for name, sums in told["sums"].items():
            error = 100 * float(np.mean(np.abs(np.array(sums[str(days)]) - truth) / truth))
            text = f"chosen by back-test ({chosen:.2f} %)"
            rows.append(Row(f"{days} days: mean error of {name}", error, "%", text, error / chosen))
    return [*rows, *(Row(f"one fit of {name}", ms, "CPU ms") for name, ms in told["ms"].items())]


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
