"""Commitments to tenants' checkpoints: what the platform log says of them, and how a tenant opens its own.

An anchor over the platform log covers every tenant, and no tenant learns from that log that another exists: an entry
is a keyed hash of one signed checkpoint, and the key (a nonce) is shown to that tenant alone. Nonces are not kept one
by one. They are derived from a secret of the log, so the same checkpoint has the same commitment however often it is
published, and showing one nonce says nothing about another.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from domain.errors import IntegrityError
from domain.evidence import EntryId

NONCE_SIZE_BYTES: Final = 32

_COMMITMENT_DOMAIN: Final = b"policycortex/tenant-checkpoint/v1\n"
_SECRET_DOMAIN: Final = b"policycortex/commitment-secret/v1\n"
_NONCE_DOMAIN: Final = b"policycortex/tenant-checkpoint-nonce/v1\n"


@dataclass(frozen=True, slots=True)
class CheckpointOpening:
    """Shows that a tenant's checkpoint is in the platform log.

    Args:
        note: the log's own signed SHA-256 checkpoint, without cosignatures.
        nonce: 32 bytes in hex; with the note it gives the commitment.
        platform_origin, platform_id: the entry of the platform log that holds the commitment.
    """

    note: str
    nonce: str
    commitment: str
    platform_origin: str
    platform_id: EntryId


def seal_secret(secret: bytes) -> bytes:
    """A log's secret as its file holds it: with a digest, since a changed secret would still give nonces."""
    return secret + hashlib.sha256(_SECRET_DOMAIN + secret).digest()


def open_secret(content: bytes, *, where: str) -> bytes:
    """The secret of a file.

    Raises:
        IntegrityError: the file is damaged.
    """
    secret = content[:NONCE_SIZE_BYTES]
    if content != seal_secret(secret):
        raise IntegrityError("secret of a log's commitments is damaged", path=where, todo="Restore it from a copy")
    return secret


def nonce_of(secret: bytes, note: str) -> bytes:
    """The nonce of a checkpoint, which only the secret's owner can compute."""
    return _keyed(secret, _NONCE_DOMAIN, note)


def commitment_of(nonce: bytes, note: str) -> str:
    """The commitment to a signed checkpoint, in hex."""
    return _keyed(nonce, _COMMITMENT_DOMAIN, note).hex()


def _keyed(key: bytes, domain: bytes, note: str) -> bytes:
    return hmac.new(key, domain + note.encode("utf-8"), hashlib.sha3_256).digest()
