"""The ports behind which private keys live: in a file, a variable of the environment, or a key service.

Nothing here tells where a key is. A log signs with Ed25519 under its own name; reports are signed with RSA-4096.
"""

from __future__ import annotations

from typing import Protocol

from chain.note import VerifierKey


class Signer(Protocol):
    """Holds one Ed25519 key under one name."""

    @property
    def key(self) -> VerifierKey:
        """The public half."""

    def sign(self, message: bytes) -> bytes:
        """Sign exactly these bytes."""


class Ed25519Key(Protocol):
    """A key that knows no name, such as one of a key service."""

    @property
    def public(self) -> bytes:
        """The 32 bytes of RFC 8032."""

    def sign(self, message: bytes) -> bytes:
        """Sign exactly these bytes."""


class RsaKey(Protocol):
    """A key that signs reports."""

    @property
    def public_der(self) -> bytes:
        """The SubjectPublicKeyInfo."""

    def sign(self, message: bytes) -> bytes:
        """RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes."""

    def sign_pkcs1v15(self, message: bytes) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256, which certificates and every PDF reader understand."""


class NamedSigner:
    """Signs as a log with a key that is kept elsewhere."""

    def __init__(self, name: str, held: Ed25519Key) -> None:
        self._held = held
        self._key = VerifierKey(name, held.public)

    @property
    def key(self) -> VerifierKey:
        return self._key

    def sign(self, message: bytes) -> bytes:
        return self._held.sign(message)
