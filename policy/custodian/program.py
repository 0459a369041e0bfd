"""From a Cloud Custodian policy to a program: what it selects violates it."""

from __future__ import annotations

from domain.finding import PolicyId
from policy.compile import Program
from policy.custodian.document import CustodianPolicy
from policy.custodian.filters import compile_filters
from policy.definition import Definition
from policy.tree import reads_of, uses_time

LANGUAGE = "custodian"


def definition_of(policy: CustodianPolicy) -> Definition:
    """The policy as stores and readers know definitions."""
    return Definition(
        policy_id=policy.name,
        display_name=policy.description.partition("\n")[0] or policy.name,
        description=policy.description,
        mode="All",
        parameters={},
        condition=dict(policy.document),
        then={"effect": "audit"},
        origin=policy.origin,
        metadata={**policy.metadata, "language": LANGUAGE, "clouds": [str(policy.provider)]},
    )


def compile_policy(policy: CustodianPolicy, *, policy_id: str | None = None) -> Program:
    """Compile a policy.

    Raises:
        InvalidDefinition: a filter breaks the language.
        UnsupportedDefinition: a filter needs what is not in the resource.
    """
    condition = compile_filters(policy)
    return Program(
        policy_id=PolicyId(policy_id or policy.name),
        condition=condition,
        types=frozenset({policy.type.casefold()}),
        clouds=frozenset({policy.provider}),
        mode="All",
        effect="audit",
        paths=reads_of(condition),
        is_time_dependent=uses_time(condition),
        definition=definition_of(policy),
    )
