"""What fitting weights begins from: which weeks are learned from, which are held out, and what a back-test found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from domain.errors import InputError
from domain.value import Json
from training.task import HORIZON_DAYS, Task, origins
from training.weights import Manifest

HELD_OUT_WEEKS = 8
PURGE_DAYS = 7


def split(first: datetime, end: datetime, *, every_weeks: int) -> tuple[list[datetime], list[datetime]]:
    """Weeks to learn from, and the last weeks that are known, a purge gap behind.

    Raises:
        InputError: there are not enough weeks.
    """
    known = list(origins(first, end - timedelta(days=HORIZON_DAYS)))
    held_out = known[-HELD_OUT_WEEKS:]
    before = held_out[0] - timedelta(days=HORIZON_DAYS + PURGE_DAYS) if held_out else first
    learned = [at for at in known[::every_weeks] if at <= before]
    if len(learned) < 4:
        raise InputError("there are no weeks to learn from", weeks=len(known), least=HELD_OUT_WEEKS + 4 * every_weeks,
                         todo="Start to learn earlier, or learn from weeks that are closer together")  # fmt: skip
    return learned, held_out


def read_report(path: Path, data: str) -> dict[str, Any]:
    """A back-test's JSON.

    Args:
        data: what the data digests to that it has to be of.

    Raises:
        InputError: it is none, or of other data.
    """
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as failure:
        raise InputError("the back-test cannot be read", file=str(path), reason=str(failure)[:200],
                         todo="Give the file that `python -m training backtest --json` wrote") from failure  # fmt: skip
    if not isinstance(found, dict) or found.get("schema") != "training.backtest/1":
        raise InputError("this is no back-test", file=str(path), expected="training.backtest/1",
                         todo="Give the file that `python -m training backtest --json` wrote")  # fmt: skip
    if found["data_digest"] != data:
        raise InputError("the back-test is of other data", expected=data, got=found["data_digest"],
                         todo="Run the back-test on this folder")  # fmt: skip
    return found


def require_learned_from(
    manifest: Manifest, data: str, learned: Sequence[datetime], held_out: Sequence[datetime]
) -> None:
    """Refuse weights that learned from something else.

    Args:
        data: what the data digests to.

    Raises:
        InputError: says what they learned from.
    """
    _require_same(manifest.data, data, "the weights learned from other data")
    spans = [f"{one:%Y-%m-%d}" for one in (learned[0], held_out[-1])]
    _require_same([manifest.learned_from, manifest.learned_until], spans, "the weights learned from other weeks")


def _require_same(got: object, expected: object, what: str) -> None:
    if got != expected:
        raise InputError(what, expected=str(expected), got=str(got),
                         todo="Give the data and --train-from that the weights were fitted with")  # fmt: skip


def metrics_of(report: Mapping[str, Any]) -> dict[str, Json]:
    """What a manifest keeps of a back-test: the network's figures, pooled."""
    return {
        task: {"base_rate": part["base_rate"], "weeks": part["weeks"], "network": part["models"].get("network")}
        for task, part in report["tasks"].items()
    }


def with_figures(metrics: Mapping[str, Json], task: Task, more: Mapping[str, Json]) -> dict[str, Json]:
    """What a manifest keeps, with more figures of a task beside those that it has."""
    known = metrics.get(task.value)
    return {**metrics, task.value: {**(known if isinstance(known, Mapping) else {}), **more}}
