"""Reading entries back, with the standard library alone.

What ``chain.entry`` writes, this reads and judges: every field present, of its type, and nothing else beside them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chain.strict_json import parse
from domain.errors import InputError
from domain.value import Json

BLOCK_TYPE: Final = "BlockSealed"
_BLOCK_MARK = f'"type":"{BLOCK_TYPE}"'.encode()
SHARD_OPENED_TYPE: Final = "shard_opened"
ENTRY_SIZE_BYTES_MAX: Final = 65_535
NO_ARTIFACTS: Final = b'{"artifacts":{},'
NO_BLOCK: Final = "0" * 64

_BLOCK_DOMAIN = b"policycortex/block/v1\n"
_HEX = re.compile(r"[0-9a-f]{64}")
_FIELDS = {"v", "type", "tenant", "request_id", "at", "body", "artifacts"}
_ARTIFACT_FIELDS = {"sha256", "sha3_256", "size", "media_type"}
_OPENING_FIELDS = {"year", "former"}
_FORMER_FIELDS = {"origin", "size", "root_sha256", "root_sha3_256", "checkpoint", "checkpoint_sha3"}
_BLOCK_FIELDS = {"height", "prev", "size", "root_sha256", "root_sha3_256", "ts"}


@dataclass(frozen=True, slots=True)
class ArtifactReference:
    """An artifact as an entry names it."""

    sha256: str
    sha3_256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BlockReference:
    """A block header as its entry states it."""

    height: int
    prev: str
    size: int
    root_sha256: str
    root_sha3_256: str
    ts: str


@dataclass(frozen=True, slots=True)
class OpeningReference:
    """How a former year's log ended: what its last checkpoints state, and their signed notes."""

    origin: str
    size: int
    root_sha256: str
    root_sha3_256: str
    checkpoint: str
    checkpoint_sha3: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """An entry's fields; of ``body`` the log itself reads a block's alone."""

    type: str
    request_id: str
    tenant: Json
    at: str
    body: Json
    artifacts: tuple[ArtifactReference, ...]
    block: BlockReference | None


def read_envelope(entry: bytes) -> Envelope:
    """Read an entry.

    Raises:
        InputError: not JSON of one meaning, or not an entry of this version.
    """
    fields = _require_fields(parse(entry, size_bytes_max=ENTRY_SIZE_BYTES_MAX), _FIELDS, what="entry")
    if fields["v"] != 1:
        raise InputError("entry is of another version", expected=1, got=fields["v"])
    kind, artifacts = _require_text(fields, "type"), fields["artifacts"]
    if not isinstance(artifacts, dict):
        raise InputError("entry's artifacts are not an object")
    return Envelope(
        type=kind,
        request_id=_require_text(fields, "request_id"),
        tenant=fields["tenant"],
        at=_require_text(fields, "at"),
        body=fields["body"],
        artifacts=tuple(_read_artifact(item) for item in artifacts.values()),
        block=_read_block(fields["body"]) if kind == BLOCK_TYPE else None,
    )


def block_candidates(entries: Sequence[bytes]) -> list[int]:
    """Places of the entries that may be block headers; whoever reads one decides.

    One search through all of them costs a tenth of one each, and most have none.
    """
    if _BLOCK_MARK not in b"".join(entries):
        return []
    return [at for at, entry in enumerate(entries) if _BLOCK_MARK in entry]


def block_hash(entry: bytes) -> str:
    """Name of a block, by which the next one refers to it."""
    return hashlib.sha3_256(_BLOCK_DOMAIN + entry).hexdigest()


def read_opening(entry: bytes) -> OpeningReference | None:
    """How the former year's log ended, as a log's first entry names it.

    ``None`` where the entry is not one that opens a year's log after another.

    Raises:
        InputError: the entry has not the fields that it must have.
    """
    fields = parse(entry, size_bytes_max=ENTRY_SIZE_BYTES_MAX)
    if not isinstance(fields, dict) or fields.get("type") != SHARD_OPENED_TYPE:
        return None
    body = _require_fields(fields.get("body"), _OPENING_FIELDS, what="opening")
    former = _require_fields(body["former"], _FORMER_FIELDS, what="former log")
    return OpeningReference(
        origin=_require_text(former, "origin"),
        size=_require_count(former, "size"),
        root_sha256=_require_digest(former, "root_sha256"),
        root_sha3_256=_require_digest(former, "root_sha3_256"),
        checkpoint=_require_text(former, "checkpoint"),
        checkpoint_sha3=_require_text(former, "checkpoint_sha3"),
    )


def _read_artifact(value: Json) -> ArtifactReference:
    fields = _require_fields(value, _ARTIFACT_FIELDS, what="artifact")
    return ArtifactReference(
        _require_digest(fields, "sha256"), _require_digest(fields, "sha3_256"), _require_count(fields, "size")
    )


def _read_block(value: Json) -> BlockReference:
    fields = _require_fields(value, _BLOCK_FIELDS, what="block")
    return BlockReference(
        height=_require_count(fields, "height"),
        prev=_require_digest(fields, "prev"),
        size=_require_count(fields, "size"),
        root_sha256=_require_digest(fields, "root_sha256"),
        root_sha3_256=_require_digest(fields, "root_sha3_256"),
        ts=_require_text(fields, "ts"),
    )


def _require_fields(value: Json, names: set[str], *, what: str) -> dict[str, Json]:
    if not isinstance(value, dict) or value.keys() != names:
        got = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise InputError(f"{what} has not the fields it must have", expected=sorted(names), got=got)
    return value


def _require_text(fields: Mapping[str, Json], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise InputError("field is not text", field=name)
    return value


def _require_count(fields: Mapping[str, Json], name: str) -> int:
    value = fields[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError("field is not a count", field=name)
    return value


def _require_digest(fields: Mapping[str, Json], name: str) -> str:
    value = _require_text(fields, name)
    if _HEX.fullmatch(value) is None:
        raise InputError("field is not a digest", field=name, got=value[:80])
    return value
