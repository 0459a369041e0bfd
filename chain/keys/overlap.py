"""Checkpoints that carry the signature lines of more than one key of the log.

The active key's line comes first, then the former key's, then witnesses'. A line of the log is one under the
checkpoint's own origin, which no witness may have as its name. Clients of C2SP pass over lines of keys they do not
know, so either key's holder reads such a checkpoint.

Source: C2SP signed-note, section "Signatures"; tlog-checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chain.checkpoint import Checkpoint, parse_checkpoint
from chain.cosignature import CosignerKey, open_cosigned
from chain.keys.signer import Signer
from chain.note import Note, Signature, VerifierKey, open_note, parse_note
from domain.errors import IntegrityError

LOG_SIGNATURES_MAX: Final = 2


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint of which every signature is verified."""

    checkpoint: Checkpoint
    signers: tuple[VerifierKey, ...]
    cosigners: tuple[CosignerKey, ...] = ()


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer]) -> str:
    """The note of a checkpoint, with a line of each key in this order."""
    content = checkpoint.text.encode("utf-8")
    lines = (Signature(each.key.name, each.key.key_id, each.sign(content)) for each in signers)
    return str(Note(checkpoint.text, tuple(lines)))


def open_own(text: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """A checkpoint that at least one of these keys signed; lines of others are passed over.

    Raises:
        InputError: not a signed checkpoint.
        IntegrityError: a key's signature is wrong, none of them signed, or they are another log's.
    """
    note = open_note(text, keys)
    checkpoint = parse_checkpoint(note.text)
    if any(signature.name != checkpoint.origin for signature in note.signatures):
        raise IntegrityError("checkpoint has another origin than its key", got=checkpoint.origin)
    return checkpoint


def open_signed(text: str, keys: Sequence[VerifierKey], cosigners: Sequence[CosignerKey] = ()) -> SignedCheckpoint:
    """A checkpoint whose first lines are of these keys of the log, and whose other lines are of these witnesses.

    Every byte of the note is vouched for.

    Raises:
        InputError: not a signed checkpoint.
        IntegrityError: a line is wrong, repeated, out of place, or of nobody known.
    """
    note = parse_note(text)
    origin = parse_checkpoint(note.text).origin
    count = sum(signature.name == origin for signature in note.signatures)
    lines, others = note.signatures[:count], note.signatures[count:]
    signers = tuple(_signer(note, line, keys) for line in lines if line.name == origin)
    if not 0 < len(signers) == count <= LOG_SIGNATURES_MAX or len(set(signers)) < count:
        raise IntegrityError(
            "checkpoint does not begin with the signatures of its log",
            expected=f"1 to {LOG_SIGNATURES_MAX} lines of {origin}, before any witness's",
            got=[signature.name for signature in note.signatures],
        )
    cosigned = open_cosigned(str(Note(note.text, (lines[0], *others))), signers[0], cosigners)
    return SignedCheckpoint(cosigned.checkpoint, signers, cosigned.cosigners)


def _signer(note: Note, line: Signature, keys: Sequence[VerifierKey]) -> VerifierKey:
    key = next((key for key in keys if (key.name, key.key_id) == (line.name, line.key_id)), None)
    if key is None or not key.is_signed(note.text, line.content):
        fault = "of a key that is not known" if key is None else "wrong"
        raise IntegrityError(f"checkpoint's signature is {fault}", name=line.name, key_id=line.key_id.hex())
    return key
