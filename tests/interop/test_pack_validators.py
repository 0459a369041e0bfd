"""Validators that nobody here wrote accept what is in a pack, and refuse it when it is changed."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from chain.pack import CERTIFICATE, ENVELOPE, OSCAL, REPORT_PDF, XBRL
from chain.reports.packing import draft_pack, sign_pack
from tests.servers import arelle, dsse, trestle, tsa
from tests.unit.chain.packs import small_pack, small_request
from tests.unit.chain.reports.samples import signer

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack")
    _write(folder, small_pack())
    return folder


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_arelle_validates_instance_and_taxonomy(unpacked: Path, tmp_path: Path) -> None:
    assert arelle.complaints(unpacked / XBRL, tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"pcg:TreeSize", b"pcg:TreeSizes"),
        (b">2026-03-03T00:00:00</pcg", b">yesterday</pcg"),
        (b' unitRef="count"', b""),
        (b'contextRef="log0"', b'contextRef="window"'),
    ],
)
def test_arelle_complains_of_an_instance_that_is_wrong(tmp_path: Path, old: bytes, new: bytes) -> None:
    content = small_pack()[XBRL].replace(old, new)
    assert content != small_pack()[XBRL]
    _write(tmp_path, {**small_pack(), XBRL: content})
    assert arelle.complaints(tmp_path / XBRL, tmp_path) != []


def test_trestle_reads_and_writes_the_assessment_results(unpacked: Path, tmp_path: Path) -> None:
    assert trestle.read_results(unpacked / OSCAL, tmp_path / "again.json") == "1.2.1 1"


@pytest.mark.parametrize("missing", ["import-ap", "metadata", "results"])
def test_trestle_refuses_results_that_lack_what_they_must_have(tmp_path: Path, missing: str) -> None:
    document = json.loads(small_pack()[OSCAL])
    del document["assessment-results"][missing]
    (tmp_path / "wrong.json").write_text(json.dumps(document))
    assert trestle.read_results(tmp_path / "wrong.json", tmp_path / "again.json").startswith("refused")


def test_the_commands_of_the_pack_verify_the_statement_with_openssl(tmp_path: Path) -> None:
    """The very lines of ``verify.txt`` are run."""
    _write(tmp_path, small_pack())
    script = _commands(small_pack()["verify.txt"].decode())
    answer = subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (answer.stdout, answer.returncode) == ("Verified OK\n", 0)
    envelope = json.loads(small_pack()[ENVELOPE])
    envelope["payload"] = "bm90aGluZw=="
    (tmp_path / ENVELOPE).write_text(json.dumps(envelope))
    wrong = subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert wrong.returncode != 0


def _commands(text: str) -> str:
    block = text[text.index("  openssl x509") : text.index("  sha256sum")]
    return "\n".join(line.removeprefix("  ") for line in block.splitlines())


def test_securesystemslib_verifies_the_envelope(tmp_path: Path) -> None:
    public = tmp_path / "key.pem"
    certificate = x509.load_pem_x509_certificate(small_pack()[CERTIFICATE])
    public.write_bytes(certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    envelope = tmp_path / "envelope.json"
    envelope.write_bytes(small_pack()[ENVELOPE])
    assert dsse.verify(envelope, public) == "True application/vnd.in-toto+json"
    envelope.write_bytes(small_pack()[ENVELOPE].replace(b'"sig":"', b'"sig":"AAAA'))
    assert dsse.verify(envelope, public).startswith("refused")


def validated(pdf: bytes, *, stamp_root: x509.Certificate | None = None) -> PdfSignatureStatus:
    root = asn1_x509.Certificate.load(signer().certificate_der)
    context = ValidationContext(trust_roots=[root], allow_fetching=False)
    stamps = None
    if stamp_root is not None:
        authority = asn1_x509.Certificate.load(stamp_root.public_bytes(Encoding.DER))
        stamps = ValidationContext(trust_roots=[authority], allow_fetching=False)
    signature = PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures[0]
    return asyncio.run(
        async_validate_pdf_signature(signature, signer_validation_context=context, ts_validation_context=stamps)
    )


def test_pyhanko_finds_the_signature_intact_valid_and_trusted() -> None:
    status = validated(small_pack()[REPORT_PDF])
    assert (status.intact, status.valid, status.trusted) == (True, True, True)
    assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE


def test_pyhanko_finds_a_changed_byte() -> None:
    pdf = bytearray(small_pack()[REPORT_PDF])
    at = pdf.index(b"/MediaBox")
    pdf[at + 12] ^= 1
    assert not validated(bytes(pdf)).intact


class Stamping:
    """A client of a time stamping authority."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.answers: list[bytes] = []

    def stamp(self, request: bytes) -> bytes:
        headers = {"Content-Type": "application/timestamp-query"}
        with urllib.request.urlopen(urllib.request.Request(self._url, request, headers), timeout=20) as answer:
            self.answers.append(answer.read())
        return self.answers[-1]


def test_a_pdf_stamped_by_openssl_is_pades_b_t_and_openssl_verifies_the_stamp(tmp_path: Path) -> None:
    with tsa.serving(tmp_path / "tsa") as authority:
        stamping = Stamping(authority.url)
        pdf = sign_pack(draft_pack(small_request(), is_stamped=True), signer(), stamping=stamping)[REPORT_PDF]
        root = x509.load_pem_x509_certificate(authority.root.read_bytes())
        status = validated(pdf, stamp_root=root)
        assert (status.intact, status.valid, status.trusted) == (True, True, True)
        stamp = status.timestamp_validity
        assert stamp is not None
        assert (stamp.intact, stamp.valid, stamp.trusted) == (True, True, True)
        signature = PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures[0]
        (tmp_path / "signature").write_bytes(signature.signer_info["signature"].native)
        (tmp_path / "reply").write_bytes(stamping.answers[-1])
        command = ["openssl", "ts", "-verify", "-data", str(tmp_path / "signature"), "-in", str(tmp_path / "reply")]
        answer = subprocess.run(
            [*command, "-CAfile", str(authority.root), "-untrusted", str(authority.certificate)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Verification: OK" in answer.stdout + answer.stderr
