"""Lists that commands print: violations, policies, and what an import came to. In a pipe every id is whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from serve.render.columns import Cell, Column, Fit, lay_out
from serve.render.figures import count, counted, monthly
from serve.render.terminal import QUIET, SEVERITY_STYLES, WARN

Entry = Mapping[str, Any]

IMPORT_STATES: Final = ("runs", "needs_parameters", "unsupported", "missing_alias", "invalid")
REASONS_MAX = 5


def violation_lines(violations: Sequence[Entry], *, width: int | None) -> list[Text]:
    """One line a violation. On a terminal the resource's name and policy; in a pipe also its whole id."""
    rows = [
        (
            Cell(found["severity"], SEVERITY_STYLES[found["severity"]]),
            Cell("new" if found["is_new"] else str(found["first_found"])[:10], QUIET),
            Cell(found["resource_name"]),
            Cell(found["title"]),
            Cell(found["policy_id"], QUIET),
            Cell(monthly(found["monthly_cost"])),
            Cell(found["resource_id"] if width is None else ""),
        )
        for found in violations
    ]
    columns = (
        Column(),
        Column(drop=2),
        Column(Fit.MIDDLE, width_min=16),
        Column(Fit.END, width_min=28),
        Column(Fit.MIDDLE, width_min=24, drop=3),
        Column(is_right=True, drop=1),
        Column(drop=9),
    )
    return lay_out(rows, columns, width=width, indent=0)


def policy_lines(policies: Sequence[Entry], *, width: int | None) -> list[Text]:
    """One line a policy."""
    rows = [
        (
            Cell(policy["id"]),
            Cell(str(policy["severity"] or ""), SEVERITY_STYLES.get(policy["severity"], "")),
            Cell(str(policy["state"] or ""), "" if policy["state"] in {"ran", "runs"} else QUIET),
            Cell(str(policy["origin"] or ""), QUIET),
            Cell(str(policy["title"] or "")),
        )
        for policy in policies
    ]
    columns = (
        Column(Fit.MIDDLE, width_min=24),
        Column(),
        Column(drop=1),
        Column(drop=2),
        Column(Fit.END, width_min=24),
    )
    return lay_out(rows, columns, width=width, indent=0)


def policy_total(policies: Sequence[Entry]) -> str:
    """How many there are, and how many in each state where there are several: what does not run is not monitored."""
    states = Counter(str(policy["state"] or "") for policy in policies)
    parts = [f"{count(number)} {state.replace('_', ' ')}" for state, number in states.most_common()]
    total = counted(len(policies), "policy", "policies")
    return "   ".join([total, *parts]) if len(states) > 1 else total


def import_lines(rows: Sequence[Entry], counts: Counter[tuple[str, str]], *, width: int | None) -> list[Text]:
    """Definitions by class and state, then the most frequent reasons why one does not run."""
    classes = sorted({kind for kind, _ in counts})
    states = [*IMPORT_STATES, *sorted({state for _, state in counts} - set(IMPORT_STATES))]
    head = tuple(Cell(text, QUIET) for text in ("class", *(state.replace("_", " ") for state in states), "all"))
    table = [
        (
            Cell(kind.replace("_", " ")),
            *(Cell(count(counts[kind, state])) for state in states),
            Cell(count(sum(counts[kind, state] for state in states)), "bold"),
        )
        for kind in classes
    ]
    columns = (Column(), *(Column(is_right=True) for _ in states), Column(is_right=True))
    lines = lay_out([head, *table], columns, width=None, indent=0)
    reasons = Counter(
        _head(str(row["reason"])) for row in rows if row["reason"] and row["state"] not in {"runs", "needs_parameters"}
    )
    if reasons:
        lines += [Text(), Text("Why others do not run, most frequent first", WARN)]
        found = [(Cell(count(number)), Cell(reason)) for reason, number in reasons.most_common(REASONS_MAX)]
        lines += lay_out(found, (Column(is_right=True), Column(Fit.END, width_min=30)), width=width, indent=2)
    return lines


def _head(reason: str) -> str:
    """A reason without the facts of one definition."""
    return reason.partition(" (where=")[0]
