"""A witness's own keys, and the cosignatures that they make.

The Ed25519 key is kept as Go's ``sumdb/note`` writes one, the ML-DSA-44 key in the same form with its own type and its
32-byte seed; each file is made at first use and readable by its owner alone.

Source: C2SP tlog-cosignature; FIPS 204.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from chain.checkpoint import Checkpoint
from chain.cosignature import (
    COSIGNATURE_ED25519,
    COSIGNATURE_MLDSA44,
    CosignerKey,
    subtree_message,
    timed_message,
)
from chain.durable import create_private
from chain.encoding import decode_base64, encode_base64
from chain.note import Signature
from chain.signer import Signer
from domain.errors import AccessDenied, IntegrityError

_KEY_PREFIX: Final = "PRIVATE+KEY"


class Cosigner(Protocol):
    """Holds one of a witness's keys."""

    @property
    def key(self) -> CosignerKey:
        """The public half."""

    def cosign(self, text: str, checkpoint: Checkpoint, time_s: int) -> Signature:
        """Sign a checkpoint, given as the note's text and as what it states, at a POSIX time."""


class Ed25519Cosigner:
    """Cosigns with any Ed25519 signer; the key must sign nothing else."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._key = CosignerKey(signer.key.name, COSIGNATURE_ED25519, signer.key.public)

    @property
    def key(self) -> CosignerKey:
        return self._key

    def cosign(self, text: str, checkpoint: Checkpoint, time_s: int) -> Signature:  # noqa: ARG002 (the text says it)
        return _signature(self._key, time_s, self._signer.sign(timed_message(text, time_s)))


class Mldsa44Cosigner:
    """Cosigns with an ML-DSA-44 key in a file."""

    def __init__(self, path: Path, *, name: str) -> None:
        if not path.exists():
            create_private(path, _key_text(name, MLDSA44PrivateKey.generate()).encode("ascii"))
        self._private = _read_key(path, name=name)
        self._key = _public(name, self._private)

    @property
    def key(self) -> CosignerKey:
        return self._key

    def cosign(self, text: str, checkpoint: Checkpoint, time_s: int) -> Signature:  # noqa: ARG002 (no extension lines)
        message = subtree_message(self._key.name, checkpoint, time_s)
        return _signature(self._key, time_s, self._private.sign(message))


def _signature(key: CosignerKey, time_s: int, content: bytes) -> Signature:
    return Signature(key.name, key.key_id, time_s.to_bytes(8, "big") + content)


def _public(name: str, private: MLDSA44PrivateKey) -> CosignerKey:
    return CosignerKey(name, COSIGNATURE_MLDSA44, private.public_key().public_bytes_raw())


def _key_text(name: str, private: MLDSA44PrivateKey) -> str:
    encoded = encode_base64(bytes([COSIGNATURE_MLDSA44]) + private.private_bytes_raw())
    return f"{_KEY_PREFIX}+{name}+{_public(name, private).key_id.hex()}+{encoded}\n"


def _read_key(path: Path, *, name: str) -> MLDSA44PrivateKey:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise AccessDenied("witness's key can be read by others", path=str(path), todo=f"Run: chmod 600 {path}")
    text = path.read_text("ascii", errors="replace")
    seed = decode_base64(text.removesuffix("\n").split("+", 4)[-1], what="witness's key")[1:]
    private = MLDSA44PrivateKey.from_seed_bytes(seed) if len(seed) == 32 else None
    if private is None or _key_text(name, private) != text:
        raise IntegrityError(
            "not the key of this witness",
            path=str(path),
            expected=f"{_KEY_PREFIX}+{name}+... of type {COSIGNATURE_MLDSA44}",
            todo="Restore the key file of this witness, or give it the name that the key has",
        )
    return private
