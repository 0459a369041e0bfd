"""A back-test's figures as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COLUMNS = ("auroc", "auroc_weekly", "ap", "recall_at_fpr5", "brier_skill", "ece")


def table_of(found: Mapping[str, Any]) -> str:
    """Each task's models beside each other, with the intervals of the first column."""
    lines = [f"data {found['data_digest'][:12]} code {found['code'][:12]} seeds {found['seeds']} {found['seconds']} s"]
    for task, part in found["tasks"].items():
        lines += ["", f"{task}: base rate {100 * part['base_rate']:.3f} %, {part['rows']} rows, {part['weeks']} weeks"]
        lines.append(f"{'':34}" + "".join(f"{name:>16}" for name in COLUMNS) + f"{'top 1/5/10 %':>20}")
        lines += [_line(name, model) for name, model in part["models"].items()]
        lines += [
            f"  {of} over seeds {found['seeds']}, AUROC {_span(found['auroc'])}, AP {_span(found['ap'])}"
            for of, found in part["spread"].items()
        ]
        lines += [
            f"  conformal {100 * one['nominal']:.0f} %: positives {_share(one['positives'])}, negatives "
            f"{_share(one['negatives'])}, abstained {_share(one['abstained'])}"
            for one in part["conformal"]
        ]
    return "\n".join(lines) + "\n"


def _line(name: str, model: Mapping[str, Any]) -> str:
    cells = "".join(f"{_cell(model.get(column)):>16}" for column in COLUMNS)
    tops = "/".join(_short(model["recall_at_top"][k]["value"]) for k in ("1", "5", "10"))
    return f"  {name:32}{cells}{tops:>20}"


def _cell(one: Mapping[str, float | None] | None) -> str:
    if one is None or one["value"] is None or one["low"] is None or one["high"] is None:
        return "-"
    half = (one["high"] - one["low"]) / 2
    return f"{one['value']:.4f} ±{half:.3f}"


def _span(one: Mapping[str, float | None]) -> str:
    return "/".join("-" if one[name] is None else f"{one[name]:.4f}" for name in ("min", "mean", "max"))


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(value: float) -> str:
    return "-" if value != value else f"{100 * value:.1f} %"  # noqa: PLR0124 (not a number)
