"""An evidence folder as the verifier reads it: every file is asked for, or is a stranger.

Links and special files are refused without being opened: what they point to is not in the folder.
"""

from __future__ import annotations

import os
from pathlib import Path

from chain.finding import Findings
from chain.layout import KEYS_FILE
from domain.errors import InputError
from domain.evidence import LogName


def year_folders(root: Path) -> list[Path]:
    """The folders of a tenant's logs, oldest first, where the folder holds one a year; else the folder itself.

    A log's folder without anything in it is of one that was not published yet.
    """
    names = {path: name for path in root.glob("*") if (name := LogName.find(path.name)) is not None}
    found = [path for path in sorted(names, key=names.__getitem__) if path.is_dir() and any(path.iterdir())]
    return [root] if not found or (root / KEYS_FILE).exists() else found


class Folder:
    """The files below a directory, each read at most when someone says what it must be."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._regular: set[str] = set()
        self._irregular: dict[str, str] = {}
        self._accounted: set[str] = set()
        if not root.is_dir():
            raise InputError(
                "no such folder", path=str(root), todo="Give the folder of an evidence log, such as .pcg/evidence"
            )
        self._walk()

    @property
    def file_count(self) -> int:
        return len(self._regular)

    @property
    def names(self) -> list[str]:
        """Every regular file."""
        return sorted(self._regular)

    def read(self, path: str) -> bytes | None:
        """Content of a file that the log must have; ``None`` where it is missing."""
        if path not in self._regular:
            return None
        self._accounted.add(path)
        try:
            with open(f"{self._root}/{path}", "rb", buffering=0) as stream:  # noqa: PTH123 (a path object costs as much)
                return stream.read()
        except OSError as error:
            raise InputError("cannot read a file", path=path, reason=error.strerror) from error

    def remaining(self) -> list[str]:
        """Files that nobody has asked for."""
        return sorted(self._regular - self._accounted)

    def report_strangers(self, findings: Findings) -> None:
        """Report what has no place in an evidence folder."""
        self.report_irregular(findings)
        for path in self.remaining():
            findings.add(path, field="file", expected="a file of this log", got="an unknown file")

    def report_irregular(self, findings: Findings) -> None:
        """Report what is no file: links, special files, empty folders."""
        for path, kind in sorted(self._irregular.items()):
            findings.add(path, field="file", expected="a file of this log", got=kind)

    def _walk(self) -> None:
        pending = [""]
        while pending:
            prefix = pending.pop()
            is_empty = True
            with os.scandir(self._root / prefix) as items:
                for item in items:
                    is_empty = False
                    path = f"{prefix}{item.name}"
                    if item.is_symlink():
                        self._irregular[path] = "a link"
                    elif item.is_dir():
                        pending.append(f"{path}/")
                    elif item.is_file():
                        self._regular.add(path)
                    else:
                        self._irregular[path] = "a special file"
            if is_empty and prefix:
                self._irregular[prefix] = "an empty folder"
