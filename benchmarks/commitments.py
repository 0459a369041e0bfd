"""The choice of commitments on demand that it has not seen, beside four simple rules.

`python -m benchmarks.commitments [--paths 1200] [--seed 7] [--json FILE]`

Demand is generated and labelled so: six kinds of a year of history and a year that follows, equally many paths of
each: steady, growing, falling as before, falling without warning, seasonal, and bursts. The choice sees the history
alone; costs are of the year that follows. Reported for each kind and for all: cost as a share of on-demand cost for
the choice, a ladder of it, and the four rules; the share of paths on which the choice costs no more than the best of
the four, which is known only afterwards; and regret to the best level for the path itself.

Before a fall without warning demand looks as steady demand does, so one level must serve both. The last line says what
that costs at least: buyers who know the year to come if it is steady, and the law of falls, choose the level for each
path that makes falls cheapest while steady years are no dearer than under the best rule; how much more than under the
best rule falls cost them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from cost.commitment_scenarios import Floats, Scenarios, project
from cost.commitments import RULES, Choice, Offer, best_in_hindsight, choose, costs_of, ladder

KINDS: Final = ("steady", "growing", "falling", "sudden fall", "seasonal", "bursts")
YEAR: Final = 365
OFFER: Final = Offer("one year", 0.72)
SCENARIOS: Final = 200
FALLS: Final = 20
FIXED: Final[tuple[Callable[[Floats], float], ...]] = (
    lambda _: 0.0,
    lambda recent: float(recent.min()),
    lambda recent: float(recent.mean()),
)
"""The rules whose level does not depend on what is held."""


def demand(kind: str, random: np.random.Generator) -> Floats:
    """Two years of daily demand of one kind."""
    days = np.arange(2 * YEAR)
    level = np.exp(random.normal(np.log(1_000), 0.8))
    weekend = np.where(days % 7 >= 5, random.uniform(0.5, 1.0), 1.0)
    noise = np.exp(_noise(2 * YEAR, random))
    logs = np.zeros(2 * YEAR)
    if kind == "growing":
        logs = days / YEAR * random.uniform(0.05, 0.6)
    elif kind == "falling":
        logs = -days / YEAR * random.uniform(0.1, 0.8)
    elif kind == "sudden fall":
        logs = fall_of(random)
    elif kind == "seasonal":
        logs = random.uniform(0.05, 0.3) * np.sin(2 * np.pi * (days / YEAR + random.uniform()))
    elif kind == "bursts":
        logs = np.where(random.uniform(size=2 * YEAR) < 0.05, random.uniform(0.3, 1.2), 0.0)
    made: Floats = level * weekend * noise * np.exp(logs)
    return made


def _noise(days: int, random: np.random.Generator) -> Floats:
    """Noise that remembers: each day's is 0.7 of the day before's and something new."""
    fresh = random.normal(0, random.uniform(0.01, 0.08), days)
    kept = np.zeros(days)
    for day in range(1, days):
        kept[day] = 0.7 * kept[day - 1] + fresh[day]
    return kept


def one(kind: str, random: np.random.Generator) -> dict[str, float]:
    """Choose on the first year of a path; costs of the second, as shares of its on-demand cost."""
    path = demand(kind, random)
    history, future = path[:YEAR], path[YEAR:][None, :]
    current = float(history[:90].mean() * random.uniform(0.0, 1.2))
    scenarios = project(history, days=YEAR, paths=SCENARIOS, random=random)
    choice = choose(scenarios, OFFER, history=history, current=current)
    levels = np.array([choice.outlook.level, *(choice.rules[rule].level for rule in RULES)])
    costs = costs_of(future, levels, OFFER.rate)[:, 0] / future.sum()
    best = float(best_in_hindsight(future, OFFER.rate)[0] / future.sum())
    return {
        "choice": float(costs[0]),
        **dict(zip(RULES, map(float, costs[1:]), strict=True)),
        "best": best,
        "is_robust": float(choice.is_robust),
        "ladder": _laddered(choice, future),
        "is_quantile": float(choice.rule == "quantile"),
    }


def _laddered(choice: Choice, future: Floats) -> float:
    alone = Scenarios(future, np.zeros(1, np.int8), ("future",), np.ones(1))
    return ladder(alone, OFFER, choice.outlook.level).cost / float(future.sum())


def least_over_in_falls(paths: int, seed: int) -> dict[str, float]:
    """Cost of falls without warning over the best rule's, for a buyer who is no worse than a rule in steady years."""
    steady, falls = zip(*(_both_years(stream) for stream in np.random.default_rng(seed).spawn(paths)), strict=True)
    calm, hit = np.stack(steady), np.stack(falls)
    rules = slice(-len(FIXED), None)
    at_most, best_rule = calm[:, rules].mean(axis=0).min(), hit[:, rules].mean(axis=0).min()
    free = slice(0, -len(FIXED))
    for price in np.geomspace(0.01, 100, 200):
        taken = (price * calm[:, free] + hit[:, free]).argmin(axis=1)
        at = (np.arange(paths), taken)
        if calm[at].mean() <= at_most:
            break
    return {"bound": float(hit[at].mean()), "best_rule": float(best_rule), "over": float(hit[at].mean() - best_rule)}


def _both_years(random: np.random.Generator) -> tuple[Floats, Floats]:
    """What levels cost in a steady year, and on average over falls in it; the levels of the rules stand last."""
    path = demand("steady", random)
    history, future = path[:YEAR], path[YEAR:]
    recent = history[-28:]
    levels = np.concatenate([np.arange(0.0, 1.4, 0.01) * recent.mean(), [rule(recent) for rule in FIXED]])
    fallen = [fall_of(random)[YEAR:] for _ in range(FALLS)]
    years = np.stack([future, *(future * np.exp(fall) for fall in fallen)])
    costs = costs_of(years, levels, OFFER.rate) / years.sum(axis=1)
    return costs[:, 0], costs[:, 1:].mean(axis=1)


def fall_of(random: np.random.Generator) -> Floats:
    """Logarithm of the level over two years: a share of demand goes for good on some day of the second."""
    at = random.integers(YEAR, 2 * YEAR)
    fallen: Floats = np.where(np.arange(2 * YEAR) >= at, np.log(1 - random.uniform(0.1, 0.6)), 0.0)
    return fallen


def summary(found: list[dict[str, float]]) -> dict[str, Any]:
    """What some paths come to."""
    columns = {name: np.array([each[name] for each in found]) for name in found[0]}
    rules = np.stack([columns[rule] for rule in RULES])
    afterwards = rules.min(axis=0)
    means = {name: float(columns[name].mean()) for name in ("choice", "ladder", *RULES, "best")}
    regret = columns["choice"] - columns["best"]
    return {
        "paths": len(found),
        "cost": means,
        "best_rule": min(RULES, key=lambda rule: means[rule]),
        "over_best_rule": means["choice"] - min(means[rule] for rule in RULES),
        "no_worse_than_best_of_four": float((columns["choice"] <= afterwards + 1e-12).mean()),
        "worse_by_at_most": float((columns["choice"] - afterwards).max()),
        "regret": {
            "mean": float(regret.mean()),
            "p95": float(np.quantile(regret, 0.95)),
            "largest": float(regret.max()),
        },
        "regret_of_rules": {rule: float((columns[rule] - columns["best"]).mean()) for rule in RULES},
        "robust": float(columns["is_robust"].mean()),
    }


def measure(paths: int, seed: int) -> dict[str, Any]:
    """Every kind, and all together; the same seed gives the same figures."""
    streams = np.random.default_rng(seed).spawn(paths)
    found = [
        (KINDS[place % len(KINDS)], one(KINDS[place % len(KINDS)], stream)) for place, stream in enumerate(streams)
    ]
    by_kind = {kind: summary([each for name, each in found if name == kind]) for kind in KINDS}
    return {
        "seed": seed,
        "offer_rate": OFFER.rate,
        "falls": least_over_in_falls(paths // len(KINDS), seed + 1),
        "all": summary([each for _, each in found]),
        "kinds": by_kind,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paths", type=int, default=1_200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    started = time.process_time()
    found = measure(given.paths, given.seed) | {"cpu_s": round(time.process_time() - started, 1)}
    for name, row in {"all": found["all"], **found["kinds"]}.items():
        costs = "  ".join(f"{key} {value:.4f}" for key, value in row["cost"].items())
        sys.stdout.write(
            f"{name:12} {costs}  over best rule {row['over_best_rule']:+.4f}"
            f"  no worse on {row['no_worse_than_best_of_four']:.0%}, worst {row['worse_by_at_most']:+.3f}"
            f"  regret {row['regret']['mean']:.4f} p95 {row['regret']['p95']:.4f}  robust {row['robust']:.0%}\n"
        )
    falls = found["falls"]
    sys.stdout.write(
        f"falls without warning cost who is no worse than a rule in steady years {falls['bound']:.4f} at least,"
        f" {falls['over']:+.4f} over the best rule\n"
    )
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
