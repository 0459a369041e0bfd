"""Checkpoints: an origin, a tree size and a root hash, signed as a note.

The SHA3-256 tree signs under its own origin with its own key, so that neither tree's checkpoint can ever be taken for
the other's. No extension lines: what they said could not be audited.

Source: C2SP tlog-checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chain.encoding import decode_base64, decode_size, encode_base64
from chain.note import Note, VerifierKey, is_key_name, parse_note
from chain.tree_hash import HASH_SIZE_BYTES, SHA3_256, SHA256, TreeHash
from domain.errors import InputError, IntegrityError

_SHA3_SUFFIX: Final = "/sha3-256"
_NAME_LENGTH_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one size."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


def origin_of(origin: str, tree_hash: TreeHash) -> str:
    """Origin under which a tree of the log signs."""
    return origin + _SHA3_SUFFIX if tree_hash == SHA3_256 else origin


def tree_hash_of(origin: str) -> TreeHash:
    """Hash function of the tree that signs under an origin."""
    return SHA3_256 if origin.endswith(_SHA3_SUFFIX) else SHA256


def require_origin(origin: str) -> str:
    """Check a log's name.

    Raises:
        InputError: it cannot be a key name, is too long, or could be another log's SHA3-256 tree.
    """
    if not is_key_name(origin) or len(origin) > _NAME_LENGTH_MAX or origin.endswith(_SHA3_SUFFIX):
        raise InputError(
            "not a log origin",
            got=origin,
            expected=f"up to {_NAME_LENGTH_MAX} characters without spaces or plus, not ending in {_SHA3_SUFFIX}",
            todo="Name the log like a URL without a scheme, such as example.org/evidence/acme",
        )
    return origin


def parse_body(text: str) -> tuple[Checkpoint, tuple[str, ...]]:
    """A checkpoint's body and its extension lines, whatever the length of the root.

    Raises:
        InputError: not a checkpoint's body.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() != "" or not lines[0]:
        raise InputError("not a checkpoint", got=text[:80], expected="origin, size and root, each on a line")
    root = decode_base64(lines[2], what="root hash")
    return Checkpoint(lines[0], decode_size(lines[1], what="tree size"), root), tuple(lines[3:])


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint that a note's text states, with a root of the right length and no extension lines.

    Raises:
        InputError: the note states something else.
    """
    checkpoint, extensions = parse_body(text)
    if extensions or len(checkpoint.root) != HASH_SIZE_BYTES:
        raise InputError(
            "not a checkpoint of this kind of log",
            origin=checkpoint.origin,
            extension_lines=len(extensions),
            root_bytes=len(checkpoint.root),
            expected="no extension lines and a root of 32 bytes",
        )
    return checkpoint


def open_checkpoint(text: str, key: VerifierKey) -> Checkpoint:
    """A checkpoint with exactly one signature, the key's, so that every byte of the text is vouched for.

    Raises:
        InputError: not a signed checkpoint.
        IntegrityError: not signed by the key alone, or wrongly.
    """
    note = parse_note(text)
    if len(note.signatures) > 1:
        raise IntegrityError(
            "checkpoint is not signed by the expected key alone",
            expected=f"{key.name}+{key.key_id.hex()}",
            got=[f"{signature.name}+{signature.key_id.hex()}" for signature in note.signatures],
        )
    return require_log_signature(note, key)


def require_log_signature(note: Note, key: VerifierKey) -> Checkpoint:
    """The checkpoint that a note states, of which the first signature is the key's and right.

    Raises:
        InputError: the note states something else.
        IntegrityError: not signed by the key first, or wrongly.
    """
    checkpoint, first = parse_checkpoint(note.text), note.signatures[0]
    if (first.name, first.key_id) != (key.name, key.key_id):
        raise IntegrityError(
            "checkpoint is not signed by the expected key",
            expected=f"{key.name}+{key.key_id.hex()}",
            got=f"{first.name}+{first.key_id.hex()}",
        )
    if checkpoint.origin != key.name:
        raise IntegrityError("checkpoint has another origin than its key", expected=key.name, got=checkpoint.origin)
    if not key.is_signed(note.text, first.content):
        raise IntegrityError("checkpoint's signature is wrong", key=key.text)
    return checkpoint
