"""The roster as a file of the platform's store: the supervisor writes it, shards and callers read it.

A look at the file's time costs microseconds, so nobody has to be told of a change to learn of it, and a supervisor that
is gone takes nothing with it. Two supervisors at once (a node that was thought dead) cannot overwrite each other: a
version is written only over the one before it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Protocol

from actors.shards.roster import Roster, decoded
from domain.durable import locked
from domain.errors import ConflictError, UnavailableError

FILE_NAME: Final = "shards.json"


class RosterPlace(Protocol):
    """Where the roster is kept."""

    def current(self) -> Roster | None:
        """The newest version; None before the first."""

    def save(self, roster: Roster) -> None:
        """Keep a version over the one before it.

        Raises:
            ConflictError: another version is there.
        """


class RosterFile:
    """The roster in a folder that all nodes see. Safe for several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._seen: tuple[tuple[int, int, int], Roster] | None = None

    def current(self) -> Roster | None:
        """The newest version; None before the first.

        Raises:
            IntegrityError: the file is damaged.
            UnavailableError: it cannot be read.
        """
        try:
            state = self._path.stat()
            mark = (state.st_mtime_ns, state.st_ino, state.st_size)
            seen = self._seen
            if seen is None or seen[0] != mark:
                seen = (mark, decoded(self._path.read_bytes(), where=str(self._path)))
                self._seen = seen
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self._path, error) from None
        return seen[1]

    def save(self, roster: Roster) -> None:
        """Keep a version over the one before it, durably.

        Raises:
            ConflictError: another version is there.
            UnavailableError: the file cannot be written.
        """
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self._path.with_suffix(".lock")):
                self._require_next(roster)
                self._replace(roster.encoded())
        except OSError as error:
            raise _unusable(self._path, error) from None

    def _require_next(self, roster: Roster) -> None:
        found = self.current()
        version = 0 if found is None else found.version
        if roster.version != version + 1:
            raise ConflictError(
                "the list of shards was changed by another supervisor",
                where=str(self._path),
                expected=roster.version - 1,
                got=version,
                todo="Read it again and decide anew",
            )

    def _replace(self, content: bytes) -> None:
        part = self._path.with_suffix(f".{os.getpid()}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.replace(self._path)


class RosterInMemory:
    """The roster of a platform in one process."""

    def __init__(self, roster: Roster | None = None) -> None:
        self._roster = roster

    def current(self) -> Roster | None:
        """The newest version; None before the first."""
        return self._roster

    def save(self, roster: Roster) -> None:
        """Keep a version over the one before it.

        Raises:
            ConflictError: another version is there.
        """
        version = 0 if self._roster is None else self._roster.version
        if roster.version != version + 1:
            raise ConflictError(
                "the list of shards was changed by another supervisor",
                expected=roster.version - 1,
                got=version,
                todo="Read it again and decide anew",
            )
        self._roster = roster


def _unusable(path: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        "the list of shards cannot be used",
        path=str(path),
        reason=error.strerror,
        retry_after_s=2,
        todo="Check the folder that store_dir names",
    )
