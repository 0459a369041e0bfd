"""Wrapping one key with another, so that destroying the outer one destroys everything below it.

The same key in the same context is wrapped to the same bytes: a repeated request then seals the same artifact again
and is recognised as the same. The nonce is a keyed digest of what is wrapped, so it comes twice only for the same key.

Source: NIST SP 800-38D (GCM); the nonce after the idea of RFC 8452 (misuse resistance), without its construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chain.privacy.commitment import keyed_digest
from domain.errors import IntegrityError

NONCE_SIZE_BYTES: Final = 12
_ENCRYPTION: Final = "policycortex/wrap/v1/encryption"
_NONCE: Final = "policycortex/wrap/v1/nonce"


class KeyWrapper(Protocol):
    """Holds a key that never leaves it and wraps others."""

    def wrap(self, key: bytes, context: str) -> bytes:
        """The key, readable by this wrapper in this context alone."""

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """The key that was wrapped; raises `IntegrityError` for another wrapper, context or changed bytes."""


class LocalKeyWrapper:
    """Wraps with a key in memory, such as a person's or a tenant's."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(keyed_digest(key, _ENCRYPTION))
        self._nonce_key = keyed_digest(key, _NONCE)

    def wrap(self, key: bytes, context: str) -> bytes:
        nonce = keyed_digest(self._nonce_key, _NONCE, context, key.hex())[:NONCE_SIZE_BYTES]
        return nonce + self._cipher.encrypt(nonce, key, context.encode("utf-8"))

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        nonce, sealed = wrapped[:NONCE_SIZE_BYTES], wrapped[NONCE_SIZE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, sealed, context.encode("utf-8"))
        except (InvalidTag, ValueError):
            raise IntegrityError(
                "wrapped key does not open",
                context=context,
                todo="It was wrapped with another key or for another purpose, or its key was destroyed by an erasure",
            ) from None


class NestedKeyWrapper:
    """Wraps with one key after the other: what concerns several persons is gone when any of them is erased."""

    def __init__(self, wrappers: Sequence[KeyWrapper]) -> None:
        assert wrappers, "nothing to wrap with"
        self._wrappers = tuple(wrappers)

    def wrap(self, key: bytes, context: str) -> bytes:
        for wrapper in self._wrappers:
            key = wrapper.wrap(key, context)
        return key

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        for wrapper in reversed(self._wrappers):
            wrapped = wrapper.unwrap(wrapped, context)
        return wrapped
