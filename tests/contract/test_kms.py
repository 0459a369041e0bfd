"""Keys of AWS KMS, against moto's server on the loopback address, and against recorded answers where moto differs.

moto 5.2.5 differs from AWS KMS in three ways that these tests name: it has no Ed25519 keys, it signs a digest as if it
were the message, and it salts PSS with as many bytes as fit instead of 32.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from botocore.stub import Stubber
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from chain.keys.report_key import ReportSigner, check_report_signature
from chain.keys.signer import NamedSigner
from connectors.kms import ED25519_SPEC, KmsEd25519Key, KmsKeyWrapper, KmsRsaKey, open_client
from domain.errors import AccessDenied, InputError, IntegrityError, NotFound, UnavailableError
from serve.key_places import key_places
from serve.settings import load_settings
from tests.servers.moto import REGION, moto

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_kms.literals import KeySpecType

LONG = b"x" * 4097


@pytest.fixture(scope="module")
def kms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KMSClient]:
    with moto(tmp_path_factory.mktemp("moto")) as endpoint:
        yield open_client(region=REGION, endpoint_url=endpoint, credentials=("testing", "testing"))


@pytest.fixture(scope="module")
def rsa_key(kms: KMSClient) -> KmsRsaKey:
    return KmsRsaKey(kms, _create(kms, "RSA_4096"))


@pytest.fixture
def unreached() -> KMSClient:
    return open_client(region="eu-central-1", credentials=("test", "test"))


@pytest.fixture(scope="module")
def private() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 4096)


def test_a_report_key_signs_with_pss(rsa_key: KmsRsaKey) -> None:
    public = load_der_public_key(rsa_key.public_der)
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 4096
    pss = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=padding.PSS.AUTO)
    public.verify(rsa_key.sign(b"report"), b"report", pss, SHA256())


def test_the_settings_lead_to_a_report_key_of_the_service(
    kms: KMSClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = _create(kms, "RSA_4096")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    flags = {"report_key": f"aws-kms:{name}", "kms_region": REGION, "kms_url": kms.meta.endpoint_url}
    key = key_places(load_settings(flags, environment={})).report_key(tmp_path / "unused.pem")
    assert key.public_der == KmsRsaKey(kms, name).public_der
    public = load_der_public_key(key.public_der)
    assert isinstance(public, rsa.RSAPublicKey)
    pss = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=padding.PSS.AUTO)
    public.verify(key.sign(b"report"), b"report", pss, SHA256())


def test_a_certificate_is_signed_through_the_service(rsa_key: KmsRsaKey, tmp_path: Path) -> None:
    issued = datetime(2026, 1, 1, tzinfo=UTC)
    signer = ReportSigner(rsa_key, tmp_path / "report.pem", owner="Example", issued_at=issued)
    certificate = x509.load_der_x509_certificate(signer.certificate_der)
    certificate.verify_directly_issued_by(certificate)
    again = ReportSigner(rsa_key, tmp_path / "report.pem", owner="Other", issued_at=issued)
    assert again.certificate_der == signer.certificate_der


def test_a_signature_of_something_else_is_noticed(rsa_key: KmsRsaKey) -> None:
    with pytest.raises(IntegrityError, match="signed something else"):
        rsa_key.sign(LONG)


def test_a_long_message_is_signed_by_its_digest(unreached: KMSClient, private: rsa.RSAPrivateKey) -> None:
    pss = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
    digest = hashlib.sha256(LONG).digest()
    signature = private.sign(digest, pss, Prehashed(SHA256()))
    with Stubber(unreached) as answers:
        answers.add_response("get_public_key", _public(private.public_key(), "RSA_4096"), {"KeyId": "k"})
        answers.add_response(
            "sign",
            {"Signature": signature},
            {"KeyId": "k", "Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": "RSASSA_PSS_SHA_256"},
        )
        key = KmsRsaKey(unreached, "k")
        check_report_signature(key.public_der, LONG, key.sign(LONG))


def test_moto_has_no_ed25519_keys(kms: KMSClient) -> None:
    """When this fails, moto has them: move the test below to the server."""
    with pytest.raises(kms.exceptions.ClientError, match="ValidationException"):
        _create(kms, ED25519_SPEC)


def test_a_log_key_signs_checkpoints_whole(unreached: KMSClient) -> None:
    private = Ed25519PrivateKey.generate()
    with Stubber(unreached) as answers:
        answers.add_response("get_public_key", _public(private.public_key(), ED25519_SPEC), {"KeyId": "k"})
        for signed in (b"checkpoint\n", b"something else"):
            answers.add_response(
                "sign",
                {"Signature": private.sign(signed)},
                {
                    "KeyId": "k",
                    "Message": b"checkpoint\n",
                    "MessageType": "RAW",
                    "SigningAlgorithm": "ED25519_SHA_512",
                },
            )
        signer = NamedSigner("example.org/log", KmsEd25519Key(unreached, "k"))
        assert signer.key.is_signed("checkpoint\n", signer.sign(b"checkpoint\n"))
        with pytest.raises(IntegrityError, match="signed something else"):
            signer.sign(b"checkpoint\n")
        with pytest.raises(InputError, match="too long"):
            signer.sign(LONG)


@pytest.mark.parametrize(
    ("opened", "spec", "got"),
    [
        (KmsRsaKey, "RSA_2048", "RSAPublicKey of 2048 bits"),
        (KmsRsaKey, "ECC_NIST_P256", "ECPublicKey of 256 bits"),
        (KmsEd25519Key, "ECC_NIST_P256", "ECPublicKey of 256 bits"),
    ],
)
def test_a_key_of_another_kind_is_refused(
    kms: KMSClient, opened: type[KmsRsaKey | KmsEd25519Key], spec: str, got: str
) -> None:
    with pytest.raises(InputError, match="another kind") as refused:
        opened(kms, _create(kms, spec))
    assert refused.value.facts["got"] == got


def test_a_wrapped_key_comes_back_in_its_own_context_alone(kms: KMSClient) -> None:
    first, second = (KmsKeyWrapper(kms, kms.create_key()["KeyMetadata"]["KeyId"]) for _ in range(2))
    wrapped = first.wrap(b"k" * 32, "acme/tenant")
    assert b"k" * 8 not in wrapped
    assert first.unwrap(wrapped, "acme/tenant") == b"k" * 32
    with pytest.raises(IntegrityError, match="refused"):
        first.unwrap(wrapped, "other/tenant")
    with pytest.raises(IntegrityError):
        first.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]), "acme/tenant")
    with pytest.raises((IntegrityError, AccessDenied)):
        second.unwrap(wrapped, "acme/tenant")


def test_a_missing_key_is_not_found(kms: KMSClient) -> None:
    with pytest.raises(NotFound):
        KmsRsaKey(kms, "00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AccessDeniedException", AccessDenied),
        ("ThrottlingException", UnavailableError),
        ("KMSInvalidStateException", UnavailableError),
        ("InvalidKeyUsageException", InputError),
    ],
)
def test_a_refusal_says_who_must_act(unreached: KMSClient, code: str, expected: type[Exception]) -> None:
    with Stubber(unreached) as answers:
        answers.add_client_error("encrypt", code)
        with pytest.raises(expected) as refused:
            KmsKeyWrapper(unreached, "k").wrap(b"k", "c")
    assert refused.value.facts["reason"] == code  # type: ignore[attr-defined]


def test_a_service_that_does_not_answer_is_unavailable() -> None:
    client = open_client(
        region="eu-central-1", endpoint_url="http://127.0.0.1:1", credentials=("test", "test"), timeout_s=0.2
    )
    with pytest.raises(UnavailableError, match="not reached"):
        KmsKeyWrapper(client, "k").wrap(b"k", "c")


def _create(kms: KMSClient, spec: str) -> str:
    return kms.create_key(KeySpec=cast("KeySpecType", spec), KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]


def _public(key: object, spec: str) -> dict[str, object]:
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return {"KeySpec": spec, "KeyUsage": "SIGN_VERIFY", "PublicKey": der}
