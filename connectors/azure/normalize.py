"""Azure documents as observations: ARM resources, `{value: […]}` answers, Resource Graph rows and tables.

The document stays as it is; the id is the ARM id, the type comes from the document or, where it has none, from the id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from connectors.observation import Classified, Document, Observation, gap, one, tag_map, text
from domain.inventory import RecordClass
from domain.resource import Provider
from domain.value import Json

_ID = re.compile(r"/(subscriptions|providers|tenants|resourcegroups)(/|$)", re.IGNORECASE)
_TYPE = re.compile(r"[a-z][\w]*(\.[\w-]+)+(/[\w.-]+)+", re.IGNORECASE)
_CATALOGUE = re.compile(
    r"/(locations|operations|usages|skus|vmsizes|capabilities|publishers|availableoperations)(/|$)", re.IGNORECASE
)
_CATALOGUE_KEYS = (
    frozenset({"currentValue", "limit"}),
    frozenset({"regionalDisplayName"}),
    frozenset({"resourceType", "locations"}),
    frozenset({"numberOfCores"}),
    frozenset({"isDataAction"}),
    frozenset({"display", "origin"}),
)


def is_resource(body: Document) -> bool:
    """Whether an object is an ARM resource or a Resource Graph row."""
    uid = body.get("id")
    return isinstance(uid, str) and uid[:1] == "/" and _ID.match(uid) is not None


def is_answer(body: Document) -> bool:
    """Whether an object is a list answer of Resource Manager or a Resource Graph result."""
    if isinstance(body.get("columns"), list) and isinstance(body.get("rows"), list):
        return True
    return isinstance(body.get("value"), list) and not body.keys() - {"value", "nextLink", "count", "@odata.context",
                                                                      "@odata.nextLink", "totalCount"}  # fmt: skip


def classify_resource(body: Document) -> Classified:
    """One ARM resource or Resource Graph row."""
    if is_catalogue(body):
        return Classified(RecordClass.CATALOGUE, "arm")
    observation = observe(body)
    if observation is None:
        return gap("arm", "its id names no resource type", "Export the whole resource, with its type")
    return one("arm", observation)


def is_catalogue(body: Mapping[str, Json]) -> bool:
    """Whether an object describes what Azure offers, not what a customer has."""
    if "properties" in body and "type" in body:
        return False
    if any(keys <= body.keys() for keys in _CATALOGUE_KEYS):
        return True
    uid = text(body.get("id"))
    tail = uid.lower().rpartition("/providers/")[2]
    return bool(_CATALOGUE.search("/" + tail)) and "properties" not in body and "tags" not in body


def observe(body: Document) -> Observation | None:
    """An ARM resource as an observation; None where no type can be told."""
    uid = text(body["id"])
    type_ = _type(body, uid)
    if not type_:
        return None
    name = text(body.get("name")) or uid.rpartition("/")[2]
    return Observation(
        provider=Provider.AZURE,
        uid=uid,
        type=type_,
        name=name,
        document=body,
        scope=scope_of(uid),
        region=text(body.get("location")).replace(" ", "").lower(),
        tags=tag_map(body.get("tags")),
    )


def _type(body: Document, uid: str) -> str:
    given = body.get("type")
    if isinstance(given, str) and _TYPE.fullmatch(given):
        return given
    return type_of(uid)


def type_of(uid: str) -> str:
    """The resource type that an ARM id spells: the namespace and every second segment after the last provider."""
    prefix, found, tail = uid.rpartition("/providers/")
    if found:
        parts = tail.strip("/").split("/")
        return "/".join(parts[:1] + parts[1::2]) if len(parts) >= 3 else ""
    parts = prefix.strip("/").split("/") if prefix else tail.strip("/").split("/")
    lowered = [part.lower() for part in parts]
    if lowered[:1] == ["subscriptions"] and len(parts) == 2:
        return "Microsoft.Resources/subscriptions"
    if len(parts) == 4 and lowered[2] == "resourcegroups":
        return "Microsoft.Resources/resourceGroups"
    if lowered[:1] == ["tenants"] and len(parts) == 2:
        return "Microsoft.Resources/tenants"
    return ""


def scope_of(uid: str) -> str:
    """The resource group, subscription or other level that holds a resource."""
    parts = uid.split("/")
    if len(parts) > 4 and parts[1].lower() == "subscriptions" and parts[3].lower() == "resourcegroups":
        return "/".join(parts[:5])
    if len(parts) > 2 and parts[1].lower() == "subscriptions":
        return "/".join(parts[:3])
    if len(parts) > 4 and parts[3].lower() == "managementgroups":
        return "/".join(parts[:5])
    return ""


def answer_rows(body: Document) -> list[Json]:
    """The members of an answer; a table's rows become objects."""
    columns, rows = body.get("columns"), body.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        value = body.get("value")
        return value if isinstance(value, list) else []
    names = [text(column.get("name")) if isinstance(column, dict) else text(column) for column in columns]
    return [_row(names, row) for row in rows]


def _row(names: Sequence[str], row: Json) -> Json:
    return dict(zip(names, row, strict=False)) if isinstance(row, list) else row
