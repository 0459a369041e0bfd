"""RSA-4096 keys that sign reports, each with the certificate that PDF readers ask for.

Source: RFC 8017 sections 8.1 and 8.2.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from chain.durable import replace_file
from chain.keys.certificate import self_signed
from chain.keys.key_file import Passphrase, read_secret, write_secret
from chain.keys.signer import RsaKey
from domain.errors import IntegrityError

KEY_SIZE_BITS: Final = 4096
SALT_SIZE_BYTES: Final = 32
_PURPOSE: Final = "report key"
_EXPONENT: Final = 65537


class FileRsaKey:
    """A report key in a file; made at first use, which takes seconds."""

    def __init__(self, path: Path, *, passphrase: Passphrase | None = None) -> None:
        if not path.exists():
            made = rsa.generate_private_key(_EXPONENT, KEY_SIZE_BITS)
            content = made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
            write_secret(path, content, purpose=_PURPOSE, passphrase=passphrase)
        self._private = _read(read_secret(path, purpose=_PURPOSE, passphrase=passphrase), where=str(path))

    @property
    def public_der(self) -> bytes:
        return self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message, _pss(), SHA256())

    def sign_pkcs1v15(self, message: bytes) -> bytes:
        return self._private.sign(message, padding.PKCS1v15(), SHA256())


class ReportSigner:
    """A report key with its certificate, which is kept in a file and made at first use.

    Args:
        issued_at: the beginning of a certificate that has to be made; it lasts ten years.

    Raises:
        IntegrityError: the file's certificate is another key's.
    """

    def __init__(self, key: RsaKey, certificate: Path, *, owner: str, issued_at: datetime) -> None:
        self._key = key
        if not certificate.exists():
            replace_file(certificate, self_signed(key, owner=owner, issued_at=issued_at))
        self._certificate = x509.load_pem_x509_certificate(certificate.read_bytes())
        if self._certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != (
            key.public_der
        ):
            raise IntegrityError(
                "certificate is another key's",
                path=str(certificate),
                todo="Move the file away; a certificate of this key is made at the next start",
            )

    @property
    def certificate_der(self) -> bytes:
        """The certificate, whose SHA-256 is what a reader compares."""
        return self._certificate.public_bytes(Encoding.DER)

    @property
    def public_der(self) -> bytes:
        """The SubjectPublicKeyInfo."""
        return self._key.public_der

    def sign(self, message: bytes) -> bytes:
        """RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes."""
        return self._key.sign(message)

    def sign_pkcs1v15(self, message: bytes) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256."""
        return self._key.sign_pkcs1v15(message)


def check_report_signature(public_der: bytes, message: bytes, signature: bytes) -> None:
    """Check a report key's signature.

    Raises:
        IntegrityError: not this key's signature of the message.
    """
    public = load_der_public_key(public_der)
    if not isinstance(public, rsa.RSAPublicKey):
        raise IntegrityError("report key is not RSA", got=type(public).__name__)
    try:
        public.verify(signature, message, _pss(), SHA256())
    except InvalidSignature:
        raise IntegrityError("report's signature is wrong", key_sha256=hashlib.sha256(public_der).hexdigest()) from None


def _read(content: bytes, *, where: str) -> rsa.RSAPrivateKey:
    private = load_der_private_key(content, password=None)
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size != KEY_SIZE_BITS:
        raise IntegrityError("not a report key", path=where, expected=f"RSA of {KEY_SIZE_BITS} bits")
    return private


def _pss() -> padding.PSS:
    return padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=SALT_SIZE_BYTES)
