"""Small histories made by a seeded generator (synthetic): busy stacks stay busy, one type violates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

START = datetime(2024, 1, 1, tzinfo=UTC)
TYPES = ("aws_s3_bucket", "aws_iam_role", "aws_sqs_queue", "aws_kms_key")
BORN = {"aws_s3_bucket": 0.7, "aws_iam_role": 0.2, "aws_sqs_queue": 0.02, "aws_kms_key": 0.0}


@dataclass
class Tables:
    """Rows of the three files."""

    events: list[dict[str, object]] = field(default_factory=list)
    edges: list[dict[str, object]] = field(default_factory=list)
    violations: list[dict[str, object]] = field(default_factory=list)

    def event(self, repo: str, at: datetime, address: str, action: str, **facts: object) -> None:
        kind_type = address.rpartition("/")[2].split(".")[0]
        known: dict[str, object] = {
            "repo": repo, "time": at, "cloud": "aws", "commit": f"{at:%m%d%H%M%S}", "resource_address": address,
            "kind": "module" if kind_type == "module" else "resource", "resource_type": kind_type, "file": "main.tf",
            "action": action, "n_changed_attrs": 2, "author_hash": "someone", "bot": 0, "commit_n_events": 1,
        }  # fmt: skip
        self.events.append(known | facts)

    def edge(self, repo: str, at: datetime, src: str, dst: str, *, op: str = "add", kind: str = "reference") -> None:
        self.edges.append({"repo": repo, "time": at, "src": src, "dst": dst, "kind": kind, "op": op})

    def violation(self, repo: str, at: datetime, address: str, check: str, *, status: str = "opened") -> None:
        self.violations.append(
            {"repo": repo, "time": at, "resource_address": address, "check_id": check, "status": status,
             "engine": "rules"}
        )  # fmt: skip

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        order = {"events": self.events, "edges": self.edges, "violations": self.violations}
        for name, rows in order.items():
            ordered = sorted(rows, key=lambda row: (row["repo"], row["time"]))
            pl.DataFrame(ordered).with_columns(pl.col("time").cast(pl.Datetime("us", "UTC"))).write_parquet(
                folder / f"{name}.parquet"
            )
        return folder


def grown(*, repos: int = 2, weeks: int = 40, stacks: int = 6, seed: int = 1) -> Tables:
    """Histories in which a stack's activity is its own and lasts."""
    draw, tables = np.random.default_rng(seed), Tables()
    for repo in (f"org/repo-{number}" for number in range(repos)):
        rates = draw.gamma(0.8, 1.5, stacks)
        lives: list[list[str]] = [[] for _ in range(stacks)]
        for week in range(weeks):
            for stack in range(stacks):
                minutes = np.sort(draw.choice(7 * 24 * 60, draw.poisson(rates[stack]), replace=False))
                for minute in minutes.tolist():
                    at = START + timedelta(weeks=week, minutes=minute + 1)
                    _happen(tables, repo, stack, at, lives[stack], draw)
        last = START + timedelta(weeks=weeks)
        tables.event(repo, last, "stack-0/aws_kms_key.last", "create")
    return tables


def _happen(tables: Tables, repo: str, stack: int, at: datetime, live: list[str], draw: np.random.Generator) -> None:
    facts = {"author_hash": f"a{draw.integers(4)}", "bot": int(draw.random() < 0.2), "n_changed_attrs": 3}
    if live and draw.random() < 0.5:
        address = live[int(draw.integers(len(live)))]
        tables.event(repo, at, address, "update", **facts)
        return
    if len(live) > 3 and draw.random() < 0.15:
        address = live.pop(0)
        tables.event(repo, at, address, "delete", **facts)
        return
    kind = TYPES[int(draw.integers(len(TYPES)))]
    address = f"stack-{stack}/{kind}.n{len(tables.events)}"
    tables.event(repo, at, address, "create", **facts)
    if live:
        tables.edge(repo, at, address, live[int(draw.integers(len(live)))])
    if draw.random() < BORN[kind]:
        tables.violation(repo, at, address, "OPEN_TO_ALL")
    live.append(address)
