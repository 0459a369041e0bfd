"""From a definition to a policy that a scan can judge by: compiled where it compiles, explained where it does not.

Severity, controls, remediation and cost tag are read from the definition's metadata, where our own pack keeps them.
A definition without a severity, as most imported ones are, counts as medium.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import orjson

from assessment.inputs import AssessedPolicy, PolicyState
from domain.finding import Control, PolicyId, Severity
from domain.value import Absent, Json
from policy.aliases import AliasTable
from policy.definition import Definition
from policy.errors import DefinitionError, NeedsParameters
from policy.foreign import compile_any, language_of

SEVERITY_UNSTATED: Final = Severity.MEDIUM


def assessed_policy(
    definition: Definition,
    aliases: AliasTable,
    *,
    source: str,
    policy_id: str | None = None,
    parameters: Mapping[str, Json] | None = None,
) -> AssessedPolicy:
    """Compile a definition for a scan; why it cannot run is part of the result, not an error."""
    told = AssessedPolicy(
        policy_id=PolicyId(policy_id or definition.policy_id),
        title=definition.display_name or definition.policy_id,
        finding=_finding(definition),
        source=language_of(definition) or source,
        severity=_severity(definition.metadata),
        digest=definition_digest(definition),
        remediation=_text(definition.metadata.get("remediation")),
        controls=_controls(definition.metadata.get("controls")),
        cost_tag=_text(definition.metadata.get("cost_tag")) or None,
    )
    try:
        program = compile_any(definition, aliases, parameters=parameters, policy_id=policy_id)
    except NeedsParameters as error:
        return replace(told, state=PolicyState.NEEDS_PARAMETERS, reason=str(error))
    except DefinitionError as error:
        return replace(told, state=PolicyState.ERROR, reason=str(error))
    return replace(told, program=program)


def definition_digest(definition: Definition) -> str:
    """SHA-256, hexadecimal, of what decides: id, mode, parameters and rule."""
    parameters = [
        [name, each.type, None if isinstance(each.default, Absent) else [each.default], list(each.allowed or ())]
        for name, each in sorted(definition.parameters.items())
    ]
    rule = [definition.policy_id, definition.mode, parameters, definition.condition, dict(definition.then)]
    return hashlib.sha256(orjson.dumps(rule, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _finding(definition: Definition) -> str:
    """Our pack's descriptions say what is wrong in a few words; others' are paragraphs, so their title serves."""
    short = definition.description if definition.metadata.get("severity") is not None else ""
    return short or definition.display_name or definition.policy_id


def _severity(metadata: Mapping[str, Json]) -> Severity:
    stated = _text(metadata.get("severity")).lower()
    return Severity(stated) if stated in set(Severity) else SEVERITY_UNSTATED


def _controls(rows: Json) -> tuple[Control, ...]:
    found = rows if isinstance(rows, list) else []
    return tuple(Control(_text(row.get("framework")), _text(row.get("id"))) for row in found if isinstance(row, dict))


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
