"""Judges the pattern recogniser: ``python -m training patterns DATA_DIR --from DATE --to DATE --json OUT``.

On planted data (synthetic): random openings, some with a rhythm or a sequence; were those and only those found? On
real data: patterns found in what was known at each weekly origin; did what they expect open within seven days?
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from domain.errors import InputError
from domain.value import Json
from training.answer import answer
from training.backtest import day
from training.history import DAY_US, microseconds
from training.pattern import Opening, Pattern, PatternKind, expected, patterns
from training.recorded import digest
from training.task import origins

SEED = 7
PLACES, KINDS, DAYS = 60, 8, 400
PLANTED = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge on the histories that the command line names."""
    made = argparse.ArgumentParser(prog="python -m training patterns", description=__doc__)
    made.add_argument("data", type=Path, help="folder with violations.parquet")
    made.add_argument("--from", dest="first", type=day, required=True, help="first weekly origin")
    made.add_argument("--to", dest="last", type=day, required=True, help="last weekly origin")
    made.add_argument("--json", type=Path, help="write the figures to this file")
    given = made.parse_args(arguments)
    return answer(partial(_judged, given.data, given.first, given.last), given.json)


def _judged(data: Path, first: datetime, last: datetime) -> dict[str, Json]:
    openings = read_openings(data)
    at = [microseconds(one) / DAY_US for one in origins(first, last)]
    return {
        "schema": "training.patterns/1", "data_digest": digest(data), "seed": SEED,
        "planted (synthetic)": planted(seed=SEED), "next seven days (real)": forecast(openings, at),
    }  # fmt: skip


def planted(*, seed: int) -> dict[str, Json]:
    """Random openings with rhythms and one sequence hidden among them."""
    draw = np.random.default_rng(seed)
    openings = [
        Opening(float(at), f"place{place}", f"check{draw.integers(KINDS)}")
        for place in range(PLACES)
        for at in draw.uniform(0, DAYS, draw.poisson(25))
    ]
    rhythms = {(f"place{at}", f"rhythm{at}", (7.0, 30.4375)[at % 2]) for at in range(PLANTED)}
    for where, what, period in sorted(rhythms):
        times = np.arange(draw.uniform(0, period), DAYS, period)
        openings += [Opening(float(at + draw.normal(0, period / 40)), where, what) for at in times]
    for place in range(0, PLACES, 3):
        for at in draw.uniform(0, DAYS - 10, 4):
            openings.append(Opening(float(at), f"place{place}", "deploy"))
            if draw.random() < 0.8:
                openings.append(Opening(float(at + draw.uniform(0.1, 5)), f"place{place}", "drift"))
    found = patterns(openings, now_days=float(DAYS))
    told = {(one.place, one.then, one.days) for one in found if one.kind is PatternKind.RHYTHM}
    sequences = {(one.first, one.then) for one in found if one.kind is PatternKind.SEQUENCE}
    false = len(told - rhythms) + len(sequences - {("deploy", "drift")})
    return {
        "planted": len(rhythms) + 1, "found": len(told & rhythms) + (("deploy", "drift") in sequences),
        "false": false, "told": len(told) + len(sequences),
    }  # fmt: skip


def forecast(openings: Sequence[Opening], at_days: Sequence[float]) -> dict[str, Json]:
    """What was expected at each origin, and what of it came, beside how often such a thing comes anyway."""
    hits = told = base_hits = base = kinds = 0
    found: tuple[Pattern, ...] = ()
    for number, now in enumerate(at_days):
        if number % 4 == 0:
            found = patterns(openings, now_days=now)
        came = {(one.place, one.what) for one in openings if now < one.at_days <= now + 7}
        known = {(one.place, one.what) for one in openings if one.at_days <= now}
        said = {(one.place, one.what) for one in expected(found, openings, now_days=now)}
        hits, told = hits + len(said & came), told + len(said)
        base_hits, base, kinds = base_hits + len(came & known), base + len(known), len(found)
    return {
        "weeks": len(at_days), "patterns at the end": kinds, "expected": told, "came": hits,
        "precision": hits / told if told else None, "base rate": base_hits / base if base else None,
        "recall": hits / base_hits if base_hits else None,
        "examples": [f"{one.kind} {one.place} {one.first} {one.then} {one.days:g} d: {one.times} of {one.chances}, "
                     f"by chance {one.expected:.1f}" for one in found[:8]],
    }  # fmt: skip


def read_openings(folder: Path) -> list[Opening]:
    """Openings of violations by stack and check, once an instant.

    Raises:
        InputError: the file is missing.
    """
    path = folder / "violations.parquet"
    if not path.is_file():
        raise InputError("a file of the history is missing", file=str(path), todo="Give a recorded history")
    rows = pl.read_parquet(path).filter((pl.col("engine") == "rules") & (pl.col("status") == "opened"))
    place = pl.concat_str(
        [pl.col("repo").cast(pl.String), pl.lit(":"),
         pl.col("resource_address").cast(pl.String).str.extract(r"^(.*)/[^/]*$").fill_null("")]
    )  # fmt: skip
    chosen = rows.select(
        at=pl.col("time").cast(pl.Int64), place=place, what=pl.col("check_id").cast(pl.String)
    ).unique()
    return [Opening(at / DAY_US, where, what) for at, where, what in sorted(chosen.iter_rows())]


if __name__ == "__main__":
    sys.exit(main())
