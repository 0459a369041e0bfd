"""A witness's key that a quantum computer does not help to forge. Needs a release of ``cryptography`` that has ML-DSA.

The file has the form of Go's ``sumdb/note`` keys, with a type of its own and the 32-byte seed; it is made at first use
and readable by its owner alone.

Source: C2SP tlog-cosignature; FIPS 204.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from chain.checkpoint import Checkpoint
from chain.cosignature import COSIGNATURE_MLDSA44, CosignerKey, subtree_message
from chain.durable import create_private
from chain.encoding import decode_base64, encode_base64
from chain.note import Signature
from chain.witness.cosigner import timed_signature
from domain.errors import AccessDenied, IntegrityError

_KEY_PREFIX: Final = "PRIVATE+KEY"


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
        return timed_signature(self._key, time_s, self._private.sign(message))


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
