"""Time stamp tokens: what is believed, and every way in which one is not."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from chain.anchors.check import check_receipt
from chain.anchors.rfc3161 import read_response, read_token
from chain.anchors.verdict import AnchorTrust, AnchorVerdict, Standing
from domain.anchoring import AnchorKind, AnchorReceipt
from domain.errors import IntegrityError
from tests.unit.chain.anchors import authority as tsa
from tests.unit.chain.anchors.authority import AT, STAMPING, Draft, Holder, authority_extensions, issue

NOTE = b"example.org/evidence/_platform/2026\n7\nroot\n\n\xe2\x80\x94 signature\n"


@cache
def _root() -> Holder:
    return issue("root", extensions=authority_extensions())


@cache
def _signer() -> Holder:
    return issue("stamper", issuer=_root(), extensions=[STAMPING])


def _receipt(token: bytes) -> AnchorReceipt:
    return AnchorReceipt(
        AnchorKind.RFC3161, "tsa", hashlib.sha256(NOTE).hexdigest(), None, is_final=True, files={"token.der": token}
    )


def _judge(token: bytes, *, root: Holder | None = None, others: tuple[x509.Certificate, ...] = ()) -> AnchorVerdict:
    trust = AnchorTrust(tsa_roots=((root or _root()).certificate,), tsa_certificates=others)
    return check_receipt(_receipt(token), NOTE, trust)


def test_a_token_of_a_trusted_authority_proves_a_time() -> None:
    verdict = _judge(Draft(_signer(), NOTE).encode())
    assert verdict.standing is Standing.PROVED
    assert verdict.not_after == AT
    assert "revoked" in verdict.unchecked[0]


def test_the_stated_accuracy_and_fraction_move_the_bound() -> None:
    accuracy = tsa.sequence(tsa.integer(1), tsa.integer(500, 0x80), tsa.integer(7, 0x81))
    token = Draft(_signer(), NOTE, gen_time=b"20260301120000.25Z", optional=accuracy + tsa.integer(99)).encode()
    assert _judge(token).not_after == AT + timedelta(seconds=1.75, microseconds=7)
    assert read_token(token).stamp.nonce == 99


@pytest.mark.parametrize("signature_algorithm", [tsa.ID_RSA, tsa.ID_RSA_SHA256])
def test_an_rsa_signature_with_the_older_certificate_attribute_is_accepted(signature_algorithm: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signer = issue("rsa stamper", issuer=_root(), key=key, extensions=[STAMPING])
    draft = Draft(signer, NOTE, signature_algorithm=signature_algorithm)
    draft.certificate_attribute = tsa.ID_SIGNING_CERTIFICATE
    assert _judge(draft.encode()).standing is Standing.PROVED


def test_a_chain_may_pass_through_an_authority_below_the_root() -> None:
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    middle = issue("middle", issuer=_root(), extensions=[*authority_extensions(0), (usage, True)])
    signer = issue("stamper below", issuer=middle, extensions=[STAMPING])
    assert _judge(Draft(signer, NOTE).encode(), others=(middle.certificate,)).standing is Standing.PROVED
    assert _judge(Draft(signer, NOTE).encode()).standing is Standing.REFUTED


def test_the_signers_certificate_may_come_from_the_reader() -> None:
    token = Draft(_signer(), NOTE, certificates=[]).encode()
    assert _judge(token, others=(_signer().certificate,)).standing is Standing.PROVED
    assert _judge(token).findings[0].field == "the signer's certificate is not there"


def test_a_receipt_may_not_state_another_time_than_its_token() -> None:
    receipt = _receipt(Draft(_signer(), NOTE).encode())
    for stated_at, standing in ((AT, Standing.CONDITIONAL), (AT - timedelta(seconds=1), Standing.REFUTED)):
        assert check_receipt(replace(receipt, stated_at=stated_at), NOTE, AnchorTrust()).standing is standing


def test_an_extension_that_is_not_critical_is_passed_over() -> None:
    extension = tsa.tlv(0xA1, tsa.sequence(tsa.oid("1.2.3"), tsa.octets(b"")))
    assert _judge(Draft(_signer(), NOTE, optional=extension).encode()).standing is Standing.PROVED


def test_without_a_root_nothing_is_claimed() -> None:
    verdict = check_receipt(_receipt(Draft(_signer(), NOTE).encode()), NOTE, AnchorTrust())
    assert (verdict.standing, verdict.not_after) == (Standing.CONDITIONAL, None)


def test_another_authority_is_not_trusted() -> None:
    verdict = _judge(Draft(_signer(), NOTE).encode(), root=issue("stranger", extensions=authority_extensions()))
    assert verdict.findings[0].field == "time stamp authority is not trusted"


def test_an_impostor_with_the_roots_name_is_not_trusted() -> None:
    verdict = _judge(Draft(_signer(), NOTE).encode(), root=issue("root", extensions=authority_extensions()))
    assert verdict.findings[0].field == "time stamp authority is not trusted"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"imprint": b"\0" * 32}, "token stamps another note"),
        ({"imprint": b"\0" * 20}, "time stamp is not of a kind that is read here"),
        ({"version": 2}, "time stamp is not of a kind that is read here"),
        ({"imprint_algorithm": "1.3.14.3.2.26"}, "time stamp is not of a kind that is read here"),
        ({"gen_time": b"20260301120000"}, "time is not a time"),
        ({"gen_time": b"20261301120000Z"}, "time is not a time"),
        ({"optional": tsa.sequence(tsa.octets(b""))}, "accuracy is not understood"),
        ({"optional": tsa.sequence(tsa.integer(90_000))}, "time stamp is not accurate enough"),
        (
            {"optional": tsa.tlv(0xA1, tsa.sequence(tsa.oid("1.2.3"), tsa.tlv(0x01, b"\xff"), tsa.octets(b"")))},
            "time stamp has a critical extension",
        ),
        ({"content_type": "1.2.3"}, "encapsulated type is not a time stamp's"),
        ({"signed_content_type": "1.2.3"}, "signed content type is not a time stamp's"),
        ({"message_digest": b"\0" * 32}, "time stamp is not what was signed"),
        ({"certificate_digest": b"\0" * 32}, "token names another signing certificate"),
        ({"drop_attribute": tsa.ID_CONTENT_TYPE}, "time stamp token lacks a signed attribute"),
        ({"drop_attribute": tsa.ID_MESSAGE_DIGEST}, "time stamp token lacks a signed attribute"),
        ({"drop_attribute": tsa.ID_SIGNING_CERTIFICATE_V2}, "time stamp token lacks a signed attribute"),
        ({"digest_algorithm": "1.3.14.3.2.26"}, "digest algorithm is not accepted"),
        ({"signature_algorithm": "1.2.840.113549.1.1.5"}, "signature algorithm is not read here"),
        ({"signature": b"\x30\x06\x02\x01\x01\x02\x01\x01"}, "time stamp token's signature is wrong"),
        ({"signers": 2}, "time stamp token has not one signer"),
        ({"identifier": tsa.sequence()}, "signer's identifier is not understood"),
        ({"identifier": tsa.tlv(0x80, b"key")}, "signer's identifier is not of its type"),
        ({"certificates": [tsa.sequence(tsa.integer(1))]}, "DER element has nothing within"),
        ({"certificates": [tsa.sequence(tsa.sequence(tsa.integer(1), tsa.integer(1)))]}, "certificate cannot be read"),
        ({"gen_time": b"20200101000000Z"}, "certificate was not valid at the time of the stamp"),
    ],
)
def test_a_token_that_is_wrong_in_one_place_is_refuted(change: dict[str, Any], found: str) -> None:
    verdict = _judge(Draft(_signer(), NOTE, **change).encode())
    assert verdict.standing is Standing.REFUTED
    assert verdict.not_after is None
    assert verdict.findings[0].field == found


def test_an_attribute_that_stands_twice_is_refuted() -> None:
    twice = tsa.sequence(tsa.oid(tsa.ID_CONTENT_TYPE), tsa.tlv(0x31, tsa.oid(tsa.ID_TST_INFO)))
    verdict = _judge(Draft(_signer(), NOTE, extra_attributes=[twice]).encode())
    assert verdict.findings[0].field == "attribute stands twice or has no value"


def test_a_token_names_its_certificate_by_any_accepted_hash() -> None:
    certificate = _signer().certificate.public_bytes(Encoding.DER)
    value = tsa.sequence(
        tsa.sequence(
            tsa.sequence(tsa.algorithm("2.16.840.1.101.3.4.2.3"), tsa.octets(hashlib.sha512(certificate).digest()))
        )
    )
    attribute = tsa.sequence(tsa.oid(tsa.ID_SIGNING_CERTIFICATE_V2), tsa.tlv(0x31, value))
    draft = Draft(_signer(), NOTE, drop_attribute=tsa.ID_SIGNING_CERTIFICATE_V2, extra_attributes=[attribute])
    assert _judge(draft.encode()).standing is Standing.PROVED


@pytest.mark.parametrize(
    "extensions",
    [
        [],
        [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), False)],
        [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING]), True)],
    ],
)
def test_a_certificate_for_other_uses_may_not_stamp(extensions: list[tuple[x509.ExtensionType, bool]]) -> None:
    signer = issue("other use", issuer=_root(), extensions=extensions)
    assert _judge(Draft(signer, NOTE).encode()).findings[0].field == "certificate may not stamp times"


def test_a_critical_extension_that_is_not_understood_refuses_the_certificate() -> None:
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    signer = issue("strange", issuer=_root(), extensions=[STAMPING, (strange, True)])
    assert "critical extension" in _judge(Draft(signer, NOTE).encode()).findings[0].field


@pytest.mark.parametrize("case", ["no authority", "no signing of certificates", "path too long"])
def test_only_an_authority_may_issue(case: str) -> None:
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    choices: dict[str, list[tuple[x509.ExtensionType, bool]]] = {
        "no authority": [(x509.BasicConstraints(ca=False, path_length=None), True)],
        "no signing of certificates": [*authority_extensions(), (usage, True)],
        "path too long": authority_extensions(),
    }
    extensions = choices[case]
    root = issue("short root", extensions=authority_extensions(0))
    middle = issue("middle", issuer=root, extensions=extensions)
    signer = issue("stamper", issuer=middle, extensions=[STAMPING])
    verdict = _judge(Draft(signer, NOTE).encode(), root=root, others=(middle.certificate,))
    assert verdict.findings[0].field == "time stamp authority is not trusted"


def test_a_chain_that_goes_in_a_circle_ends() -> None:
    circle = issue("circle", extensions=authority_extensions())
    signer = issue("stamper", issuer=circle, extensions=[STAMPING])
    verdict = _judge(Draft(signer, NOTE).encode(), others=(circle.certificate,))
    assert verdict.findings[0].field == "time stamp authority is not trusted"


def test_a_short_rsa_key_is_not_accepted() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    signer = issue("short", issuer=_root(), key=key, extensions=[STAMPING])
    verdict = _judge(Draft(signer, NOTE, signature_algorithm=tsa.ID_RSA).encode())
    assert "not of a kind" in verdict.findings[0].field


def test_every_flipped_byte_of_a_token_is_noticed_or_outside_the_signature() -> None:
    token = Draft(_signer(), NOTE).encode()
    stamp = read_token(token).stamp
    for position, mask in itertools.product(range(len(token)), (0x01, 0x40, 0x80)):
        flipped = bytearray(token)
        flipped[position] ^= mask
        verdict = _judge(bytes(flipped))
        if verdict.standing is Standing.PROVED:
            assert read_token(bytes(flipped)).stamp == stamp
            assert verdict.not_after == AT


def test_a_response_gives_its_token() -> None:
    token = Draft(_signer(), NOTE).encode()
    assert read_response(tsa.sequence(tsa.sequence(tsa.integer(0)), token)) == token


@pytest.mark.parametrize("parts", [[tsa.sequence(tsa.integer(2))], [tsa.sequence(tsa.integer(0))]])
def test_a_response_without_a_granted_token_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(IntegrityError, match="refused"):
        read_response(tsa.sequence(*parts))
