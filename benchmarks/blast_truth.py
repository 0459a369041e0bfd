"""How right blast radius is: against faults in a made-up truth with hidden dependencies. Every figure is synthetic.

No public data tells what really failed with what in a graph of cloud resources, so the truth is made: from a graph in
the shape of cloud estates, some written edges are no dependencies, some soft ones bring their users down, and some
dependencies nobody wrote down. Four truths are drawn: one where documents are right, two with the rates that the
product's own judgements expect, without and with dependencies that nobody wrote down, and one that is worse. Told for
each: precision and recall of what fails, over all pairs of a seed and a resource; the same for resources more likely to
fail than not; the Brier score of the probabilities beside that of the base rate; and how often the number that failed
lay in its interval of 90 %.

    python -m benchmarks.blast_truth [--resources N] [--seeds N]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.blast_radius.estate import made_up
from benchmarks.blast_radius.faults import Rates, truth_behind
from benchmarks.report import Row, publish
from graph.chances import chances
from graph.failing import Failures, Network
from graph.failure import FailureMode
from graph.spread import spread

TRUTHS = {
    "documents are right": Rates(hard=1, soft=1, redundant=1, escalates=0, unseen=0),
    "as judged, all written down": Rates(hard=0.95, soft=0.5, redundant=0.9, escalates=0.1, unseen=0),
    "as judged": Rates(hard=0.95, soft=0.5, redundant=0.9, escalates=0.1, unseen=0.01),
    "worse": Rates(hard=0.8, soft=0.3, redundant=0.8, escalates=0.2, unseen=0.05),
}
REACH_MAX = 2_000


@dataclass(slots=True)
class Tally:
    """Pairs of a seed and a resource, over all seeds."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def add(self, said: set[int], failed: set[int]) -> None:
        self.right += len(said & failed)
        self.wrong += len(said - failed)
        self.missed += len(failed - said)

    @property
    def precision(self) -> float:
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        return self.right / max(self.right + self.missed, 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=300)
    given = parser.parse_args(arguments)
    network = Failures(made_up(given.resources)).network(FailureMode.DELETE)
    rows = []
    for name, rates in TRUTHS.items():
        rows += _against(name, rates, network, given.seeds)
    publish("blast_truth (synthetic)", rows)
    return sum(row.met is False for row in rows)


def _against(name: str, rates: Rates, network: Network, count: int) -> list[Row]:
    random = np.random.default_rng(7)
    truth = truth_behind(network, rates, random)
    exact, likely = Tally(), Tally()
    squares, base, pairs, inside, asked = 0.0, 0, 0, 0, 0
    value = np.ones(network.size)
    for seed in random.permutation(network.size).tolist():
        if asked == count:
            break
        seeds = np.array([seed], np.int32)
        said = set(spread(network, seeds).failed.rows.tolist())
        failed = truth.failing(seed)
        if (not said and not failed) or len(said) > REACH_MAX:
            continue
        asked += 1
        exact.add(said, failed)
        odds = chances(network, seeds, value=value, seed=seed)
        likely.add(set(odds.rows[odds.fails > 0.5].tolist()), failed)
        happened = np.isin(odds.rows, list(failed))
        squares += float(((odds.fails - happened) ** 2).sum())
        base += int(happened.sum())
        pairs += len(happened)
        inside += odds.failed.low <= len(failed) <= odds.failed.high
    rate = base / max(pairs, 1)
    is_exact = name == "documents are right"
    return [
        Row(
            f"{name}: precision, fails",
            exact.precision,
            "",
            aim="= 1" if is_exact else "",
            met=exact.precision == 1 if is_exact else None,
        ),
        Row(
            f"{name}: recall, fails",
            exact.recall,
            "",
            aim="= 1" if is_exact else "",
            met=exact.recall == 1 if is_exact else None,
        ),
        Row(f"{name}: precision, more likely than not", likely.precision, ""),
        Row(f"{name}: recall, more likely than not", likely.recall, ""),
        Row(
            f"{name}: Brier score of the probabilities",
            squares / max(pairs, 1),
            "",
            f"base rate {rate:.3f}: {rate * (1 - rate):.3f}",
        ),
        Row(f"{name}: number that failed lay in its interval", inside / max(asked, 1), ""),
        Row(f"{name}: seeds", float(asked), "seeds"),
    ]


if __name__ == "__main__":
    sys.exit(main())
