"""A tenant's scan documents, newest last, as compressed JSON files; the oldest are dropped.

What scans found stays in the store for good; a document is the whole report, and only recent ones are asked for.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping
from pathlib import Path
from time import time_ns
from typing import Any, Final

import orjson

from domain.errors import IntegrityError, NotFound, UnavailableError

DOCUMENTS_MAX: Final = 20
_SUFFIX: Final = ".json.gz"
_LEVEL: Final = 3


class ScanArchive:
    """Keeps the documents of one tenant in `directory`."""

    def __init__(self, directory: Path, *, documents_max: int = DOCUMENTS_MAX) -> None:
        self._directory = directory
        self._documents_max = documents_max

    def save(self, scan_id: str, document: Mapping[str, Any]) -> None:
        """Keep a document as the newest; the same id again replaces it.

        Raises:
            UnavailableError: the disk is full or the folder cannot be written.
        """
        content = gzip.compress(orjson.dumps(document), _LEVEL, mtime=0)
        path = self._directory / f"{scan_id}{_SUFFIX}"
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_bytes(content)
            written = max(time_ns(), self._newest_ns() + 1)  # a clock can stand still for milliseconds
            os.utime(part, ns=(written, written))
            part.replace(path)
        except OSError as error:
            raise UnavailableError(
                "the scan's document cannot be written",
                path=str(path),
                reason=error.strerror,
                todo="Free some space, or choose another folder with --store",
            ) from None
        for old in self._paths()[: -self._documents_max]:
            old.unlink(missing_ok=True)

    def load(self, scan_id: str | None = None) -> dict[str, Any]:
        """One document, by default the newest.

        Raises:
            NotFound: no such scan, or it is no longer kept.
        """
        paths = self._paths()
        wanted = [path for path in paths if path.name == f"{scan_id}{_SUFFIX}"] if scan_id else paths[-1:]
        if not wanted:
            facts = {"scan_id": scan_id} if scan_id else {}
            raise NotFound("no such scan", **facts, todo="Run: pcg scan PATH")
        try:
            document = orjson.loads(gzip.decompress(wanted[0].read_bytes()))
        except (OSError, EOFError, orjson.JSONDecodeError):
            document = None
        if not isinstance(document, dict):
            raise IntegrityError("a scan's document is damaged", where=str(wanted[0]), todo="Run the scan again")
        return document

    def scan_ids(self) -> list[str]:
        """Ids of the scans that are kept, oldest first."""
        return [path.name.removesuffix(_SUFFIX) for path in self._paths()]

    def _newest_ns(self) -> int:
        return max((path.stat().st_mtime_ns for path in self._paths()), default=0)

    def _paths(self) -> list[Path]:
        """Files by time of writing; equal times by name."""
        if not self._directory.is_dir():
            return []
        return sorted(self._directory.glob(f"*{_SUFFIX}"), key=lambda path: (path.stat().st_mtime_ns, path.name))
