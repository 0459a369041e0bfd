"""Scenarios: named hypothetical changes, as data, applied to a snapshot.

Assigning or removing a policy changes the set of policies alone; removing or changing a resource gives a new
snapshot with the same instant and the same columns. The snapshot that was there stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TypeAlias

import orjson

from domain.errors import InputError, NotFound
from domain.finding import PolicyId
from domain.resource import ConfigurationItem, ResourceId, resource_key
from domain.value import Json
from graph.build import build_snapshot
from graph.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class AssignPolicy:
    """A policy that would apply from now on."""

    policy_id: PolicyId
    parameters: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemovePolicy:
    """A policy that would apply no longer."""

    policy_id: PolicyId


@dataclass(frozen=True, slots=True)
class RemoveResource:
    """A resource that would be gone."""

    uid: ResourceId


@dataclass(frozen=True, slots=True)
class ModifyResource:
    """A resource whose document would hold `value` at `path`: names from the top, spelled as in the document."""

    uid: ResourceId
    path: tuple[str, ...]
    value: Json


Change: TypeAlias = AssignPolicy | RemovePolicy | RemoveResource | ModifyResource


@dataclass(frozen=True, slots=True)
class Scenario:
    """Changes under one name, applied in order."""

    name: str
    changes: tuple[Change, ...]


def policies_under(scenario: Scenario, assigned: Iterable[PolicyId]) -> frozenset[PolicyId]:
    """The policies that would apply.

    Raises:
        NotFound: a policy to be removed is not assigned.
    """
    policies = set(assigned)
    for change in scenario.changes:
        if isinstance(change, AssignPolicy):
            policies.add(change.policy_id)
        elif isinstance(change, RemovePolicy):
            if change.policy_id not in policies:
                raise NotFound("no such policy is assigned", policy_id=change.policy_id, scenario=scenario.name)
            policies.remove(change.policy_id)
    return frozenset(policies)


def items_under(scenario: Scenario, items: Iterable[ConfigurationItem]) -> tuple[ConfigurationItem, ...]:
    """The items as they would be, in their order.

    Raises:
        NotFound: a change names a resource that is not among them.
        InputError: a path leads through something that is not an object.
    """
    found = {resource_key(item.uid): item for item in items}
    for change in scenario.changes:
        if isinstance(change, RemoveResource | ModifyResource):
            key = resource_key(change.uid)
            if key not in found:
                raise NotFound("no such resource", uid=change.uid, scenario=scenario.name)
            if isinstance(change, RemoveResource):
                del found[key]
            else:
                found[key] = _modified(found[key], change)
    return tuple(found.values())


def apply_scenario(scenario: Scenario, snapshot: Snapshot, items: Iterable[ConfigurationItem]) -> Snapshot:
    """The snapshot as it would be.

    Args:
        items: what `snapshot` was built from.

    Raises:
        NotFound: a change names a resource that is not there.
    """
    if not any(isinstance(change, RemoveResource | ModifyResource) for change in scenario.changes):
        return snapshot
    return build_snapshot(
        snapshot.tenant,
        items_under(scenario, items),
        as_of=snapshot.as_of,
        paths_by_type={kind: table.paths for kind, table in [*snapshot.nested.items(), *snapshot.tables.items()]},
        unproven=snapshot.unproven,
    )


def _modified(item: ConfigurationItem, change: ModifyResource) -> ConfigurationItem:
    if not change.path:
        raise InputError("a changed resource needs a path", uid=change.uid, todo="Name the attribute to change")
    document = _with(item.properties, change.path, change)
    digest = sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return replace(item, properties=document, digest=digest)


def _with(node: Mapping[str, Json], path: Sequence[str], change: ModifyResource) -> dict[str, Json]:
    """A copy with the value in place; what the path does not touch is shared."""
    name, rest = path[0], path[1:]
    if not rest:
        return {**node, name: change.value}
    inner = node.get(name, {})
    if not isinstance(inner, dict):
        raise InputError(
            "the path leads through something that is not an object",
            uid=change.uid,
            path=".".join(change.path),
            at=name,
            todo="Replace the whole value above it",
        )
    return {**node, name: _with(inner, rest, change)}
