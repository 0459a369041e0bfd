"""A witness's own keys, and the cosignatures that they make.

Source: C2SP tlog-cosignature.
"""

from __future__ import annotations

from typing import Protocol

from chain.checkpoint import Checkpoint
from chain.cosignature import (
    COSIGNATURE_ED25519,
    CosignerKey,
    timed_message,
)
from chain.note import Signature
from chain.signer import Signer


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
        return timed_signature(self._key, time_s, self._signer.sign(timed_message(text, time_s)))


def timed_signature(key: CosignerKey, time_s: int, content: bytes) -> Signature:
    """A signature line's content: the time, then the signature proper."""
    return Signature(key.name, key.key_id, time_s.to_bytes(8, "big") + content)
