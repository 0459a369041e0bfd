"""ARM templates, and Bicep compiled to them, as baselines.

Beside the template stand the parameters of a deployment, or what `az deployment group show` prints of it: that names
the subscription and the group, and the ids that came of it. Templates in templates (Bicep modules) are followed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from connectors.azure.normalize import scope_of, type_of
from connectors.baseline.arm_expression import Scope
from connectors.baseline.shape import listed, objects
from connectors.baseline.unknown import UNKNOWN, is_unknown
from connectors.observation import Document, tag_map, text
from domain.drift import Declared
from domain.inventory import Gap
from domain.resource import Origin, Provider
from domain.value import Json

_SCHEMA: Final = re.compile(r"schema\.management\.azure\.com/.*deploymentTemplate\.json", re.IGNORECASE)
_PARAMETERS: Final = re.compile(r"schema\.management\.azure\.com/.*deploymentParameters\.json", re.IGNORECASE)
_DEPLOYMENT: Final = "microsoft.resources/deployments"
_COPIES_MAX: Final = 800
_NESTED_MAX: Final = 8
_OWN: Final = frozenset({"type", "apiversion", "name", "dependson", "condition", "copy", "comments", "resources",
                         "scope", "subscriptionid", "resourcegroup", "existing", "import"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where and with what a template was deployed.

    Args:
        outputs: ids of the resources that came of it.
    """

    subscription: str = ""
    group: str = ""
    location: str = ""
    parameters: Mapping[str, Json] | None = None
    outputs: tuple[str, ...] = ()


def is_template(body: Document) -> bool:
    """Whether this is a deployment template."""
    return _SCHEMA.search(text(body.get("$schema"))) is not None and "resources" in body


def is_parameters(body: Document) -> bool:
    """Whether this is a file of parameters."""
    return _PARAMETERS.search(text(body.get("$schema"))) is not None


def is_deployment(body: Document) -> bool:
    """Whether this is a deployment, as the provider tells it."""
    return type_of(text(body.get("id"))).lower() == _DEPLOYMENT and isinstance(body.get("properties"), dict)


def deployment_of(answers: list[Document]) -> Deployment:
    """What parameters and a deployment's own record say."""
    found = Deployment()
    for answer in answers:
        if is_parameters(answer):
            found = replace(found, parameters=_values(answer.get("parameters")))
        elif is_deployment(answer):
            found = _recorded(answer, found)
    return found


def _recorded(answer: Document, before: Deployment) -> Deployment:
    parts = text(answer["id"]).split("/")
    properties = answer["properties"]
    assert isinstance(properties, dict)
    given = _values(properties.get("parameters"))
    outputs = tuple(text(each.get("id")) for each in objects(properties.get("outputResources")))
    return Deployment(
        subscription=parts[2] if len(parts) > 2 else "",
        group=parts[4] if len(parts) > 4 and parts[3].lower() == "resourcegroups" else "",
        location=text(answer.get("location")) or before.location,
        parameters={**(before.parameters or {}), **given},
        outputs=outputs,
    )


def _values(rows: Json) -> dict[str, Json]:
    """Parameters by name, each `{"value": …}`; a reference to a vault is unknown."""
    found: dict[str, Json] = {}
    for name, row in rows.items() if isinstance(rows, dict) else ():
        found[name] = row["value"] if isinstance(row, dict) and "value" in row else UNKNOWN
    return found


def read(body: Document, deployment: Deployment, file: str) -> tuple[list[Declared], list[Gap]]:
    """Every resource of a template."""
    found = list(_template(body, deployment, 0))
    found = _with_outputs(found, deployment.outputs)
    nameless = sum(1 for each in found if not each.uid and not each.name)
    gaps = [Gap(Origin(file), f"{nameless} resources have names that are known only when they are deployed",
                "Give what `az deployment group show` prints beside the template")] if nameless else []  # fmt: skip
    return found, gaps


def _template(body: Document, deployment: Deployment, depth: int) -> Iterator[Declared]:
    if depth > _NESTED_MAX:
        return
    parameters = _scope_parameters(body, deployment)
    variables = body.get("variables")
    scope = Scope(
        parameters={key.lower(): value for key, value in parameters.items()},
        variables={key.lower(): value for key, value in variables.items()} if isinstance(variables, dict) else {},
        subscription=deployment.subscription,
        group=deployment.group,
        location=deployment.location,
    )
    rows = body.get("resources")
    members = list(rows.values()) if isinstance(rows, dict) else listed(rows)
    for row in members:
        if isinstance(row, dict):
            yield from _resource(row, scope, deployment, "", depth)


def _scope_parameters(body: Document, deployment: Deployment) -> dict[str, Json]:
    declared = body.get("parameters")
    given = {key.lower(): value for key, value in (deployment.parameters or {}).items()}
    plain = Scope(subscription=deployment.subscription, group=deployment.group, location=deployment.location)
    found: dict[str, Json] = {}
    for name, row in declared.items() if isinstance(declared, dict) else ():
        if name.lower() in given:
            found[name] = given[name.lower()]
        elif isinstance(row, dict) and "defaultValue" in row:
            scope = replace(plain, parameters={key.lower(): value for key, value in found.items()})
            found[name] = scope.resolve(row["defaultValue"])
        else:
            found[name] = UNKNOWN
    return found


def _resource(row: Document, scope: Scope, deployment: Deployment, parent: str, depth: int) -> Iterator[Declared]:
    if row.get("existing") is True:
        return
    for inner in _copies(row, scope):
        holds = inner.resolve(row.get("condition", True))
        if holds is False or is_unknown(holds):
            continue
        if text(row.get("type")).lower() == _DEPLOYMENT:
            yield from _nested(row, inner, deployment, depth)
        else:
            yield from _one(row, inner, deployment, parent, depth)


def _copies(row: Document, scope: Scope) -> Iterator[Scope]:
    loop = row.get("copy")
    if not isinstance(loop, dict):
        yield scope
        return
    count = scope.resolve(loop.get("count"))
    name = text(loop.get("name")).lower()
    for index in range(min(count, _COPIES_MAX) if isinstance(count, int) else 0):
        yield replace(scope, copies={**scope.copies, name: index, "": index})


def _nested(row: Document, scope: Scope, deployment: Deployment, depth: int) -> Iterator[Declared]:
    properties = row.get("properties")
    inner = properties.get("template") if isinstance(properties, dict) else None
    if not isinstance(inner, dict) or not isinstance(properties, dict):
        return
    given = scope.resolve(properties.get("parameters") or {})
    group = scope.resolve(row.get("resourceGroup", deployment.group))
    subscription = scope.resolve(row.get("subscriptionId", deployment.subscription))
    yield from _template(
        inner,
        replace(
            deployment,
            parameters=_values(given),
            group=text(group) if not is_unknown(group) else "",
            subscription=text(subscription) if not is_unknown(subscription) else "",
        ),
        depth + 1,
    )


def _one(row: Document, scope: Scope, deployment: Deployment, parent: str, depth: int) -> Iterator[Declared]:
    name = scope.resolve(row.get("name"))
    known = text(name) if not is_unknown(name) else ""
    type_, whole = _placed(text(row.get("type")), known, parent)
    uid = _uid(type_, whole, deployment) if known else ""
    document = scope.resolve({key: value for key, value in row.items() if key.lower() not in _OWN})
    assert isinstance(document, dict)
    tags = document.pop("tags", None)
    location = document.pop("location", None)
    yield Declared(
        address=f"{type_}/{whole or '?'}",
        uid=uid,
        provider=Provider.AZURE,
        type=type_,
        name=whole.rpartition("/")[2],
        scope=scope_of(uid) or _group_scope(deployment),
        region=text(location).replace(" ", "").lower() if not is_unknown(location) else "",
        properties=document,
        tags=tag_map(tags) if isinstance(tags, dict) and not is_unknown(tags) else None,
    )
    for child in objects(row.get("resources")):
        yield from _resource(child, scope, deployment, f"{type_}|{whole}", depth)


def _placed(type_: str, name: str, parent: str) -> tuple[str, str]:
    """A child's type and name with its parents' before them, where it stands inside its parent."""
    if not parent or "." in type_.split("/", maxsplit=1)[0]:
        return type_, name
    parent_type, _, parent_name = parent.partition("|")
    return f"{parent_type}/{type_}", f"{parent_name}/{name}" if parent_name and name else ""


def _group_scope(deployment: Deployment) -> str:
    known = deployment.subscription and deployment.group
    return f"/subscriptions/{deployment.subscription}/resourceGroups/{deployment.group}" if known else ""


def _uid(type_: str, name: str, deployment: Deployment) -> str:
    namespace, *types = type_.split("/")
    names = name.split("/")
    if not deployment.subscription or len(types) != len(names):
        return ""
    head = f"/subscriptions/{deployment.subscription}"
    if type_.lower() == "microsoft.resources/resourcegroups":
        return f"{head}/resourceGroups/{name}"
    if deployment.group:
        head += f"/resourceGroups/{deployment.group}"
    return f"{head}/providers/{namespace}/" + "/".join(f"{kind}/{own}" for kind, own in zip(types, names, strict=True))


def _with_outputs(found: list[Declared], outputs: tuple[str, ...]) -> list[Declared]:
    """A resource whose name was not known is the one of its type that came of the deployment and that nothing names."""
    named = {each.uid.lower() for each in found if each.uid}
    rest = [uid for uid in outputs if uid.lower() not in named]
    types = Counter(type_of(uid).lower() for uid in rest)
    wanted = Counter(each.type.lower() for each in found if not each.uid)
    by_type = {type_of(uid).lower(): uid for uid in rest}
    return [
        replace(each, uid=by_type[kind], name=by_type[kind].rpartition("/")[2], scope=scope_of(by_type[kind]))
        if not each.uid and types[kind := each.type.lower()] == 1 and wanted[kind] == 1
        else each
        for each in found
    ]
