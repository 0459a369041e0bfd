"""What Rego is given of a resource, and whether a constraint is meant for it.

Source: https://open-policy-agent.github.io/gatekeeper/website/docs/howto#the-match-field, and the match of the GCP
policy library, which names places in the hierarchy.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from domain.value import Json
from policy.errors import UnsupportedDefinition
from policy.rego.template import GCP_TARGET, RegoPolicy

_ASSET_POLICIES: Final[Mapping[str, str]] = {
    "iamPolicy": "iam_policy",
    "orgPolicy": "org_policy",
    "accessPolicy": "access_policy",
    "accessLevel": "access_level",
    "servicePerimeter": "service_perimeter",
}
"""Policies of an asset, as inventories and as asset exports name them."""

_MATCHED: Final = frozenset({"kinds", "namespaces", "excludedNamespaces", "labelSelector", "name", "scope", "source"})
_PLACED: Final = frozenset({"ancestries", "excludedAncestries", "target", "exclude", "gcp"})
_OPERATORS: Final = frozenset({"In", "NotIn", "Exists", "DoesNotExist"})


def asset_of(document: Mapping[str, Any]) -> dict[str, Json]:
    """A resource as Cloud Asset Inventory exports it."""
    properties = dict(document["properties"])
    policies = {name: properties.pop(key) for key, name in _ASSET_POLICIES.items() if key in properties}
    return {
        "name": document["id"],
        "asset_type": document["type"],
        "ancestry_path": _ancestry(document["scope"]),
        "resource": {"data": properties},
        **policies,
    }


def _ancestry(scope: str) -> str:
    """``organizations/1/folders/2/projects/p``; plural names, as newer exports have them."""
    return scope.strip("/")


def review_of(document: Mapping[str, Any]) -> dict[str, Json]:
    """An object as the API server asks about it."""
    given = dict(document["properties"])
    metadata = _object(given.get("metadata"))
    group, _, version = str(given.get("apiVersion", "")).rpartition("/")
    return {
        "kind": {"group": group, "version": version, "kind": given.get("kind", "")},
        "name": metadata.get("name", ""),
        "namespace": metadata.get("namespace", ""),
        "operation": "CREATE",
        "object": given,
    }


def input_of(policy: RegoPolicy, document: Mapping[str, Any]) -> dict[str, Json]:
    """The input of a policy's rule."""
    if policy.template.target == GCP_TARGET:
        return {"asset": asset_of(document), "constraint": dict(policy.constraint)}
    spec = _object(policy.constraint.get("spec"))
    return {"review": review_of(document), "parameters": spec.get("parameters") or {}}


def check_match(policy: RegoPolicy) -> None:
    """Refuse a match that is not known here.

    Raises:
        UnsupportedDefinition: names the key.
    """
    match = _match(policy)
    known = _PLACED if policy.template.target == GCP_TARGET else _MATCHED
    unknown = sorted(match.keys() - known)
    selector = _object(match.get("labelSelector")).get("matchExpressions")
    unknown += sorted({str(_object(each).get("operator")) for each in _list(selector)} - _OPERATORS)
    if unknown:
        raise UnsupportedDefinition(
            "constraint is meant for resources by what is not known here",
            where=policy.origin,
            path=f"{policy.policy_id}: $.spec.match",
            expected=sorted(known),
            got=unknown,
            todo="Choose the resources otherwise, or by an assignment",
        )


def is_meant(policy: RegoPolicy, document: Mapping[str, Any]) -> bool:
    """Whether a constraint's match covers a resource."""
    match = _match(policy)
    if policy.template.target == GCP_TARGET:
        return _is_placed(match, _ancestry(document["scope"]))
    review: Mapping[str, Any] = review_of(document)
    return _is_kind(match, review) and _is_named(match, review) and _is_labelled(match, review["object"])


def _match(policy: RegoPolicy) -> Mapping[str, Json]:
    return _object(_object(policy.constraint.get("spec")).get("match"))


def _is_placed(match: Mapping[str, Json], ancestry: str) -> bool:
    """Whether a place is below one that is named, and below none that is left out; ``**`` is any way down."""
    included = _list(match.get("ancestries") or match.get("target"))
    excluded = _list(match.get("excludedAncestries") or match.get("exclude"))
    if not ancestry:
        return not included or any(str(pattern) in {"**", "organizations/**", "organization/*"} for pattern in included)
    return (not included or _fits_place(included, ancestry)) and not _fits_place(excluded, ancestry)


def _fits_place(patterns: Iterable[Json], ancestry: str) -> bool:
    return any(re.fullmatch(_place(str(pattern)), _singular(ancestry)) is not None for pattern in patterns)


def _place(pattern: str) -> str:
    parts = re.split(r"(\*\*|\*)", _singular(pattern))
    return "".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts)


def _singular(ancestry: str) -> str:
    """Old exports say ``organization`` and ``project``, new ones ``organizations`` and ``projects``."""
    return re.sub(r"(^|/)(organization|folder|project)(?=/)", r"\1\2s", ancestry)


def _is_kind(match: Mapping[str, Json], review: Mapping[str, Any]) -> bool:
    kinds = _list(match.get("kinds"))
    kind = review["kind"]
    return not kinds or any(
        _has(_object(each).get("apiGroups"), kind["group"]) and _has(_object(each).get("kinds"), kind["kind"])
        for each in kinds
    )


def _has(values: Json, wanted: str) -> bool:
    listed = _list(values)
    return not listed or "*" in listed or wanted in listed


def _is_named(match: Mapping[str, Json], review: Mapping[str, Any]) -> bool:
    namespace, name = review["namespace"], review["name"]
    if match.get("scope") in {"Cluster", "Namespaced"} and (match["scope"] == "Cluster") == bool(namespace):
        return False
    namespaces, excluded = _list(match.get("namespaces")), _list(match.get("excludedNamespaces"))
    is_inside = not namespaces or not namespace or _fits_any(namespace, namespaces)
    return is_inside and not _fits_any(namespace, excluded) and _fits_any(name, [match.get("name") or "*"])


def _fits_any(text: str, patterns: Iterable[Json]) -> bool:
    return any(fnmatch.fnmatchcase(text, str(pattern)) for pattern in patterns)


def _is_labelled(match: Mapping[str, Json], given: Mapping[str, Any]) -> bool:
    labels = _object(_object(given.get("metadata")).get("labels"))
    selector = _object(match.get("labelSelector"))
    if any(labels.get(name) != value for name, value in _object(selector.get("matchLabels")).items()):
        return False
    return all(_is_selected(_object(each), labels) for each in _list(selector.get("matchExpressions")))


def _is_selected(expression: Mapping[str, Json], labels: Mapping[str, Json]) -> bool:
    name, operator = str(expression.get("key")), expression.get("operator")
    if operator in {"Exists", "DoesNotExist"}:
        return (name in labels) == (operator == "Exists")
    return (labels.get(name) in _list(expression.get("values"))) == (operator == "In")


def _object(value: Any) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
