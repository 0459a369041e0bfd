"""The published logs as files: what a stranger's client asks for below ``/log/ORIGIN/``, and nothing else of the disk.

A name is looked up only if it is one that a log has, in its only spelling, so no path leaves the log's folder.

Source: C2SP tlog-tiles, "Parameters" and "Partial Tiles".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from actors.evidence_place import EvidencePlace
from actors.folders import Folders
from chain.layout import ARTIFACT_FOLDER, KEYS_FILE, LogOrigin, checkpoint_path, tile_name
from chain.tree_hash import BOTH
from domain.errors import NotFound
from domain.evidence import LogName
from domain.tenancy import TenantId

TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"
IMMUTABLE: Final = "private, max-age=31536000, immutable"
FRESH: Final = "private, no-cache"
_TEXTS: Final = frozenset({checkpoint_path(BOTH.sha256), checkpoint_path(BOTH.sha3_256), KEYS_FILE})
_ARTIFACT: Final = re.compile(rf"{ARTIFACT_FOLDER}/[0-9a-f]{{64}}")


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file with what a cache needs to know."""

    content: bytes
    media_type: str
    cache_control: str
    etag: str


def published_file(place: EvidencePlace, folders: Folders, tenant: TenantId, path: str) -> PublishedFile:
    """A file of a log, from the folder or the object store where it is published.

    Args:
        path: origin, and the file's name within the log.

    Raises:
        NotFound: no such log of this tenant, no such file, or no name of a file.
    """
    log, name = _named(path.removeprefix(f"{folders.origin_prefix}/{tenant}/"))
    if log is None or path != f"{LogOrigin(folders.origin_prefix, tenant, log)}/{name}":
        raise _missing(path)
    if name in _TEXTS:
        media_type, cache_control = TEXT, FRESH
    elif tile_name(name) is not None or _ARTIFACT.fullmatch(name) is not None:
        media_type, cache_control = BYTES, IMMUTABLE
    else:
        raise _missing(path)
    try:
        content = place.store_of(tenant).get(f"{log}/{name}").content
    except NotFound:
        raise _missing(path) from None
    return PublishedFile(content, media_type, cache_control, f'"{sha256(content).hexdigest()[:32]}"')


def _named(path: str) -> tuple[LogName | None, str]:
    """The log and the file that the rest of a path may name: ``2026/FILE``, or ``2026/s2/FILE`` of a successor."""
    year, _, name = path.partition("/")
    part, _, below = name.partition("/")
    successor = LogName.find(f"{year}{part}")
    return (LogName.find(year), name) if successor is None or successor.part == 1 else (successor, below)


def _missing(path: str) -> NotFound:
    return NotFound("no such file of a log", path=path[:200], todo="GET /api/v2/chain/head names the logs")
