"""Bundles of policies as Markdown, for the comment of a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from serve.render.figures import count, counted
from serve.render.policy_bundles import (
    action_words,
    base_words,
    enforcement_words,
    field_words,
    resource_words,
    states_words,
)

Row = Mapping[str, Any]
RESOURCES_MAX: Final = 50
FIELDS_MAX: Final = 20


def check_markdown(report: Row) -> str:
    """Test results."""
    failed = [row for row in report["results"] if not row["is_passed"]]
    passed = len(report["results"]) - len(failed)
    lines = [f"### Policy tests: {count(passed)} passed, {count(len(failed))} failed", ""]
    if failed:
        rows = [(row["policy_id"], row["example"], row["expected"], row["got"], row["reason"]) for row in failed]
        lines += [*_table(("policy", "example", "expected", "got", "why"), rows), ""]
    if report["untested"]:
        lines += [f"No example tests {', '.join(f'`{name}`' for name in report['untested'])}.", ""]
    return "\n".join(lines)


def plan_markdown(plan: Row) -> str:
    """A plan: what changes in documents, and what that does to resources."""
    bundle = plan["bundle"]
    lines = [
        f"### Policies {bundle['name']} {bundle['version']}: {action_words(plan['changes'])}",
        "",
        f"Against {base_words(plan['base'])}. Bundle `sha256:{bundle['digest']}`.",
        "",
    ]
    for change in plan["changes"]:
        lines += _change(change)
    if plan["what_if"] is not None:
        lines += ["", *_what_if(plan["what_if"])]
    return "\n".join([*lines, ""])


def what_if_markdown(found: Row) -> str:
    """What a change of assignments would do."""
    return "\n".join([*_what_if(found), ""])


def _change(change: Row) -> Iterator[str]:
    yield f"- **{change['action']}** {change['kind'].removesuffix('s')} `{change['id']}` ({change['file']})"
    for each in change["fields"][:FIELDS_MAX]:
        yield f"  - `{each['path']}`: `{_ticks(field_words(each))}`"
    if (more := len(change["fields"]) - FIELDS_MAX) > 0:
        yield f"  - {count(more)} more"


def _what_if(found: Row) -> Iterator[str]:
    yield (
        f"**What if:** {counted(found['opened'], 'violation')} open, {count(found['closed'])} close, "
        f"{count(found['unknown'])} become unknown."
    )
    yield ""
    if found["policies"]:
        rows = [
            (row["policy_id"], row["change"], states_words(row["before"], row["after"]), _note(row))
            for row in found["policies"]
        ]
        yield from _table(("policy", "assignment", "resources", "note"), rows)
        yield ""
    if found["scopes"]:
        places = [[row["scope"] or "unknown", *(count(row[name]) for name in _COUNTS)] for row in found["scopes"]]
        yield from _table(("scope", *_COUNTS), places)
        yield ""
    if found["resources"]:
        shown = found["resources"][:RESOURCES_MAX]
        yield f"<details><summary>{count(found['changed'])} resources change state</summary>"
        yield ""
        yield from _table(
            ("resource", "policy", "state"),
            [(row["resource_id"], row["policy_id"], resource_words(row)) for row in shown],
        )
        if (more := found["changed"] - len(shown)) > 0:
            yield ""
            yield f"{count(more)} more"
        yield ""
        yield "</details>"


_COUNTS: Final = ("opened", "closed", "unknown")


def _note(row: Row) -> str:
    return enforcement_words(row) or row["reason"] or ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(text: str) -> str:
    """A cell that keeps its row: no line breaks, no bars, nothing that would be read as HTML."""
    flat = " ".join(str(text).split())
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def _ticks(text: str) -> str:
    return text.replace("`", "'")
