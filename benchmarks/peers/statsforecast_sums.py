"""Sums of the next days by statsforecast; run by `benchmarks.forecast` in an environment of its own.

    python statsforecast_sums.py SERIES.npy HORIZON,…

The series are rows; each is cut before its last days. Prints JSON: sums by method and horizon, and CPU ms a fit.
"""

import json
import sys
import time
import warnings

import numpy as np
from statsforecast.models import AutoETS, AutoTheta

YEAR = 365
METHODS = {"AutoTheta": lambda: AutoTheta(season_length=7), "AutoETS": lambda: AutoETS(season_length=7, damped=True)}


def main(arguments: list[str]) -> None:
    warnings.filterwarnings("ignore")
    series = np.load(arguments[0])
    horizons = [int(each) for each in arguments[1].split(",")]
    found: dict[str, dict[int, list[float]]] = {}
    took: dict[str, float] = {}
    for name, make in METHODS.items():
        begun = time.process_time()
        found[name] = {
            days: [float(make().forecast(y=row[: len(row) - days][-YEAR:], h=days)["mean"].sum()) for row in series]
            for days in horizons
        }
        took[name] = 1e3 * (time.process_time() - begun) / len(series) / len(horizons)
    print(json.dumps({"sums": found, "ms": took}))


if __name__ == "__main__":
    main(sys.argv[1:])
