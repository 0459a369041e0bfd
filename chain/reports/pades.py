"""Signing a PDF so that any reader can tell: PAdES B-T with a time stamp, B-B without one.

The signature is a detached CMS over the whole file, RSASSA-PSS with SHA-256 like everything else in a pack. The time
stamp is RFC 3161; whoever talks to the authority is passed in.

Source: ETSI EN 319 142-1 (PAdES baseline profiles); RFC 3161.
"""

from __future__ import annotations

import io
from typing import Any, Final, Protocol

from asn1crypto import algos, tsp
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers, timestamps
from pyhanko_certvalidator.registry import SimpleCertificateStore

from chain.pack_statement import SALT_SIZE_BYTES, SIGNATURE_SIZE_BYTES
from chain.reports.signing import ReportSigner

FIELD: Final = "Report"
_DIGEST: Final = "sha256"


class TimeStamping(Protocol):
    """A time stamping authority."""

    def stamp(self, request: bytes) -> bytes:
        """Answer an RFC 3161 request, both in DER.

        Raises:
            UnavailableError: no answer.
        """


def sign_pdf(pdf: bytes, signer: ReportSigner, *, stamping: TimeStamping | None = None) -> bytes:
    """The PDF with an invisible signature over all of it.

    The signer's own time in it is the wall clock's and proves nothing; a time stamp's does.
    """
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    metadata = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm=_DIGEST,
        subfilter=fields.SigSeedSubFilter.PADES,
        reason="Evidence report",
        embed_validation_info=False,
    )
    stamper = None if stamping is None else _Stamper(stamping)
    pdf_signer = signers.PdfSigner(metadata, signer=_Signer(signer), timestamper=stamper)
    signed: io.BytesIO = pdf_signer.sign_pdf(writer)
    return signed.getvalue()


class _Signer(signers.Signer):
    """pyHanko's side of a report signer."""

    def __init__(self, signer: ReportSigner) -> None:
        self._held = signer
        certificate = asn1_x509.Certificate.load(signer.certificate_der)
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register(certificate)
        super().__init__(signing_cert=certificate, cert_registry=store, signature_mechanism=_mechanism())

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        assert digest_algorithm == _DIGEST, "one digest for everything"
        return bytes(SIGNATURE_SIZE_BYTES) if dry_run else self._held.sign(data)


class _Stamper(timestamps.TimeStamper):
    """pyHanko's side of a time stamping authority."""

    def __init__(self, stamping: TimeStamping) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._stamping = stamping

    async def async_request_tsa_response(self, req: Any) -> Any:
        return tsp.TimeStampResp.load(self._stamping.stamp(req.dump()))


def _mechanism() -> algos.SignedDigestAlgorithm:
    digest = algos.DigestAlgorithm({"algorithm": _DIGEST})
    mask = algos.MaskGenAlgorithm({"algorithm": "mgf1", "parameters": digest})
    parameters = algos.RSASSAPSSParams(
        {"hash_algorithm": digest, "mask_gen_algorithm": mask, "salt_length": SALT_SIZE_BYTES}
    )
    return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": parameters})
