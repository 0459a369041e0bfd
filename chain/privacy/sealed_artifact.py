"""Artifacts that hold personal data, sealed.

    magic line   length of the wrapped key (2 bytes)   wrapped key   nonce (12)   sealed content

The entry names the digest of the sealed bytes, which stay where they are when the key goes.
Each artifact has a data key of its own, wrapped with the key of the person it is about (or the tenant's). Tenant, name,
request id and the wrapped key are bound in: an artifact put in another's place does not open.

Source: NIST SP 800-38D (AES-256-GCM, 96-bit nonces).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chain.entry import ARTIFACT_SIZE_BYTES_MAX
from chain.privacy.commitment import KEY_SIZE_BYTES, keyed_digest
from chain.privacy.key_wrapper import NONCE_SIZE_BYTES, KeyWrapper
from domain.errors import InputError, IntegrityError

SEALED_MAGIC: Final = b"policycortex/sealed-artifact/v1\n"
SEALED_MEDIA_TYPE: Final = "application/vnd.policycortex.sealed"
WRAPPED_SIZE_BYTES_MAX: Final = 4096
OVERHEAD_BYTES_MAX: Final = len(SEALED_MAGIC) + 2 + WRAPPED_SIZE_BYTES_MAX + NONCE_SIZE_BYTES + 16

_DATA_KEY: Final = "policycortex/sealed-artifact/v1/data-key"
_NONCE: Final = "policycortex/sealed-artifact/v1/nonce"


@dataclass(frozen=True, slots=True)
class ArtifactPlace:
    """Which artifact of which entry it is."""

    tenant: str
    name: str
    request_id: str

    @property
    def context(self) -> str:
        """One line of text for each place, and no other place's."""
        return json.dumps(["policycortex/sealed-artifact/v1", self.tenant, self.name, self.request_id])


def derive_data_key(secret: bytes, content: bytes, place: ArtifactPlace) -> bytes:
    """A data key that is the same whenever the same content is sealed in the same place, and no other's.

    A repeated request then has the same artifact. Where the wrapper is a key service, which wraps to other bytes each
    time, the caller keeps the sealed artifact and repeats with that.

    Args:
        secret: the person's or tenant's key.
    """
    return keyed_digest(secret, _DATA_KEY, place.context, hashlib.sha3_256(content).hexdigest())


def seal_artifact(content: bytes, place: ArtifactPlace, wrapper: KeyWrapper, *, data_key: bytes) -> bytes:
    """Seal an artifact's bytes.

    Args:
        data_key: 32 bytes, random or from `derive_data_key`; used for this content in this place alone.

    Raises:
        InputError: the content is too large.
    """
    if len(content) > ARTIFACT_SIZE_BYTES_MAX - OVERHEAD_BYTES_MAX:
        raise InputError(
            "artifact is too large to be sealed",
            name=place.name,
            size_bytes=len(content),
            size_bytes_max=ARTIFACT_SIZE_BYTES_MAX - OVERHEAD_BYTES_MAX,
            todo="Split the artifact",
        )
    wrapped = wrapper.wrap(data_key, place.context)
    assert len(wrapped) <= WRAPPED_SIZE_BYTES_MAX, "a wrapped key is short"
    nonce = keyed_digest(data_key, _NONCE, place.context, hashlib.sha3_256(content).hexdigest())[:NONCE_SIZE_BYTES]
    sealed = AESGCM(data_key).encrypt(nonce, content, _bound(place, wrapped))
    return b"".join([SEALED_MAGIC, len(wrapped).to_bytes(2, "big"), wrapped, nonce, sealed])


def open_artifact(sealed: bytes, place: ArtifactPlace, wrapper: KeyWrapper) -> bytes:
    """The bytes that were sealed.

    Raises:
        InputError: not a sealed artifact.
        IntegrityError: another key, another place, or changed bytes.
    """
    head = len(SEALED_MAGIC) + 2
    if not sealed.startswith(SEALED_MAGIC) or len(sealed) < head:
        raise InputError("not a sealed artifact", name=place.name, expected=SEALED_MAGIC.decode().strip())
    end = head + int.from_bytes(sealed[head - 2 : head], "big")
    wrapped, nonce = sealed[head:end], sealed[end : end + NONCE_SIZE_BYTES]
    data_key = wrapper.unwrap(wrapped, place.context)
    try:
        if len(data_key) == KEY_SIZE_BYTES:
            return AESGCM(data_key).decrypt(nonce, sealed[end + NONCE_SIZE_BYTES :], _bound(place, wrapped))
    except (InvalidTag, ValueError):
        pass
    raise IntegrityError("sealed artifact was changed", name=place.name, request_id=place.request_id)


def _bound(place: ArtifactPlace, wrapped: bytes) -> bytes:
    return place.context.encode("ascii") + b"\n" + wrapped
