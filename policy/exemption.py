"""Waivers: who accepted which violation, why, and until when. Honoured by scans and shown, never hidden.

A file is a JSON array, NDJSON, or CSV with a header. Every waiver names a reason and an owner, the policy
(an id, or ``*``), and either one resource or a scope below which all resources are covered.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from domain.clock import parse_instant
from domain.errors import InputError
from domain.finding import PolicyId
from domain.resource import ConfigurationItem, resource_key
from domain.value import Json
from policy.aliases import read_rows
from policy.scope import EVERYTHING, ScopeTree, parse_scope, traits_of
from policy.selector import ResourceSelector, selected

_REQUIRED: Final = ("policy", "reason", "owner")
_KNOWN: Final = frozenset({*_REQUIRED, "id", "scope", "resource", "expires_at", "created_at"})


@dataclass(frozen=True, slots=True)
class Exemption:
    """One waiver. Exactly one of `scope` and `resource` is given; without `expires_at` it has no end.

    Args:
        category: ``Waiver``, the violation is accepted, or ``Mitigated``, the aim is met by other means.
        policies: the ids that it waives, where `policy` names an assignment of them.
        below: keys of further containers that it covers: what lies below a management group, a folder or a unit.
        selectors: only resources that one of these selects; all where there is none.
    """

    exemption_id: str
    policy: str
    reason: str
    owner: str
    scope: str | None
    resource: str | None
    created_at: datetime | None
    expires_at: datetime | None
    category: str = "Waiver"
    policies: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    selectors: tuple[ResourceSelector, ...] = ()

    def names(self, policy: PolicyId | str) -> bool:
        """Whether it is about a policy; one that is judged for several assignments also has the definition's id."""
        return self.policy in {"*", policy, policy.partition("@")[0]} or policy in self.policies

    def covers(self, resource: ConfigurationItem, policy: PolicyId | str, at: datetime) -> bool:
        """Whether a violation of a policy by a resource is waived at an instant."""
        if not self.names(policy):
            return False
        if self.created_at is not None and at < self.created_at:
            return False
        if self.expires_at is not None and at >= self.expires_at:
            return False
        if self.resource is not None:
            return resource_key(self.resource) == resource_key(resource.uid)
        return self._has_place(resource) and selected(self.selectors, traits_of(resource))

    def _has_place(self, resource: ConfigurationItem) -> bool:
        scope = self.scope or ""
        if scope == EVERYTHING or _is_below(scope, resource.scope) or _is_below(scope, resource.uid):
            return True
        keys = ScopeTree().chain(resource.provider, resource.scope, resource.uid).keys
        return parse_scope(scope).key in keys or not keys.isdisjoint(self.below)


def _is_below(scope: str, place: str) -> bool:
    outer, inner = resource_key(scope).rstrip("/"), resource_key(place)
    return inner == outer or inner.startswith(f"{outer}/")


def load_exemptions(path: str | Path) -> tuple[Exemption, ...]:
    """Read a file of waivers, in order of id.

    Raises:
        InputError: names the row and the field, what was expected and what was found.
    """
    file = Path(path)
    rows = _csv_rows(file) if file.suffix.lower() == ".csv" else read_rows(file)
    found = [_exemption(row, f"{file}: row {at}") for at, row in enumerate(rows, start=1)]
    _require_unique(found, file)
    return tuple(sorted(found, key=lambda exemption: exemption.exemption_id))


def _csv_rows(file: Path) -> list[Json]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as failure:
        raise InputError("file is not readable", where=str(file), got=str(failure), todo="Give a UTF-8 file") from None
    rows = csv.DictReader(io.StringIO(text))
    return [{str(key): value for key, value in row.items() if value not in {None, ""}} for row in map(dict, rows)]


def _exemption(row: Json, where: str) -> Exemption:
    if not isinstance(row, dict):
        raise _wrong("exemption is not an object", where, "", expected=sorted(_KNOWN), got=row)
    unknown = sorted(set(row) - _KNOWN)
    if unknown:
        raise _wrong("exemption has an unknown field", where, unknown[0], expected=sorted(_KNOWN), got=unknown)
    texts = {name: _text(row, name, where) for name in _REQUIRED}
    scope, resource = _optional(row, "scope", where), _optional(row, "resource", where)
    if (scope is None) == (resource is None):
        given = [name for name in ("scope", "resource") if row.get(name)]
        raise _wrong("exemption needs a place", where, "scope", expected="one of scope, resource", got=given)
    created, expires = _instant(row, "created_at", where), _instant(row, "expires_at", where)
    if created is not None and expires is not None and expires <= created:
        raise _wrong(
            "exemption ends before it begins", where, "expires_at", expected=f"after {created}", got=str(expires)
        )
    return Exemption(
        exemption_id=_optional(row, "id", where) or _identity(row),
        scope=scope,
        resource=resource,
        created_at=created,
        expires_at=expires,
        policy=texts["policy"],
        reason=texts["reason"],
        owner=texts["owner"],
    )


def _identity(row: Mapping[str, Json]) -> str:
    """A stable id for a waiver that was given none."""
    told = "\n".join(f"{name}={row[name]}" for name in sorted(row))
    return f"exemption-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def _text(row: Mapping[str, Json], name: str, where: str) -> str:
    found = _optional(row, name, where)
    if found is None:
        raise _wrong("exemption lacks a field", where, name, expected="text", got=row.get(name))
    return found


def _optional(row: Mapping[str, Json], name: str, where: str) -> str | None:
    found = row.get(name)
    if found is None or (isinstance(found, str) and not found.strip()):
        return None
    if not isinstance(found, str):
        raise _wrong("exemption field is not text", where, name, expected="text", got=found)
    return found.strip()


def _instant(row: Mapping[str, Json], name: str, where: str) -> datetime | None:
    text = _optional(row, name, where)
    if text is None:
        return None
    try:
        return parse_instant(text)
    except InputError as failure:
        raise _wrong("exemption has no such time", where, name, **failure.facts) from None


def _require_unique(found: list[Exemption], file: Path) -> None:
    seen: set[str] = set()
    for at, exemption in enumerate(found, start=1):
        if exemption.exemption_id in seen:
            raise _wrong("exemption id is used twice", f"{file}: row {at}", "id", got=exemption.exemption_id)
        seen.add(exemption.exemption_id)


def _wrong(summary: str, where: str, name: str, **facts: object) -> InputError:
    return InputError(summary, **{"where": where, "field": name, **facts, "todo": "Correct that row"})
