"""A time stamp authority's certificate, followed up to one that the reader trusts, at the time of the stamp.

Revocation is not judged: it needs answers of the day, and a verifier without network has none.

Source: RFC 3161 section 2.3; RFC 5280 section 6.1, without policies and name constraints (a certificate that makes
one critical is refused).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from chain import der
from domain.errors import InputError, IntegrityError

PATH_LENGTH_MAX: Final = 8
CERTIFICATE_SIZE_BYTES_MAX: Final = 64 * 1024

_UNREADABLE = (
    ValueError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.CERTIFICATE_POLICIES,
}


def require_authority(
    signer: x509.Certificate, *, others: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], at: datetime
) -> x509.Certificate:
    """The trusted certificate that the signer's chain ends at.

    Raises:
        IntegrityError: the signer may not stamp times, or no chain ends at a trusted certificate.
    """
    _require_stamping(signer)
    current = signer
    for depth in range(PATH_LENGTH_MAX):
        _require_valid(current, at)
        if current in roots:
            return current
        issuer = _issuer(current, [*roots, *others], depth)
        if issuer is None:
            break
        current = issuer
    raise IntegrityError(
        "time stamp authority is not trusted",
        signer=signer.subject.rfc4514_string(),
        last=current.subject.rfc4514_string(),
        expected=[root.subject.rfc4514_string() for root in roots],
        todo="Give the authority's root certificate, if you trust it",
    )


def read_certificate(encoded: bytes) -> x509.Certificate:
    """A certificate of which every part that is used later can be read; the library reads most of them lazily.

    Raises:
        InputError: it cannot be read.
    """
    _require_positive_serial(encoded)
    try:
        certificate = x509.load_der_x509_certificate(encoded)
        certificate.public_key()
        parts = (certificate.extensions, certificate.issuer, certificate.not_valid_before_utc)
        certificate.subject.rfc4514_string()
        assert all(part is not None for part in (*parts, certificate.not_valid_after_utc))
    except _UNREADABLE as error:
        raise InputError("certificate cannot be read", reason=str(error), got=encoded[:20].hex()) from error
    return certificate


def _require_positive_serial(encoded: bytes) -> None:
    """Source: RFC 5280 section 4.1.2.2. The library only warns."""
    whole = der.read(encoded, what="certificate", size_bytes_max=CERTIFICATE_SIZE_BYTES_MAX).children()
    fields = der.at(whole, 0, what="certificate's fields").children()
    serial = der.at(fields, 1, what="serial number").integer(what="serial number")
    if serial <= 0:
        raise InputError("certificate cannot be read", expected="a positive serial number", got=serial)


def _require_stamping(signer: x509.Certificate) -> None:
    """Source: RFC 3161 section 2.3: the one extended key usage, critical."""
    try:
        usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        usage = None
    if usage is None or not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise IntegrityError(
            "certificate may not stamp times",
            signer=signer.subject.rfc4514_string(),
            expected="timeStamping as the only extended key usage, critical",
        )


def _require_valid(certificate: x509.Certificate, at: datetime) -> None:
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise IntegrityError(
            "certificate was not valid at the time of the stamp",
            subject=certificate.subject.rfc4514_string(),
            expected=f"{certificate.not_valid_before_utc} to {certificate.not_valid_after_utc}",
            got=str(at),
        )
    strange = [
        extension.oid.dotted_string
        for extension in certificate.extensions
        if extension.critical and extension.oid not in _UNDERSTOOD
    ]
    if strange:
        raise IntegrityError(
            "certificate has a critical extension that is not understood",
            subject=certificate.subject.rfc4514_string(),
            got=strange,
        )


def _issuer(
    certificate: x509.Certificate, candidates: Sequence[x509.Certificate], depth: int
) -> x509.Certificate | None:
    return next((one for one in candidates if _may_issue(one, depth) and _has_issued(one, certificate)), None)


def _may_issue(issuer: x509.Certificate, depth: int) -> bool:
    """Whether it is a certificate authority's, with ``depth`` authorities allowed below it."""
    extensions = {extension.oid: extension.value for extension in issuer.extensions}
    constraints = extensions.get(ExtensionOID.BASIC_CONSTRAINTS)
    usage = extensions.get(ExtensionOID.KEY_USAGE)
    if not isinstance(constraints, x509.BasicConstraints) or not constraints.ca:
        return False
    if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
        return False
    return constraints.path_length is None or constraints.path_length >= depth


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
