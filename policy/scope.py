"""Scopes of assignments and exemptions, and whether a resource lies in one.

A scope is a management group, subscription, resource group or resource of Azure; an organisation, root, organisational
unit or account of AWS; an organisation, folder or project of Google Cloud; or ``/``, everything. What contains an
account, a project or a subscription does not stand in the ids of its resources: it is read from the containers among
the resources (`ScopeTree`), and where they do not say, the answer is unknown.

Source: https://learn.microsoft.com/azure/governance/policy/concepts/scope
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from domain.resource import ConfigurationItem, Provider, resource_key
from domain.value import Json
from policy.selector import Traits
from policy.tree import Truth

EVERYTHING: Final = "/"
_MANAGEMENT_GROUPS: Final = "/providers/microsoft.management/managementgroups/"
_SUBSCRIPTIONS: Final = "/subscriptions/"
_TENANT_LEVEL: Final = "/providers/"
"""What lies in no subscription and no management group, such as built-in role definitions."""

_ORGANIZATIONS_ARN: Final = re.compile(r"arn:[^:]+:organizations::[^:]*:(organization|root|ou|account)/(.+)", re.I)
_AWS_KINDS: Final = {"organization": "organizations", "root": "roots", "ou": "ous", "account": "accounts"}
_GOOGLE_KINDS: Final = ("organizations", "folders", "projects")
_BARE: Final = (
    (re.compile(r"\d{12}"), "accounts"),
    (re.compile(r"ou-[0-9a-z-]+"), "ous"),
    (re.compile(r"r-[0-9a-z]+"), "roots"),
    (re.compile(r"o-[0-9a-z]+"), "organizations"),
)
_ABOVE: Final = ("organizations/", "roots/", "ous/", "folders/", _MANAGEMENT_GROUPS)


@dataclass(frozen=True, slots=True)
class Scope:
    """A place as an assignment names it.

    Args:
        key: the form in which two spellings are equal.
        is_container: a level that holds resources, rather than one resource.
        provider: whose level it is; None for everything, and for a resource.
    """

    text: str
    key: str
    is_container: bool
    provider: Provider | None

    @property
    def is_everything(self) -> bool:
        """Whether every resource lies in it."""
        return self.key == EVERYTHING

    @property
    def is_above(self) -> bool:
        """Whether resources do not say in their own ids that they lie in it."""
        return self.key.startswith(_ABOVE)


@dataclass(frozen=True, slots=True)
class Chain:
    """The containers that a resource lies in, as far as they are known."""

    provider: Provider
    keys: frozenset[str]
    is_complete: bool

    def within(self, scope: Scope) -> Truth:
        """Whether it lies in a container."""
        if scope.is_everything or scope.key in self.keys:
            return Truth.TRUE
        if scope.provider is not self.provider:
            return Truth.FALSE
        if self.is_complete or (self.keys and not scope.is_above):
            return Truth.FALSE
        return Truth.UNKNOWN


@dataclass(frozen=True, slots=True)
class ScopeTree:
    """What contains what, by key; `known` are those of which every parent is known."""

    parents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    known: frozenset[str] = frozenset()

    @staticmethod
    def of(items: Iterable[ConfigurationItem]) -> ScopeTree:
        """Read the containers among some resources."""
        parents: dict[str, set[str]] = {}
        known: set[str] = set()
        for item in items:
            reader = _READERS.get(item.type.casefold())
            if reader is not None:
                reader(item, _Growing(parents, known))
        return ScopeTree({key: frozenset(found) for key, found in parents.items()}, frozenset(known))

    def chain(self, provider: Provider, *places: str) -> Chain:
        """The containers of a resource, from the scope it was read with and from its id."""
        start = {key for place in places for key in _keys_in(place, provider)}
        reached, ends = set(start), start
        while ends:
            ends = {parent for key in ends for parent in self.parents.get(key, ())} - reached
            reached |= ends
        return Chain(provider, frozenset(reached), bool(reached) and self._is_complete(reached, provider))

    def below(self, scope: Scope) -> tuple[str, ...]:
        """The keys of the containers below one, itself included."""
        reached, more = {scope.key}, {scope.key}
        while more:
            more = {child for child, parents in self.parents.items() if parents & more} - reached
            reached |= more
        return tuple(sorted(reached))

    def _is_complete(self, reached: set[str], provider: Provider) -> bool:
        """Whether nothing above can be missing: a path from the top, or every container's parents are known."""
        if provider is Provider.GCP and any(key.startswith("organizations/") for key in reached):
            return True
        return all(key in self.known for key in reached if not _is_group(key) and key != _TENANT_LEVEL)


def parse_scope(text: str) -> Scope:
    """Read a scope; whatever is no container is the id of a resource."""
    stripped = text.strip()
    bare = stripped.rstrip("/") or EVERYTHING
    if bare == EVERYTHING:
        return Scope(stripped, EVERYTHING, True, None)
    lowered = bare.casefold()
    if lowered.startswith(_MANAGEMENT_GROUPS) and lowered.count("/") == _MANAGEMENT_GROUPS.count("/"):
        return Scope(stripped, lowered, True, Provider.AZURE)
    parts = lowered.split("/")
    if lowered.startswith(_SUBSCRIPTIONS) and (len(parts) == 3 or (len(parts) == 5 and parts[3] == "resourcegroups")):
        return Scope(stripped, lowered, True, Provider.AZURE)
    key = _other_container(bare)
    if key is not None:
        return Scope(stripped, key, True, _owner(key))
    return Scope(stripped, resource_key(bare), False, None)


def traits_of(item: ConfigurationItem) -> Traits:
    """What selectors look at of a resource."""
    place = item.scope.casefold().rstrip("/")
    is_subscription = place.startswith(_SUBSCRIPTIONS) and place.count("/") == _SUBSCRIPTIONS.count("/")
    return Traits(item.type, item.region, is_subscription)


def _other_container(text: str) -> str | None:
    """The key of a level of AWS or Google Cloud."""
    arn = _ORGANIZATIONS_ARN.fullmatch(text)
    if arn is not None:
        return f"{_AWS_KINDS[arn[1].lower()]}/{arn[2].rpartition('/')[2].lower()}"
    for pattern, kind in _BARE:
        if pattern.fullmatch(text):
            return f"{kind}/{text}"
    path = text.removeprefix("//cloudresourcemanager.googleapis.com").strip("/").lower().split("/")
    if len(path) % 2 == 0 and all(kind in {*_GOOGLE_KINDS, *_AWS_KINDS.values()} for kind in path[::2]):
        return f"{path[-2]}/{path[-1]}"
    return None


def _owner(key: str) -> Provider:
    kind, _, name = key.partition("/")
    is_google = kind in {"folders", "projects"} or (kind == "organizations" and not name.startswith("o-"))
    return Provider.GCP if is_google else Provider.AWS


def _keys_in(place: str, provider: Provider) -> set[str]:
    """The containers that a scope path or an id names by itself."""
    lowered = place.casefold().rstrip("/")
    if provider is Provider.AZURE:
        if lowered.startswith(_MANAGEMENT_GROUPS):
            return {"/".join(lowered.split("/")[:5])}
        if lowered.startswith(_TENANT_LEVEL):
            return {_TENANT_LEVEL}
        parts = lowered.split("/")
        found = {"/".join(parts[:3])} if lowered.startswith(_SUBSCRIPTIONS) and len(parts) > 2 else set()
        return found | ({"/".join(parts[:5])} if found and len(parts) > 4 and parts[3] == "resourcegroups" else set())
    if provider is Provider.GCP:
        return {f"{kind}/{name}" for kind, name in _pairs(place)}
    key = _other_container(place)
    return {key} if key is not None else set()


def _pairs(place: str) -> list[tuple[str, str]]:
    """Levels of Google Cloud in a scope path or a full resource name, outermost first."""
    parts = place.lower().split("/")
    return [
        (kind, name)
        for kind, name in pairwise(parts)
        if kind in _GOOGLE_KINDS and name not in {"", "_", *_GOOGLE_KINDS}
    ]


def _is_group(key: str) -> bool:
    """Whether a container is one inside a subscription: its parent stands in its id."""
    return key.startswith(_SUBSCRIPTIONS) and key.count("/") > _SUBSCRIPTIONS.count("/")


@dataclass(frozen=True, slots=True)
class _Growing:
    parents: dict[str, set[str]]
    known: set[str]

    def put(self, child: str, parent: str | None, *, is_all: bool = True) -> None:
        """Note what contains a container; None where it is known that nothing does."""
        if parent is not None:
            self.parents.setdefault(child, set()).add(parent)
        if is_all:
            self.known.add(child)


def _subscription(item: ConfigurationItem, tree: _Growing) -> None:
    _line(item.uid.casefold(), _member(item.properties, "properties", "managementGroupAncestorsChain"), tree)


def _management_group(item: ConfigurationItem, tree: _Growing) -> None:
    key = item.uid.casefold()
    details = _member(item.properties, "properties", "details")
    _line(key, _member(details, "managementGroupAncestorsChain"), tree)
    if isinstance(details, dict) and "parent" in details:
        parent = _member(details, "parent", "id")
        tree.put(key, parent.casefold() if isinstance(parent, str) else None)
    children = _member(item.properties, "properties", "children")
    for child in children if isinstance(children, list) else []:
        name = _member(child, "id")
        if isinstance(name, str):
            tree.put(name.casefold(), key)


def _line(child: str, ancestors: Json, tree: _Growing) -> None:
    """A chain of management groups, the nearest first; the last one is the top."""
    if not isinstance(ancestors, list) or not ancestors:
        return
    names = [_member(each, "name") for each in ancestors]
    for name in (each for each in names if isinstance(each, str)):
        parent = f"{_MANAGEMENT_GROUPS}{name.casefold()}"
        tree.put(child, parent)
        child = parent
    tree.put(child, None)


def _aws_container(item: ConfigurationItem, tree: _Growing) -> None:
    key = _other_container(item.uid)
    if key is None:
        return
    above = [*_listed(item.properties.get("ParentIds")), *_listed(item.properties.get("ParentId"))]
    keys = [found for found in map(_other_container, above) if found is not None]
    for parent in keys:
        tree.put(key, parent)
    matched = _ORGANIZATIONS_ARN.fullmatch(item.uid)
    is_top = key.startswith(("organizations/", "roots/"))
    if matched is not None and matched[1].lower() != "organization":
        tree.put(key, f"organizations/{matched[2].partition('/')[0].lower()}", is_all=is_top)
    if is_top:
        tree.put(key, None)


def _google_container(item: ConfigurationItem, tree: _Growing) -> None:
    key = _other_container(resource_key(item.uid))
    if key is None:
        return
    told = (item.properties.get(name) for name in ("projectId", "projectNumber"))
    names = {f"projects/{str(name).lower()}" for name in told if name} if key.startswith("projects/") else set()
    for other in names - {key}:
        tree.put(key, other, is_all=False)
        tree.put(other, key)
    parent = item.properties.get("parent")
    if isinstance(parent, dict):
        parent = f"{parent.get('type')}s/{parent.get('id')}"
    found = _other_container(parent) if isinstance(parent, str) else None
    if found is not None or key.startswith("organizations/"):
        tree.put(key, found)


def _listed(value: Json) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [each for each in found if isinstance(each, str)]


def _member(value: Mapping[str, Json] | Json, *names: str) -> Json:
    found: object = value
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found  # type: ignore[return-value]


_READERS: Final[Mapping[str, Callable[[ConfigurationItem, _Growing], None]]] = {
    "microsoft.resources/subscriptions": _subscription,
    "microsoft.management/managementgroups": _management_group,
    "aws::organizations::account": _aws_container,
    "aws::organizations::organizationalunit": _aws_container,
    "aws::organizations::root": _aws_container,
    "aws::organizations::organization": _aws_container,
    "cloudresourcemanager.googleapis.com/project": _google_container,
    "cloudresourcemanager.googleapis.com/folder": _google_container,
    "cloudresourcemanager.googleapis.com/organization": _google_container,
}
