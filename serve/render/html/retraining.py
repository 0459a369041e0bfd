"""The report of one retraining: what was decided and why, better or worse than before, and what changed in the data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment
from markupsafe import Markup

from serve.render.html.plots import Interval, Line, intervals, lines
from serve.render.html.report import environment, style_hash

_FOLDER = Path(__file__).parent
Document = Mapping[str, Any]
TASKS: Final[Mapping[str, str]] = {
    "T2": "a violation opens on it or next to it",
    "T3": "a violation opens in its stack",
    "T4": "it is changed",
}
METRICS: Final[Mapping[str, str]] = {
    "auroc": "AUROC",
    "ap": "average precision",
    "recall_at_fpr5": "recall at 5 % false positives",
    "brier_skill": "Brier skill",
    "ece": "calibration error",
}
TITLES: Final[Mapping[str, str]] = {
    "promote": "Promoted",
    "ask for approval": "Waiting for approval",
    "refuse": "Refused",
    "fall back": "Fallen back",
}
HEADLINES: Final[Mapping[str, str]] = {
    "promote": "The candidate serves from now on.",
    "ask for approval": "The candidate passed and waits for somebody's approval.",
    "refuse": "The candidate was refused; the serving model stays.",
    "fall back": "The serving model gave its place back to the one before it.",
}
LEVELS: Final[Mapping[str, str]] = {
    "stable": "as before", "moderate": "moderate shift", "large": "large shift", "insufficient": "too few rows to say",
}  # fmt: skip


def retraining_html(document: Document, *, version: str) -> str:
    """The whole file. Equal documents give equal text."""
    style = "".join((_FOLDER / name).read_text(encoding="utf-8") for name in ("report.css", "retraining.css"))
    style = style.replace('"PROOF_LINE"', '""')
    made: Environment = environment()
    made.filters.update(figure=figure, signed=signed, share=share)
    return made.get_template("retraining.html.j2").render(
        document=document,
        title=TITLES[document["decision"]["action"]],
        headline=HEADLINES[document["decision"]["action"]],
        tasks=TASKS,
        metrics=METRICS,
        levels=LEVELS,
        differences=_differences(document),
        weekly=_weekly(document),
        judged=[task for task in TASKS if document["tasks"][task]["metrics"] != "insufficient"],
        version=version,
        style=Markup(style),  # noqa: S704 (our own files)
        style_hash=style_hash(style),
    )


def figure(one: Mapping[str, float | None]) -> str:
    """A figure with its interval."""
    if one["value"] is None:
        return "unknown"
    if one["low"] is None or one["high"] is None:
        return f"{one['value']:.4f}"
    return f"{one['value']:.4f} [{one['low']:.4f}, {one['high']:.4f}]"


def signed(one: Mapping[str, float | None]) -> str:
    """A difference with its interval."""
    if one["value"] is None or one["low"] is None or one["high"] is None:
        return "unknown"
    return f"{one['value']:+.4f} [{one['low']:+.4f}, {one['high']:+.4f}]"


def share(value: float | None) -> str:
    """A share of rows, in percent."""
    if value is None:
        return "unknown"
    return f"{100 * value:.3f} %" if value < 0.01 else f"{100 * value:.1f} %"


def _differences(document: Document) -> Markup | None:
    found = {}
    for task in TASKS:
        metrics = document["tasks"][task]["metrics"]
        if metrics != "insufficient":
            found[f"{task} AUROC"] = metrics["auroc"]["difference"]
    if document["overall"]["value"] is not None:
        found["mean, which decides"] = document["overall"]
    rows = [
        Interval(name, one["value"], one["low"], one["high"], signed(one))
        for name, one in found.items()
        if one["value"] is not None and one["low"] is not None
    ]
    return intervals(rows, title="Candidate above serving model, AUROC, with 95 % intervals") if rows else None


def _weekly(document: Document) -> dict[str, Markup]:
    found = {}
    for task in TASKS:
        weeks = document["tasks"][task]["by_week"]
        told = [Line(f"{name} model", name, [week[name] for week in weeks]) for name in ("serving", "candidate")]
        values = [value for line in told for value in line.values if value is not None]
        if values:
            low = min(0.5, *values)
            labels = [week["at"][5:10] for week in weeks]
            found[task] = lines(told, labels, title=f"AUROC of {task} in each week", low=low, high=1.0)
    return found
