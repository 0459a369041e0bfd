"""Which policy serves which control: many to many, each pair with who says so and how much of the control it shows.

*Direct*: the control asks for this very setting. *Partial*: the setting is a part of what the control asks.
*Supporting*: the control is organisational, so a setting can only be a hint that it is kept. A publisher's list says no
strength; it follows from the control's framework and kind, by `strength_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.finding import Control
from policy.controls.catalogue import frameworks, other_editions
from policy.controls.framework import ControlKind, Style


class Strength(StrEnum):
    """How much of a control a policy shows."""

    DIRECT = "direct"
    PARTIAL = "partial"
    SUPPORTING = "supporting"


class Provenance(StrEnum):
    """Who says that a policy serves a control."""

    PACK = "pack"
    AZURE = "azure-initiative"
    PROWLER = "prowler"
    EDITION = "other-edition"


@dataclass(frozen=True, slots=True)
class ControlMapping:
    """One pair.

    Args:
        policy: id of a policy, or of a Prowler check.
        source: the pack, initiative or file that says so.
    """

    policy: str
    control: Control
    provenance: Provenance
    strength: Strength
    source: str


def strength_of(control: Control) -> Strength:
    """The strength of a mapping whose author stated none. Settings of a framework that we do not know are partial."""
    known = frameworks().get(control.framework)
    found = None if known is None else known.find(control.id)
    if known is None or found is None:
        return Strength.PARTIAL
    if known.style is Style.BENCHMARK:
        return Strength.DIRECT
    return Strength.PARTIAL if found.kind is ControlKind.TECHNICAL else Strength.SUPPORTING


def pack_mappings(policies: Iterable[tuple[str, Sequence[Control]]], *, source: str) -> tuple[ControlMapping, ...]:
    """What policies say of themselves.

    Args:
        policies: id and controls of each.
    """
    return tuple(
        ControlMapping(policy, control, Provenance.PACK, strength_of(control), source)
        for policy, controls in policies
        for control in controls
    )


def with_editions(mappings: Iterable[ControlMapping]) -> tuple[ControlMapping, ...]:
    """The mappings, and with each to a benchmark's recommendation also those to the same one in other versions.

    These are partial: versions word a recommendation differently now and then. What somebody states of a version itself
    comes first.
    """
    stated = tuple(mappings)
    others = (
        ControlMapping(each.policy, other, Provenance.EDITION, Strength.PARTIAL, f"{each.source}, by {each.control}")
        for each in stated
        for other in other_editions(each.control)
    )
    return (*stated, *others)


def by_control(mappings: Iterable[ControlMapping]) -> Mapping[Control, tuple[ControlMapping, ...]]:
    """Mappings of each control, each policy once: the strongest pair that anybody states, of equal ones the first."""
    found: dict[Control, dict[str, ControlMapping]] = {}
    ranks = list(Strength)
    for mapping in mappings:
        kept = found.setdefault(mapping.control, {})
        former = kept.get(mapping.policy.lower())
        if former is None or ranks.index(mapping.strength) < ranks.index(former.strength):
            kept[mapping.policy.lower()] = mapping
    return {control: tuple(kept.values()) for control, kept in found.items()}


def unknown_controls(mappings: Iterable[ControlMapping]) -> tuple[Control, ...]:
    """Controls that a framework we know does not have, in order: errors of the one who mapped, or of our list."""
    known = frameworks()
    wrong = {
        mapping.control
        for mapping in mappings
        if mapping.control.framework in known and known[mapping.control.framework].find(mapping.control.id) is None
    }
    return tuple(sorted(wrong, key=lambda control: (control.framework, control.id)))
