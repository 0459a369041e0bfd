"""Entries: the envelope around an event, and the headers that chain blocks.

An entry names its artifacts by digest and never holds them. A block header is an entry like any other: it states the
roots of both trees over everything before it and the hash of the former header, so whoever trusts the SHA-256
checkpoint also trusts every SHA3-256 root below it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chain.canonical import encode_readable
from chain.envelope import ENTRY_SIZE_BYTES_MAX
from domain.clock import format_instant
from domain.errors import InputError
from domain.evidence import Artifact, EventType, EvidenceEvent
from domain.tenancy import PLATFORM, TenantId
from domain.value import Json

ARTIFACT_SIZE_BYTES_MAX: Final = 256 * 1024 * 1024
REQUEST_ID_LENGTH_MAX: Final = 200
BLOCK_REQUEST_PREFIX: Final = "block/"
SHARD_REQUEST_PREFIX: Final = "shard/"
CHECKPOINT_REQUEST_PREFIX: Final = "checkpoint/"
RESERVED_PREFIXES: Final = (BLOCK_REQUEST_PREFIX, SHARD_REQUEST_PREFIX, CHECKPOINT_REQUEST_PREFIX)
OWN_EVENTS: Final = frozenset({EventType.BLOCK_SEALED, EventType.SHARD_OPENED, EventType.TENANT_CHECKPOINT})
"""What the log itself writes, and nobody else may."""

_VERSION = 1
_ARTIFACT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+(; ?[a-z0-9=.-]+)*")


@dataclass(frozen=True, slots=True)
class ArtifactDigest:
    """What an entry says of an artifact."""

    sha256: str
    sha3_256: str
    size_bytes: int
    media_type: str

    @classmethod
    def of(cls, artifact: Artifact) -> ArtifactDigest:
        content = artifact.content
        return cls(
            hashlib.sha256(content).hexdigest(),
            hashlib.sha3_256(content).hexdigest(),
            len(content),
            artifact.media_type,
        )

    def as_json(self) -> dict[str, Json]:
        return {
            "sha256": self.sha256,
            "sha3_256": self.sha3_256,
            "size": self.size_bytes,
            "media_type": self.media_type,
        }


@dataclass(frozen=True, slots=True)
class Block:
    """A header: what the log was when ``size`` entries stood before it."""

    height: int
    prev: str
    size: int
    root_sha256: str
    root_sha3_256: str
    ts: str

    def as_json(self) -> dict[str, Json]:
        return {
            "height": self.height,
            "prev": self.prev,
            "size": self.size,
            "root_sha256": self.root_sha256,
            "root_sha3_256": self.root_sha3_256,
            "ts": self.ts,
        }


@dataclass(frozen=True, slots=True)
class FormerShard:
    """How the log of a former year ended: its last signed checkpoints and what they state."""

    origin: str
    size: int
    root_sha256: str
    root_sha3_256: str
    checkpoint: str
    checkpoint_sha3: str

    def as_json(self) -> dict[str, Json]:
        return {
            "origin": self.origin,
            "size": self.size,
            "root_sha256": self.root_sha256,
            "root_sha3_256": self.root_sha3_256,
            "checkpoint": self.checkpoint,
            "checkpoint_sha3": self.checkpoint_sha3,
        }


def encode_event(event: EvidenceEvent, artifacts: Mapping[str, ArtifactDigest]) -> bytes:
    """Write an event as an entry.

    Raises:
        InputError: a field is out of bounds, or the entry is too long.
    """
    if not 0 < len(event.request_id) <= REQUEST_ID_LENGTH_MAX or event.request_id.startswith(RESERVED_PREFIXES):
        raise InputError(
            "request id is not valid",
            got=event.request_id[:80],
            expected=f"1 to {REQUEST_ID_LENGTH_MAX} characters, not starting with {', '.join(RESERVED_PREFIXES)}",
        )
    if event.type in OWN_EVENTS:
        raise InputError(
            "blocks, shards and checkpoints are recorded by the log itself",
            type=event.type.value,
            request_id=event.request_id,
        )
    return _envelope(
        event.type,
        tenant=event.tenant,
        request_id=event.request_id,
        at=event.occurred_at,
        body=dict(event.body),
        artifacts=artifacts,
    )


def encode_opening(former: FormerShard, *, tenant: TenantId, year: int, at: datetime) -> bytes:
    """Write the first entry of a later year's log, which names how the former one ended."""
    return _envelope(
        EventType.SHARD_OPENED,
        tenant=tenant,
        request_id=f"{SHARD_REQUEST_PREFIX}{year}",
        at=at,
        body={"year": year, "former": former.as_json()},
        artifacts={},
    )


def encode_tenant_checkpoint(commitment: str, *, at: datetime) -> bytes:
    """Write what the platform log says of a tenant's checkpoint: a commitment, and nothing of whose."""
    return _envelope(
        EventType.TENANT_CHECKPOINT,
        tenant=PLATFORM,
        request_id=f"{CHECKPOINT_REQUEST_PREFIX}{commitment}",
        at=at,
        body={"commitment": commitment},
        artifacts={},
    )


def encode_block(block: Block, *, tenant: TenantId, at: datetime) -> bytes:
    """Write a block header as an entry."""
    return _envelope(
        EventType.BLOCK_SEALED,
        tenant=tenant,
        request_id=f"{BLOCK_REQUEST_PREFIX}{block.height}",
        at=at,
        body=block.as_json(),
        artifacts={},
    )


def digest_artifacts(event: EvidenceEvent) -> dict[str, ArtifactDigest]:
    """Digests of an event's artifacts by name.

    Raises:
        InputError: a name, media type or size is out of bounds.
    """
    for name, artifact in event.artifacts.items():
        if _ARTIFACT_NAME.fullmatch(name) is None or _MEDIA_TYPE.fullmatch(artifact.media_type) is None:
            raise InputError("artifact's name or media type is not valid", name=name, media_type=artifact.media_type)
        if len(artifact.content) > ARTIFACT_SIZE_BYTES_MAX:
            raise InputError(
                "artifact is too large",
                name=name,
                size_bytes=len(artifact.content),
                size_bytes_max=ARTIFACT_SIZE_BYTES_MAX,
                todo="Split the artifact",
            )
    return {name: ArtifactDigest.of(artifact) for name, artifact in event.artifacts.items()}


def _envelope(
    event_type: EventType,
    *,
    tenant: TenantId,
    request_id: str,
    at: datetime,
    body: Mapping[str, Json],
    artifacts: Mapping[str, ArtifactDigest],
) -> bytes:
    if at.tzinfo is None:
        raise InputError("an entry's time has no zone", request_id=request_id, got=at.isoformat())
    entry = encode_readable(
        {
            "v": _VERSION,
            "type": event_type.value,
            "tenant": tenant,
            "request_id": request_id,
            "at": format_instant(at),
            "body": body,
            "artifacts": {name: digest.as_json() for name, digest in artifacts.items()},
        }
    )
    if len(entry) > ENTRY_SIZE_BYTES_MAX:
        raise InputError(
            "entry is too long",
            request_id=request_id,
            size_bytes=len(entry),
            size_bytes_max=ENTRY_SIZE_BYTES_MAX,
            todo="Attach the larger part as an artifact",
        )
    return entry
