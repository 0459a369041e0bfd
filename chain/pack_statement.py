"""The signed statement of a pack: which files it has and what they amount to.

An in-toto statement in a DSSE envelope, signed with RSA-4096 (PSS, SHA-256, 32 bytes of salt). The envelope has one
spelling, so none of its bytes is outside the signature.

Source: in-toto Attestation Framework, Statement v1; DSSE 1.0.2 (protocol and envelope); RFC 8017 section 8.1.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chain.encoding import decode_base64, encode_base64
from chain.pack import JSON_SIZE_BYTES_MAX, PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, FileDigest
from chain.strict_json import parse
from domain.errors import InputError, IntegrityError
from domain.value import Json

KEY_SIZE_BITS: Final = 4096
SALT_SIZE_BYTES: Final = 32
SIGNATURE_SIZE_BYTES: Final = KEY_SIZE_BITS // 8

_ENVELOPE = re.compile(
    rb'\{"payload":"([A-Za-z0-9+/=]*)","payloadType":"application/vnd\.in-toto\+json",'
    rb'"signatures":\[\{"keyid":"([0-9a-f]{64})","sig":"([A-Za-z0-9+/=]*)"\}\]\}'
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose signature is verified.

    Args:
        subjects: every file of the pack but the statement itself and its envelope.
        predicate: what the maker says of them.
        signer: the certificate's subject, in words.
        fingerprint: SHA-256 of the certificate.
    """

    subjects: Mapping[str, FileDigest]
    predicate: Mapping[str, Json]
    signer: str
    fingerprint: str


def pre_authentication_encoding(payload: bytes) -> bytes:
    """What is signed: type and payload with their lengths, so that neither can pass for a part of the other."""
    kind = PAYLOAD_TYPE.encode("ascii")
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def encode_envelope(payload: bytes, *, key_id: str, signature: bytes) -> bytes:
    """The envelope in its only spelling."""
    return (
        f'{{"payload":"{encode_base64(payload)}","payloadType":"{PAYLOAD_TYPE}",'
        f'"signatures":[{{"keyid":"{key_id}","sig":"{encode_base64(signature)}"}}]}}'
    ).encode("ascii")


def key_id_of(certificate: x509.Certificate) -> str:
    """Name of a certificate's key: SHA-256 of its public key info."""
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).hexdigest()


def load_certificate(pem: bytes, *, where: str) -> x509.Certificate:
    """Read a report certificate.

    Raises:
        InputError: not one certificate, or not of an RSA key of 4096 bits.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = x509.load_pem_x509_certificate(pem)
            key, _ = certificate.public_key(), certificate.subject.rfc4514_string()
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise InputError("not a certificate in PEM that can be read", path=where, reason=str(error)) from error
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size != KEY_SIZE_BITS:
        raise InputError("report certificate is not of an RSA key of 4096 bits", path=where)
    return certificate


def verify_statement(payload: bytes, envelope: bytes, certificate: x509.Certificate) -> Statement:
    """Check the signature, then read what was signed.

    Raises:
        IntegrityError: the payload is not what the certificate's key signed.
        InputError: signed, but not a statement of this version.
    """
    _require_signed(payload, envelope, certificate)
    fields = parse(payload, size_bytes_max=JSON_SIZE_BYTES_MAX)
    if not isinstance(fields, dict) or fields.keys() != {"_type", "subject", "predicateType", "predicate"}:
        raise InputError("not an in-toto statement", expected=STATEMENT_TYPE)
    if (fields["_type"], fields["predicateType"]) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise InputError(
            "statement is of another version",
            expected=PREDICATE_TYPE,
            got=str(fields["predicateType"])[:80],
            todo="Use a newer verifier",
        )
    predicate = fields["predicate"]
    if not isinstance(predicate, dict):
        raise InputError("statement's predicate is not an object")
    return Statement(
        subjects=dict(_subject(item) for item in _items(fields["subject"])),
        predicate=predicate,
        signer=certificate.subject.rfc4514_string(),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def subject_json(path: str, file: FileDigest) -> dict[str, Json]:
    """A file as a statement names it."""
    return {"name": path, "digest": {"sha256": file.sha256, "sha3_256": file.sha3_256}}


def _require_signed(payload: bytes, envelope: bytes, certificate: x509.Certificate) -> None:
    matched = _ENVELOPE.fullmatch(envelope)
    if matched is None:
        raise IntegrityError("envelope is not a DSSE envelope with one signature")
    encoded, key_id, signature = (part.decode("ascii") for part in matched.groups())
    if encoded != encode_base64(payload):
        raise IntegrityError("envelope holds another statement than the file beside it")
    if key_id != key_id_of(certificate):
        raise IntegrityError("statement is signed with another key", expected=key_id_of(certificate), got=key_id)
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey), "certificates are read by load_certificate"
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), SALT_SIZE_BYTES)
    try:
        content = decode_base64(signature, what="signature")
        key.verify(content, pre_authentication_encoding(payload), scheme, hashes.SHA256())
    except (InvalidSignature, InputError):
        raise IntegrityError("statement's signature is wrong", key_id=key_id) from None


def _items(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise InputError("statement's subjects are not a list")
    return value


def _subject(value: Json) -> tuple[str, FileDigest]:
    match value:
        case {"name": str(name), "digest": {"sha256": str(sha256), "sha3_256": str(sha3_256)}}:
            return name, FileDigest(sha256, sha3_256, -1)
        case _:
            raise InputError("statement has a subject without name and digests", got=str(value)[:120])
