"""C2SP signed notes and verifier keys with Ed25519 (signature type 1).

The parser accepts what Go's ``sumdb/note`` accepts; what an evidence folder may hold is narrower and decided in
``chain.checkpoint``.

Source: C2SP signed-note; RFC 8032.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chain.encoding import decode_base64, encode_base64
from domain.errors import InputError, IntegrityError

ED25519: Final = 1
SIGNATURES_MAX: Final = 100
NOTE_SIZE_BYTES_MAX: Final = 1_000_000

_SIGNATURE_LINE = "\u2014 "
_KEY_SIZE_BYTES = 32
_KEY_ID = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A name and the public key that signs under it."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.public)

    @property
    def text(self) -> str:
        """``name+id+key``, as given to verifiers."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([ED25519]) + self.public)}"

    def is_signed(self, text: str, signature: bytes) -> bool:
        """Whether this key made the signature over the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode("utf-8"))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who claims to have signed, with which key, and the bytes."""

    name: str
    key_id: bytes
    content: bytes

    @property
    def line(self) -> str:
        return f"{_SIGNATURE_LINE}{self.name} {encode_base64(self.key_id + self.content)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signature lines below it, none of them believed yet."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(signature.line for signature in self.signatures)}"


def key_id(name: str, public: bytes) -> bytes:
    """Four bytes that name a key within a note."""
    return hashlib.sha256(name.encode("utf-8") + b"\n" + bytes([ED25519]) + public).digest()[:4]


def parse_verifier_key(text: str) -> VerifierKey:
    """Read ``name+id+key``.

    Raises:
        InputError: not of that form, of another algorithm, or the id is not the key's.
    """
    name, identity, content = split_key(text)
    if len(content) != 1 + _KEY_SIZE_BYTES or content[0] != ED25519:
        raise InputError("verifier key is not Ed25519", got=text[:120])
    key = VerifierKey(name, content[1:])
    if key.key_id != identity:
        raise InputError("verifier key has another key's id", expected=key.key_id.hex(), got=identity.hex())
    return key


def split_key(text: str) -> tuple[str, bytes, bytes]:
    """Name, id and type with key of a verifier key, none of them checked against each other.

    Raises:
        InputError: not of that form.
    """
    name, *rest = text.split("+", 2)
    if len(rest) != 2 or not is_key_name(name) or _KEY_ID.fullmatch(rest[0]) is None:
        raise InputError("not a verifier key", got=text[:120], expected="name+key id+base64 key")
    return name, bytes.fromhex(rest[0]), decode_base64(rest[1], what="verifier key")


def is_key_name(name: str) -> bool:
    """Whether a key may be called so: not empty, no spaces, no plus, nothing that cannot be printed."""
    return bool(name) and "+" not in name and name.isprintable() and not any(char.isspace() for char in name)


def parse_note(text: str) -> Note:
    """Take a note apart; nothing in it is verified.

    Raises:
        InputError: the text is not a signed note.
    """
    if len(text) > NOTE_SIZE_BYTES_MAX or any(char < " " and char != "\n" for char in text) or not _is_utf8(text):
        raise InputError("not a signed note", expected="UTF-8 without control characters, of at most 1 MB")
    body, gap, lines = text.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise InputError("not a signed note", expected="a text, an empty line, signature lines")
    rows = lines[:-1].split("\n")
    if len(rows) > SIGNATURES_MAX:
        raise InputError("note has too many signatures", expected=SIGNATURES_MAX, got=len(rows))
    return Note(body + "\n", tuple(_parse_signature(row) for row in rows))


def open_note(text: str, keys: Sequence[VerifierKey]) -> Note:
    """The note with only the signatures of known keys, each of them verified.

    Raises:
        InputError: the text is not a signed note, or a key that signed it was given twice.
        IntegrityError: a known key's signature is wrong, or no known key signed.
    """
    note = parse_note(text)
    known = {(key.name, key.key_id): key for key in keys}
    identities = [(key.name, key.key_id) for key in keys]
    verified: dict[tuple[str, bytes], Signature] = {}
    for signature in note.signatures:
        identity = (signature.name, signature.key_id)
        if identity not in known or identity in verified:
            continue
        if identities.count(identity) > 1:
            raise InputError("key is known twice", key=signature.name, key_id=signature.key_id.hex())
        if not known[identity].is_signed(note.text, signature.content):
            raise IntegrityError("signature is wrong", key=signature.name, key_id=signature.key_id.hex())
        verified[identity] = signature
    if not verified:
        raise IntegrityError("no known key signed this note", known=sorted(key.name for key in keys))
    return Note(note.text, tuple(verified.values()))


def _is_utf8(text: str) -> bool:
    """Whether the text can be written at all; what was read by force from other bytes cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _parse_signature(row: str) -> Signature:
    name, space, encoded = row.removeprefix(_SIGNATURE_LINE).partition(" ")
    if not row.startswith(_SIGNATURE_LINE) or not space or not is_key_name(name):
        raise InputError("not a signature line", got=row[:80], expected="dash, key name, base64")
    content = decode_base64(encoded, what="signature")
    if len(content) < 5:
        raise InputError("signature is too short", got=len(content))
    return Signature(name, content[:4], content[4:])
