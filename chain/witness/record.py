"""What a witness last cosigned of each log, on disk: one file per origin, synced before the cosignature leaves.

The file is the cosigned checkpoint itself, so it can be served as it is, and a damaged one is noticed: it must bear
the witness's own signature. Losing a file would let a log begin again, so nothing here ever removes one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chain.checkpoint import Checkpoint, parse_body
from chain.cosignature import CosignerKey, verified_cosigners
from chain.durable import make_private_directory, replace_file
from chain.fence import Fence
from chain.note import Note, parse_note
from domain.errors import ConflictError, InputError, IntegrityError

FORKS_KEPT_MAX: Final = 16


class WitnessRecord:
    """The state directory of one witness process; a second process is refused.

    Args:
        keys: the witness's own, one of which must have cosigned what is found.
    """

    def __init__(self, directory: Path, keys: Sequence[CosignerKey]) -> None:
        self._directory = directory
        self._keys = keys
        for path in (directory, directory / "log", directory / "fork"):
            make_private_directory(path)
        try:
            self._fence = Fence(directory)
        except ConflictError as error:
            raise ConflictError(
                "another witness process has this record",
                path=str(directory),
                todo="End it first, or give each witness a state directory and a key of its own",
            ) from error

    def close(self) -> None:
        """Let another process in."""
        self._fence.close()

    def latest(self, origin: str) -> Checkpoint | None:
        """What was last cosigned of a log; ``None`` where nothing was.

        Raises:
            IntegrityError: the file is not what was written.
        """
        text = self.note(origin_hash(origin))
        if text is None:
            return None
        try:
            note = parse_note(text)
            checkpoint, _ = parse_body(note.text)
            is_own = bool(verified_cosigners(note.text, note.signatures, self._keys))
        except InputError as error:
            raise self._damage(origin, str(error)) from error
        if checkpoint.origin != origin or not is_own:
            raise self._damage(origin, "it is of another log, or not signed by this witness")
        return checkpoint

    def note(self, hashed_origin: str) -> str | None:
        """The cosigned checkpoint as it is kept, by `origin_hash`."""
        path = self._directory / "log" / hashed_origin
        return path.read_text("utf-8", errors="replace") if path.exists() else None

    def keep(self, origin: str, note: Note) -> None:
        """Make a cosigned checkpoint the last one; on return it is durable."""
        self._fence.require_held()
        replace_file(self._directory / "log" / origin_hash(origin), str(note).encode("utf-8"))

    def keep_fork(self, origin: str, note: Note) -> None:
        """Keep a signed checkpoint that contradicts the last one: the two together prove that the log forked."""
        start = f"{origin_hash(origin)}-"
        path = self._directory / "fork" / f"{start}{hashlib.sha256(note.text.encode()).hexdigest()}"
        kept = [item for item in path.parent.iterdir() if item.name.startswith(start)]
        if len(kept) < FORKS_KEPT_MAX and not path.exists():
            beside = self.note(origin_hash(origin)) or ""
            replace_file(path, f"{note}\n{beside}".encode())

    def _damage(self, origin: str, reason: str) -> IntegrityError:
        return IntegrityError(
            "witness's record is damaged",
            path=str(self._directory / "log" / origin_hash(origin)),
            origin=origin,
            reason=reason,
            todo="Restore the newest copy; without one, give the log up under this witness's key",
        )


def origin_hash(origin: str) -> str:
    """Name of a log in paths."""
    return hashlib.sha256(origin.encode("utf-8")).hexdigest()
