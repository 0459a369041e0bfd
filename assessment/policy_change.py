"""What a change of assignments would do, before anything is assigned: which resources change state, under which policy.

Both sets are judged over one snapshot as a scan judges. A policy is the same before and after when its definition, its
assignment and its place in the initiative are; what is equal in everything that decides is not judged again. States
are a scan's: exempt where a waiver covers a violation, unknown where it cannot be decided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assessment.applying import applied
from assessment.evaluation import Group, groups, outcome
from assessment.inputs import AssessedPolicy
from domain.finding import PolicyId, Verdict
from domain.resource import ConfigurationItem, ResourceId
from graph.snapshot import Snapshot
from policy.assignment import Enforcement
from policy.evaluate import Lookups
from policy.exemption import Exemption
from policy.tree import Truth

ACTING: Final = frozenset({"append", "deny", "denyaction", "deployifnotexists", "modify"})
"""Effects that do something to requests or resources, and not only tell."""

Key = tuple[str, str, str]
States = NDArray[np.uint8]


class State(IntEnum):
    """What a resource is to a policy; the codes that columns hold."""

    NOT_ASSESSED = 0
    COMPLIANT = 1
    UNKNOWN = 2
    EXEMPT = 3
    VIOLATION = 4

    @property
    def word(self) -> str:
        """As documents write it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class InForce:
    """Policies with the resources that they are judged on, and the waivers."""

    policies: Sequence[AssessedPolicy] = ()
    exemptions: Sequence[Exemption] = ()


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """One resource whose state under one policy changes, or whose violation begins or ceases to be acted upon.

    Args:
        policy_id: as it will be judged; as it was where it is removed.
        acted_before, acted_after: whether the policy's effect acts on it.
    """

    resource_id: ResourceId
    resource_type: str
    scope: str
    policy_id: PolicyId
    assignment_id: str
    before: State
    after: State
    acted_before: bool
    acted_after: bool


@dataclass(frozen=True, slots=True)
class PolicyCounts:
    """How many resources are in which state under one policy, before and after.

    Args:
        change: ``added``, ``removed`` or ``changed``.
        reason: why it cannot be judged after the change; None where it can.
    """

    policy_id: PolicyId
    assignment_id: str
    title: str
    change: str
    before: Mapping[State, int]
    after: Mapping[State, int]
    changed: int
    enforcement_before: str
    enforcement_after: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ScopeCounts:
    """What changes in one scope, over all policies: pairs of a resource and a policy."""

    scope: str
    resources: int
    opened: int
    closed: int
    unknown: int
    other: int


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What a change of assignments comes to; resources in order of policy and id.

    Args:
        unchanged: how many policies are the same before and after, and were not judged.
    """

    resources: tuple[ResourceChange, ...]
    policies: tuple[PolicyCounts, ...]
    scopes: tuple[ScopeCounts, ...]
    unchanged: int

    def count(self, before: State | None, after: State | None) -> int:
        """How many pairs go from one state to another; None is any."""
        return sum(
            (before is None or each.before is before) and (after is None or each.after is after)
            for each in self.resources
        )


@dataclass(frozen=True, slots=True)
class Estate:
    """What the sets are judged on: items in the snapshot's order, with columns for the policies of both sets."""

    snapshot: Snapshot
    items: Sequence[ConfigurationItem]
    now: datetime


def policy_change(before: InForce, after: InForce, estate: Estate) -> PolicyChange:
    """Judge what differs between two sets of policies in force."""
    judge = _Judge(estate)
    old, new = _by_key(before.policies), _by_key(after.policies)
    resources: list[ResourceChange] = []
    policies: list[PolicyCounts] = []
    unchanged = 0
    for key in sorted({*old, *new}):
        sides = _Side(old.get(key, ()), before.exemptions), _Side(new.get(key, ()), after.exemptions)
        if sides[0].decides == sides[1].decides:
            unchanged += 1
            continue
        found = judge.difference(*sides)
        policies.append(found.counts())
        resources += found.changes(estate.items)
    return PolicyChange(tuple(resources), tuple(policies), _scopes(resources), unchanged)


def key_of(policy: AssessedPolicy) -> Key:
    """What a policy is before and after a change."""
    return (policy.policy_id.casefold(), "", "") if policy.assigned is None else policy.assigned.key


@dataclass(frozen=True, slots=True)
class _Side:
    """One policy in one of the sets; several parts where an override splits it."""

    policies: Sequence[AssessedPolicy]
    exemptions: Sequence[Exemption]

    @property
    def decides(self) -> object:
        """Everything that states depend on, and what effects act upon."""
        parts = sorted((policy.digest, str(policy.state), policy.program is None) for policy in self.policies)
        return parts, sorted(map(_of_exemption, self.named)) if parts else []

    @property
    def named(self) -> list[Exemption]:
        """The waivers that are about it."""
        return [each for each in self.exemptions if any(each.names(policy.policy_id) for policy in self.policies)]

    @property
    def enforcement(self) -> str:
        """The mode of its assignment; empty where it is not there."""
        if not self.policies:
            return ""
        assigned = self.policies[0].assigned
        return Enforcement.DEFAULT.value if assigned is None else assigned.assignment.enforcement.value


def _of_exemption(exemption: Exemption) -> str:
    """What decides of a waiver; the ids that it lists depend on what else is assigned."""
    places = (exemption.scope, exemption.resource, exemption.below, exemption.selectors)
    return repr((exemption.exemption_id, exemption.created_at, exemption.expires_at, *places))


@dataclass(frozen=True, slots=True, eq=False)
class _Difference:
    """One policy in both sets, with the state of every resource and whether its effect acts there."""

    before: _Side
    after: _Side
    old: States
    new: States
    acted_old: NDArray[np.bool_]
    acted_new: NDArray[np.bool_]

    @property
    def rows(self) -> list[int]:
        """The resources for which something changes."""
        rows: list[int] = np.flatnonzero((self.old != self.new) | (self.acted_old != self.acted_new)).tolist()
        return rows

    @property
    def shown(self) -> AssessedPolicy:
        """The policy as it will be, or as it was where it is removed."""
        return (self.after.policies or self.before.policies)[0]

    def counts(self) -> PolicyCounts:
        """How many resources are in which state."""
        is_both = bool(self.before.policies) and bool(self.after.policies)
        return PolicyCounts(
            policy_id=self.shown.policy_id,
            assignment_id=_assignment_id(self.shown),
            title=self.shown.title,
            change="changed" if is_both else "added" if self.after.policies else "removed",
            before=_tally(self.old),
            after=_tally(self.new),
            changed=len(self.rows),
            enforcement_before=self.before.enforcement,
            enforcement_after=self.after.enforcement,
            reason=next((policy.reason for policy in self.after.policies if policy.program is None), None),
        )

    def changes(self, items: Sequence[ConfigurationItem]) -> Iterator[ResourceChange]:
        """The resources that change, in order of id."""
        for row in self.rows:
            item = items[row]
            yield ResourceChange(
                resource_id=item.uid,
                resource_type=item.type,
                scope=item.scope,
                policy_id=self.shown.policy_id,
                assignment_id=_assignment_id(self.shown),
                before=State(int(self.old[row])),
                after=State(int(self.new[row])),
                acted_before=bool(self.acted_old[row]),
                acted_after=bool(self.acted_new[row]),
            )


class _Judge:
    """Judges policies over one snapshot, with what was worked out kept."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._lookups = Lookups()
        self._groups: Mapping[str, Group] = groups(estate.snapshot, np.ones(len(estate.items), dtype=bool))

    def states(self, side: _Side) -> States:
        """The state of every resource."""
        found = np.full(len(self._estate.items), State.NOT_ASSESSED, dtype=np.uint8)
        for policy in side.policies:
            self._judge(policy, side.named, found)
        return found

    def acted(self, side: _Side, states: States) -> NDArray[np.bool_]:
        """Which violations the effect acts on."""
        found = np.zeros(len(states), dtype=bool)
        if side.enforcement == Enforcement.DO_NOT_ENFORCE:
            return found
        for policy in side.policies:
            if policy.program is not None and policy.program.effect in ACTING:
                found |= True if policy.applies is None else policy.applies == Truth.TRUE
        found &= states == State.VIOLATION
        return found

    def difference(self, before: _Side, after: _Side) -> _Difference:
        """One policy in both sets."""
        old, new = self.states(before), self.states(after)
        return _Difference(before, after, old, new, self.acted(before, old), self.acted(after, new))

    def _judge(self, policy: AssessedPolicy, waivers: Sequence[Exemption], states: States) -> None:
        program = policy.program
        if program is None or not program.is_enabled:
            return
        found = applied(outcome(program, self._groups, self._lookups, now=self._estate.now), policy)
        states[found.rows] = _STATES[found.verdicts]
        for row in found.with_verdict(Verdict.VIOLATION).tolist() if waivers else ():
            item = self._estate.items[row]
            if any(each.covers(item, policy.policy_id, self._estate.now) for each in waivers):
                states[row] = State.EXEMPT


_STATES: Final = np.zeros(len(Verdict), dtype=np.uint8)
_STATES[Verdict.COMPLIANT] = State.COMPLIANT
_STATES[Verdict.VIOLATION] = State.VIOLATION
_STATES[Verdict.UNKNOWN] = State.UNKNOWN


def _by_key(policies: Sequence[AssessedPolicy]) -> dict[Key, list[AssessedPolicy]]:
    found: dict[Key, list[AssessedPolicy]] = {}
    for policy in policies:
        found.setdefault(key_of(policy), []).append(policy)
    return found


def _tally(states: States) -> dict[State, int]:
    counts = np.bincount(states, minlength=len(State)).tolist()
    return {state: counts[state] for state in State if state is not State.NOT_ASSESSED and counts[state]}


def _assignment_id(policy: AssessedPolicy) -> str:
    return "" if policy.assigned is None else policy.assigned.assignment.assignment_id


def _scopes(changes: Sequence[ResourceChange]) -> tuple[ScopeCounts, ...]:
    by_scope: dict[str, Counter[str]] = {}
    touched: dict[str, set[ResourceId]] = {}
    for each in changes:
        by_scope.setdefault(each.scope, Counter())[_kind(each)] += 1
        touched.setdefault(each.scope, set()).add(each.resource_id)
    return tuple(
        ScopeCounts(scope, len(touched[scope]), *(counts[kind] for kind in ("opened", "closed", "unknown", "other")))
        for scope, counts in sorted(by_scope.items())
    )


def _kind(change: ResourceChange) -> str:
    if change.before is change.after:
        return "other"
    if change.after is State.VIOLATION:
        return "opened"
    if change.before is State.VIOLATION:
        return "closed"
    return "unknown" if change.after is State.UNKNOWN else "other"
