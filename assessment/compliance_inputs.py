"""From a scan's document and the log's newest entries to what `assessment.compliance` judges by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from assessment.compliance import PolicyEvidence
from domain.clock import parse_instant
from domain.finding import Control
from policy.controls.catalogue import frameworks
from policy.controls.framework import ControlKind, ControlText, Framework, Style
from policy.controls.mapping import ControlMapping, by_control, pack_mappings

Document = Mapping[str, Any]
Entries = Mapping[str, tuple[str, str]]
"""By policy, the log's newest entry about it and that entry's time."""

PACK: Final = "policy metadata"


def policy_evidence(document: Document, entries: Entries) -> tuple[PolicyEvidence, ...]:
    """What a scan found, policy by policy.

    Args:
        entries: the log's newest ones.
    """
    as_of = str(document["as_of"])
    at = parse_instant(as_of)
    return tuple(
        PolicyEvidence(
            policy_id=row["id"],
            title=row["title"],
            severity=row["severity"],
            state=row["state"],
            reason=row["reason"],
            resources=row["resources"],
            violations=row["violations"],
            exempt=row["exempt"],
            unknown=row["unknown"],
            at=at,
            entry=entry_of_scan(entries, row["id"], as_of),
        )
        for row in document["policies"]
    )


def entry_of_scan(entries: Entries, policy: str, as_of: str) -> str | None:
    """The log's entry of a policy's verdict in the scan of that time; one of another scan proves nothing about it."""
    entry, when = entries.get(policy, ("", ""))
    return entry if when == as_of else None


def scan_mappings(document: Document) -> tuple[ControlMapping, ...]:
    """What the scan's policies say of themselves."""
    rows = [
        (row["id"], [Control(control["framework"], control["id"]) for control in row["controls"]])
        for row in document["policies"]
    ]
    return pack_mappings(rows, source=PACK)


def by_framework(mappings: Iterable[ControlMapping]) -> dict[str, dict[str, Sequence[ControlMapping]]]:
    """Mappings by framework and id of control, each policy once for each control."""
    found: dict[str, dict[str, Sequence[ControlMapping]]] = {}
    for control, kept in by_control(mappings).items():
        found.setdefault(control.framework, {})[control.id] = kept
    return found


def controls_by_policy(mappings: Iterable[ControlMapping]) -> dict[str, list[Control]]:
    """The controls that each policy serves, by its id in lower case; each once, in order of mention."""
    found: dict[str, dict[Control, None]] = {}
    for mapping in mappings:
        found.setdefault(mapping.policy.lower(), {})[mapping.control] = None
    return {policy: list(controls) for policy, controls in found.items()}


def framework_of(name: str, controls: Iterable[str]) -> Framework:
    """A framework by its id; one that we do not know is only the ids that are mapped."""
    known = frameworks().get(name)
    if known is not None:
        return known
    rows = tuple(ControlText(control, control, ControlKind.TECHNICAL) for control in sorted(controls))
    return Framework(name, name, "", "", Style.PRINCIPLES, rows)
