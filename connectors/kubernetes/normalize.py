"""Kubernetes objects as observations. An object's id is its path in the API: there is nothing else that is stable.

The type is `apiVersion/kind` (`apps/v1/Deployment`, `v1/Pod`); a Secret's values never leave this module.
"""

from __future__ import annotations

from connectors.observation import Classified, Document, Observation, gap, one, tag_map, text
from connectors.redaction import remove_all
from domain.inventory import RecordClass
from domain.resource import Provider
from domain.value import Json


def is_object(body: Document) -> bool:
    """Whether this is one Kubernetes object."""
    return isinstance(body.get("metadata"), dict) and isinstance(body.get("kind"), str) and "apiVersion" in body


def is_list(body: Document) -> bool:
    """Whether this is a list of Kubernetes objects."""
    return isinstance(body.get("items"), list) and "apiVersion" in body and text(body.get("kind")).endswith("List")


def classify_object(body: Document, cluster: str) -> Classified:
    """One object."""
    observation = observe(body, cluster)
    return one("kubernetes", observation) if observation else gap("kubernetes", "the object has no name")


def classify_list(body: Document, cluster: str) -> Classified:
    """A list: its members carry neither kind nor version, the list does."""
    kind, version = text(body.get("kind")).removesuffix("List"), body.get("apiVersion")
    items = body.get("items")
    found = []
    gaps = []
    for number, item in enumerate(items if isinstance(items, list) else [], 1):
        named: Document = {"apiVersion": version, "kind": kind, **item} if isinstance(item, dict) else {}
        observation = observe(named, cluster)
        if observation:
            found.append(observation)
        else:
            gaps.append((number, "the object has no name"))
    if not items:
        return Classified(RecordClass.EMPTY, "kubernetes")
    return Classified(RecordClass.LIST, "kubernetes", tuple(found), gaps=tuple(gaps))


def observe(body: Document, cluster: str) -> Observation | None:
    """A Kubernetes object as an observation; None where it has no name."""
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return None
    kind, version = text(body.get("kind")), text(body.get("apiVersion"))
    name, namespace = text(metadata["name"]), text(metadata.get("namespace"))
    if kind == "Secret":
        _remove_values(body)
    _drop_noise(metadata)
    root = f"k8s://{cluster or 'cluster'}"
    scope = f"{root}/namespaces/{namespace}" if namespace else root
    return Observation(
        provider=Provider.KUBERNETES,
        uid=f"{scope}/{version}/{kind}/{name}",
        type=f"{version}/{kind}",
        name=name,
        document=body,
        scope=scope,
        tags=tag_map(metadata.get("labels")),
    )


def _remove_values(body: Document) -> None:
    for key in ("data", "stringData"):
        if key in body:
            body[key] = remove_all(body[key], "a Kubernetes secret's value")


def _drop_noise(metadata: dict[str, Json]) -> None:
    """The last applied manifest repeats the object, secrets included; managed fields repeat its shape."""
    metadata.pop("managedFields", None)
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None)
