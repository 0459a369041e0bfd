"""Resources as the providers know them, and how they relate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType

from domain.tenancy import TenantId
from domain.value import Json

ResourceId = NewType("ResourceId", str)
"""A provider's own id: ARM id, ARN, Cloud Asset full resource name. Compare with `resource_key`."""


class Provider(StrEnum):
    """Who manages a resource."""

    AZURE = "azure"
    AWS = "aws"
    GCP = "gcp"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record was read: file as given, and 1-based line or element; 0 is the whole file."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class ConfigurationItem:
    """One resource's recorded state at one moment.

    Args:
        type: the provider's own type name: ``Microsoft.Storage/storageAccounts`` (ARM), ``AWS::S3::Bucket``
            (CloudFormation), ``compute.googleapis.com/Instance`` (Cloud Asset Inventory). Compared without case.
        scope: where it lives: ``/subscriptions/S/resourceGroups/G``, ``/accounts/123456789012``,
            ``/organizations/1/folders/2/projects/P``; empty where unknown.
        properties: the provider's whole document in its native shape, secrets removed. An ARM resource keeps
            its ``properties`` object inside.
        captured_at: when the provider was asked; None where the record does not say (older than any time).
        digest: SHA-256, hexadecimal, of the document's canonical bytes after removal of secrets.
        unread: first segments of `properties` that were never asked for, so that paths into them are unknown
            rather than missing; ``"*"`` means that every path which is absent is unknown.
        synthetic: made by a generator, not read from a provider.
    """

    tenant: TenantId
    uid: ResourceId
    provider: Provider
    type: str
    name: str
    scope: str
    region: str
    tags: Mapping[str, str]
    properties: Mapping[str, Json]
    captured_at: datetime | None
    digest: str
    origin: Origin
    unread: tuple[str, ...] = ()
    synthetic: bool = False


class RelationshipKind(StrEnum):
    """What a relationship means. ``references`` is the fallback when only the id is known to match."""

    CONTAINS = "contains"
    ATTACHED_TO = "attached_to"
    NETWORK = "network"
    ROUTES_TO = "routes_to"
    ASSUMES = "assumes"
    HAS_PERMISSION = "has_permission"
    MEMBER_OF = "member_of"
    ENCRYPTED_BY = "encrypted_by"
    BACKED_UP_BY = "backed_up_by"
    MOUNTS = "mounts"
    SECRET_USE = "secret_use"  # noqa: S105 (the name of a relationship, not a secret)
    DEPLOYED_BY = "deployed_by"
    REFERENCES = "references"


class Strength(StrEnum):
    """How much the source depends on the target: fails with it, degrades, or has another."""

    HARD = "hard"
    SOFT = "soft"
    REDUNDANT = "redundant"


@dataclass(frozen=True, slots=True)
class Relationship:
    """Typed, directed link: `source` depends on or belongs to `target`; `path` is where the id was found."""

    source: ResourceId
    target: ResourceId
    kind: RelationshipKind
    strength: Strength
    path: str


def resource_key(uid: str) -> str:
    """The form in which two ids of one resource are equal.

    ARM ids are compared without case. A Google self-link and a full resource name differ only in the
    scheme and API version: ``https://www.googleapis.com/compute/v1/projects/p/…`` and
    ``https://compute.googleapis.com/compute/v1/projects/p/…`` both become
    ``//compute.googleapis.com/projects/p/…``. Everything else is compared as it is.
    """
    if uid.startswith("/") and not uid.startswith("//"):
        return uid.lower()
    if uid.startswith("https://"):
        return _full_resource_name(uid)
    return uid


def resource_keys(uids: Iterable[str]) -> list[str]:
    """`resource_key` of each."""
    return [resource_key(uid) if uid[:1] in _SPELT else uid for uid in uids]


_SPELT: Final = frozenset({"/", "h"})
"""How ids begin that have a key of another spelling; most of a large estate's do not."""


def _full_resource_name(link: str) -> str:
    host, _, path = link.removeprefix("https://").partition("/")
    if not host.endswith("googleapis.com") or "projects/" not in path:
        return link
    prefix, _, rest = path.partition("projects/")
    service = host.removesuffix(".googleapis.com").removesuffix("googleapis.com").rstrip(".")
    if service in {"", "www"}:
        service = prefix.partition("/")[0]
    return f"//{service}.googleapis.com/projects/{rest}"
