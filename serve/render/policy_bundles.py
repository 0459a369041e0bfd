"""Bundles of policies on a terminal: test results, differences, what-ifs, revisions. In a pipe every id is whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import orjson
from rich.text import Text

from serve.render.columns import Cell, Column, Fit, lay_out
from serve.render.figures import count, counted
from serve.render.terminal import INDENT, LABEL_WIDTH, QUIET, WARN

Row = Mapping[str, Any]

FIELDS_MAX: Final = 20
RESOURCES_SHOWN: Final = 20
VALUE_LENGTH_MAX: Final = 80
SIGNS: Final = {"added": "+", "removed": "-", "changed": "~"}
ACTION_STYLES: Final = {"added": "green", "removed": "red", "changed": "yellow"}
_FAILED_COLUMNS: Final = (Column(), Column(Fit.MIDDLE, width_min=16), Column(Fit.END, width_min=24), Column(drop=1))


def check_lines(report: Row, *, width: int | None) -> list[Text]:
    """What failed, then what passed in all, then what nothing tests."""
    failed = [row for row in report["results"] if not row["is_passed"]]
    rows = [
        (
            Cell("failed", WARN),
            Cell(row["policy_id"]),
            Cell(f"{row['example']}: expected {row['expected']}, got {row['got']}"),
            Cell(row["where"], QUIET),
        )
        for row in failed
    ]
    lines: list[Text] = []
    for line, row in zip(lay_out(rows, _FAILED_COLUMNS, width=width, indent=0), failed, strict=True):
        lines += [line, Text(f"{' ' * 8}{row['reason']}", QUIET)]
    passed = len(report["results"]) - len(failed)
    lines.append(_labelled("TESTS", f"{count(passed)} passed   {count(len(failed))} failed"))
    if report["untested"]:
        lines.append(_labelled("UNTESTED", ", ".join(report["untested"])))
    return lines


def plan_lines(plan: Row, *, width: int | None) -> list[Text]:
    """What applying a bundle would change: documents with their fields, then resources."""
    lines = [_labelled("BUNDLE", f"{bundle_words(plan['bundle'])}   against {base_words(plan['base'])}")]
    lines.append(_labelled("DOCUMENTS", action_words(plan["changes"])))
    for change in plan["changes"]:
        lines += _change_lines(change, width=width)
    if plan["what_if"] is not None:
        lines += [Text(""), *what_if_lines(plan["what_if"], width=width)]
    return lines


def what_if_lines(found: Row, *, width: int | None) -> list[Text]:
    """What a change of assignments would do: counts, then policies, scopes and resources."""
    lines = [_labelled("WHAT IF", state_words(found))]
    policies = [
        (
            Cell(f"{SIGNS[row['change']]} {row['policy_id']}", ACTION_STYLES[row["change"]]),
            Cell(f"{count(row['changed'])} change", QUIET),
            Cell(states_words(row["before"], row["after"])),
            Cell(enforcement_words(row) or row["reason"] or "", QUIET),
        )
        for row in found["policies"]
    ]
    lines += lay_out(
        policies, (Column(Fit.MIDDLE, width_min=24), Column(), Column(), Column(drop=1)), width=width, indent=INDENT
    )
    if found["scopes"]:
        lines += [Text(""), _labelled("SCOPES", counted(len(found["scopes"]), "scope"))]
        lines += lay_out(
            [(Cell(row["scope"] or "unknown"), Cell(scope_words(row))) for row in found["scopes"]],
            (Column(Fit.MIDDLE, width_min=24), Column()),
            width=width,
            indent=INDENT,
        )
    if found["resources"]:
        lines += [
            Text(""),
            _labelled("RESOURCES", f"{count(found['changed'])} change state"),
            *_resources(found, width),
        ]
    return lines


def history_lines(revisions: Sequence[Row], *, width: int | None) -> list[Text]:
    """One line a revision, newest first."""
    rows = [
        (
            Cell("in force" if number == 0 else "", "green"),
            Cell(str(row["revision"])),
            Cell(row["at"][:16].replace("T", " ")),
            Cell(row["action"].replace("_", " ") + (f" to {row['of_revision']}" if row["of_revision"] else "")),
            Cell(f"{row['name']} {row['version']}"),
            Cell(row["by"]),
            Cell(", ".join(row["signers"]) or "not signed", QUIET),
            Cell(row["evidence_id"], QUIET),
            Cell(row["digest"], QUIET),
        )
        for number, row in enumerate(revisions)
    ]
    columns = (Column(), Column(is_right=True), Column(), Column(), Column(), Column(drop=2), Column(drop=3), Column())
    return lay_out(rows, (*columns, Column(Fit.MIDDLE, width_min=12, drop=4)), width=width, indent=0)


def bundle_words(bundle: Row) -> str:
    """``web 1.2.0   sha256 3f…``."""
    return f"{bundle['name']} {bundle['version']}   sha256 {bundle['digest'][:16]}"


def base_words(base: Row) -> str:
    """What a plan was made against."""
    if base["digest"] is None:
        return "nothing applied"
    return f"revision {base['revision']} ({base['name']} {base['version']})"


def action_words(changes: Sequence[Row]) -> str:
    """``2 added   1 changed   0 removed``."""
    if not changes:
        return "no change"
    return "   ".join(f"{sum(each['action'] == name for each in changes)} {name}" for name in SIGNS)


def state_words(found: Row) -> str:
    """The counts of a what-if."""
    parts = [f"{count(found['opened'])} open", f"{count(found['closed'])} close", f"{count(found['unknown'])} unknown"]
    unchanged = counted(found["unchanged_policies"], "policy", "policies")
    return "   ".join(parts) + f"   of {counted(found['changed'], 'change')}; {unchanged} unchanged"


def states_words(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """``violation 3 -> 0``, for each state whose count changes."""
    names = [name for name in ("violation", "unknown", "exempt", "compliant") if before.get(name) != after.get(name)]
    return "   ".join(f"{name} {count(before.get(name, 0))} -> {count(after.get(name, 0))}" for name in names)


def enforcement_words(row: Row) -> str:
    """The enforcement of an assignment, where it changes or is off."""
    before, after = row["enforcement_before"], row["enforcement_after"]
    if before != after and before is not None and after is not None:
        return f"{before} -> {after}"
    return "DoNotEnforce" if after == "DoNotEnforce" else ""


def scope_words(row: Row) -> str:
    """What changes in one scope."""
    return f"{count(row['opened'])} open   {count(row['closed'])} close   {count(row['unknown'])} unknown"


def field_words(change: Row) -> str:
    """One field's values on both sides."""
    return f"{_value(change, 'before')} -> {_value(change, 'after')}"


def resource_words(row: Row) -> str:
    """One resource's states on both sides, and whether an effect begins or ceases to act on it."""
    words = f"{row['before'].replace('_', ' ')} -> {row['after'].replace('_', ' ')}"
    if row["acted_before"] == row["acted_after"]:
        return words
    return f"{words}, effect {'acts' if row['acted_after'] else 'no longer acts'}"


def _value(change: Row, side: str) -> str:
    if side not in change:
        return "nothing"
    text = orjson.dumps(change[side]).decode()
    return text if len(text) <= VALUE_LENGTH_MAX else f"{text[:VALUE_LENGTH_MAX]}…"


def _change_lines(change: Row, *, width: int | None) -> Iterator[Text]:
    action = change["action"]
    row = (
        Cell(SIGNS[action], ACTION_STYLES[action]),
        Cell(change["kind"].removesuffix("s")),
        Cell(change["id"]),
        Cell(change["file"], QUIET),
    )
    columns = (Column(), Column(), Column(Fit.MIDDLE, width_min=24), Column(drop=1))
    yield from lay_out([row], columns, width=width, indent=INDENT)
    for each in islice(change["fields"], FIELDS_MAX):
        yield Text(f"{' ' * (INDENT + 3)}{each['path']}   {field_words(each)}")
    if (more := len(change["fields"]) - FIELDS_MAX) > 0:
        yield Text(f"{' ' * (INDENT + 3)}{counted(more, 'more field')}", QUIET)


def _resources(found: Row, width: int | None) -> list[Text]:
    shown = found["resources"] if width is None else found["resources"][:RESOURCES_SHOWN]
    rows = [
        (
            Cell(row["resource_id"] if width is None else row["resource_id"].rpartition("/")[2]),
            Cell(resource_words(row)),
            Cell(row["policy_id"], QUIET),
        )
        for row in shown
    ]
    columns = (Column(Fit.MIDDLE, width_min=20), Column(), Column(Fit.MIDDLE, width_min=20, drop=1))
    lines = lay_out(rows, columns, width=width, indent=INDENT)
    if (more := found["changed"] - len(shown)) > 0:
        lines.append(Text(f"{' ' * INDENT}… {count(more)} more: add --json OUT", QUIET))
    return lines


def _labelled(label: str, words: str) -> Text:
    line = Text(label.ljust(LABEL_WIDTH), "bold")
    line.append(words, "not bold")
    return line
