"""Checking a report PDF's own signature, with the library that made it; the offline verifier goes by digest alone."""

from __future__ import annotations

import asyncio
import io
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from chain.pack import CERTIFICATE, REPORT_PDF
from chain.pack_archive import PackArchive, PackFolder
from chain.pack_statement import load_certificate
from domain.errors import InputError, IntegrityError


@dataclass(frozen=True, slots=True)
class PdfSignature:
    """Who signed a PDF, and by whom and when that was stamped, if it was.

    Whether the time stamping authority is to be trusted is for the reader to say.
    """

    signed_by: str
    stamped_at: datetime | None
    stamped_by: str | None


def check_pdf(pdf: bytes, certificate_der: bytes) -> PdfSignature:
    """Check that the certificate's key signed the whole of a PDF.

    Raises:
        InputError: not a PDF.
        IntegrityError: changed, added to, not signed once, or signed by someone else.
    """
    try:
        return asyncio.run(_check(PdfFileReader(io.BytesIO(pdf)), certificate_der))
    except (SignatureValidationError, PdfError, ValueError, KeyError, TypeError) as error:
        raise InputError("not a PDF that can be read", reason=str(error)) from error


async def _check(reader: PdfFileReader, certificate_der: bytes) -> PdfSignature:
    signatures = reader.embedded_regular_signatures
    if len(signatures) != 1:
        raise IntegrityError("PDF does not have exactly one signature", got=len(signatures))
    certificate = asn1_x509.Certificate.load(certificate_der)
    signer = signatures[0].signer_cert
    if signer.dump() != certificate_der:
        raise IntegrityError(
            "PDF is signed with another certificate",
            expected=certificate.sha256.hex(),
            got=signer.sha256.hex(),
        )
    trust = ValidationContext(trust_roots=[certificate], allow_fetching=False)
    status = await async_validate_pdf_signature(signatures[0], signer_validation_context=trust)
    stamp = status.timestamp_validity
    is_stamp_right = stamp is None or (stamp.intact and stamp.valid)
    is_whole = status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    if not (status.intact and status.valid and is_whole and is_stamp_right):
        raise IntegrityError(
            "PDF is not what was signed",
            intact=status.intact,
            valid=status.valid,
            covered=is_whole,
            stamp=is_stamp_right,
        )
    return PdfSignature(
        signed_by=signer.subject.human_friendly,
        stamped_at=None if stamp is None else stamp.timestamp,
        stamped_by=None if stamp is None else stamp.signing_cert.subject.human_friendly,
    )


def check_pack_pdf(path: Path) -> PdfSignature:
    """Check the report of a pack that was verified, by the pack's own certificate.

    Raises:
        InputError: there is no PDF that can be read.
        IntegrityError: changed, added to, not signed once, or signed by someone else.
    """
    with closing(PackArchive(path)) if path.is_file() else nullcontext(PackFolder(path)) as files:
        pdf, certificate = files.read(REPORT_PDF) or b"", files.read(CERTIFICATE) or b""
    return check_pdf(pdf, load_certificate(certificate, where=CERTIFICATE).public_bytes(Encoding.DER))
