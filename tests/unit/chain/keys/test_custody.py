"""Keys are kept where a reference says, open for their owner alone, and never stand in an error."""

from __future__ import annotations

import copy
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)

from chain.durable import create_private
from chain.keys.certificate import _CertificateKey, self_signed
from chain.keys.environment import EnvironmentSigner
from chain.keys.key_file import FileSigner
from chain.keys.key_text import format_private_key, public_bytes
from chain.keys.reference import KeySources, open_log_signer, open_report_key, parse_reference
from chain.keys.report_key import FileRsaKey, ReportSigner, check_report_signature
from chain.keys.sealed_key import open_key, seal_key
from chain.keys.signer import NamedSigner
from domain.errors import AccessDenied, ConflictError, InputError, IntegrityError, NotFound

NAME = "example.org/evidence/acme"
ISSUED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def report_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report key's file, made once: that takes more than a second."""
    path = tmp_path_factory.mktemp("report") / "report.key"
    FileRsaKey(path, passphrase=lambda: b"open sesame")
    return path


class _Held:
    """A key of a service that knows no names."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = public_bytes(private)

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


class _EllipticKey:
    """What a key service might call a report key by mistake."""

    def __init__(self) -> None:
        public = Ed25519PrivateKey.generate().public_key()
        self.public_der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, message: bytes) -> bytes:
        return message

    sign_pkcs1v15 = sign


def test_a_sealed_log_key_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    first = FileSigner(path, name=NAME, passphrase=lambda: b"open sesame")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"PRIVATE" not in path.read_bytes()
    assert FileSigner(path, name=NAME, passphrase=lambda: b"open sesame").key == first.key
    with pytest.raises(AccessDenied, match="does not open"):
        FileSigner(path, name=NAME, passphrase=lambda: b"another")
    with pytest.raises(AccessDenied, match="does not open"):
        FileSigner(path, name="elsewhere", passphrase=lambda: b"open sesame")
    with pytest.raises(AccessDenied, match="key is sealed"):
        FileSigner(path, name=NAME)


@pytest.mark.parametrize("content", [b"plain", b"policycortex/sealed-key/v1\nAA==\n"])
def test_what_is_no_sealed_key_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="not a sealed key"):
        open_key(content, b"p", purpose=NAME, where="here")


def test_a_changed_character_of_a_sealed_key_is_refused() -> None:
    sealed = seal_key(b"key", b"p", purpose=NAME, salt=b"s" * 16, nonce=b"n" * 12)
    assert open_key(sealed, b"p", purpose=NAME, where="here") == b"key"
    for at in (0, 30, 50, 51, 70, len(sealed) - 8, len(sealed) - 1):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises((InputError, AccessDenied)):
            open_key(changed, b"p", purpose=NAME, where="here")


@pytest.mark.parametrize("text", ["nothing", "PRIVATE+KEY+n+00000000+AA==\n", "\u00e9"])
def test_a_text_that_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(IntegrityError, match="not the signing key") as refused:
        EnvironmentSigner("LOG_KEY", name=NAME, resolve=lambda _: text)
    assert text not in str(refused.value)


def test_a_variables_key_is_read_when_it_signs() -> None:
    variables = {"LOG_KEY": format_private_key(NAME, Ed25519PrivateKey.generate()).strip()}
    signer = EnvironmentSigner("LOG_KEY", name=NAME, resolve=variables.__getitem__)
    assert signer.key.is_signed("text", signer.sign(b"text"))
    variables["LOG_KEY"] = format_private_key(NAME, Ed25519PrivateKey.generate())
    with pytest.raises(ConflictError, match="changed while it was in use"):
        signer.sign(b"text")
    assert not any("PRIVATE" in str(value) for value in vars(signer).values())


def test_a_reference_opens_where_it_points_to(tmp_path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    sources = KeySources(
        resolve={"LOG_KEY": format_private_key(NAME, private)}.__getitem__,
        log_key=lambda _: _Held(private),
        report_key=lambda _: _EllipticKey(),
    )
    for text in ("env:LOG_KEY", "aws-kms:alias/log"):
        reference = parse_reference(text)
        assert str(reference) == text
        signer = open_log_signer(reference, name=NAME, sources=sources)
        assert signer.key.public == public_bytes(private)
        assert signer.key.is_signed("text", signer.sign(b"text"))
    path = tmp_path / "log.key"
    in_file = open_log_signer(parse_reference(f"file:{path}"), name=NAME, sources=sources)
    assert in_file.key == FileSigner(path, name=NAME).key
    assert isinstance(open_report_key(parse_reference("aws-kms:k"), sources=sources), _EllipticKey)
    with pytest.raises(InputError, match="too long for a variable"):
        open_report_key(parse_reference("env:K"), sources=sources)


def test_a_key_service_that_is_not_connected_is_named() -> None:
    sources = KeySources(resolve=_no_variable)
    with pytest.raises(InputError, match="no key service"):
        open_log_signer(parse_reference("aws-kms:k"), name=NAME, sources=sources)
    with pytest.raises(InputError, match="no key service"):
        open_report_key(parse_reference("aws-kms:k"), sources=sources)
    with pytest.raises(NotFound):
        open_log_signer(parse_reference("env:K"), name=NAME, sources=sources)


@pytest.mark.parametrize("text", ["", "file:", "vault:k", "PRIVATE+KEY+n+00000000+AA=="])
def test_what_is_no_reference_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InputError, match="not a reference") as refused:
        parse_reference(text)
    assert "AA==" not in str(refused.value)


def test_a_report_key_signs_what_it_is_given(report_key: Path) -> None:
    key = open_report_key(
        parse_reference(f"file:{report_key}"), sources=KeySources(_no_variable, passphrase=lambda: b"open sesame")
    )
    signature = key.sign(b"report")
    check_report_signature(key.public_der, b"report", signature)
    for message, changed in ((b"another", signature), (b"report", signature[:-1] + bytes([signature[-1] ^ 1]))):
        with pytest.raises(IntegrityError, match="signature is wrong"):
            check_report_signature(key.public_der, message, changed)
    with pytest.raises(IntegrityError, match="not RSA"):
        check_report_signature(_EllipticKey().public_der, b"report", signature)


def test_a_certificate_names_the_key_and_lasts_ten_years(report_key: Path, tmp_path: Path) -> None:
    key = FileRsaKey(report_key, passphrase=lambda: b"open sesame")
    signer = ReportSigner(key, tmp_path / "report.pem", owner="Example", issued_at=ISSUED)
    certificate = x509.load_der_x509_certificate(signer.certificate_der)
    certificate.verify_directly_issued_by(certificate)
    assert certificate.not_valid_before_utc == ISSUED
    assert certificate.extensions.get_extension_for_class(x509.KeyUsage).value.content_commitment
    assert (tmp_path / "report.pem").read_bytes() == self_signed(key, owner="Example", issued_at=ISSUED)
    check_report_signature(signer.public_der, b"report", signer.sign(b"report"))
    assert signer.sign_pkcs1v15(b"report") == key.sign_pkcs1v15(b"report")


def test_a_certificate_of_another_key_is_refused(report_key: Path, tmp_path: Path) -> None:
    key = FileRsaKey(report_key, passphrase=lambda: b"open sesame")
    ReportSigner(key, tmp_path / "report.pem", owner="Example", issued_at=ISSUED)
    with pytest.raises(IntegrityError, match="another key's"):
        ReportSigner(_EllipticKey(), tmp_path / "report.pem", owner="Example", issued_at=ISSUED)
    with pytest.raises(IntegrityError, match="not RSA"):
        self_signed(_EllipticKey(), owner="Example", issued_at=ISSUED)


def test_a_shorter_report_key_is_refused(tmp_path: Path) -> None:
    short = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    create_private(tmp_path / "report.key", short)
    with pytest.raises(IntegrityError, match="not a report key"):
        FileRsaKey(tmp_path / "report.key")


def test_a_certificates_key_gives_nothing_away(report_key: Path) -> None:
    key = _CertificateKey(FileRsaKey(report_key, passphrase=lambda: b"open sesame"))
    assert key.key_size == 4096
    assert isinstance(load_der_public_key(key._held.public_der), rsa.RSAPublicKey)
    refused: list[Callable[[], object]] = [key.decrypt, key.private_numbers, key.private_bytes]
    with pytest.raises(AssertionError, match="nothing else"):
        copy.copy(key)
    with pytest.raises(AssertionError, match="nothing else"):
        copy.deepcopy(key)
    for ask in refused:
        with pytest.raises(AssertionError, match="nothing else"):
            ask()


def test_a_plain_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    FileSigner(tmp_path / "log.key", name=NAME)
    (tmp_path / "log.key").chmod(0o640)
    with pytest.raises(AccessDenied, match="chmod 600"):
        FileSigner(tmp_path / "log.key", name=NAME)


def test_a_named_signer_signs_under_its_name() -> None:
    assert NamedSigner(NAME, _Held(Ed25519PrivateKey.generate())).key.name == NAME


def _no_variable(reference: str) -> str:
    raise NotFound("no such variable", reference=reference)
