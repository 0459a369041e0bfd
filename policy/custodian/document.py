"""Policy files of Cloud Custodian as documents: what each policy is about, and which filters it has.

Source: https://cloudcustodian.io/docs/quickstart/policyStructure.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

import yaml

from domain.resource import Provider
from domain.value import Json
from policy.errors import InvalidDefinition, UnsupportedDefinition

SIZE_MAX: Final = 2_000_000
"""Characters of a policy file."""

NODES_MAX: Final = 20_000
"""Values of one policy, anchors written out."""

_DEPTH_MAX: Final = 40
_TYPES = Path(__file__).with_name("types.json")


@dataclass(frozen=True, slots=True)
class CustodianPolicy:
    """One policy.

    Args:
        type: type of the resources it is about, as inventories spell it.
        filters: all of which a resource must pass to be selected.
        document: the policy as JSON.
        path: where it stands in its file.
    """

    name: str
    type: str
    provider: Provider
    filters: tuple[Json, ...]
    description: str
    metadata: Mapping[str, Json]
    document: Mapping[str, Json]
    origin: str
    path: str


def is_policy_file(document: object) -> bool:
    """Whether a document has the form of a policy file."""
    policies = document.get("policies") if isinstance(document, dict) else None
    return isinstance(policies, list) and any(isinstance(each, dict) and "resource" in each for each in policies)


def load_yaml(text: str, *, origin: str) -> Json:
    """YAML as JSON values; dates become text.

    Raises:
        InvalidDefinition: it is not YAML, too long, or too deep.
    """
    if len(text) > SIZE_MAX:
        raise InvalidDefinition(
            "policy file is too long", where=origin, expected=f"at most {SIZE_MAX} characters", got=len(text)
        )
    try:
        found = yaml.load(text, Loader=_LOADER)  # noqa: S506 (a safe loader, faster where libyaml is there)
    except (yaml.YAMLError, RecursionError, ValueError) as failure:
        raise InvalidDefinition(
            "policy file is not YAML", where=origin, got=" ".join(str(failure).split())[:300], todo="Correct the file"
        ) from None
    return _Copy(origin).of(found, 0)


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Copy:
    """Writes anchors out, and stops where that gets too large or too deep."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.nodes = 0

    def of(self, value: object, depth: int) -> Json:
        self.nodes += 1
        if depth > _DEPTH_MAX or self.nodes > NODES_MAX * 10:
            raise InvalidDefinition(
                "policy file nests too much",
                where=self.origin,
                expected=f"at most {_DEPTH_MAX} levels and {NODES_MAX * 10} values",
                todo="Write it without anchors that contain themselves or repeat much",
            )
        if isinstance(value, dict):
            return {str(key): self.of(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list | tuple | set):
            return [self.of(inner, depth + 1) for inner in value]
        if isinstance(value, datetime | date):
            return value.isoformat()
        return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def policies_of(document: Json, *, origin: str) -> list[Mapping[str, Json]]:
    """The policies of a file as they stand there.

    Raises:
        InvalidDefinition: the file has none, or one is not an object with a name.
    """
    found = document.get("policies") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise InvalidDefinition("no policies in the file", where=origin, path="$.policies", expected="a list")
    for at, policy in enumerate(found):
        if not isinstance(policy, dict) or not isinstance(policy.get("name"), str):
            raise InvalidDefinition(
                "policy has no name", where=origin, path=f"$.policies[{at}]", expected='{"name", "resource", "filters"}'
            )
    return found  # type: ignore[return-value]  # each was looked at


def parse_policy(document: Mapping[str, Json], *, origin: str) -> CustodianPolicy:
    """Read one policy.

    Raises:
        InvalidDefinition: it lacks a resource, or its filters are no list.
        UnsupportedDefinition: resources of a kind that no inventory has, or chosen by a query.
    """
    name = str(document.get("name"))
    path = f"policy {name}"
    filters = document.get("filters") or []
    if isinstance(filters, dict):
        filters = [filters]
    if not isinstance(filters, list):
        raise InvalidDefinition("filters are not a list", where=origin, path=f"{path}: filters", got=filters)
    if document.get("query"):
        raise UnsupportedDefinition(
            "the policy narrows its resources by a query of the cloud's API",
            where=origin,
            path=f"{path}: query",
            got=document["query"],
            todo="Write the same condition as a value filter",
        )
    resource, kind = _kind(document.get("resource"), origin, path)
    metadata = document.get("metadata")
    return CustodianPolicy(
        name=name,
        type=kind,
        provider=Provider(resource.partition(".")[0]),
        filters=tuple(filters),
        description=str(document.get("description") or document.get("comment") or document.get("comments") or ""),
        metadata=metadata if isinstance(metadata, dict) else {},
        document=document,
        origin=origin,
        path=path,
    )


def _kind(resource: Json, origin: str, path: str) -> tuple[str, str]:
    if not isinstance(resource, str):
        raise InvalidDefinition(
            "resource is not text", where=origin, path=f"{path}: resource", expected="such as aws.ec2", got=resource
        )
    full = resource if "." in resource else f"aws.{resource}"
    kind = resource_types().get(full)
    if kind is None:
        raise UnsupportedDefinition(
            "no inventory has resources of this kind",
            where=origin,
            path=f"{path}: resource",
            got=resource,
            todo="Use a resource type that a cloud lists; accounts, regions and code are not judged",
        )
    return full, kind


@lru_cache(maxsize=1)
def resource_types() -> Mapping[str, str]:
    """Resource types as inventories spell them, by Cloud Custodian's names such as ``aws.ec2``."""
    found: Mapping[str, str] = json.loads(_TYPES.read_text())
    return found
