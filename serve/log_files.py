"""The published logs as files: what a stranger's client asks for below ``/log/ORIGIN/``, and nothing else of the disk.

A name is looked up only if it is one that a log has, in its only spelling, so no path leaves the log's folder.

Source: C2SP tlog-tiles, "Parameters" and "Partial Tiles".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

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


def log_folders(folders: Folders, tenant: TenantId) -> dict[str, Path]:
    """Where the tenant's logs are published, by origin, oldest first."""
    years = folders.evidence_of(tenant)
    found = {
        name: folder
        for folder in (years.iterdir() if years.is_dir() else ())
        if (name := LogName.find(folder.name)) is not None
    }
    return {str(LogOrigin(folders.origin_prefix, tenant, name)): found[name] for name in sorted(found)}


def published_file(folders: Mapping[str, Path], path: str) -> PublishedFile:
    """A file of a log.

    Args:
        folders: of the caller's logs, by origin.
        path: origin, and the file's name within the log.

    Raises:
        NotFound: no such log of this caller, no such file, or no name of a file.
    """
    for origin, folder in sorted(folders.items(), reverse=True):  # a successor's origin begins with the frozen log's
        name = path.removeprefix(f"{origin}/")
        if name != path:
            return _read(folder, name, path)
    raise _missing(path)


def _read(folder: Path, name: str, path: str) -> PublishedFile:
    if name in _TEXTS:
        media_type, cache_control = TEXT, FRESH
    elif tile_name(name) is not None or _ARTIFACT.fullmatch(name) is not None:
        media_type, cache_control = BYTES, IMMUTABLE
    else:
        raise _missing(path)
    try:
        content = (folder / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise _missing(path) from None
    return PublishedFile(content, media_type, cache_control, f'"{sha256(content).hexdigest()[:32]}"')


def _missing(path: str) -> NotFound:
    return NotFound("no such file of a log", path=path[:200], todo="GET /api/v2/chain/head names the logs")
