"""A report signer for tests; its key is made once a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

ISSUED = datetime(2026, 1, 1, tzinfo=UTC)


class Signer:
    """An RSA-4096 key in memory with a certificate that it signs itself."""

    def __init__(self, owner: str, bits: int) -> None:
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        self.certificate_der = _self_signed(self._private, owner).public_bytes(Encoding.DER)

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


@cache
def signer(owner: str = "acme", *, bits: int = 4096) -> Signer:
    return Signer(owner, bits)


def _self_signed(private: rsa.RSAPrivateKey, owner: str) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{owner} reports")])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(7)
        .not_valid_before(ISSUED)
        .not_valid_after(ISSUED + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(private, hashes.SHA256())
    )
