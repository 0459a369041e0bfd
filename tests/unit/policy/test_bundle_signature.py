"""Signatures of bundles: who signed what, and every way in which that can fail."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.note import VerifierKey
from domain.errors import AccessDenied, InputError
from policy.bundle import Bundle, parse_bundle
from policy.bundle_signature import parse_trusted_keys, sign_bundle, statement, verified_signers


class Key:
    """A key in memory."""

    def __init__(self, name: str, seed: int) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32))
        self.key = VerifierKey(name, self._private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


LEAD, OTHER = Key("example.com/lead", 1), Key("example.com/other", 2)


def bundle(version: str = "1.0.0") -> Bundle:
    files: dict[str, Any] = {"bundle.json": {"name": "web", "version": version}}
    return parse_bundle(files)


def test_a_trusted_key_is_named() -> None:
    note = sign_bundle(bundle(), LEAD)

    assert verified_signers(bundle(), note, [OTHER.key, LEAD.key]) == ("example.com/lead",)
    assert f"sha256:{bundle().digest}\n" in note
    assert statement(bundle()) != statement(bundle("1.0.1"))


def test_nothing_is_made_of_a_signature_where_no_key_is_trusted() -> None:
    assert verified_signers(bundle(), None, []) == ()
    assert verified_signers(bundle(), "anything", []) == ()


@pytest.mark.parametrize(
    ("note", "summary"),
    [
        (None, "bundle is not signed"),
        ("words", "not signed by a trusted key"),
        (sign_bundle(bundle(), OTHER), "not signed by a trusted key"),
        (sign_bundle(bundle(), LEAD).replace("web", "wab"), "not signed by a trusted key"),
        (sign_bundle(bundle("2.0.0"), LEAD), "of another bundle"),
    ],
)
def test_a_bundle_that_no_trusted_key_signed_is_refused(note: str | None, summary: str) -> None:
    with pytest.raises(AccessDenied, match=summary) as refusal:
        verified_signers(bundle(), note, [LEAD.key])

    assert (refusal.value.facts["where"], refusal.value.facts["status"]) == ("bundle.sig", 403)


def test_trusted_keys_stand_one_a_line() -> None:
    text = f"# leads\n\n{LEAD.key.text}\n  {OTHER.key.text}  \n"

    assert parse_trusted_keys(text, where="keys") == (LEAD.key, OTHER.key)


@pytest.mark.parametrize(("text", "where"), [("", "keys"), ("# none\n", "keys"), ("\nno key\n", "keys:2")])
def test_keys_that_cannot_be_read_are_named(text: str, where: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_trusted_keys(text, where="keys")

    assert refusal.value.facts["where"] == where
