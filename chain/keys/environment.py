"""A log's key in a variable of the environment, named by a reference and read when it signs.

Nothing here reads the environment: whoever composes the program gives the function that does.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.keys.key_text import parse_private_key, public_bytes
from chain.note import VerifierKey
from domain.errors import ConflictError

Resolve = Callable[[str], str]
"""The secret that a reference names, at this moment; raises `AccessDenied` or `NotFound` where there is none."""


class EnvironmentSigner:
    """Signs with the key that a reference names; holds the reference and the public half alone."""

    def __init__(self, reference: str, *, name: str, resolve: Resolve) -> None:
        self._reference = reference
        self._resolve = resolve
        self._key = VerifierKey(name, public_bytes(self._private(name)))

    @property
    def key(self) -> VerifierKey:
        return self._key

    def sign(self, message: bytes) -> bytes:
        """Sign these bytes.

        Raises:
            ConflictError: the variable holds another key than before; a log's key is replaced by a rotation alone.
        """
        private = self._private(self._key.name)
        if public_bytes(private) != self._key.public:
            raise ConflictError(
                "signing key changed while it was in use",
                reference=self._reference,
                expected=self._key.text,
                todo="Put the former key back, and add the new one by a rotation",
            )
        return private.sign(message)

    def _private(self, name: str) -> Ed25519PrivateKey:
        text = self._resolve(self._reference).removesuffix("\n") + "\n"
        return parse_private_key(text, name=name, where=self._reference)
