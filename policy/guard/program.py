"""From a rule of a Guard file to a program over the resources of an inventory.

A rule maps where it names a resource type whose properties an inventory has under CloudFormation's names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.finding import PolicyId
from domain.resource import Provider
from domain.value import Json
from policy.compile import Program
from policy.definition import Definition
from policy.errors import UnsupportedDefinition
from policy.guard.decide import OPERATOR
from policy.guard.inventory import CARRIED
from policy.guard.parse import parse_rules
from policy.tree import Compare, Literal, Read, reads_of
from policy.whole import WHOLE

LANGUAGE: Final = "guard"


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """One rule of a file."""

    rule: str
    text: str
    origin: str


def policies_of(text: str, *, origin: str) -> list[GuardPolicy]:
    """The rules of a file; those with parameters are called by others and are none.

    Raises:
        InvalidDefinition: the file is not readable; names the line.
    """
    rules = parse_rules(text, origin=origin)
    return [GuardPolicy(name, text, origin) for name in dict.fromkeys(rule.name for rule in rules.rules)]


def is_rules_file(text: str) -> bool:
    """Whether text has the form of a rules file."""
    return re.search(r"^\s*rule\s+\w+\s*(\(|when\b|\{)", text, re.MULTILINE) is not None


def compile_policy(policy: GuardPolicy) -> Program:
    """Compile a rule.

    Raises:
        UnsupportedDefinition: it is about no type whose properties an inventory has.
    """
    types = mapped_types(policy)
    plan: dict[str, Json] = {
        "shown": policy.rule,
        "rule": policy.rule,
        "text": policy.text,
        "types": {kind.casefold(): kind for kind in types},
    }
    key = f"guard({policy.rule},{policy.text})"
    condition = Compare(Read(WHOLE), OPERATOR, Literal(plan), key, (WHOLE,), False, policy.rule)
    return Program(
        policy_id=PolicyId(policy.rule),
        condition=condition,
        types=frozenset(kind.casefold() for kind in types),
        clouds=frozenset({Provider.AWS}),
        mode="All",
        effect="audit",
        paths=reads_of(condition),
        is_time_dependent=False,
        definition=definition_of(policy),
    )


def mapped_types(policy: GuardPolicy) -> Sequence[str]:
    """The types that the file names and an inventory has.

    Raises:
        UnsupportedDefinition: there is none.
    """
    named = sorted(set(re.findall(r"AWS::\w+::\w+", policy.text)))
    found = [kind for kind in named if kind in CARRIED]
    if not found:
        raise UnsupportedDefinition(
            "rule is about CloudFormation properties that no inventory has",
            where=policy.origin,
            path=policy.rule,
            expected=sorted(CARRIED),
            got=named,
            todo="Run it on templates, before they are deployed",
        )
    return found


def definition_of(policy: GuardPolicy) -> Definition:
    """The rule as stores and readers know definitions."""
    return Definition(
        policy_id=policy.rule,
        display_name=policy.rule,
        description="",
        mode="All",
        parameters={},
        condition={"rule": policy.rule, "text": policy.text},
        then={"effect": "audit"},
        origin=policy.origin,
        metadata={"language": LANGUAGE, "clouds": [str(Provider.AWS)]},
    )
