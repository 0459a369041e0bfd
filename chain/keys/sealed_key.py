"""A private key's bytes under a passphrase, for disks that others may copy.

scrypt makes the key, AES-256-GCM seals and authenticates; the purpose is bound in, so that a sealed report key put in a
log key's place does not open. A passphrase is worth what its secrecy is worth: it must not lie beside the file.

Source: RFC 7914 (scrypt); NIST SP 800-38D (GCM).
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from chain.encoding import decode_base64, encode_base64
from domain.errors import AccessDenied, InputError

SEALED_HEADER: Final = "policycortex/sealed-key/v1\n"
SALT_SIZE_BYTES: Final = 16
NONCE_SIZE_BYTES: Final = 12
_COST: Final = 2**15


def seal_key(content: bytes, passphrase: bytes, *, purpose: str, salt: bytes, nonce: bytes) -> bytes:
    """Write a key so that only the passphrase opens it.

    Args:
        purpose: what the key is for; needed again to open it.
        salt: 16 random bytes, used once.
        nonce: 12 random bytes, used once.
    """
    sealed = AESGCM(_derive(passphrase, salt)).encrypt(nonce, content, _bound(purpose))
    return f"{SEALED_HEADER}{encode_base64(salt)}\n{encode_base64(nonce + sealed)}\n".encode("ascii")


def open_key(sealed: bytes, passphrase: bytes, *, purpose: str, where: str) -> bytes:
    """The key that was sealed.

    Raises:
        InputError: not a sealed key.
        AccessDenied: another passphrase, another purpose, or changed bytes; they cannot be told apart.
    """
    lines = sealed.decode("ascii", errors="replace").removeprefix(SEALED_HEADER).split("\n")
    if not is_sealed(sealed) or len(lines) != 3 or lines[2]:
        raise InputError("not a sealed key", path=where, expected=f"{SEALED_HEADER.strip()}, a salt and a sealed key")
    salt, content = (decode_base64(line, what="sealed key") for line in lines[:2])
    try:
        key = _derive(passphrase, salt)
        return AESGCM(key).decrypt(content[:NONCE_SIZE_BYTES], content[NONCE_SIZE_BYTES:], _bound(purpose))
    except (InvalidTag, ValueError):
        raise AccessDenied(
            "sealed key does not open",
            path=where,
            purpose=purpose,
            todo="Give the passphrase it was sealed with, or restore the file from a copy",
        ) from None


def is_sealed(content: bytes) -> bool:
    """Whether these bytes are a sealed key rather than a plain one."""
    return content.startswith(SEALED_HEADER.encode("ascii"))


def _derive(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(passphrase)


def _bound(purpose: str) -> bytes:
    return f"{SEALED_HEADER}{purpose}\n".encode()
