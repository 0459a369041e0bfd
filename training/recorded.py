"""Reads recorded Terraform histories: `events.parquet`, `edges.parquet` and `violations.parquet` of one folder.

Each repository is one tenant. Labels come from the checks of engine ``rules``, which cover every repository.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from domain.errors import InputError
from training.history import Action, Frames, Timeline, timeline

FILES = ("events.parquet", "edges.parquet", "violations.parquet")
SCORED_KINDS = ("resource", "module")
COLUMNS = {
    "events.parquet": (
        "repo", "time", "cloud", "commit", "resource_address", "kind", "resource_type", "file", "action",
        "n_changed_attrs", "author_hash", "bot", "commit_n_events",
    ),
    "edges.parquet": ("repo", "time", "src", "dst", "kind", "op"),
    "violations.parquet": ("repo", "time", "resource_address", "check_id", "status", "engine"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """Every history of a folder, in order of repository.

    Args:
        digest: SHA-256 over the files' bytes, by name.
        end: the last event of any repository: until then all were read.
    """

    timelines: tuple[Timeline, ...]
    digest: str
    end: datetime


def read_histories(folder: Path, *, only: frozenset[str] = frozenset()) -> Recorded:
    """Read a folder of recorded histories.

    Args:
        only: repositories to read; all where empty.

    Raises:
        InputError: a file or a column is missing, or nothing is left.
    """
    tables = {name: _read(folder, name) for name in FILES}
    events = tables["events.parquet"]
    if not len(events):
        raise InputError("there are no events", file=str(folder / "events.parquet"), todo="Give a recorded history")
    end: datetime = events["time"].to_list()[int(events["time"].arg_max() or 0)]
    repos = sorted(repo for repo in events["repo"].unique() if not only or repo in only)
    if not repos:
        raise InputError("no such repository", expected=sorted(only), todo="Name repositories that the events name")
    parts = {repo: [tables[name].filter(pl.col("repo") == repo) for name in FILES] for repo in repos}
    return Recorded(tuple(_history(repo, *parts[repo], end=end) for repo in repos), digest(folder), end)


def digest(folder: Path) -> str:
    """What the files hold, in one word; figures are stated for it."""
    hashed = hashlib.sha256()
    for name in FILES:
        hashed.update(name.encode() + b"\0")
        with (folder / name).open("rb") as stream:
            hashed.update(hashlib.file_digest(stream, "sha256").digest())
    return hashed.hexdigest()


def _read(folder: Path, name: str) -> pl.DataFrame:
    path = folder / name
    if not path.is_file():
        raise InputError(
            "a file of the history is missing", file=str(path), todo=f"The folder needs {', '.join(FILES)}"
        )
    table = pl.read_parquet(path)
    missing = sorted(set(COLUMNS[name]) - set(table.columns))
    if missing:
        raise InputError("columns are missing", file=str(path), missing=missing, todo="See the data's description")
    chosen = table.select(COLUMNS[name])
    return chosen.with_columns(
        pl.col(one).cast(pl.String) for one, kind in chosen.schema.items() if kind == pl.Categorical
    )


def _history(
    repo: str, events: pl.DataFrame, edges: pl.DataFrame, findings: pl.DataFrame, *, end: datetime
) -> Timeline:
    made_from = edges.filter((pl.col("kind") == "module") & (pl.col("op") == "add"))
    made_from = made_from.unique(("src", "time"), keep="first", maintain_order=True).select("src", "time", "dst")
    events = events.join(
        made_from, left_on=("resource_address", "time"), right_on=("src", "time"), how="left", maintain_order="left"
    )
    frames = Frames(_events(events), _edges(edges), _findings(findings))
    return timeline(repo, str(events["cloud"][0]), frames, end=end)


def _events(events: pl.DataFrame) -> pl.DataFrame:
    address = pl.col("resource_address")
    stack = address.str.extract(r"^(.*)/[^/]*$").fill_null("")
    kind_and_type = pl.concat_str([pl.col("kind"), pl.lit(":"), pl.col("resource_type").fill_null("")])
    return events.select(
        at="time", uid=address, type=kind_and_type, is_scored=pl.col("kind").is_in(SCORED_KINDS), stack=stack,
        folder=stack.str.extract(r"^(.*)/[^/]*$").fill_null(""),
        file=pl.concat_str([stack, pl.lit("/"), pl.col("file").fill_null("")]),
        source=pl.coalesce(pl.col("dst"), kind_and_type), peer=address.str.extract(r"([^/]*)$").fill_null(""),
        action=pl.col("action").replace_strict({one.name.lower(): one.value for one in Action}, return_dtype=pl.UInt8),
        changed=pl.col("n_changed_attrs").fill_null(0), author=pl.col("author_hash").fill_null(""),
        is_bot=pl.col("bot").fill_null(0) > 0, batch="commit", batch_size="commit_n_events",
    )  # fmt: skip


def _edges(edges: pl.DataFrame) -> pl.DataFrame:
    joined = edges.filter(pl.col("kind") == "reference")
    return joined.select(at="time", source="src", target="dst", added=pl.col("op") == "add")


def _findings(findings: pl.DataFrame) -> pl.DataFrame:
    ours = findings.filter(pl.col("engine") == "rules")
    return ours.select(at="time", uid="resource_address", check="check_id", opened=pl.col("status") == "opened")
