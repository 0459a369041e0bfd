"""No state is invented: each rule, its reason, and what is written of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from assessment.compliance import EVIDENCE_AGE_MAX, ControlResult, PolicyEvidence, Reason, State, compliance
from assessment.compliance_document import GapKind, coverage_rows, framework_summary, gap_rows, group_rows
from assessment.compliance_inputs import by_framework, framework_of, policy_evidence, scan_mappings
from domain.finding import Control
from policy.controls.catalogue import framework
from policy.controls.mapping import ControlMapping, Provenance, Strength

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RAN = PolicyEvidence("p", "Storage is closed", "high", "ran", None, 10, 0, 0, 0, NOW, "2026-4")
TECHNICAL, ORGANISATIONAL = "CC6.1", "CC1.1"


def mapping(policy: str = "p", control: str = TECHNICAL, strength: Strength = Strength.PARTIAL) -> ControlMapping:
    return ControlMapping(policy, Control("SOC2", control), Provenance.PACK, strength, "pack")


def judged(
    *evidence: PolicyEvidence, control: str = TECHNICAL, strength: Strength = Strength.PARTIAL, mapped: bool = True
) -> ControlResult:
    mappings = [mapping(each.policy_id, control, strength) for each in evidence] if mapped else []
    results = compliance(framework("SOC2"), {control: mappings}, evidence, now=NOW)
    return next(result for result in results if result.control.id == control)


@pytest.mark.parametrize(
    ("evidence", "state", "reason"),
    [
        (RAN, State.SATISFIED, Reason.NOTHING_FOUND),
        (replace(RAN, violations=1), State.NOT_SATISFIED, Reason.VIOLATIONS),
        (replace(RAN, violations=1, unknown=9), State.NOT_SATISFIED, Reason.VIOLATIONS),
        (replace(RAN, exempt=1), State.PARTLY, Reason.EXEMPT),
        (replace(RAN, unknown=1), State.PARTLY, Reason.UNDECIDED_IN_PART),
        (replace(RAN, unknown=10, state="unknown"), State.UNKNOWN, Reason.UNDECIDED),
        (replace(RAN, resources=0, state="not_applicable"), State.UNKNOWN, Reason.NOT_APPLICABLE),
        (replace(RAN, resources=0, state="needs_parameters"), State.UNKNOWN, Reason.NOT_RUN),
        (replace(RAN, resources=0, state="error"), State.UNKNOWN, Reason.NOT_RUN),
        (replace(RAN, entry=None), State.UNKNOWN, Reason.NO_EVIDENCE),
        (replace(RAN, at=NOW - EVIDENCE_AGE_MAX), State.SATISFIED, Reason.NOTHING_FOUND),
        (replace(RAN, at=NOW - EVIDENCE_AGE_MAX - timedelta(seconds=1)), State.UNKNOWN, Reason.STALE),
        (replace(RAN, violations=3, at=NOW - timedelta(days=31)), State.UNKNOWN, Reason.STALE),
    ],
)
def test_a_state_follows_from_what_one_policy_found(evidence: PolicyEvidence, state: State, reason: Reason) -> None:
    found = judged(evidence)
    assert (found.state, found.reason) == (state, reason)


def test_every_assignment_of_a_definition_serves_what_the_definition_is_mapped_to() -> None:
    held, broken = replace(RAN, policy_id="P@one"), replace(RAN, policy_id="P@two/ref", violations=1)
    for evidence, state in (([held], State.SATISFIED), ([held, broken], State.NOT_SATISFIED)):
        results = compliance(framework("SOC2"), {TECHNICAL: [mapping("p")]}, evidence, now=NOW)
        result = next(result for result in results if result.control.id == TECHNICAL)
        assert (result.state, len(result.served)) == (state, len(evidence))


def test_a_control_without_policy_is_unknown_and_says_which_way() -> None:
    assert judged(RAN, mapped=False).reason is Reason.NO_POLICY
    assert judged(RAN, mapped=False, control=ORGANISATIONAL).reason is Reason.ORGANISATIONAL
    unscanned = compliance(framework("SOC2"), {TECHNICAL: [mapping("other")]}, [RAN], now=NOW)
    found = next(result for result in unscanned if result.control.id == TECHNICAL)
    assert (found.state, found.reason, len(found.served)) == (State.UNKNOWN, Reason.NO_POLICY, 1)


def test_one_policy_that_did_not_run_leaves_a_control_partly() -> None:
    found = judged(RAN, replace(RAN, policy_id="q", resources=0, state="error"))
    assert (found.state, found.reason) == (State.PARTLY, Reason.NOT_RUN_IN_PART)


def test_a_policy_without_resources_takes_nothing_from_the_others() -> None:
    found = judged(RAN, replace(RAN, policy_id="q", resources=0, state="not_applicable"))
    assert found.state is State.SATISFIED


def test_an_organisational_control_is_at_most_partly() -> None:
    supported = judged(RAN, control=ORGANISATIONAL, strength=Strength.SUPPORTING)
    assert (supported.state, supported.reason) == (State.PARTLY, Reason.SUPPORT_ONLY)
    failing = judged(replace(RAN, violations=2), control=ORGANISATIONAL, strength=Strength.SUPPORTING)
    assert (failing.state, failing.reason) == (State.PARTLY, Reason.VIOLATIONS)


def test_every_control_has_one_result_and_enhancements_follow_their_control() -> None:
    nist = framework("NIST-800-53-R5")
    extra = {"AC-2(11)": [mapping()], "AC-99": [mapping()], "AC": [mapping()]}
    names = [result.control.id for result in compliance(nist, extra, [], now=NOW)]
    assert len(names) == len(nist.requirements) + 1
    assert names[names.index("AC-2(11)") - 1] == "AC-2"


def test_coverage_and_gaps_say_why_with_evidence() -> None:
    failing = judged(replace(RAN, violations=2), replace(RAN, policy_id="q", violations=1))
    (row,) = coverage_rows([failing])
    assert row["why"] == "3 violations of 2 policies, most of: Storage is closed"
    assert row["checks"] == {"total": 20, "compliant": 17, "violations": 3, "exempt": 0, "unknown": 0}
    assert row["evidence"] == ["2026-4"]
    one = judged(replace(RAN, violations=1))
    assert coverage_rows([one])[0]["why"] == "1 violation: Storage is closed"
    stale = judged(replace(RAN, at=NOW - timedelta(days=90)))
    rows = gap_rows([stale, judged(RAN), failing])
    assert [(each["gap"], bool(each["todo"])) for each in rows] == [("failing", True), ("stale", True)]
    assert gap_rows([stale, failing], GapKind.NO_POLICY) == []


def test_a_framework_is_summed_up_by_state_reason_and_group() -> None:
    soc2 = framework("SOC2")
    results = compliance(soc2, {TECHNICAL: [mapping()], ORGANISATIONAL: []}, [RAN], now=NOW)
    summary = framework_summary(soc2, results)
    assert summary["states"] == {"satisfied": 1, "not-satisfied": 0, "partly": 0, "unknown": 60}
    assert summary["reasons"] == {"nothing-found": 1, "no-policy": 25, "organisational": 35}
    assert (summary["controls"], summary["technical"], summary["organisational"]) == (61, 26, 35)
    assert summary["with_policy"] == 1
    groups = {str(row["id"]): row["states"] for row in group_rows(soc2, results)}
    assert groups["CC6"] == {"satisfied": 1, "not-satisfied": 0, "partly": 0, "unknown": 7}
    assert len(groups) == 20


def test_evidence_of_another_scan_proves_nothing_about_this_one() -> None:
    row = {
        "id": "p", "title": "t", "severity": "low", "state": "ran", "reason": None, "resources": 1, "violations": 0,
        "exempt": 0, "unknown": 0, "controls": [{"framework": "SOC2", "id": "CC6.1"}],
    }  # fmt: skip
    document = {"as_of": "2026-11-24T12:00:00Z", "policies": [row]}
    (same,) = policy_evidence(document, {"p": ("2026-4", "2026-11-24T12:00:00Z")})
    (other,) = policy_evidence(document, {"p": ("2026-4", "2026-11-23T12:00:00Z")})
    assert (same.entry, other.entry) == ("2026-4", None)
    assert list(by_framework(scan_mappings(document))["SOC2"]) == ["CC6.1"]


def test_a_framework_that_is_not_known_is_the_ids_that_are_mapped() -> None:
    found = framework_of("AWS-FSBP", ["S3.2", "S3.1"])
    assert [control.id for control in found.requirements] == ["S3.1", "S3.2"]
    assert framework_of("SOC2", []) is framework("SOC2")
    results = compliance(found, {}, [], now=NOW)
    assert framework_summary(found, results)["is_catalogued"] is False
    assert [row["id"] for row in group_rows(found, results)] == ["S3.1", "S3.2"]
