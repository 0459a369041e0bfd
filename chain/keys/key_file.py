"""Private keys in files that their owner alone can read, sealed under a passphrase where one is given.

A key is made at first use. A file that others can read is refused rather than repaired: who read it is not known.
"""

from __future__ import annotations

import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.durable import create_private
from chain.keys.key_text import format_private_key, parse_private_key, public_bytes
from chain.keys.sealed_key import NONCE_SIZE_BYTES, SALT_SIZE_BYTES, is_sealed, open_key, seal_key
from chain.note import VerifierKey
from domain.errors import AccessDenied

Passphrase = Callable[[], bytes]
"""Resolves a reference to a passphrase when it is needed; nothing keeps what it answers."""


class FileSigner:
    """A log's key in a file; made at first use.

    Args:
        passphrase: seals the file, and opens it; None leaves it to the file's mode.
    """

    def __init__(self, path: Path, *, name: str, passphrase: Passphrase | None = None) -> None:
        if not path.exists():
            text = format_private_key(name, Ed25519PrivateKey.generate()).encode("ascii")
            write_secret(path, text, purpose=name, passphrase=passphrase)
        content = read_secret(path, purpose=name, passphrase=passphrase)
        self._private = parse_private_key(content.decode("ascii", errors="replace"), name=name, where=str(path))
        self._key = VerifierKey(name, public_bytes(self._private))

    @property
    def key(self) -> VerifierKey:
        return self._key

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


def write_secret(path: Path, content: bytes, *, purpose: str, passphrase: Passphrase | None) -> None:
    """Make the file of a secret, durable before it is used."""
    if passphrase is not None:
        salt, nonce = secrets.token_bytes(SALT_SIZE_BYTES), secrets.token_bytes(NONCE_SIZE_BYTES)
        content = seal_key(content, passphrase(), purpose=purpose, salt=salt, nonce=nonce)
    create_private(path, content)


def read_secret(path: Path, *, purpose: str, passphrase: Passphrase | None) -> bytes:
    """Read the file of a secret.

    Raises:
        AccessDenied: others can read it, or it is sealed and does not open.
    """
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise AccessDenied("signing key can be read by others", path=str(path), todo=f"Run: chmod 600 {path}")
    content = path.read_bytes()
    if passphrase is not None:
        return open_key(content, passphrase(), purpose=purpose, where=str(path))
    if is_sealed(content):
        raise AccessDenied("key is sealed", path=str(path), todo="Give the reference of its passphrase")
    return content
