"""Who signs reports: an RSA key of 4096 bits and its certificate.

One way of signing for everything in a pack: RSASSA-PSS with SHA-256 and 32 bytes of salt. `chain.keys` holds such keys
in files, variables and key services.
"""

from __future__ import annotations

from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from chain.pack_statement import key_id_of


class ReportSigner(Protocol):
    """Holds one report key."""

    @property
    def certificate_der(self) -> bytes:
        """The key's certificate."""

    def sign(self, message: bytes) -> bytes:
        """RSASSA-PSS with SHA-256 and a salt of 32 bytes over exactly these bytes."""


def certificate_pem(signer: ReportSigner) -> bytes:
    """The certificate as a file of the pack."""
    return x509.load_der_x509_certificate(signer.certificate_der).public_bytes(Encoding.PEM)


def key_id(signer: ReportSigner) -> str:
    """Name of the signer's key in an envelope."""
    return key_id_of(x509.load_der_x509_certificate(signer.certificate_der))
