"""Time stamp tokens: reading one, and checking who signed it over what.

Every byte that matters is under the authority's signature; the response around the token and its unsigned attributes
say nothing and are not believed.

Source: RFC 3161; RFC 5652 section 5; RFC 5816 (signing certificate by SHA-256).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from chain import der
from chain.anchors.certificates import read_certificate, require_authority
from chain.der import Element, at, by_tag, context
from domain.errors import InputError, IntegrityError

TOKEN_SIZE_BYTES_MAX: Final = 256 * 1024
RSA_BITS_MIN: Final = 2048
ACCURACY_MAX: Final = timedelta(days=1)

_BOOLEAN = 0x01
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_SHA256 = "2.16.840.1.101.3.4.2.1"
_HASHES: dict[str, HashAlgorithm] = {
    _SHA256: SHA256(),
    "2.16.840.1.101.3.4.2.2": SHA384(),
    "2.16.840.1.101.3.4.2.3": SHA512(),
}
_RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
_SIGNATURE_HASHES: dict[str, HashAlgorithm] = {
    "1.2.840.113549.1.1.11": SHA256(),
    "1.2.840.113549.1.1.12": SHA384(),
    "1.2.840.113549.1.1.13": SHA512(),
    "1.2.840.10045.4.3.2": SHA256(),
    "1.2.840.10045.4.3.3": SHA384(),
    "1.2.840.10045.4.3.4": SHA512(),
}


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """What a token states, none of it believed yet.

    Args:
        imprint: SHA-256 digest of what was stamped.
        accuracy: how far the true time may be from ``at``, as the authority says.
    """

    policy: str
    imprint: bytes
    serial: int
    at: datetime
    accuracy: timedelta
    nonce: int | None


@dataclass(frozen=True, slots=True)
class Token:
    """A token taken apart: its statement, who says to have signed, and what the signature is over."""

    stamp: TimeStamp
    certificates: tuple[x509.Certificate, ...]
    _content: bytes = field(repr=False)
    _signer: Element = field(repr=False)

    def verify(
        self, *, roots: Sequence[x509.Certificate], certificates: Sequence[x509.Certificate] = ()
    ) -> x509.Certificate:
        """The signer's certificate, whose chain ends at one of the roots.

        Raises:
            InputError: the signature's form is not understood.
            IntegrityError: the signature is wrong or its maker not trusted.
        """
        fields = self._signer.children()
        known = (*self.certificates, *certificates)
        signer = _find_signer(at(fields, 1, what="signer's identifier"), known)
        attributes = at(fields, 3, what="signed attributes").require(context(0), what="signed attributes")
        _require_attributes(attributes, _hash(at(fields, 2, what="digest algorithm")), self._content, signer)
        signed = bytes([der.SET]) + attributes.encoded[1:]
        signature = at(fields, 5, what="signature").octets(what="signature")
        _require_signature(signer, _signature_hash(fields), signature, signed)
        require_authority(signer, others=known, roots=roots, at=self.stamp.at)
        return signer


def read_response(data: bytes) -> bytes:
    """The token within a time stamp authority's response.

    Raises:
        InputError: not a response.
        IntegrityError: the authority refused.
    """
    response = der.read(data, what="time stamp response", size_bytes_max=TOKEN_SIZE_BYTES_MAX)
    parts = response.require(der.SEQUENCE, what="time stamp response").children()
    status = at(at(parts, 0, what="status").children(), 0, what="status").integer(what="status")
    if status not in {0, 1} or len(parts) < 2:
        raise IntegrityError("time stamp authority refused", expected="status 0 or 1 and a token", got=status)
    return parts[1].encoded


def read_token(data: bytes) -> Token:
    """Take a token apart; nothing in it is verified.

    Raises:
        InputError: not a time stamp token, or one over another digest than SHA-256.
    """
    content_info = der.read(data, what="time stamp token", size_bytes_max=TOKEN_SIZE_BYTES_MAX)
    outer = content_info.require(der.SEQUENCE, what="time stamp token").children()
    _require_oid(at(outer, 0, what="content type"), _SIGNED_DATA, what="content type")
    signed_data = _explicit(at(outer, 1, what="signed data"), what="signed data").children()
    encapsulated = at(signed_data, 2, what="encapsulated content").children()
    _require_oid(at(encapsulated, 0, what="encapsulated type"), _TST_INFO, what="encapsulated type")
    content = _explicit(at(encapsulated, 1, what="encapsulated content"), what="encapsulated content").octets(
        what="encapsulated content"
    )
    signers = signed_data[-1].require(der.SET, what="signers").children()
    if len(signers) != 1:
        raise InputError("time stamp token has not one signer", expected=1, got=len(signers))
    return Token(_read_stamp(content), _read_certificates(signed_data), content, signers[0])


def _read_stamp(content: bytes) -> TimeStamp:
    info = der.read(content, what="time stamp", size_bytes_max=TOKEN_SIZE_BYTES_MAX)
    fields = info.require(der.SEQUENCE, what="time stamp").children()
    version = at(fields, 0, what="version").integer(what="version")
    imprint = at(fields, 2, what="message imprint").children()
    algorithm = _algorithm(at(imprint, 0, what="imprint's algorithm"))
    digest = at(imprint, 1, what="imprint").octets(what="imprint")
    if version != 1 or algorithm != _SHA256 or len(digest) != 32:
        raise InputError(
            "time stamp is not of a kind that is read here",
            expected="version 1 over SHA-256",
            got=f"version {version} over {algorithm}",
        )
    optional = fields[5:]
    _require_no_critical_extension(by_tag(optional, context(1)))
    accuracy, nonce = by_tag(optional, der.SEQUENCE), by_tag(optional, der.INTEGER)
    return TimeStamp(
        policy=fields[1].object_identifier(what="policy"),
        imprint=digest,
        serial=at(fields, 3, what="serial number").integer(what="serial number"),
        at=at(fields, 4, what="time").time(what="time"),
        accuracy=timedelta(0) if accuracy is None else _read_accuracy(accuracy),
        nonce=None if nonce is None else nonce.integer(what="nonce"),
    )


def _require_no_critical_extension(extensions: Element | None) -> None:
    """Source: RFC 3161 section 2.4.2: what is critical and not understood makes the token one not to be accepted."""
    for extension in () if extensions is None else extensions.children():
        if by_tag(extension.children(), _BOOLEAN) is not None:
            raise InputError("time stamp has a critical extension", got=extension.encoded[:40].hex())


def _read_accuracy(element: Element) -> timedelta:
    units = {der.INTEGER: "seconds", 0x80: "milliseconds", 0x81: "microseconds"}
    total = timedelta(0)
    for part in element.children():
        if part.tag not in units:
            raise InputError("accuracy is not understood", got=f"tag {part.tag:#04x}")
        value = Element(der.INTEGER, part.content, part.encoded).integer(what="accuracy")
        total += timedelta(**{units[part.tag]: min(max(value, 0), 10**9)})
    if total > ACCURACY_MAX:
        raise InputError("time stamp is not accurate enough", expected=f"within {ACCURACY_MAX}", got=str(total))
    return total


def _read_certificates(signed_data: Sequence[Element]) -> tuple[x509.Certificate, ...]:
    listed = by_tag(signed_data[3:-1], context(0))
    found = () if listed is None else listed.children()
    return tuple(read_certificate(one.encoded) for one in found if one.tag == der.SEQUENCE)


def _find_signer(identifier: Element, certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    """The certificate with the signer's issuer and serial number."""
    issuer, serial = (*identifier.require(der.SEQUENCE, what="signer's identifier").children(), None, None)[:2]
    if issuer is None or serial is None:
        raise InputError("signer's identifier is not understood", expected="issuer and serial number")
    number = serial.integer(what="serial number")
    for certificate in certificates:
        if certificate.serial_number == number and _issuer_name(certificate) == issuer.encoded:
            return certificate
    raise IntegrityError(
        "the signer's certificate is not there",
        serial=number,
        got=[certificate.subject.rfc4514_string() for certificate in certificates],
        todo="Give the certificate of the time stamp authority",
    )


def _issuer_name(certificate: x509.Certificate) -> bytes:
    """The issuer as the certificate spells it; after the version, the serial number and the algorithm."""
    fields = der.read(certificate.tbs_certificate_bytes, what="certificate", size_bytes_max=TOKEN_SIZE_BYTES_MAX)
    return at(fields.children(), 3, what="issuer").encoded


def _require_attributes(
    attributes: Element, algorithm: HashAlgorithm, content: bytes, signer: x509.Certificate
) -> None:
    """The signed attributes name this content, its type, and this signer.

    Source: RFC 5652 section 11; RFC 5035; RFC 5816.
    """
    values = _attribute_values(attributes)
    missing = {_CONTENT_TYPE, _MESSAGE_DIGEST} - values.keys()
    if missing or not {_SIGNING_CERTIFICATE, _SIGNING_CERTIFICATE_V2} & values.keys():
        raise IntegrityError("time stamp token lacks a signed attribute", got=sorted(values))
    _require_oid(values[_CONTENT_TYPE], _TST_INFO, what="signed content type")
    expected = hashlib.new(algorithm.name, content).digest()
    got = values[_MESSAGE_DIGEST].octets(what="message digest")
    if got != expected:
        raise IntegrityError("time stamp is not what was signed", expected=expected.hex(), got=got.hex())
    for oid in (_SIGNING_CERTIFICATE, _SIGNING_CERTIFICATE_V2):
        if oid in values:
            _require_signing_certificate(values[oid], signer, is_v2=oid == _SIGNING_CERTIFICATE_V2)


def _attribute_values(attributes: Element) -> dict[str, Element]:
    values: dict[str, Element] = {}
    for attribute in attributes.children():
        parts = attribute.require(der.SEQUENCE, what="attribute").children()
        oid = at(parts, 0, what="attribute's type").object_identifier(what="attribute's type")
        found = at(parts, 1, what="attribute's value").children()
        if oid in values or not found:
            raise InputError("attribute stands twice or has no value", got=oid)
        values[oid] = found[0]
    return values


def _require_signing_certificate(value: Element, signer: x509.Certificate, *, is_v2: bool) -> None:
    identifiers = at(value.children(), 0, what="signing certificate").children()
    parts = at(identifiers, 0, what="signing certificate").children()
    digest = by_tag(parts, der.OCTET_STRING)
    algorithm = by_tag(parts[:1], der.SEQUENCE)
    name = "sha1" if not is_v2 else "sha256" if algorithm is None else _hash(algorithm).name
    encoded = signer.public_bytes(Encoding.DER)
    expected = hashlib.new(name, encoded, usedforsecurity=is_v2).digest()
    if digest is None or digest.content != expected:
        raise IntegrityError(
            "token names another signing certificate",
            expected=expected.hex(),
            got=None if digest is None else digest.content.hex(),
        )


def _require_signature(signer: x509.Certificate, algorithm: HashAlgorithm, signature: bytes, signed: bytes) -> None:
    key = signer.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey) and key.key_size >= RSA_BITS_MIN:
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(algorithm))
        else:
            raise InputError("signer's key is not of a kind that is read here", expected="RSA of 2048 bits, or ECDSA")
    except InvalidSignature:
        raise IntegrityError("time stamp token's signature is wrong", signer=signer.subject.rfc4514_string()) from None


def _signature_hash(fields: Sequence[Element]) -> HashAlgorithm:
    oid = _algorithm(at(fields, 4, what="signature algorithm"))
    if oid == _RSA_ENCRYPTION:
        return _hash(fields[2])
    if oid not in _SIGNATURE_HASHES:
        raise InputError("signature algorithm is not read here", got=oid, expected="RSA or ECDSA with SHA-2")
    return _SIGNATURE_HASHES[oid]


def _hash(identifier: Element) -> HashAlgorithm:
    oid = _algorithm(identifier)
    if oid not in _HASHES:
        raise InputError("digest algorithm is not accepted", got=oid, expected="SHA-256, SHA-384 or SHA-512")
    return _HASHES[oid]


def _algorithm(identifier: Element) -> str:
    parts = identifier.require(der.SEQUENCE, what="algorithm").children()
    return at(parts, 0, what="algorithm").object_identifier(what="algorithm")


def _explicit(element: Element, *, what: str) -> Element:
    return at(element.require(context(0), what=what).children(), 0, what=what)


def _require_oid(element: Element, expected: str, *, what: str) -> None:
    got = element.object_identifier(what=what)
    if got != expected:
        raise InputError(f"{what} is not a time stamp's", expected=expected, got=got)
