"""A window's figures follow from its entries: what counts, what is missing, and what stays unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chain.envelope import Envelope
from chain.pack_summary import Summariser, Summary
from domain.value import Json

OPENS = datetime(2026, 3, 1, tzinfo=UTC)
CLOSES = OPENS + timedelta(days=5)
CIS: Json = [{"framework": "CIS", "id": "1.1"}]


def entry(kind: str, body: Json, *, at: str = "2026-03-02T10:00:00Z") -> Envelope:
    return Envelope(type=kind, request_id="r", tenant="acme", at=at, body=body, artifacts=(), block=None)


def evaluated(**body: Any) -> dict[str, Any]:
    counts = {"resources": 3, "compliant": 3, "violations": 0, "exempt": 0, "unknown": 0}
    return {"policy": "p", "severity": "high", "state": "ran", **counts, "controls": CIS, **body}


def summary(*entries: Envelope, expected: tuple[str, ...] = (), opens: datetime = OPENS) -> Summary:
    summariser = Summariser(opens, CLOSES, expected)
    for number, each in enumerate(entries):
        summariser.take(f"2026-{number}", each)
    return summariser.result()


def test_an_entry_counts_by_the_time_that_it_states() -> None:
    found = summary(
        entry("a", {}, at="2026-02-28T23:59:59Z"),
        entry("b", {}, at="2026-03-01T00:00:00Z"),
        entry("c", {}, at="2026-03-05T23:59:59.999999Z"),
        entry("d", {}, at="2026-03-06T00:00:00Z"),
    )
    assert (found.entries, found.outside) == (4, 2)
    assert (found.first_at, found.last_at) == ("2026-03-01T00:00:00Z", "2026-03-05T23:59:59.999999Z")
    assert found.by_type == {"b": 1, "c": 1}


def test_days_without_an_entry_are_named_in_runs() -> None:
    found = summary(entry("a", {}, at="2026-03-03T01:00:00Z"))
    assert found.silent_days == (("2026-03-01", "2026-03-02"), ("2026-03-04", "2026-03-05"))
    assert found.days_without_entries == 4
    assert summary(opens=OPENS + timedelta(hours=1)).silent_days == (("2026-03-02", "2026-03-05"),)


def test_an_expected_type_without_an_entry_is_missing() -> None:
    assert summary(entry("a", {}), expected=("a", "b", "b")).missing_types == ("b",)


def test_the_last_evaluation_of_a_policy_counts_and_the_first_is_kept() -> None:
    found = summary(
        entry("PolicyEvaluated", evaluated(violations=5)),
        entry("PolicyEvaluated", evaluated(violations=2), at="2026-03-03T10:00:00Z"),
    )
    assert (found.violations("high"), found.first_violations("high"), found.violations("low")) == (2, 5, 0)
    assert (found.verdicts[0].evidence, found.verdicts[0].evaluations) == ("2026-1", 2)
    assert found.as_json()["severities"]["high"] == {"violations": 2, "first": 5}  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("bodies", "state"),
    [
        ([evaluated()], "met"),
        ([evaluated(), evaluated(policy="q", violations=1)], "violated"),
        ([evaluated(), evaluated(policy="q", unknown=1)], "unknown"),
        ([evaluated(state="unknown")], "unknown"),
        ([evaluated(resources=0)], "unknown"),
    ],
)
def test_a_control_is_met_violated_or_unknown_by_all_its_policies(bodies: list[Json], state: str) -> None:
    found = summary(*(entry("PolicyEvaluated", body) for body in bodies))
    assert [each.state for each in found.controls] == [state]
    assert found.controls_in(state) == 1
    assert len(found.controls[0].evidence) == len(bodies)


def test_collected_verdicts_and_results_count_by_their_subject() -> None:
    found = summary(
        entry(
            "policy_evaluation",
            {"policy": "p", "subject": "a", "verdict": "violation", "violations": 2, "resources": 3},
        ),
        entry("policy_evaluation", {"policy": "p", "subject": "b", "verdict": "exempt", "severity": "low"}),
        entry("policy_evaluation", {"policy": "p", "subject": "c", "verdict": "unknown"}),
        entry("access_review", {"subject": "hr", "result": "satisfied", "controls": CIS}),
        entry("change_record", {"subject": "db", "result": "not_satisfied", "controls": CIS}),
        entry("change_record", {"subject": "db", "result": "satisfied"}),
    )
    counts = {(each.policy, each.subject): each.counts for each in found.verdicts}
    assert counts["p", "a"] == {"resources": 3, "compliant": 1, "violations": 2, "exempt": 0, "unknown": 0}
    assert counts["p", "b"]["exempt"] == 1
    assert counts["p", "c"]["unknown"] == 1
    assert counts["access_review", "hr"]["compliant"] == 1
    assert counts["change_record", "db"]["violations"] == 1
    assert [each.state for each in found.controls] == ["violated"]


def test_unreadable_parts_of_inputs_are_added_up() -> None:
    found = summary(
        entry("EvidenceCollected", {"records": 5, "gaps": 2}),
        entry("EvidenceCollected", {"records": 5, "gaps": True}),
        entry("EvidenceCollected", {"id": "x", "body": {}}),
    )
    assert (found.collected_files, found.collection_gaps) == (2, 2)


def test_bodies_without_sense_change_no_figure() -> None:
    odd: list[Json] = [
        None,
        [],
        {"policy": 3, "controls": "x"},
        {"policy": "q", "controls": [1, {"framework": 1, "id": 2}]},
    ]
    found = summary(*(entry("PolicyEvaluated", body) for body in odd))
    assert [(each.policy, each.severity, each.state, each.controls) for each in found.verdicts] == [
        ("", "unrated", "ran", ()),
        ("q", "unrated", "ran", ()),
    ]
    assert found.controls == ()
