"""Cosignatures: a witness states that it saw this checkpoint, consistent with all it saw before, at a time.

Two kinds: Ed25519 (type 4), which signs a time line and the checkpoint's body, and ML-DSA-44 (type 6), which signs a
binary message that also holds the witness's name. An Ed25519 key that is written as a plain verifier key (type 1) is
taken as a witness's key of type 4. The id in an ML-DSA-44 key's text is not compared, because programs in use write
others; signatures must carry the id that the key has by the specification.

Source: C2SP tlog-cosignature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chain.checkpoint import Checkpoint, parse_checkpoint, require_log_signature
from chain.encoding import encode_base64
from chain.note import ED25519, Signature, VerifierKey, parse_note, split_key
from domain.errors import InputError, IntegrityError

COSIGNATURE_ED25519: Final = 4
COSIGNATURE_MLDSA44: Final = 6

_KEY_SIZES_BYTES: Final = {ED25519: 32, COSIGNATURE_ED25519: 32, COSIGNATURE_MLDSA44: 1312}
_SIGNATURE_SIZES_BYTES: Final = {COSIGNATURE_ED25519: 64, COSIGNATURE_MLDSA44: 2420}
_TIME_SIZE_BYTES: Final = 8
_TIME_MAX: Final = 2**63 - 1
_ED25519_HEADER: Final = "cosignature/v1"
_MLDSA44_LABEL: Final = b"subtree/v1\n\0"
_NAME_SIZE_BYTES_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class CosignerKey:
    """A witness's name, kind of signature and public key."""

    name: str
    algorithm: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        return _key_id(self.name, self.algorithm, self.public)

    @property
    def text(self) -> str:
        """``name+id+key``, as given to verifiers."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.algorithm]) + self.public)}"

    def cosigned_at(self, checkpoint_text: str, content: bytes) -> int | None:
        """POSIX time at which this key signed the checkpoint's body; ``None`` where it did not sign it.

        Raises:
            InputError: the text is no checkpoint's body.
        """
        time_s = int.from_bytes(content[:_TIME_SIZE_BYTES], "big")
        signature = content[_TIME_SIZE_BYTES:]
        if len(signature) != _SIGNATURE_SIZES_BYTES[self.algorithm] or time_s > _TIME_MAX:
            return None
        try:
            if self.algorithm == COSIGNATURE_ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(
                    signature, timed_message(checkpoint_text, time_s)
                )
            else:
                from cryptography.hazmat.primitives.asymmetric.mldsa import (  # noqa: PLC0415 (newest releases alone)
                    MLDSA44PublicKey,
                )

                message = subtree_message(self.name, parse_checkpoint(checkpoint_text), time_s)
                MLDSA44PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return None
        return time_s


@dataclass(frozen=True, slots=True)
class CosignedCheckpoint:
    """A checkpoint of which every signature is verified: the log's and those of its witnesses."""

    checkpoint: Checkpoint
    cosigners: tuple[CosignerKey, ...]


def parse_cosigner_key(text: str) -> CosignerKey:
    """Read a witness's ``name+id+key``.

    Raises:
        InputError: not of that form, of another algorithm, or the id is not the key's.
    """
    name, identity, content = split_key(text)
    if not content or len(content) - 1 != _KEY_SIZES_BYTES.get(content[0]):
        raise InputError(
            "not a witness's key",
            got=text[:120],
            expected="an Ed25519 key of type 1 or 4, or an ML-DSA-44 key of type 6",
        )
    algorithm, public = content[0], content[1:]
    if algorithm != COSIGNATURE_MLDSA44 and _key_id(name, algorithm, public) != identity:
        raise InputError("witness's key has another key's id", got=identity.hex(), key=name)
    return CosignerKey(name, COSIGNATURE_ED25519 if algorithm == ED25519 else algorithm, public)


def open_cosigned(text: str, key: VerifierKey, cosigners: Sequence[CosignerKey]) -> CosignedCheckpoint:
    """A checkpoint with the log's signature first and nothing but known witnesses' below it, all of them right.

    Raises:
        InputError: not a signed checkpoint.
        IntegrityError: not signed by the log's key, or a signature is wrong, repeated, or of nobody known.
    """
    note = parse_note(text)
    checkpoint = require_log_signature(note, key)
    known = {(cosigner.name, cosigner.key_id): cosigner for cosigner in cosigners}
    found: list[CosignerKey] = []
    for signature in note.signatures[1:]:
        cosigner = known.pop((signature.name, signature.key_id), None)
        if cosigner is None or cosigner.cosigned_at(note.text, signature.content) is None:
            fault = "of a witness that is not known, or twice" if cosigner is None else "wrong"
            raise IntegrityError(f"a cosignature is {fault}", name=signature.name, key_id=signature.key_id.hex())
        found.append(cosigner)
    return CosignedCheckpoint(checkpoint, tuple(found))


def verified_cosigners(
    checkpoint_text: str, signatures: Sequence[Signature], cosigners: Sequence[CosignerKey]
) -> tuple[CosignerKey, ...]:
    """Those of the witnesses whose signature is there and right; everyone else's is passed over.

    Raises:
        InputError: the text is no checkpoint's body.
    """
    return tuple(
        cosigner
        for cosigner in cosigners
        if any(
            cosigner.cosigned_at(checkpoint_text, signature.content) is not None
            for signature in signatures
            if (signature.name, signature.key_id) == (cosigner.name, cosigner.key_id)
        )
    )


def timed_message(checkpoint_text: str, time_s: int) -> bytes:
    """What an Ed25519 witness signs."""
    return f"{_ED25519_HEADER}\ntime {time_s}\n{checkpoint_text}".encode()


def subtree_message(name: str, checkpoint: Checkpoint, time_s: int) -> bytes:
    """What an ML-DSA-44 witness signs of a checkpoint."""
    names = []
    for text in (name, checkpoint.origin):
        encoded = text.encode("utf-8")
        if not 0 < len(encoded) <= _NAME_SIZE_BYTES_MAX:
            raise InputError("name is too long to be cosigned", got=text[:80], size_bytes_max=_NAME_SIZE_BYTES_MAX)
        names.append(bytes([len(encoded)]) + encoded)
    numbers = [number.to_bytes(8, "big") for number in (time_s, 0, checkpoint.size)]
    return b"".join([_MLDSA44_LABEL, names[0], numbers[0], names[1], *numbers[1:], checkpoint.root])


def _key_id(name: str, algorithm: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode("utf-8") + b"\n" + bytes([algorithm]) + public).digest()[:4]
