"""A tenant's finished report packs: the zip, and beside it what it is about. The oldest are dropped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson

from domain.errors import IntegrityError, NotFound, UnavailableError
from domain.value import Json

PACKS_MAX: Final = 200
PACK_BYTES_MAX: Final = 1 << 30
_PACK: Final = ".zip"
_ABOUT: Final = ".json"

About = Mapping[str, Json]


class ReportArchive:
    """Keeps the packs of one tenant in `directory`."""

    def __init__(self, directory: Path, *, packs_max: int = PACKS_MAX) -> None:
        self._directory = directory
        self._packs_max = packs_max

    def save(self, report_id: str, about: About, content: bytes) -> About:
        """Keep a pack; returns what is known of it from now on.

        Raises:
            UnavailableError: the disk is full, or the folder cannot be written.
        """
        whole = {**about, "report_id": report_id, "size_bytes": len(content), "sha256": sha256(content).hexdigest()}
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(report_id + _PACK, content)
            self._write(report_id + _ABOUT, orjson.dumps(whole, option=orjson.OPT_SORT_KEYS))
        except OSError as error:
            raise UnavailableError(
                "the report cannot be written",
                path=str(self._directory),
                reason=error.strerror,
                todo="Free some space, and ask for the report again",
            ) from None
        for old in self._abouts()[self._packs_max :]:
            old.with_suffix(_PACK).unlink(missing_ok=True)
            old.unlink(missing_ok=True)
        return whole

    def about(self, report_id: str) -> About | None:
        """What is known of a finished pack; None where there is none of this id."""
        path = self._directory / (report_id + _ABOUT)
        return self._read_about(path) if path in self._abouts() else None

    def content(self, report_id: str) -> bytes:
        """A finished pack's bytes.

        Raises:
            NotFound: there is none of this id.
            IntegrityError: the file is not what was written.
        """
        about = self.about(report_id)
        if about is None:
            raise NotFound("no such report", report_id=report_id[:80], todo="GET /api/v2/reports lists what is there")
        path = self._directory / (report_id + _PACK)
        content = path.read_bytes() if path.exists() else b""
        if sha256(content).hexdigest() != about["sha256"]:
            raise IntegrityError("a report is not what was written", where=str(path), expected=about["sha256"])
        return content

    def all(self) -> list[About]:
        """What is known of every pack, newest first."""
        return [about for path in self._abouts() if (about := self._read_about(path)) is not None]

    def _abouts(self) -> list[Path]:
        found = self._directory.glob("*" + _ABOUT) if self._directory.is_dir() else ()
        return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)

    def _read_about(self, path: Path) -> About | None:
        try:
            found = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return None
        return found if isinstance(found, dict) else None

    def _write(self, name: str, content: bytes) -> None:
        part = self._directory / f"{name}.{os.getpid()}.part"
        part.write_bytes(content)
        part.replace(self._directory / name)
