"""How good predictions were, and versions of the model, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from serve.render.costs import table_lines

Document = Mapping[str, Any]
SHIFTS_SHOWN: Final = 5
COLUMNS: Final = ("auroc", "ap", "recall_at_fpr5", "ece")
NAMES: Final = ("AUROC", "average precision", "recall at 5 % FPR", "calibration error")


def quality_lines(document: Document) -> list[str]:
    """What is known first, then each task, then what shifted."""
    weeks = f"{document['weeks']} of {document['weeks_wanted']} ended weeks"
    lines = [f"QUALITY  {document['as_of'][:10]}   {document['model']}   {weeks}", ""]
    cells = [[task, *_counts(part), *_figures(part)] for task, part in document["tasks"].items()]
    lines += table_lines(["task", "rows", "came true", "prevented", "unknown", *NAMES], cells)
    if any(part["figures"] == "insufficient" for part in document["tasks"].values()):
        lines += ["", f"Insufficient: fewer than {document['positives_min']} came true in weeks that have ended."]
    lines += ["", *_rates(document), "", *_shifts(document["features"])]
    unlike = document["features_against_learned"]
    return lines if unlike.get("reason") == document["features"].get("reason", "") else [*lines, "", *_shifts(unlike)]


def cochange_lines(document: Document) -> list[str]:
    """What answered, then the most likely ones with the reasons."""
    shown = f"{len(document['candidates'])} of {document['candidates_total']} within three hops"
    head = [f"CO-CHANGE  {document['resource_id']}", f"  {document['model']}, {document['source']}   {shown}"]
    head += [f"  {document['note']}"] if document["note"] else []
    if not document["candidates"]:
        return head
    cells = [
        ["-" if one["probability"] is None else f"{100 * one['probability']:.1f} %", f"{100 * one['share']:.0f} %",
         str(one["hops"]), one["resource_id"], "; ".join(one["reasons"])]
        for one in document["candidates"]
    ]  # fmt: skip
    names = ["probability", "share of its changes", "hops", "resource", "why"]
    return [*head, "", *table_lines(names, cells), "", f"Probabilities are of the {document['calibration']}."]


def version_lines(document: Document) -> list[str]:
    """Every version with its latest decision."""
    cells = []
    for version in document["versions"]:
        last = version["steps"][-1] if version["steps"] else None
        told = ["", "", "comes with the product", ""]
        if last is not None:
            told = [_minute(last["at"]), last["by"], last["reason"], last["evidence_id"]]
        cells.append([version["model"], version["standing"], *told])
    return table_lines(["model", "standing", "since", "by", "reason", "evidence"], cells)


def retraining_lines(document: Document) -> list[str]:
    """How the schedule stands, then each retraining, the latest first."""
    lines = [f"RETRAINING  {document['stand']}", f"  {document['reason']}"]
    if document["next_at"] is not None:
        lines.append(f"  no earlier than {_minute(document['next_at'])}")
    if document["plan"]:
        plan = document["plan"]
        lines.append(f"  from {', '.join(plan['tenants'])}; decided {_minute(document['checked_at'])}")
    if not document["runs"]:
        return [*lines, "", "No retraining yet."]
    cells = [
        [_minute(one["at"]), one["outcome"] or "running", one["why"] or "by hand", one["reason"],
         one["ended_evidence_id"] or one["asked_evidence_id"], one["report"]]
        for one in document["runs"]
    ]  # fmt: skip
    return [*lines, "", *table_lines(["at", "outcome", "begun because", "reason", "evidence", "report"], cells)]


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")


def _counts(part: Document) -> list[str]:
    return [f"{part[name]:,}" for name in ("rows", "positives", "prevented", "unknown")]


def _figures(part: Document) -> list[str]:
    if part["figures"] == "insufficient":
        return ["insufficient", "", "", ""]
    return [_figure(part["figures"][name]) for name in COLUMNS]


def _figure(one: Mapping[str, float | None]) -> str:
    if one["value"] is None:
        return "unknown"
    if one["low"] is None or one["high"] is None:
        return f"{one['value']:.4f}"
    return f"{one['value']:.4f} [{one['low']:.4f}, {one['high']:.4f}]"


def _rates(document: Document) -> list[str]:
    cells = [
        [task, _share(part["base_rate"]["learned"]), _share(part["base_rate"]["now"]["value"]),
         {None: "cannot be said", True: "has changed", False: "as before"}[part["base_rate"]["has_changed"]]]
        for task, part in document["tasks"].items()
    ]  # fmt: skip
    return table_lines(["comes true", "when learned", "now", "so"], cells)


def _shifts(features: Document) -> Iterator[str]:
    if not features["shifted"]:
        yield f"Features: {features['reason']}."
        return
    yield f"Features of {features['at'][:10]} against {features['reference']} ({features['reference_at'][:10]}):"
    cells = [
        [one["feature"], f"{one['psi']:.3f}", f"{one['by_chance']:.3f}", one["level"]]
        for one in features["shifted"][:SHIFTS_SHOWN]
    ]
    yield from table_lines(["feature", "stability index", "by chance", "so"], cells)


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.3f} %"
