"""The newest checkpoint together with what witnesses said of it, kept across restarts.

A file in the state directory: the witnesses' keys, a line each, an empty line, and the cosigned note. It counts only as
long as the log's newest checkpoint is the one in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chain.cosignature import CosignerKey, parse_cosigner_key
from chain.durable import replace_file
from chain.keys.overlap import open_signed
from chain.note import Note, VerifierKey, parse_note
from domain.errors import ConflictError


@dataclass(frozen=True, slots=True)
class CosignedNote:
    """A checkpoint's note and the keys of those who cosigned it, in the order of their lines."""

    note: str
    cosigners: tuple[CosignerKey, ...] = ()


class CosignedRecord:
    """Keeps the cosignatures of one log's newest checkpoint."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, note: str) -> CosignedNote:
        """The log's own note with the cosignatures that are kept of it."""
        kept = self.kept()
        return kept if kept is not None and kept.note.startswith(note) else CosignedNote(note)

    def kept(self) -> CosignedNote | None:
        """What is kept, of the newest checkpoint or an earlier one."""
        if not self._path.exists():
            return None
        keys, _, note = self._path.read_text("utf-8", errors="replace").partition("\n\n")
        return CosignedNote(note, tuple(parse_cosigner_key(line) for line in keys.split("\n")))

    def add(
        self, own: str, cosigned: str, keys: Sequence[VerifierKey], cosigners: Sequence[CosignerKey]
    ) -> CosignedNote:
        """Keep the cosignatures of a note beside those already kept.

        Raises:
            ConflictError: the note is not the log's newest.
            IntegrityError: a signature is wrong, or of nobody among the cosigners.
        """
        if parse_note(cosigned).text != parse_note(own).text:
            raise ConflictError("cosigned checkpoint is not the newest", todo="Ask the witness for the newest one")
        open_signed(cosigned, keys, cosigners)
        before = self.of(own)
        known = {(cosigner.name, cosigner.key_id): cosigner for cosigner in (*before.cosigners, *cosigners)}
        lines = {
            (signature.name, signature.key_id): signature
            for signature in (*parse_note(before.note).signatures, *parse_note(cosigned).signatures)
        }
        kept = tuple(known[identity] for identity in lines if identity in known)
        whole = CosignedNote(str(Note(parse_note(own).text, tuple(lines.values()))), kept)
        if kept:
            content = "".join(f"{item.text}\n" for item in kept) + "\n" + whole.note
            replace_file(self._path, content.encode("utf-8"))
        return whole
