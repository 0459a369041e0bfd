"""Google documents as observations: Cloud Asset Inventory assets, and API objects with or without a `kind`.

The id is the full resource name (`//compute.googleapis.com/projects/…`), made from the self-link or the name where the
record has no asset name. An asset's `resource.data` is the document; its IAM and organisation policies are facets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from connectors.gcp.kinds import (
    CATALOGUE_KINDS,
    CATALOGUE_NAMES,
    COLLECTIONS,
    EMBEDDED,
    KIND_SERVICES,
    NAMES,
    PLACES,
    TELLING_KEYS,
)
from connectors.observation import (
    EVERYTHING,
    SUMMARY,
    Classified,
    Document,
    Observation,
    gap,
    member,
    one,
    tag_map,
    text,
)
from domain.inventory import RecordClass
from domain.resource import Provider, resource_key
from domain.value import Json

_NAME = re.compile(r"(projects|organizations|folders|apps|accessPolicies|billingAccounts|operations)/[^/]")
_POLICIES = {
    "iam_policy": "iamPolicy",
    "iamPolicy": "iamPolicy",
    "org_policy": "orgPolicy",
    "orgPolicy": "orgPolicy",
    "v2_org_policies": "orgPolicies",
    "access_policy": "accessPolicy",
    "access_level": "accessLevel",
    "service_perimeter": "servicePerimeter",
    "os_inventory": "osInventory",
    "accessPolicy": "accessPolicy",
    "accessLevel": "accessLevel",
    "servicePerimeter": "servicePerimeter",
}
_ROOTS = frozenset({"projects", "folders", "organizations"})
_ITEM_KEYS = ("items", "assets", "results", "resources")


def is_asset(body: Document) -> bool:
    """Whether this is a Cloud Asset Inventory asset."""
    return isinstance(member(body, "asset_type", "assetType"), str) and isinstance(body.get("name"), str)


def is_object(body: Document) -> bool:
    """Whether this is an object or list of a Google API, by kind, self-link or name."""
    kind = body.get("kind")
    if isinstance(kind, str) and "#" in kind:
        return True
    link = body.get("selfLink")
    if isinstance(link, str) and "googleapis.com/" in link:
        return True
    name = body.get("name")
    return isinstance(name, str) and _NAME.match(name) is not None


def classify_asset(body: Document) -> Classified:
    """One asset: its resource, its policies, or both."""
    name, type_ = text(body["name"]), text(member(body, "asset_type", "assetType"))
    scope = _scope_of_asset(body, name)
    found = []
    resource = body.get("resource")
    data = resource.get("data") if isinstance(resource, dict) else None
    if isinstance(data, dict):
        found.append(_observation(name, type_, scope, data, region=text(member(resource, "location"))))  # type: ignore[arg-type]
    for key, facet in _POLICIES.items():
        if key in body and body[key] is not None:
            found.append(_facet(name, type_, scope, facet, body[key]))
    if not found:
        if "additionalAttributes" in body or "displayName" in body:
            searched = _observation(name, type_, scope, body, region=text(body.get("location")))
            searched.unread = EVERYTHING
            return one("gcp-asset-search", searched)
        return gap(
            "gcp-asset", "the asset holds neither a resource nor a policy", "Export with --content-type=resource"
        )
    return Classified(RecordClass.RESOURCE, "gcp-asset", tuple(found))


def _facet(name: str, type_: str, scope: str, facet: str, value: Json) -> Observation:
    return Observation(Provider.GCP, name, type_, _last(name), value, scope=scope, unread=EVERYTHING, facet=facet)


def deleted_asset(body: Document) -> Classified:
    """An asset that an export with history says is gone."""
    name, type_ = text(body.get("name")), text(member(body, "asset_type", "assetType"))
    return one("gcp-asset", Observation(Provider.GCP, name, type_, _last(name), {}, absent=True))


def _scope_of_asset(body: Mapping[str, Json], name: str) -> str:
    ancestors = body.get("ancestors")
    path = text(member(body, "ancestry_path", "ancestryPath"))
    if isinstance(ancestors, list) and ancestors:
        return "/" + "/".join(text(each) for each in reversed(ancestors))
    if path:
        return "/" + re.sub(r"\b(organization|folder|project)/", r"\1s/", path)
    return _scope_of(name)


def _scope_of(name: str) -> str:
    found = re.search(r"/?((?:projects|folders|organizations)/[^/]+)", name)
    return f"/{found[1]}" if found else ""


def _observation(uid: str, type_: str, scope: str, document: Document, *, region: str = "") -> Observation:
    return Observation(
        provider=Provider.GCP,
        uid=uid,
        type=type_,
        name=_short_name(document, uid),
        document=document,
        scope=scope,
        region=(region or _region_of(document, uid)).lower(),
        tags=_labels(document),
    )


def _short_name(document: Document, uid: str) -> str:
    name = text(document.get("name"))
    return _last(name) if name else _last(uid)


def _last(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]


def _labels(document: Document) -> dict[str, str]:
    labels = member(document, "labels", "resourceLabels")
    if labels is None:
        settings = document.get("settings")
        labels = settings.get("userLabels") if isinstance(settings, dict) else None
    return tag_map(labels)


def _region_of(document: Document, uid: str) -> str:
    found = re.search(r"/(?:zones|regions|locations)/([a-z0-9-]+)", uid)
    if found:
        return found[1]
    place = text(member(document, "location", "zone", "region", "locationId"))
    return _last(place)


def classify_object(body: Document) -> Classified:
    """One API object, list, operation or location."""
    kind = text(body.get("kind"))
    if kind in CATALOGUE_KINDS:
        return Classified(RecordClass.CATALOGUE, "gcp-api")
    if kind.endswith("List") or kind in {"storage#buckets", "storage#bucketAccessControls", "storage#objects"}:
        return classify_list(body)
    pattern = _pattern(text(body.get("name")))
    if pattern in CATALOGUE_NAMES:
        return Classified(RecordClass.CATALOGUE, "gcp-api")
    if kind in PLACES or pattern in PLACES:
        return _classify_place(body, PLACES.get(kind) or PLACES[pattern])
    observation = observe(body)
    if observation is None:
        return gap("gcp-api", f"no resource type is known for {kind or 'names like ' + pattern}",
                   "Export it with Cloud Asset Inventory, which names the type")  # fmt: skip
    return Classified(
        RecordClass.RESOURCE, "gcp-api", (observation, *_embedded(observation.type, body), *_containers(observation))
    )


def _classify_place(body: Document, type_: str) -> Classified:
    """A zone or the like: a catalogue entry, and a node of the graph, since what runs there fails with it."""
    uid = _uid(type_, text(body.get("selfLink")), text(body.get("name")), body)
    place = _observation(uid, type_, _scope_of(uid), body)
    place.unread = EVERYTHING
    return Classified(RecordClass.CATALOGUE, "gcp-api", (place,) if uid else ())


def _embedded(type_: str, body: Document) -> Iterator[Observation]:
    held = body.get(EMBEDDED.get(type_, ""))
    for part in held if isinstance(held, list) else [held]:
        found = observe(part) if isinstance(part, dict) and is_object(part) else None
        if found:
            yield found


def _containers(observation: Observation) -> Iterator[Observation]:
    """What an API object's full name says it lives in, from its project down: each known by name alone."""
    service, _, path = observation.uid.removeprefix("//").partition("/")
    parts = path.replace("/locations/global/", "/locations/-/").replace("/global/", "/").split("/")
    if parts[0] not in _ROOTS or len(parts) % 2:
        return
    for length in range(2, len(parts), 2):
        name, collection = "/".join(parts[:length]).replace("/locations/-/", "/locations/global/"), parts[length - 2]
        if collection not in {"locations", "zones", "regions"}:
            home = "cloudresourcemanager.googleapis.com" if length == 2 else service
            known = NAMES.get(_pattern(name), "")
            type_ = known if known.startswith(home) else f"{home}/{singular(collection)}"
            container = _observation(f"//{home}/{name}", type_, _scope_of(name), {"name": name})
            container.unread, container.facet = EVERYTHING, SUMMARY
            yield container


def observe(body: Document) -> Observation | None:
    """An API object as an observation; None where its type cannot be told."""
    kind, link, name = text(body.get("kind")), text(body.get("selfLink")), text(body.get("name"))
    if is_asset(body):
        return None
    type_ = _type_of(body, kind, link, name)
    if not type_:
        return None
    uid = _uid(type_, link, name, body)
    return _observation(uid, type_, _scope_of(uid), body) if uid else None


def _type_of(body: Document, kind: str, link: str, name: str) -> str:
    service, found, noun = kind.partition("#")
    if found:
        service = KIND_SERVICES.get(service, f"{service}.googleapis.com")
        if service == "compute.googleapis.com":
            return f"{service}/{_placed(noun[:1].upper() + noun[1:], link)}"
        return f"{service}/{noun[:1].upper()}{noun[1:]}"
    if name:
        pattern = _pattern(name)
        for shared, keys, type_ in TELLING_KEYS:
            if pattern == shared and keys <= body.keys():
                return type_
        if pattern in NAMES:
            return NAMES[pattern]
    if link:
        return _type_of_link(link)
    return ""


def _placed(noun: str, link: str) -> str:
    """Compute names some types by where they live: GlobalAddress, RegionDisk."""
    if "/global/" in link and noun in {"Address", "ForwardingRule"}:
        return f"Global{noun}"
    if "/regions/" in link and noun in {"Disk", "Autoscaler", "BackendService", "InstanceGroupManager"}:
        return f"Region{noun}" if noun in {"Disk", "BackendService"} else noun
    return noun


def _type_of_link(link: str) -> str:
    parts = resource_key(link).split("/")
    if len(parts) < 5 or not parts[2].endswith("googleapis.com"):
        return ""
    return f"{parts[2]}/{singular(parts[-2])}"


def singular(collection: str) -> str:
    """The type's name that a collection in a path spells: `instances` is `Instance`."""
    known = COLLECTIONS.get(collection)
    if known:
        return known
    noun = collection[:-3] + "y" if collection.endswith("ies") else collection.removesuffix("s")
    return noun[:1].upper() + noun[1:]


def _uid(type_: str, link: str, name: str, body: Document) -> str:
    service = type_.partition("/")[0]
    if type_ == "storage.googleapis.com/Bucket" and name:
        return f"//{service}/{name}"
    if link:
        key = resource_key(link).replace("//sql.googleapis.com/", "//sqladmin.googleapis.com/")
        if key.startswith("//"):
            return key
        found = re.match(r"https://(?:www\.)?([\w.-]*googleapis\.com)/(?:\w+/)?v[\w.]+/(.+)", link)
        return f"//{service}/{found[2]}" if found else link
    if _NAME.match(name):
        return f"//{service}/{name}"
    if name and "project" in body and type_.startswith("sqladmin"):
        return f"//{service}/projects/{text(body['project'])}/instances/{name}"
    unique = body.get("id")
    return f"//{service}/{type_.partition('/')[2]}/{unique}" if unique else ""


def _pattern(name: str) -> str:
    parts = name.split("/")
    if parts[0] == "projects" and len(parts) > 2 and parts[2] == "metricDescriptors":
        return "projects/*/metricDescriptors/*"
    return "/".join(part if index % 2 == 0 else "*" for index, part in enumerate(parts))


def classify_list(body: Document) -> Classified:
    """A list answer: its items are taken out; one without items is empty."""
    items = _items(body)
    if not items:
        return Classified(RecordClass.EMPTY, "gcp-api")
    found: list[Observation] = []
    gaps: list[tuple[int, str]] = []
    is_catalogue = False
    for number, item in enumerate(items, 1):
        each = classify_member(item, text(body.get("kind")).removesuffix("AggregatedList").removesuffix("List"))
        found.extend(each.observations)
        is_catalogue |= each.kind is RecordClass.CATALOGUE
        if each.kind is RecordClass.GAP:
            gaps.append((number, each.reason))
    if is_catalogue:
        return Classified(RecordClass.CATALOGUE, "gcp-api", tuple(found), gaps=tuple(gaps))
    return Classified(RecordClass.LIST, "gcp-api", tuple(found), gaps=tuple(gaps))


def classify_member(item: Json, kind: str = "") -> Classified:
    """One member of a list answer; `kind` is what the list says of members that do not say it."""
    if not isinstance(item, dict):
        return gap("gcp-api", "a member of the list is no object")
    wrapped = item.get("asset")
    if isinstance(wrapped, dict) and is_asset(wrapped):
        return deleted_asset(wrapped) if item.get("deleted") is True else classify_asset(wrapped)
    if is_asset(item):
        return classify_asset(item)
    if "kind" not in item and "#" in kind:
        item = {"kind": kind, **item}
    return classify_object(item) if is_object(item) else gap("gcp-api", "a member of the list has no name or link")


def _items(body: Document) -> list[Json]:
    items = member(body, *_ITEM_KEYS)
    if isinstance(items, list):
        return items
    if not isinstance(items, dict):
        return []
    return [
        each
        for place in items.values()
        if isinstance(place, dict)
        for members in place.values()
        if isinstance(members, list)
        for each in members
    ]


def is_list(body: Document) -> bool:
    """Whether an object without a kind is a list answer: assets, or members that are Google's own objects."""
    lists = [value for value in body.values() if isinstance(value, list)]
    if len(lists) != 1 or body.keys() & {"id", "name", "arn", "type"}:
        return False
    members = lists[0]
    first = members[0] if members else None
    if not isinstance(first, dict):
        return False
    wrapped = first.get("asset")
    return is_asset(first) or (isinstance(wrapped, dict) and is_asset(wrapped)) or is_object(first)


def classify_plain_list(body: Document) -> Classified:
    """A list answer under whatever name its API gives it."""
    members = next(value for value in body.values() if isinstance(value, list))
    return classify_list({"items": members})
