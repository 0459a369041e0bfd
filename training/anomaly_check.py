"""Judges the anomaly detector: ``python -m training anomalies DATA_DIR --json OUT``.

On planted data (synthetic): real live resources, some with one attribute changed that their peers agree on; were they
ranked first, and for that attribute? On real data: every created resource against the peers that lived before it; is
it born violating?
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import orjson
import polars as pl

from domain.errors import InputError
from domain.value import Json
from training.anomaly import Configured, Peers
from training.answer import answer
from training.metrics import draws, estimate, judge
from training.recorded import digest

PLANTED_SHARE = 0.01
SEED = 7
DRAWS = 200
WEEK_US = 7 * 86_400_000_000
COLUMNS = ("repo", "time", "resource_address", "resource_type", "kind", "action", "attributes_json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge on the histories that the command line names."""
    made = argparse.ArgumentParser(prog="python -m training anomalies", description=__doc__)
    made.add_argument("data", type=Path, help="folder with events.parquet and violations.parquet")
    made.add_argument("--json", type=Path, help="write the figures to this file")
    given = made.parse_args(arguments)
    return answer(partial(_judged, given.data), given.json)


def _judged(data: Path) -> dict[str, Json]:
    rows = _rows(data)
    return {
        "schema": "training.anomalies/1", "data_digest": digest(data), "seed": SEED,
        "planted (synthetic)": planted(list(_live(rows).values()), seed=SEED), "born violating (real)": born(rows),
    }  # fmt: skip


def planted(resources: Sequence[Configured], *, seed: int) -> dict[str, Json]:
    """Change one agreed attribute of some resources and look for them among all that have peers."""
    draw, peers = np.random.default_rng(seed), Peers(resources)
    chosen: set[int] = set(
        draw.choice(len(resources), max(int(len(resources) * PLANTED_SHARE), 1), replace=False).tolist()
    )
    scores, labels, explained = [], [], []
    for at, one in enumerate(resources):
        names = sorted(name for name in one.attributes if peers.agrees(one, name))
        is_planted = at in chosen and bool(names)
        asked = one
        if is_planted:
            name = names[int(draw.integers(len(names)))]
            asked = replace(one, attributes={**one.attributes, name: "planted"})
            peers.remove(one)
            peers.add(asked)
        found = peers.judge(asked, is_counted=True)
        if is_planted:
            peers.remove(asked)
            peers.add(one)
            explained.append(found is not None and name in {said.attribute for said in found.standing_out})
        if found is not None:
            scores.append(found.score)
            labels.append(is_planted)
    return {**_figures(scores, labels, np.zeros(len(scores), np.int64)), "planted": len(explained),
            "explained by the planted attribute": float(np.mean(explained)) if explained else None}  # fmt: skip


def born(rows: pl.DataFrame) -> dict[str, Json]:
    """Judge every creation against what lived just before it; nothing later is known."""
    peers: dict[str, Peers] = {}
    live: dict[tuple[str, str], Configured] = {}
    scores, labels, weeks = [], [], []
    for row in rows.iter_rows(named=True):
        key, book = (row["repo"], row["resource_address"]), peers.setdefault(row["repo"], Peers())
        if row["action"] == "create":
            one = _configured(row)
            found = book.judge(one, is_counted=False)
            if found is not None:
                scores.append(found.score)
                labels.append(row["is_born"])
                weeks.append(int(row["at_us"]) // WEEK_US)
            if (before := live.pop(key, None)) is not None:
                book.remove(before)
            book.add(one)
            live[key] = one
        elif (gone := live.pop(key, None)) is not None:
            book.remove(gone)
    _, numbers = np.unique(np.array(weeks), return_inverse=True)
    return _figures(scores, labels, numbers)


def _figures(scores: Sequence[float], labels: Sequence[bool], weeks: np.ndarray) -> dict[str, Json]:
    drawn = draws(int(weeks.max(initial=0)) + 1, count=DRAWS, seed=SEED)
    told = judge(np.array(scores), None, np.array(labels, np.bool_), weeks, drawn)
    names = ("base_rate", "auroc", "ap", "recall_at_fpr5", "recall_at_top1", "precision_at_top1")
    figures: dict[str, Json] = {
        name: {k: None if np.isnan(v) else round(v, 4) for k, v in asdict(estimate(told[name])).items()}
        for name in names
    }
    return {"rows": len(scores), "positives": int(np.sum(labels)), **figures}


def _rows(folder: Path) -> pl.DataFrame:
    """Creations and deletions of resources in order of time, with whether a violation opened with each creation."""
    for name in ("events.parquet", "violations.parquet"):
        if not (folder / name).is_file():
            raise InputError(
                "a file of the history is missing", file=str(folder / name), todo="Give a recorded history"
            )
    events = pl.read_parquet(folder / "events.parquet", columns=list(COLUMNS))
    found = pl.read_parquet(folder / "violations.parquet").filter(
        (pl.col("engine") == "rules") & (pl.col("status") == "opened")
    )
    keys = ("repo", "time", "resource_address")
    texts = [pl.col(name).cast(pl.String) for name in ("repo", "resource_address")]
    born_at = found.with_columns(texts).select(*keys, is_born=pl.lit(value=True)).unique()
    chosen = events.with_columns(pl.col(name).cast(pl.String) for name in COLUMNS if name != "time").filter(
        (pl.col("kind") == "resource") & pl.col("action").is_in(["create", "delete"])
    )
    joined = chosen.join(born_at, on=keys, how="left", maintain_order="left").sort("time", maintain_order=True)
    return joined.with_columns(
        pl.col("is_born").fill_null(value=False),
        at_us=pl.col("time").cast(pl.Int64),
        attributes_json=pl.col("attributes_json").fill_null(""),
    )


def _live(rows: pl.DataFrame) -> dict[tuple[str, str], Configured]:
    live: dict[tuple[str, str], Configured] = {}
    for row in rows.iter_rows(named=True):
        key = (row["repo"], row["resource_address"])
        if row["action"] == "delete":
            live.pop(key, None)
        elif row["attributes_json"]:
            live[key] = _configured(row)
    return live


def _configured(row: dict[str, str]) -> Configured:
    repo, address = row["repo"], row["resource_address"]
    kept = dict(_attributes(row["attributes_json"]))
    return Configured(f"{repo}//{address}", f"{repo}:{row['resource_type']}", address.rpartition("/")[0], {}, kept)


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    """Attributes as recorded; a text that was cut off has none."""
    try:
        found = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return
    yield from ((str(name), str(value)) for name, value in found.items())


if __name__ == "__main__":
    sys.exit(main())
