"""A signed PDF is whole, signed by the report key over all of it, and stamped where an authority is given."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from chain.pack import REPORT_PDF
from chain.pack_archive import write_archive
from chain.reports.packing import draft_pack, sign_pack
from chain.reports.pades import sign_pdf
from chain.reports.pdf_check import PdfSignature, check_pack_pdf, check_pdf
from domain.errors import InputError, IntegrityError
from tests.unit.chain.packs import check, small_pack, small_request
from tests.unit.chain.reports.samples import ISSUED, signer


class Authority:
    """A time stamping authority in memory; a real one answers in tests/interop."""

    def __init__(self) -> None:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "time")])
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private.public_key())
            .serial_number(3)
            .not_valid_before(ISSUED)
            .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
            .add_extension(purpose, critical=True)
            .sign(private, hashes.SHA256())
        )
        key = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self._stamper = DummyTimeStamper(
            asn1_x509.Certificate.load(self.certificate.public_bytes(Encoding.DER)),
            asn1_keys.PrivateKeyInfo.load(key),
            certs_to_embed=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
        )

    def stamp(self, request: bytes) -> bytes:
        answer = self._stamper.request_tsa_response(tsp.TimeStampReq.load(request))
        content: bytes = answer.dump()
        return content


def unsigned() -> bytes:
    return draft_pack(small_request()).files[REPORT_PDF]


def test_a_signature_covers_the_whole_file_and_is_the_signers() -> None:
    found = check_pdf(small_pack()[REPORT_PDF], signer().certificate_der)
    assert found == PdfSignature(signed_by="Common Name: acme reports", stamped_at=None, stamped_by=None)


def test_a_changed_byte_is_noticed() -> None:
    pdf = bytearray(small_pack()[REPORT_PDF])
    pdf[len(pdf) // 3] ^= 1
    with pytest.raises(IntegrityError):
        check_pdf(bytes(pdf), signer().certificate_der)


def test_bytes_behind_the_signature_are_noticed() -> None:
    pdf = small_pack()[REPORT_PDF] + unsigned()
    with pytest.raises(IntegrityError):
        check_pdf(pdf, signer().certificate_der)


def test_another_signer_an_unsigned_pdf_and_no_pdf_are_refused() -> None:
    with pytest.raises(IntegrityError, match="another certificate"):
        check_pdf(small_pack()[REPORT_PDF], signer("globex").certificate_der)
    with pytest.raises(IntegrityError, match="one signature"):
        check_pdf(unsigned(), signer().certificate_der)
    with pytest.raises(InputError, match="not a PDF"):
        check_pdf(b"nothing", signer().certificate_der)


def test_a_time_stamp_is_of_the_signature_and_says_by_whom() -> None:
    pdf = sign_pdf(unsigned(), signer(), stamping=Authority())
    found = check_pdf(pdf, signer().certificate_der)
    assert found.stamped_by == "Common Name: time"
    assert found.stamped_at is not None


def test_a_stamped_pack_verifies() -> None:
    files = sign_pack(draft_pack(small_request(), is_stamped=True), signer(), stamping=Authority())
    assert check(files).ok


def test_the_report_of_a_pack_is_checked_zipped_and_unpacked(tmp_path: Path) -> None:
    zipped, folder = tmp_path / "pack.zip", tmp_path / "pack"
    zipped.write_bytes(write_archive(small_pack()))
    for name, content in small_pack().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    assert check_pack_pdf(zipped) == check_pack_pdf(folder)
