"""A time stamp authority in a few lines: certificates, and tokens that may be wrong in any one place."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

ID_SHA256 = "2.16.840.1.101.3.4.2.1"
ID_SIGNED_DATA = "1.2.840.113549.1.7.2"
ID_TST_INFO = "1.2.840.113549.1.9.16.1.4"
ID_CONTENT_TYPE = "1.2.840.113549.1.9.3"
ID_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
ID_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
ID_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
ID_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
ID_RSA = "1.2.840.113549.1.1.1"
ID_RSA_SHA256 = "1.2.840.113549.1.1.11"


def tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def integer(value: int, tag: int = 0x02) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value: bytes) -> bytes:
    return tlv(0x04, value)


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = b""
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return tlv(0x06, content)


def algorithm(dotted: str) -> bytes:
    return sequence(oid(dotted))


@dataclass(frozen=True)
class Holder:
    """A key and its certificate."""

    key: Key
    certificate: x509.Certificate


def issue(
    name: str,
    *,
    issuer: Holder | None = None,
    key: Key | None = None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    not_before: datetime = AT - timedelta(days=10),
) -> Holder:
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(own.public_key())
        .serial_number(1000 + len(name))
        .not_valid_before(not_before)
        .not_valid_after(not_before + timedelta(days=365))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return Holder(own, builder.sign(issuer.key if issuer else own, SHA256()))


def authority_extensions(path_length: int | None = None) -> list[tuple[x509.ExtensionType, bool]]:
    return [(x509.BasicConstraints(ca=True, path_length=path_length), True)]


STAMPING: tuple[x509.ExtensionType, bool] = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)


@dataclass
class Draft:
    """A token before it is signed; every part can be replaced."""

    signer: Holder
    note: bytes
    version: int = 1
    imprint_algorithm: str = ID_SHA256
    imprint: bytes | None = None
    gen_time: bytes = b"20260301120000Z"
    optional: bytes = b""
    content_type: str = ID_TST_INFO
    signed_content_type: str = ID_TST_INFO
    digest_algorithm: str = ID_SHA256
    message_digest: bytes | None = None
    certificate_digest: bytes | None = None
    certificate_attribute: str = ID_SIGNING_CERTIFICATE_V2
    drop_attribute: str | None = None
    extra_attributes: list[bytes] = field(default_factory=list)
    signature_algorithm: str = ID_ECDSA_SHA256
    signature: bytes | None = None
    certificates: list[bytes] | None = None
    identifier: bytes | None = None
    signers: int = 1

    def encode(self) -> bytes:
        content = self._stamp()
        certificates = [self._certificate()] if self.certificates is None else self.certificates
        signed_data = sequence(
            integer(3),
            tlv(0x31, algorithm(self.digest_algorithm)),
            sequence(oid(self.content_type), tlv(0xA0, octets(content))),
            tlv(0xA0, *certificates) if certificates else b"",
            tlv(0x31, *[self._signer_info(content)] * self.signers),
        )
        return sequence(oid(ID_SIGNED_DATA), tlv(0xA0, signed_data))

    def _stamp(self) -> bytes:
        imprint = hashlib.sha256(self.note).digest() if self.imprint is None else self.imprint
        return sequence(
            integer(self.version),
            oid("1.3.6.1.4.1.99999.1"),
            sequence(algorithm(self.imprint_algorithm), octets(imprint)),
            integer(17),
            tlv(0x18, self.gen_time),
            self.optional,
        )

    def _signer_info(self, content: bytes) -> bytes:
        attributes = b"".join(self._attributes(content))
        signed = tlv(0x31, attributes)
        signature = self._sign(signed) if self.signature is None else self.signature
        certificate = self.signer.certificate
        identifier = sequence(certificate.issuer.public_bytes(), integer(certificate.serial_number))
        return sequence(
            integer(1),
            identifier if self.identifier is None else self.identifier,
            algorithm(self.digest_algorithm),
            tlv(0xA0, attributes),
            algorithm(self.signature_algorithm),
            octets(signature),
        )

    def _attributes(self, content: bytes) -> list[bytes]:
        digest = hashlib.sha256(content).digest() if self.message_digest is None else self.message_digest
        name = "sha256" if self.certificate_attribute == ID_SIGNING_CERTIFICATE_V2 else "sha1"
        own = hashlib.new(name, self._certificate()).digest()
        hashed = own if self.certificate_digest is None else self.certificate_digest
        values = {
            ID_CONTENT_TYPE: oid(self.signed_content_type),
            ID_MESSAGE_DIGEST: octets(digest),
            self.certificate_attribute: sequence(sequence(sequence(octets(hashed)))),
        }
        kept = [sequence(oid(key), tlv(0x31, value)) for key, value in values.items() if key != self.drop_attribute]
        return kept + self.extra_attributes

    def _sign(self, signed: bytes) -> bytes:
        key = self.signer.key
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(signed, padding.PKCS1v15(), SHA256())
        return key.sign(signed, ec.ECDSA(SHA256()))

    def _certificate(self) -> bytes:
        return self.signer.certificate.public_bytes(Encoding.DER)
