"""Where each control of a framework stands, by the verdicts of a scan and the evidence of them. Pure.

A state is never invented. *Not satisfied*: a policy that shows the control directly or in part has a violation that
nothing exempts. *Partly*: none has, but something is exempt, undecided or did not run, or the control is
organisational, so that policies can only support it. *Satisfied*: every policy of it that judged anything decided
everything and found nothing; parts of the control that no policy looks at are not covered by that word. *Unknown*: all
the rest, with the reason, one of `Reason`; what does not apply because no such resource exists is unknown and says so.

Evidence that is older than the caller allows decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from policy.controls.framework import ControlKind, ControlText, Framework
from policy.controls.mapping import ControlMapping, Strength

EVIDENCE_AGE_MAX: Final = timedelta(days=30)


class State(StrEnum):
    """Where a control stands."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not-satisfied"
    PARTLY = "partly"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why it stands there."""

    NOTHING_FOUND = "nothing-found"
    VIOLATIONS = "violations"
    EXEMPT = "exempt"
    UNDECIDED_IN_PART = "undecided-in-part"
    NOT_RUN_IN_PART = "not-run-in-part"
    SUPPORT_ONLY = "support-only"
    NO_POLICY = "no-policy"
    ORGANISATIONAL = "organisational"
    NOT_RUN = "not-run"
    NOT_APPLICABLE = "not-applicable"
    UNDECIDED = "undecided"
    STALE = "stale"
    NO_EVIDENCE = "no-evidence"


@dataclass(frozen=True, slots=True)
class PolicyEvidence:
    """What the newest scan says of one policy.

    Args:
        state: as the scan document has it: ``ran``, ``not_applicable``, ``unknown``, ``needs_parameters``, ``error``.
        violations: those that nothing exempts.
        at: time of the scan.
        entry: the log's entry of this verdict; None where none is recorded.
    """

    policy_id: str
    title: str
    severity: str
    state: str
    reason: str | None
    resources: int
    violations: int
    exempt: int
    unknown: int
    at: datetime
    entry: str | None

    @property
    def has_run(self) -> bool:
        """Whether the policy could look at resources at all."""
        return self.state in {"ran", "unknown", "not_applicable"}

    @property
    def compliant(self) -> int:
        """Resources that it found in order."""
        return self.resources - self.violations - self.exempt - self.unknown


@dataclass(frozen=True, slots=True)
class Served:
    """One policy of a control; `evidence` is None where the scan did not have the policy."""

    mapping: ControlMapping
    evidence: PolicyEvidence | None


@dataclass(frozen=True, slots=True)
class ControlResult:
    """One control.

    Args:
        served: the policies that somebody maps to it, in order of id.
    """

    framework: str
    control: ControlText
    state: State
    reason: Reason
    served: tuple[Served, ...]

    @property
    def judged(self) -> tuple[tuple[Served, PolicyEvidence], ...]:
        """The policies that judged at least one resource, with what they found."""
        return tuple((each, each.evidence) for each in self.served if each.evidence and each.evidence.resources)

    @property
    def violations(self) -> int:
        """Violations by all its policies."""
        return sum(found.violations for _, found in self.judged)

    @property
    def entries(self) -> tuple[str, ...]:
        """The log's entries behind the state."""
        return tuple(found.entry for _, found in self.judged if found.entry is not None)


def compliance(
    framework: Framework,
    mappings: Mapping[str, Sequence[ControlMapping]],
    evidence: Iterable[PolicyEvidence],
    *,
    now: datetime,
    age_max: timedelta = EVIDENCE_AGE_MAX,
) -> tuple[ControlResult, ...]:
    """Judge every control of a framework, in its order.

    Args:
        mappings: by id of control, each policy once.
        evidence: of the newest scan; a definition that is assigned has one for each assignment.
    """
    by_policy: dict[str, list[PolicyEvidence]] = {}
    for each in evidence:
        name = each.policy_id.lower()
        for key in {name, name.partition("@")[0]}:
            by_policy.setdefault(key, []).append(each)
    found = []
    for control in _requirements(framework, mappings):
        served = tuple(
            Served(mapping, each)
            for mapping in sorted(mappings.get(control.id, ()), key=lambda mapping: mapping.policy)
            for each in by_policy.get(mapping.policy.lower(), [None])
        )
        state, reason = _state(control, served, now=now, age_max=age_max)
        found.append(ControlResult(framework.id, control, state, reason, served))
    return tuple(found)


def _requirements(framework: Framework, mappings: Mapping[str, Sequence[ControlMapping]]) -> list[ControlText]:
    """The framework's controls, and mapped enhancements, which have no row, behind their control."""
    listed = {control.id for control in framework.requirements}
    extra: dict[str | None, list[ControlText]] = {}
    for name in sorted(mappings):
        control = framework.find(name)
        if control is not None and name not in listed and control.kind is not ControlKind.GROUP:
            extra.setdefault(control.parent, []).append(control)
    return [each for control in framework.requirements for each in (control, *extra.get(control.id, ()))]


def _state(
    control: ControlText, served: Sequence[Served], *, now: datetime, age_max: timedelta
) -> tuple[State, Reason]:
    """The first rule that applies, as the module's words have them."""
    is_organisational = control.kind is ControlKind.ORGANISATIONAL
    known = [each.evidence for each in served if each.evidence is not None]
    if not known:
        return State.UNKNOWN, Reason.ORGANISATIONAL if is_organisational else Reason.NO_POLICY
    if not any(each.has_run for each in known):
        return State.UNKNOWN, Reason.NOT_RUN
    judged = [each for each in served if each.evidence is not None and each.evidence.resources]
    if not judged:
        return State.UNKNOWN, Reason.NOT_APPLICABLE
    if any(now - each.evidence.at > age_max for each in judged if each.evidence is not None):
        return State.UNKNOWN, Reason.STALE
    return _decided(judged, known, is_organisational=is_organisational)


def _decided(
    judged: Sequence[Served], known: Sequence[PolicyEvidence], *, is_organisational: bool
) -> tuple[State, Reason]:
    found = [(each.mapping.strength, each.evidence) for each in judged if each.evidence is not None]
    if all(each.unknown == each.resources for _, each in found):
        return State.UNKNOWN, Reason.UNDECIDED
    if any(each.violations and strength is not Strength.SUPPORTING for strength, each in found):
        return State.NOT_SATISFIED, Reason.VIOLATIONS
    for holds, reason in (
        (any(each.violations for _, each in found), Reason.VIOLATIONS),
        (any(each.exempt for _, each in found), Reason.EXEMPT),
        (any(each.unknown for _, each in found), Reason.UNDECIDED_IN_PART),
        (not all(each.has_run for each in known), Reason.NOT_RUN_IN_PART),
        (is_organisational, Reason.SUPPORT_ONLY),
    ):
        if holds:
            return State.PARTLY, reason
    if any(each.entry is None for _, each in found):
        return State.UNKNOWN, Reason.NO_EVIDENCE
    return State.SATISFIED, Reason.NOTHING_FOUND
