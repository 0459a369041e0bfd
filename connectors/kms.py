"""Keys of AWS KMS: they sign, and wrap other keys, without ever leaving the service.

Every signature is checked against the key's public half before it is given out: a service, or a stand-in for one, that
signs something else than was asked is noticed here and not by an auditor. Messages over 4,096 bytes are signed by
their digest, which gives the same signature (AWS KMS API, Sign). An Ed25519 key signs whole messages alone, since its
digest mode is another algorithm (Ed25519ph).

Source: AWS KMS API reference, Sign, GetPublicKey, Encrypt, Decrypt; RFC 8017; RFC 8032.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from domain.errors import AccessDenied, InputError, IntegrityError, NotFound, PolicyCortexError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_kms.literals import MessageTypeType, SigningAlgorithmSpecType

RAW_SIZE_BYTES_MAX: Final = 4096
RSA_SPEC: Final = "RSA_4096"
RSA_SIZE_BITS: Final = 4096
ED25519_SPEC: Final = "ECC_NIST_EDWARDS25519"

_ERRORS: Final[dict[str, type[PolicyCortexError]]] = {
    "AccessDeniedException": AccessDenied,
    "UnrecognizedClientException": AccessDenied,
    "InvalidSignatureException": AccessDenied,
    "NotFoundException": NotFound,
    "DisabledException": UnavailableError,
    "KMSInvalidStateException": UnavailableError,
    "KeyUnavailableException": UnavailableError,
    "KMSInternalException": UnavailableError,
    "DependencyTimeoutException": UnavailableError,
    "ThrottlingException": UnavailableError,
    "InvalidCiphertextException": IntegrityError,
    "IncorrectKeyException": IntegrityError,
}


def open_client(
    *,
    region: str,
    endpoint_url: str | None = None,
    credentials: tuple[str, str] | None = None,
    timeout_s: float = 5,
) -> KMSClient:
    """A client with bounded waiting.

    Args:
        credentials: access key id and secret; None uses the machine's own, as AWS clients find them.
    """
    key_id, secret = credentials or (None, None)
    return boto3.client(
        "kms",
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(connect_timeout=timeout_s, read_timeout=timeout_s, retries={"total_max_attempts": 3}),
    )


class KmsRsaKey:
    """An RSA-4096 key that signs reports.

    Raises:
        InputError: the key is of another kind.
    """

    def __init__(self, client: KMSClient, key_id: str) -> None:
        self._client = client
        self._key_id = key_id
        public = _public_key(client, key_id)
        if not isinstance(public, rsa.RSAPublicKey) or public.key_size != RSA_SIZE_BITS:
            raise _another_kind(key_id, public, RSA_SPEC)
        self._public = public

    @property
    def public_der(self) -> bytes:
        return self._public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, message: bytes) -> bytes:
        """RSASSA-PSS with SHA-256; AWS KMS salts with 32 bytes."""
        pss = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=padding.PSS.AUTO)
        return self._sign(message, "RSASSA_PSS_SHA_256", pss)

    def sign_pkcs1v15(self, message: bytes) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256."""
        return self._sign(message, "RSASSA_PKCS1_V1_5_SHA_256", padding.PKCS1v15())

    def _sign(self, message: bytes, algorithm: SigningAlgorithmSpecType, pad: padding.PSS | padding.PKCS1v15) -> bytes:
        signature = _sign(self._client, self._key_id, message, algorithm)
        with _checking(self._key_id):
            self._public.verify(signature, message, pad, SHA256())
        return signature


class KmsEd25519Key:
    """An Ed25519 key that signs checkpoints.

    Raises:
        InputError: the key is of another kind.
    """

    def __init__(self, client: KMSClient, key_id: str) -> None:
        self._client = client
        self._key_id = key_id
        public = _public_key(client, key_id)
        if not isinstance(public, Ed25519PublicKey):
            raise _another_kind(key_id, public, ED25519_SPEC)
        self._public = public

    @property
    def public(self) -> bytes:
        return self._public.public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        """Sign a message of at most 4,096 bytes, which every checkpoint is.

        Raises:
            InputError: the message is longer.
        """
        if len(message) > RAW_SIZE_BYTES_MAX:
            raise InputError(
                "message is too long for an Ed25519 key of AWS KMS",
                key=self._key_id,
                size_bytes=len(message),
                size_bytes_max=RAW_SIZE_BYTES_MAX,
            )
        signature = _sign(self._client, self._key_id, message, "ED25519_SHA_512")
        with _checking(self._key_id):
            self._public.verify(signature, message)
        return signature


class KmsKeyWrapper:
    """Wraps other keys with a symmetric key of the service; the context is bound in and logged by AWS CloudTrail."""

    def __init__(self, client: KMSClient, key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def wrap(self, key: bytes, context: str) -> bytes:
        with _asking("Encrypt", self._key_id):
            answer = self._client.encrypt(
                KeyId=self._key_id, Plaintext=key, EncryptionContext={"policycortex": context}
            )
        return answer["CiphertextBlob"]

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """The key that was wrapped.

        Raises:
            IntegrityError: wrapped by another key, in another context, or changed since.
        """
        with _asking("Decrypt", self._key_id):
            answer = self._client.decrypt(
                KeyId=self._key_id, CiphertextBlob=wrapped, EncryptionContext={"policycortex": context}
            )
        return answer["Plaintext"]


def _public_key(client: KMSClient, key_id: str) -> object:
    """The public half, which itself says of what kind it is."""
    with _asking("GetPublicKey", key_id):
        answer = client.get_public_key(KeyId=key_id)
    return load_der_public_key(answer["PublicKey"])


def _another_kind(key_id: str, public: object, spec: str) -> InputError:
    return InputError(
        "key of AWS KMS is of another kind",
        key=key_id,
        expected=spec,
        got=f"{type(public).__name__} of {getattr(public, 'key_size', 'unknown')} bits",
        todo=f"Create one: aws kms create-key --key-spec {spec} --key-usage SIGN_VERIFY",
    )


def _sign(client: KMSClient, key_id: str, message: bytes, algorithm: SigningAlgorithmSpecType) -> bytes:
    is_long = len(message) > RAW_SIZE_BYTES_MAX
    kind: MessageTypeType = "DIGEST" if is_long else "RAW"
    content = hashlib.sha256(message).digest() if is_long else message
    with _asking("Sign", key_id):
        answer = client.sign(KeyId=key_id, Message=content, MessageType=kind, SigningAlgorithm=algorithm)
    return answer["Signature"]


@contextmanager
def _checking(key_id: str) -> Iterator[None]:
    try:
        yield
    except InvalidSignature:
        raise IntegrityError(
            "AWS KMS signed something else than it was asked to",
            key=key_id,
            todo="Check the endpoint: a stand-in may not know messages that are given by their digest",
        ) from None


@contextmanager
def _asking(operation: str, key_id: str) -> Iterator[None]:
    """Turn the service's refusals into errors that say who must act."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise _ERRORS.get(code, InputError)(
            "AWS KMS refused", operation=operation, key=key_id, reason=code, todo="See AWS CloudTrail for the call"
        ) from error
    except BotoCoreError as error:
        raise UnavailableError(
            "AWS KMS was not reached", operation=operation, key=key_id, reason=type(error).__name__
        ) from error
