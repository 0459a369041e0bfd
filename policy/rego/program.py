"""From a Rego policy to a program of one comparison on the whole resource."""

from __future__ import annotations

import re
from typing import Any

import orjson

from domain.finding import PolicyId
from domain.value import Json
from policy.compile import Program
from policy.definition import Definition
from policy.errors import InvalidDefinition, UnsupportedDefinition
from policy.rego.decide import OPERATOR
from policy.rego.doubts import doubts
from policy.rego.engine import engine
from policy.rego.review import check_match
from policy.rego.source import LIBRARY
from policy.rego.template import GCP_TARGET, RegoPolicy
from policy.tree import Compare, Literal, Read, reads_of
from policy.whole import WHOLE

LANGUAGE = "rego"


def compile_policy(policy: RegoPolicy) -> Program:
    """Compile a policy; its modules are loaded once, to see that they can be.

    Raises:
        InvalidDefinition: the interpreter does not load a module; says why.
        UnsupportedDefinition: its match names what is not known here, or its Rego would be answered wrongly.
    """
    check_match(policy)
    source = policy.template.source
    doubtful = [f"{name}: {doubt}" for name, text in source.modules for doubt in doubts(text) if text != LIBRARY]
    if doubtful:
        raise UnsupportedDefinition(
            "regopy would answer this Rego wrongly",
            where=policy.template.origin,
            path=policy.policy_id,
            got=doubtful[:5],
            todo="Give the value of one iteration a name first, or look elements up by name",
        )
    error = engine().check(source)
    if error:
        raise InvalidDefinition(
            "Rego does not load",
            where=policy.template.origin,
            path=policy.policy_id,
            reason=error,
            todo="Write the Rego in a form that regopy reads",
        )
    document: dict[str, Any] = {"template": dict(policy.template.document), "constraint": dict(policy.constraint)}
    plan: dict[str, Json] = {"shown": policy.policy_id, "document": orjson.dumps(document).decode()}
    condition = Compare(
        Read(WHOLE),
        OPERATOR,
        Literal(plan),
        f"rego({policy.policy_id},{policy.template.source.digest})",
        (WHOLE,),
        False,
        "",
    )
    return Program(
        policy_id=PolicyId(policy.policy_id),
        condition=condition,
        types=named_types(policy),
        clouds=frozenset({policy.template.provider}),
        mode="All",
        effect="audit",
        paths=reads_of(condition),
        is_time_dependent=False,
        definition=definition_of(policy),
    )


def named_types(policy: RegoPolicy) -> frozenset[str] | None:
    """Folded asset types outside which no rule can find a violation; None where its text does not say.

    A rule whose body has a line of its own that compares the asset's type with one text holds of no other type.
    """
    source = policy.template.source
    bodies = re.split(rf"(?m)^{source.rule}\s*\[", source.modules[0][1])[1:]
    named = [re.search(r'(?m)^\s*asset\.asset_type == "([^"]+)"\s*$', body.partition("\n}\n")[0]) for body in bodies]
    if policy.template.target != GCP_TARGET or not all(named):
        return None
    return frozenset(found[1].casefold() for found in named if found is not None)


def definition_of(policy: RegoPolicy) -> Definition:
    """The policy as stores and readers know definitions."""
    metadata: dict[str, Any] = {"language": LANGUAGE, "clouds": [str(policy.template.provider)]}
    if policy.severity:
        metadata["severity"] = policy.severity
    return Definition(
        policy_id=policy.policy_id,
        display_name=policy.policy_id,
        description=policy.template.description,
        mode="All",
        parameters={},
        condition={"template": dict(policy.template.document), "constraint": dict(policy.constraint)},
        then={"effect": "audit"},
        origin=policy.origin,
        metadata=metadata,
    )
