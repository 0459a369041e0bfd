"""Lists and explanations that commands print."""

from __future__ import annotations

from collections import Counter
from typing import Any

from serve.render.explanation import explanation_lines
from serve.render.listing import import_lines, policy_lines, policy_total, violation_lines
from serve.render.ranking import expected, first_of_each_day
from tests.unit.serve.scan_documents import AS_OF, full_document, prediction, violation


def explanation(**changes: Any) -> dict[str, Any]:
    return {
        "resource_id": "/subscriptions/1/stprod",
        "policy_id": "pcg-x",
        "title": "Public access is off",
        "remediation": "Turn it off.",
        "verdict": "violation",
        "origin": {"file": "azure.ndjson", "line": 12},
        "conditions": [
            {
                "path": "properties.allowBlobPublicAccess",
                "operator": "equals",
                "expected": True,
                "found": None,
                "found_state": "missing",
                "result": True,
                "where": "$.if",
                "element": None,
            }
        ],
        **changes,
    }


def plain(lines: list[Any]) -> str:
    return "\n".join(line.plain for line in lines)


def test_a_pipe_gets_the_whole_id_of_each_violation() -> None:
    assert violation(1)["resource_id"] in plain(violation_lines([violation(1)], width=None))
    assert violation(1)["resource_id"] not in plain(violation_lines([violation(1)], width=100))


def test_an_explanation_says_what_was_found_and_where_it_was_read() -> None:
    shown = plain(explanation_lines(explanation(), width=100))
    assert "violates pcg-x" in shown
    assert "azure.ndjson:12" in shown
    assert "not set" in shown


def test_what_nobody_asked_for_is_undecided_and_not_missing() -> None:
    condition = {**explanation()["conditions"][0], "found_state": "unread", "result": None, "element": 2}
    shown = plain(explanation_lines(explanation(verdict="unknown", conditions=[condition]), width=None))
    assert "cannot be judged by" in shown
    assert "not read" in shown
    assert "(element 2)" in shown


def test_an_explanation_without_conditions_says_why() -> None:
    origin = {"file": "a.json", "line": 0}
    shown = plain(explanation_lines(explanation(conditions=[], verdict="compliant", origin=origin), width=None))
    assert "No condition decides this" in shown


def test_an_import_is_counted_by_class_and_state_with_reasons() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "a", "class": "per_resource", "state": "runs", "reason": None},
        {"id": "b", "class": "per_resource", "state": "unsupported", "reason": "function x()"},
        {"id": "c", "class": "manual", "state": "unsupported", "reason": "function x()"},
    ]
    counts = Counter((row["class"], row["state"]) for row in rows)
    shown = plain(import_lines(rows, counts, width=100))
    assert "per resource     1" in shown
    assert "2  function x()" in shown


def test_policies_are_listed_with_severity_and_state() -> None:
    row = {"id": "pcg-x", "severity": "high", "state": "runs", "origin": "builtin", "title": "X is on"}
    assert plain(policy_lines([row], width=100)) == "pcg-x  high  runs  builtin  X is on"


def test_findings_of_several_policies_with_one_title_are_one_row_a_day() -> None:
    both = [prediction("a", policy_id="azure"), prediction("b", policy_id="aws", severity="critical")]
    rows = expected(both, as_of=AS_OF)
    assert [(row.who, row.severity, row.resources) for row in rows] == [("2 resources", "critical", 2)]


def test_one_full_day_does_not_hide_the_week() -> None:
    rows = expected(
        [*(prediction(f"v{n}", title=f"t{n}") for n in range(9)), prediction("late", date="2026-11-28T00:00:00Z")],
        as_of=AS_OF,
    )
    assert [row.day_offset for row in first_of_each_day(rows, per_day=2, limit=8)] == [2, 2, 5]


def test_predictions_without_a_date_come_after_those_with_one() -> None:
    rows = expected(full_document()["predictions"], as_of=AS_OF)
    assert [row.is_dated for row in rows] == [True, True, False]


def test_the_total_tells_policies_that_run_from_those_that_do_not() -> None:
    rows = [{"state": "runs"}] * 1_200 + [{"state": "needs_parameters"}] * 3
    assert policy_total(rows) == "1,203 policies   1,200 runs   3 needs parameters"
    assert policy_total(rows[:1]) == "1 policy"
