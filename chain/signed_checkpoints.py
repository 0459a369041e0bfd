"""Every pair of checkpoints that a log has signed, for whoever must later show how the log stood at some time.

One append-only file in the state folder, a line for each size: its digest, and size and both notes as JSON. A line is
synced before the checkpoints are published. A torn last line was never published and is cut off by the next writer.
A full file is thinned: of its older half every second line goes, so that it stays dense towards the present and never
loses its beginning.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain.durable import make_private_directory, replace_file, reporting_full_disk, write_all
from chain.tree_hash import Twin
from domain.errors import IntegrityError

CHECKPOINTS_FILE: Final = "checkpoints"
KEPT_MAX: Final = 4_096

_DOMAIN: Final = b"policycortex/signed-checkpoints/v1\n"


@dataclass(frozen=True, slots=True)
class SignedPair:
    """Both trees' signed notes of one size, without cosignatures."""

    size: int
    notes: Twin[str]


class SignedCheckpoints:
    """The pairs of one log, oldest first.

    Args:
        kept_max: lines in the file before it is thinned.
    """

    def __init__(self, path: Path, *, kept_max: int = KEPT_MAX) -> None:
        self._path = path
        self._kept_max = kept_max
        self._pairs: list[SignedPair] | None = None

    def pairs(self) -> tuple[SignedPair, ...]:
        """What is kept."""
        return tuple(self._opened())

    def keep(self, pair: SignedPair) -> None:
        """Keep a pair, synced; one that is not larger than the last kept is there already.

        Raises:
            UnavailableError: the disk is full.
        """
        pairs = self._opened()
        if pair.size <= (pairs[-1].size if pairs else 0):
            return
        if len(pairs) >= self._kept_max:
            half = len(pairs) // 2
            pairs = [*pairs[:half:2], *pairs[half:], pair]
            replace_file(self._path, b"".join(map(_line, pairs)), mode=0o600)
        else:
            self._append(_line(pair))
            pairs.append(pair)
        self._pairs = pairs

    def _append(self, line: bytes) -> None:
        self._pairs, pairs = None, self._pairs  # read again, and cut, where the line is not written as a whole
        with reporting_full_disk(self._path):
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                write_all(handle, line)
                os.fsync(handle)
            finally:
                os.close(handle)
        self._pairs = pairs

    def _opened(self) -> list[SignedPair]:
        """Read the file once; what is not whole at its end is cut off."""
        if self._pairs is None:
            content = self._path.read_bytes() if self._path.exists() else b""
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content or not content:
                make_private_directory(self._path.parent)
                replace_file(self._path, whole, mode=0o600)
            self._pairs = _read(whole, self._path)
        return self._pairs


def require_whole(path: Path) -> None:
    """Check a file that nobody is writing to.

    Raises:
        IntegrityError: a line is damaged, or the last one is not whole.
    """
    content = path.read_bytes()
    _read(content, path)
    if content[-1:] not in {b"", b"\n"}:
        raise IntegrityError("last line of the signed checkpoints is not whole", path=str(path))


def _line(pair: SignedPair) -> bytes:
    fields = {"size": pair.size, "sha256": pair.notes.sha256, "sha3_256": pair.notes.sha3_256}
    content = json.dumps(fields, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    return b"%b %b\n" % (_digest(content), content)


def _read(lines: bytes, path: Path) -> list[SignedPair]:
    pairs = []
    for number, line in enumerate(lines.splitlines(), start=1):
        digest, _, content = line.partition(b" ")
        if digest != _digest(content):
            raise IntegrityError(
                "kept checkpoints are damaged", path=str(path), line=number, todo="Restore the file from a copy"
            )
        fields = json.loads(content)
        pairs.append(SignedPair(fields["size"], Twin(fields["sha256"], fields["sha3_256"])))
    return pairs


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(_DOMAIN + content).hexdigest().encode("ascii")
