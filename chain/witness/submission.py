"""What a log posts to a witness: an old size, the proof from it, and a signed checkpoint.

Source: C2SP tlog-witness, "add-checkpoint".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chain.checkpoint import Checkpoint, parse_body
from chain.encoding import decode_base64, decode_size, encode_base64
from chain.note import Note, parse_note
from chain.tree_hash import HASH_SIZE_BYTES
from domain.errors import InputError

BODY_SIZE_BYTES_MAX: Final = 512 * 1024
PROOF_HASHES_MAX: Final = 63

_OLD: Final = "old "


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint to be cosigned, none of it believed yet. Its extension lines stay in the note's text."""

    old_size: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint


def format_submission(old_size: int, proof: Sequence[bytes], note: str) -> bytes:
    """Write the body of a request."""
    hashes = "".join(f"{encode_base64(item)}\n" for item in proof)
    return f"{_OLD}{old_size}\n{hashes}\n{note}".encode()


def parse_submission(body: bytes) -> Submission:
    """Take a request's body apart.

    Raises:
        InputError: it is not of the form that the specification gives.
    """
    if len(body) > BODY_SIZE_BYTES_MAX:
        raise InputError("request is too long", size_bytes=len(body), size_bytes_max=BODY_SIZE_BYTES_MAX)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("request is not UTF-8", byte=error.start) from None
    head, gap, note_text = text.partition("\n\n")
    old, *lines = head.split("\n")
    if not gap or not old.startswith(_OLD):
        raise InputError("request has no old size", got=head[:80], expected="old SIZE, proof, empty line, checkpoint")
    if len(lines) > PROOF_HASHES_MAX:
        raise InputError("proof is too long", got=len(lines), expected=f"at most {PROOF_HASHES_MAX} hashes")
    proof = tuple(decode_base64(line, what="proof hash") for line in lines)
    note = parse_note(note_text)
    checkpoint, _ = parse_body(note.text)
    if any(len(item) != HASH_SIZE_BYTES for item in (*proof, checkpoint.root)):
        raise InputError("hash has the wrong length", expected=HASH_SIZE_BYTES)
    return Submission(decode_size(old.removeprefix(_OLD), what="old size"), proof, note, checkpoint)
