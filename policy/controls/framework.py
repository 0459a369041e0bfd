"""Frameworks as ids and our own words: what a control asks, what it is part of, and whether configuration can show it.

The text of standards belongs to their publishers, so a control has its id, which is a fact, and a short paraphrase. A
control is *technical* where configuration can show at least a part of it, else *organisational*: people, contracts,
premises, which no scan of a cloud can decide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final

from domain.finding import Control

_ENHANCEMENT: Final = re.compile(r"(.+?)\(\d+\)")


class ControlKind(StrEnum):
    """What a row of a framework is. A group only holds others together."""

    GROUP = "group"
    TECHNICAL = "technical"
    ORGANISATIONAL = "organisational"


class Style(StrEnum):
    """Whether a framework says what is to be achieved, or which setting is to be found."""

    PRINCIPLES = "principles"
    BENCHMARK = "benchmark"


@dataclass(frozen=True, slots=True)
class ControlText:
    """One control.

    Args:
        text: our paraphrase.
        parent: the control or group that it is part of.
    """

    id: str
    text: str
    kind: ControlKind
    parent: str | None = None


@dataclass(frozen=True)
class Framework:
    """One edition of one framework.

    Args:
        id: as `Control.framework` has it.
        aliases: other names that people write.
        controls: groups and controls in the framework's order.
    """

    id: str
    title: str
    publisher: str
    edition: str
    style: Style
    controls: tuple[ControlText, ...]
    aliases: tuple[str, ...] = ()
    _by_id: Mapping[str, ControlText] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {control.id: control for control in self.controls})

    def find(self, control_id: str) -> ControlText | None:
        """A control by id. An enhancement, like ``AC-2(9)``, that has no row stands for itself below its control."""
        known = self._by_id.get(control_id)
        if known is not None:
            return known
        enhancement = _ENHANCEMENT.fullmatch(control_id)
        base = self._by_id.get(enhancement[1]) if enhancement and self.style is Style.PRINCIPLES else None
        if base is None or base.kind is ControlKind.GROUP:
            return None
        return ControlText(control_id, f"Enhancement of {base.id}: {base.text}", base.kind, base.id)

    def children(self, control_id: str) -> tuple[ControlText, ...]:
        """What is directly part of a control or group."""
        return tuple(control for control in self.controls if control.parent == control_id)

    @cached_property
    def requirements(self) -> tuple[ControlText, ...]:
        """Everything but the groups."""
        return tuple(control for control in self.controls if control.kind is not ControlKind.GROUP)

    def named(self, control_id: str) -> Control:
        """A control of this framework as the rest of the program names it."""
        return Control(self.id, control_id)
