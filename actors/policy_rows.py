"""Plans, what-ifs and revisions as JSON rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from actors.policy_ledger import Revision
from assessment.policy_change import PolicyChange, PolicyCounts, ResourceChange, State
from domain.value import Absent, Json, Value
from policy.bundle_diff import DocumentChange

Row = dict[str, Any]
RESOURCES_MAX: Final = 10_000
"""Resources that a what-if lists; the counts are of all."""


def revision_row(revision: Revision) -> Row:
    """A revision."""
    return {**asdict(revision), "signers": list(revision.signers)}


def difference_rows(changes: Iterable[DocumentChange]) -> list[Row]:
    """What differs between two bundles."""
    return [
        {
            "kind": change.kind.value,
            "id": change.identity,
            "action": change.action,
            "file": change.file,
            "fields": [{"path": each.path, **_sides(each.before, each.after)} for each in change.fields],
        }
        for change in changes
    ]


def change_row(change: PolicyChange) -> Row:
    """What a change of assignments comes to."""
    return {
        "opened": sum(_opens(each) for each in change.resources),
        "closed": sum(_closes(each) for each in change.resources),
        "unknown": sum(each.after is State.UNKNOWN is not each.before for each in change.resources),
        "changed": len(change.resources),
        "unchanged_policies": change.unchanged,
        "policies": [_policy_row(each) for each in change.policies],
        "scopes": [asdict(each) for each in change.scopes],
        "resources": [_resource_row(each) for each in change.resources[:RESOURCES_MAX]],
        "resources_left_out": max(0, len(change.resources) - RESOURCES_MAX),
    }


def _opens(change: ResourceChange) -> bool:
    return change.after is State.VIOLATION is not change.before


def _closes(change: ResourceChange) -> bool:
    return change.before is State.VIOLATION is not change.after


def _policy_row(counts: PolicyCounts) -> Row:
    return {
        "policy_id": counts.policy_id,
        "assignment": counts.assignment_id,
        "title": counts.title,
        "change": counts.change,
        "changed": counts.changed,
        "before": _states(counts.before),
        "after": _states(counts.after),
        "enforcement_before": counts.enforcement_before or None,
        "enforcement_after": counts.enforcement_after or None,
        "reason": counts.reason,
    }


def _states(counts: Mapping[State, int]) -> dict[str, int]:
    return {state.word: count for state, count in counts.items()}


def _resource_row(change: ResourceChange) -> Row:
    return {
        "resource_id": change.resource_id,
        "resource_type": change.resource_type,
        "scope": change.scope,
        "policy_id": change.policy_id,
        "assignment": change.assignment_id,
        "before": change.before.word,
        "after": change.after.word,
        "acted_before": change.acted_before,
        "acted_after": change.acted_after,
    }


def _sides(before: Value, after: Value) -> dict[str, Json]:
    """The values on both sides; a side that is not there is left out."""
    sides = {"before": before, "after": after}
    return {name: value for name, value in sides.items() if not isinstance(value, Absent)}
