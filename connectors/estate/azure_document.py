"""An ARM document as Resource Manager returns it, its id, and the ids of a landing zone's shared resources."""

from __future__ import annotations

from connectors.estate.company import Record, Stack
from domain.resource import Provider
from domain.value import Json


def group_of(stack: Stack) -> str:
    """The id of a stack's resource group."""
    return f"/subscriptions/{stack.place.subscription}/resourceGroups/rg-{stack.name}"


def hub_group(stack: Stack) -> str:
    """The id of the resource group that the stack's landing zone shares."""
    return f"/subscriptions/{stack.place.subscription}/resourceGroups/rg-{stack.place.hub}"


def hub_id(stack: Stack, type_: str, prefix: str) -> str:
    """The id of a shared resource."""
    return f"{hub_group(stack)}/providers/{type_}/{prefix}-{stack.place.hub}"


def arm_id(group: str, type_: str, name: str) -> str:
    """An id; a child's name holds its parents' names."""
    if "/" not in name:
        return f"{group}/providers/{type_}/{name}"
    namespace, *kinds = type_.split("/")
    pairs = "/".join(f"{kind}/{each}" for kind, each in zip(kinds, name.split("/"), strict=True))
    return f"{group}/providers/{namespace}/{pairs}"


def stack_id(stack: Stack, type_: str, prefix: str) -> str:
    """The id of a resource of this stack that is named after it."""
    return f"{group_of(stack)}/providers/{type_}/{prefix}-{stack.name}"


def arm(
    stack: Stack,
    type_: str,
    name: str,
    body: dict[str, Json],
    *,
    cost: float = 0.0,
    service: str = "",
    drift: tuple[str, Json] | None = None,
    id_: str = "",
    scope: str | None = None,
    is_tracked: bool = True,
) -> Record:
    """One resource of a stack's group.

    Args:
        scope: the id that the resource is written below; the stack's group where it is not given.
        is_tracked: whether it has a location and tags of its own; children have not.
    """
    uid = id_ or arm_id(group_of(stack) if scope is None else scope, type_, name)
    tags = stack.tags() if is_tracked else {}
    document: dict[str, Json] = {"id": uid, "name": name.rpartition("/")[2], "type": type_}
    if is_tracked:
        document["location"] = stack.region
        document["tags"] = dict(tags)
    document.update(body)
    return Record(
        provider=Provider.AZURE,
        uid=uid,
        name=name,
        type=type_,
        region=stack.region,
        account=stack.place.subscription,
        document=document,
        wrapper="resource",
        service=service or type_.partition("/")[0].removeprefix("Microsoft."),
        cents_month=round(cost * stack.environment.size * 100),
        tags=tags,
        beside={},
        drift=drift,
    )


def child(stack: Stack, type_: str, name: str, properties: dict[str, Json], *, scope: str | None = None) -> Record:
    """A part of another resource, with its own id, no tags and no price."""
    return arm(stack, type_, name, {"properties": properties}, scope=scope, is_tracked=False)
