"""What pandas takes for the same questions; run by `benchmarks.payback` in an environment of its own.

    python pandas_payback.py import FOLDER TARGET
    python pandas_payback.py policies COSTS PAIRS
    python pandas_payback.py project DAILY PATHS

Prints JSON: seconds on the clock and of CPU, the best of three where nothing is written.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd


def import_(folder: str, target: str) -> None:
    """Read a bill, give its columns their types, sum it by month and account, and write it."""
    for place, path in enumerate(sorted(Path(folder).iterdir())):
        frame = pd.read_parquet(path)
        frame["BilledCost"] = frame["BilledCost"].astype("float64")
        frame.groupby(["BillingPeriodStart", "BillingAccountId", "BillingCurrency"], observed=True)["BilledCost"].sum()
        frame.to_parquet(Path(target) / f"{place}.parquet", compression="zstd", compression_level=1)


def policies(costs: str, pairs: str) -> None:
    """Cost at risk by policy, each resource once, and overall."""
    amounts = COSTS[costs]
    found = PAIRS[pairs].drop_duplicates()
    priced = found.assign(amount=amounts.to_numpy()[found["resource"].to_numpy()])
    priced.groupby("policy")["amount"].agg(["sum", "count"])
    priced.drop_duplicates("resource")["amount"].sum()


def project(daily: str, paths: str) -> None:
    """Ten thousand paths by drawing past days' errors, summed over three horizons, with quantiles."""
    series = pd.Series(np.load(daily))
    level = series.tail(28).mean()
    errors = (series / series.rolling(28).mean() - 1).dropna().to_numpy()
    generator = np.random.default_rng(1)
    drawn = pd.DataFrame(generator.choice(errors, (90, int(paths))))
    cost = (1 + drawn) * level
    half = cost * 0.75
    for each in (cost, half, cost - half):
        sums = each.cumsum().loc[[29, 59, 89]]
        sums.quantile([0.05, 0.5, 0.95], axis=1)


COSTS: dict[str, "pd.Series[float]"] = {}
PAIRS: dict[str, pd.DataFrame] = {}
WORK = {"import": (import_, 1), "policies": (policies, 3), "project": (project, 3)}


def main(arguments: list[str]) -> None:
    work, times = WORK[arguments[0]]
    if arguments[0] == "policies":
        COSTS[arguments[1]] = pd.read_parquet(arguments[1])["amount"].astype("float64")
        PAIRS[arguments[2]] = pd.read_parquet(arguments[2])
    best = (float("inf"), 0.0)
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        work(*arguments[1:])
        best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    print(json.dumps({"wall_s": best[0], "cpu_s": best[1]}))


if __name__ == "__main__":
    main(sys.argv[1:])
