"""A report key's certificate, signed by the key itself, wherever that key is kept.

What such a certificate is worth, the reader decides who compares its digest with one got elsewhere. Its signature is
PKCS #1 v1.5, which every reader understands; what the key signs in reports is PSS.

Source: RFC 5280 sections 4.1 and 4.2.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NoReturn

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import NameOID

from chain.keys.signer import RsaKey
from domain.errors import IntegrityError

CERTIFICATE_LIFE: Final = timedelta(days=3653)


def self_signed(key: RsaKey, *, owner: str, issued_at: datetime) -> bytes:
    """A certificate of the key by the key, as PEM; the same key, owner and time give the same bytes.

    Args:
        owner: organisation that the certificate names.
    """
    remote = _CertificateKey(key)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, owner),
            x509.NameAttribute(NameOID.COMMON_NAME, "PolicyCortex reports"),
        ]
    )
    serial = int.from_bytes(hashlib.sha256(key.public_der + issued_at.isoformat().encode()).digest()[:19], "big") | 1
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(remote.public_key())
        .serial_number(serial)
        .not_valid_before(issued_at)
        .not_valid_after(issued_at + CERTIFICATE_LIFE)
    )
    for extension, is_critical in _extensions(remote.public_key()):
        builder = builder.add_extension(extension, critical=is_critical)
    return builder.sign(remote, SHA256()).public_bytes(Encoding.PEM)


def _extensions(public: rsa.RSAPublicKey) -> Sequence[tuple[x509.ExtensionType, bool]]:
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage, True),
        (x509.SubjectKeyIdentifier.from_public_key(public), False),
    ]


class _CertificateKey(rsa.RSAPrivateKey):
    """Lets the certificate builder sign with a key that may be elsewhere, and gives nothing else of it away."""

    def __init__(self, held: RsaKey) -> None:
        public = load_der_public_key(held.public_der)
        if not isinstance(public, rsa.RSAPublicKey):
            raise IntegrityError("report key is not RSA", got=type(public).__name__)
        self._held = held
        self._public = public

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public

    def sign(self, data: bytes, *_: object) -> bytes:
        return self._held.sign_pkcs1v15(data)

    def decrypt(self, *_: object) -> NoReturn:
        _refuse()

    def private_numbers(self) -> NoReturn:
        _refuse()

    def private_bytes(self, *_: object) -> NoReturn:
        _refuse()

    def __copy__(self) -> NoReturn:
        _refuse()

    def __deepcopy__(self, memo: object) -> NoReturn:
        _refuse()


def _refuse() -> NoReturn:
    raise AssertionError("a report key signs, and does nothing else")
