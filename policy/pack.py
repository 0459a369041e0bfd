"""Our own policies: Azure Policy documents with severity, rationale, remediation, controls and examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from domain.errors import InputError
from domain.finding import Control, PolicyId, Severity
from domain.value import Json
from policy.definition import Definition, parse_definition

PACKS: Final = Path(__file__).parent / "packs"
_CONTROL_FRAMEWORKS_MIN: Final = 2


@dataclass(frozen=True, slots=True)
class PackPolicy:
    """One policy of a pack.

    Args:
        remediation: what to do, for a person.
        examples_pass, examples_fail: resources that comply, and that violate; native documents.
    """

    definition: Definition
    policy_id: PolicyId
    severity: Severity
    rationale: str
    remediation: str
    controls: tuple[Control, ...]
    cost_tag: str | None
    examples_pass: tuple[Mapping[str, Json], ...]
    examples_fail: tuple[Mapping[str, Json], ...]


def load_pack(path: str | Path | None = None) -> tuple[PackPolicy, ...]:
    """Read a folder of policy files (all below it but ``aliases/``), in order of id; without a path, our own.

    Raises:
        InputError: a file is not JSON, or a policy lacks what a reader of its findings needs.
    """
    root = Path(path) if path is not None else PACKS
    files = [root] if root.is_file() else sorted(root.rglob("*.json"))
    found = [_load(file) for file in files if "aliases" not in file.relative_to(root).parts]
    return tuple(sorted(found, key=lambda policy: policy.policy_id))


def _load(file: Path) -> PackPolicy:
    try:
        document = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as failure:
        raise InputError(
            "policy file is not JSON",
            where=f"{file}:{failure.lineno}",
            expected="one JSON object",
            got=failure.msg,
            todo="Correct that line",
        ) from None
    return pack_policy(document, origin=str(file))


def pack_policy(document: Json, *, origin: str) -> PackPolicy:
    """Read one policy of a pack.

    Raises:
        InputError: names the file, the JSON path, what was expected and what was found.
    """
    definition = parse_definition(document, origin=origin)
    assert isinstance(document, dict)
    metadata = definition.metadata
    examples = document.get("examples")
    return PackPolicy(
        definition=definition,
        policy_id=PolicyId(_text(document, "id", "$.id", origin)),
        severity=_severity(metadata.get("severity"), origin),
        rationale=_text(metadata, "rationale", "$.properties.metadata.rationale", origin),
        remediation=_text(metadata, "remediation", "$.properties.metadata.remediation", origin),
        controls=_controls(metadata.get("controls"), origin),
        cost_tag=_text(metadata, "cost_tag", "$.properties.metadata.cost_tag", origin)
        if "cost_tag" in metadata
        else None,
        examples_pass=_examples(examples, "pass", origin),
        examples_fail=_examples(examples, "fail", origin),
    )


def _text(document: Mapping[str, Json], name: str, path: str, origin: str) -> str:
    found = document.get(name)
    if not isinstance(found, str) or not found.strip():
        raise _wrong("text is missing", origin, path, expected="text", got=found)
    return found


def _severity(found: Json, origin: str) -> Severity:
    if not isinstance(found, str) or found not in list(Severity):
        expected = [str(severity) for severity in Severity]
        raise _wrong("severity is unknown", origin, "$.properties.metadata.severity", expected=expected, got=found)
    return Severity(found)


def _controls(found: Json, origin: str) -> tuple[Control, ...]:
    path = "$.properties.metadata.controls"
    if not isinstance(found, list):
        raise _wrong("controls are missing", origin, path, expected='[{"framework", "id"}, …]', got=found)
    controls: list[Control] = []
    for at, entry in enumerate(found):
        body = entry if isinstance(entry, dict) else {}
        framework = _text(body, "framework", f"{path}[{at}].framework", origin)
        controls.append(Control(framework, _text(body, "id", f"{path}[{at}].id", origin)))
    frameworks = {control.framework for control in controls}
    if len(frameworks) < _CONTROL_FRAMEWORKS_MIN:
        raise _wrong("too few frameworks", origin, path, expected="controls of at least two", got=sorted(frameworks))
    return tuple(controls)


def _examples(found: Json, name: str, origin: str) -> tuple[Mapping[str, Json], ...]:
    examples = found.get(name) if isinstance(found, dict) else None
    if not isinstance(examples, list) or not examples:
        raise _wrong("example is missing", origin, f"$.examples.{name}", expected="at least one resource", got=examples)
    kept: list[Mapping[str, Json]] = []
    for at, example in enumerate(examples):
        if not isinstance(example, dict) or not isinstance(example.get("type"), str):
            path = f"$.examples.{name}[{at}]"
            raise _wrong("example is not a resource", origin, path, expected='{"type", "name", …}', got=example)
        kept.append(example)
    return tuple(kept)


def _wrong(summary: str, origin: str, path: str, **facts: object) -> InputError:
    return InputError(summary, where=origin, path=path, todo="Correct the policy file", **facts)
