"""A log's private key as a line of text, the form that Go's ``sumdb/note`` writes.

``PRIVATE+KEY+name+id+base64``: the name and the id stand in it, so a key taken for another log's is refused.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chain.encoding import decode_base64, encode_base64
from chain.note import ED25519, VerifierKey
from domain.errors import InputError, IntegrityError

PRIVATE_PREFIX: Final = "PRIVATE+KEY"
_SEED_SIZE_BYTES: Final = 32


def format_private_key(name: str, private: Ed25519PrivateKey) -> str:
    """Write a key under a name, with the line's end."""
    identity = VerifierKey(name, public_bytes(private)).key_id.hex()
    return f"{PRIVATE_PREFIX}+{name}+{identity}+{encode_base64(bytes([ED25519]) + private.private_bytes_raw())}\n"


def parse_private_key(text: str, *, name: str, where: str) -> Ed25519PrivateKey:
    """Read the key of that name. What was read never stands in an error.

    Args:
        where: file or reference that the text came from.

    Raises:
        IntegrityError: not a key, or another log's.
    """
    private = _parse(text)
    if private is None or format_private_key(name, private) != text:
        raise IntegrityError(
            "not the signing key of this log",
            path=where,
            expected=f"{PRIVATE_PREFIX}+{name}+...",
            todo="Restore the key of this log; another key is added by a rotation",
        )
    return private


def public_bytes(private: Ed25519PrivateKey) -> bytes:
    """The public half."""
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _parse(text: str) -> Ed25519PrivateKey | None:
    try:
        seed = decode_base64(text.removesuffix("\n").split("+", 4)[-1], what="signing key")[1:]
    except InputError:
        return None
    return Ed25519PrivateKey.from_private_bytes(seed) if len(seed) == _SEED_SIZE_BYTES else None
