"""What compliance comes to, written out: coverage of a framework, and its gaps; the same for every view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from assessment.compliance import ControlResult, Reason, Served, State
from domain.clock import format_instant
from domain.value import Json
from policy.controls.catalogue import frameworks
from policy.controls.framework import ControlKind, Framework

Row = dict[str, Json]

WORDS: Final[Mapping[Reason, str]] = {
    Reason.NOTHING_FOUND: "its policies decided everything they judged and found nothing",
    Reason.EXEMPT: "no open violation, but some are exempt",
    Reason.UNDECIDED_IN_PART: "no violation, but some resources could not be decided",
    Reason.NOT_RUN_IN_PART: "no violation, but some policies could not run",
    Reason.SUPPORT_ONLY: "policies support it; configuration alone cannot show it",
    Reason.NO_POLICY: "no policy of the scan serves it",
    Reason.ORGANISATIONAL: "organisational: configuration cannot show it",
    Reason.NOT_RUN: "its policies could not run",
    Reason.NOT_APPLICABLE: "not applicable: no resource of its policies' types was read",
    Reason.UNDECIDED: "nothing that its policies judged could be decided",
    Reason.STALE: "the evidence is older than allowed",
    Reason.NO_EVIDENCE: "nothing was found, but no entry of the log proves it",
}


class GapKind(StrEnum):
    """What is missing, the most pressing first."""

    FAILING = "failing"
    STALE = "stale"
    NO_EVIDENCE = "no-evidence"
    UNDECIDED = "undecided"
    NO_POLICY = "no-policy"


_GAPS: Final[Mapping[Reason, GapKind]] = {
    Reason.VIOLATIONS: GapKind.FAILING,
    Reason.STALE: GapKind.STALE,
    Reason.NO_EVIDENCE: GapKind.NO_EVIDENCE,
    Reason.NOT_APPLICABLE: GapKind.NO_EVIDENCE,
    Reason.UNDECIDED: GapKind.UNDECIDED,
    Reason.UNDECIDED_IN_PART: GapKind.UNDECIDED,
    Reason.NOT_RUN: GapKind.UNDECIDED,
    Reason.NOT_RUN_IN_PART: GapKind.UNDECIDED,
    Reason.NO_POLICY: GapKind.NO_POLICY,
}
_TODO: Final[Mapping[GapKind, str]] = {
    GapKind.FAILING: "Mend the violations, or exempt them with a reason: pcg violations",
    GapKind.STALE: "Scan again: pcg scan PATH",
    GapKind.NO_EVIDENCE: "Scan what this control is about, and keep its evidence",
    GapKind.UNDECIDED: "Read what the policies need, or give their parameters: pcg policies list --state unknown",
    GapKind.NO_POLICY: "Assign a policy, or attest it: pcg compliance map finds candidates",
}


def framework_summary(framework: Framework, results: Sequence[ControlResult]) -> Row:
    """A framework in figures."""
    reasons = Counter(result.reason for result in results)
    states = Counter(result.state for result in results)
    kinds = Counter(result.control.kind for result in results)
    with_policy = sum(any(each.evidence is not None for each in result.served) for result in results)
    return {
        "framework": framework.id,
        "title": framework.title,
        "publisher": framework.publisher,
        "edition": framework.edition,
        "is_catalogued": framework.id in frameworks(),
        "controls": len(results),
        "technical": kinds[ControlKind.TECHNICAL],
        "organisational": kinds[ControlKind.ORGANISATIONAL],
        "with_policy": with_policy,
        "states": {state.value: states[state] for state in State},
        "reasons": {reason.value: reasons[reason] for reason in Reason if reasons[reason]},
    }


def coverage_rows(results: Sequence[ControlResult]) -> list[Row]:
    """One row a control, in the framework's order."""
    return [_control(result) for result in results]


def group_rows(framework: Framework, results: Sequence[ControlResult]) -> list[Row]:
    """One row for each top group with the states of all that is below it."""
    tops = [control for control in framework.controls if control.parent is None]
    parents = {control.id: control.parent for control in framework.controls}
    below: dict[str, Counter[State]] = {top.id: Counter() for top in tops}
    for result in results:
        top = result.control.id
        while (parent := parents.get(top, result.control.parent)) is not None:
            top = parent
        below[top][result.state] += 1
    return [
        {"id": top.id, "text": top.text, "states": {state.value: below[top.id][state] for state in State}}
        for top in tops
        if below[top.id]
    ]


def gap_rows(results: Sequence[ControlResult], kind: GapKind | None = None) -> list[Row]:
    """One row for each control with a gap, the most pressing kind first, then in the framework's order.

    Organisational controls without a policy are no gap of policies; `coverage` counts them.
    """
    order = list(GapKind)
    found = [(gap, result) for result in results if (gap := _GAPS.get(result.reason)) and kind in {None, gap}]
    found.sort(key=lambda pair: order.index(pair[0]))
    return [{"gap": gap.value, "todo": _TODO[gap], **_control(result)} for gap, result in found]


def head(document: Mapping[str, object], *, now: datetime, age_max: timedelta) -> Row:
    """What every answer says of its origin."""
    return {
        "tenant": str(document["tenant"]),
        "scan_as_of": str(document["as_of"]),
        "now": format_instant(now),
        "evidence_age_days_max": age_max.days,
        "filters": document["filters"],  # type: ignore[dict-item]
    }


def _control(result: ControlResult) -> Row:
    found = [each for _, each in result.judged]
    return {
        "framework": result.framework,
        "id": result.control.id,
        "text": result.control.text,
        "parent": result.control.parent,
        "kind": result.control.kind.value,
        "state": result.state.value,
        "reason": result.reason.value,
        "why": _why(result),
        "policies": len(result.served),
        "policies_in_scan": sum(each.evidence is not None for each in result.served),
        "policies_judged": len(found),
        "checks": {
            "total": sum(each.resources for each in found),
            "compliant": sum(each.compliant for each in found),
            "violations": result.violations,
            "exempt": sum(each.exempt for each in found),
            "unknown": sum(each.unknown for each in found),
        },
        "evidence": list[Json](dict.fromkeys(result.entries)),
        "evidence_at": format_instant(min(each.at for each in found)) if found else None,
        "served_by": list[Json](_served(result.served)),
    }


def _why(result: ControlResult) -> str:
    """The reason in words; of violations also how many, and of which policy the most."""
    if result.reason is not Reason.VIOLATIONS:
        return WORDS[result.reason]
    failing = sorted((each for _, each in result.judged if each.violations), key=lambda each: -each.violations)
    number, policies = result.violations, len(failing)
    said = f"{number:,} {'violation' if number == 1 else 'violations'}"
    if policies == 1:
        return f"{said}: {failing[0].title}"
    return f"{said} of {policies} policies, most of: {failing[0].title}"


def _served(served: Sequence[Served]) -> Iterator[Row]:
    """The policies that the scan had; one that is only mapped is counted, not listed."""
    for each in served:
        found = each.evidence
        if found is not None:
            yield {
                "policy": found.policy_id,
                "title": found.title,
                "severity": found.severity,
                "strength": each.mapping.strength.value,
                "provenance": each.mapping.provenance.value,
                "source": each.mapping.source,
                "state": found.state,
                "resources": found.resources,
                "violations": found.violations,
                "exempt": found.exempt,
                "unknown": found.unknown,
                "evidence": found.entry,
            }
