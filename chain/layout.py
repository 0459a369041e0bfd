"""Names of the files in a published evidence folder.

The folder is two C2SP logs in one: the SHA-256 tree at the top, with the entries, and the SHA3-256 tree below
``sha3/``. Any reader of tlog-tiles reads the first; the second has the same form.

Source: C2SP tlog-tiles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chain.tree_hash import SHA3_256, TreeHash
from domain.evidence import LogName

TILE_WIDTH: Final = 256
TILE_HEIGHT: Final = 8
KEYS_FILE: Final = "verifier_keys"
ARTIFACT_FOLDER: Final = "artifact"

_ORIGIN = re.compile(r"(?P<prefix>.+)/(?P<tenant>[^/]+)/(?P<year>[1-9][0-9]{3})(?:/s(?P<part>[1-9][0-9]{0,5}))?")
_TILE_PATH = re.compile(
    r"(sha3/)?tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class TileName:
    """One tile or entry bundle: which tree, which level (``None`` for entries), which, and how wide."""

    prefix: str
    level: int | None
    index: int
    width: int

    @property
    def path(self) -> str:
        level = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"{self.prefix}tile/{level}/{_index_path(self.index)}{partial}"


@dataclass(frozen=True, slots=True)
class LogOrigin:
    """A log's origin taken apart: ``PREFIX/TENANT/YEAR``, or ``PREFIX/TENANT/YEAR/s2`` of one that succeeds another."""

    prefix: str
    tenant: str
    name: LogName

    def __str__(self) -> str:
        part = "" if self.name.part == 1 else f"/s{self.name.part}"
        return f"{self.prefix}/{self.tenant}/{self.name.year:04d}{part}"


def find_origin(text: str) -> LogOrigin | None:
    """An origin in its only spelling; ``None`` where it is no origin of a tenant's log."""
    matched = _ORIGIN.fullmatch(text)
    if matched is None:
        return None
    origin = LogOrigin(matched["prefix"], matched["tenant"], LogName(int(matched["year"]), int(matched["part"] or 1)))
    return origin if str(origin) == text else None


def is_log(name: str) -> bool:
    """Whether a folder's name is that of a log: a year, or a year's successor."""
    return LogName.find(name) is not None


def prefix_of(tree_hash: TreeHash) -> str:
    """Folder of a tree's files within the evidence folder."""
    return "sha3/" if tree_hash == SHA3_256 else ""


def checkpoint_path(tree_hash: TreeHash) -> str:
    """File of a tree's newest checkpoint."""
    return f"{prefix_of(tree_hash)}checkpoint"


def artifact_path(sha256: str) -> str:
    """File of an artifact."""
    return f"{ARTIFACT_FOLDER}/{sha256}"


def tile_name(path: str) -> TileName | None:
    """The tile that a path names in the only spelling; ``None`` where it names none."""
    matched = _TILE_PATH.fullmatch(path)
    if matched is None:
        return None
    prefix, level, digits, width = matched.groups()
    name = TileName(
        prefix or "",
        None if level == "entries" else int(level),
        int(digits.replace("x", "").replace("/", "")),
        int(width) if width else TILE_WIDTH,
    )
    return name if name.path == path and not (name.prefix and name.level is None) else None


def bundles(size: int, *, start: int = 0) -> Iterator[TileName]:
    """Entry bundles of a log of ``size`` entries that hold any entry from ``start`` on."""
    return _row("", None, size, start)


def tiles(tree_hash: TreeHash, size: int, *, start: int = 0) -> Iterator[TileName]:
    """Hash tiles of a tree of ``size`` leaves that cover any leaf from ``start`` on."""
    level = 0
    while size >> (TILE_HEIGHT * level):
        shift = TILE_HEIGHT * level
        yield from _row(prefix_of(tree_hash), level, size >> shift, start >> shift)
        level += 1


def _row(prefix: str, level: int | None, count: int, start: int) -> Iterator[TileName]:
    for index in range(start // TILE_WIDTH, -(-count // TILE_WIDTH)):
        yield TileName(prefix, level, index, min(TILE_WIDTH, count - index * TILE_WIDTH))


def _index_path(index: int) -> str:
    last, groups = f"{index % 1000:03d}", []
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    return "/".join([*reversed(groups), last])
