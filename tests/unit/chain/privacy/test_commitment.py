"""A commitment hides its value, binds to it, and opens alone."""

from __future__ import annotations

import doctest
import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chain.canonical import encode
from chain.privacy.commitment import (
    Commitment,
    _encode,
    check_opening,
    commit,
    is_committed,
    keyed_digest,
    opening,
    pseudonym,
)
from domain.errors import InputError, IntegrityError
from domain.value import Json

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=5), inner)
    ),
    max_leaves=6,
)
FIELD = st.sampled_from(["access_review.reviewer", "change_record.author"])
KEYS = st.binary(min_size=32, max_size=32)


@settings(max_examples=40)
@given(KEYS, FIELD, PLAIN)
def test_an_opening_fits_its_own_commitment(key: bytes, field: str, value: Json) -> None:
    committed = commit(key, tenant="acme", field=field, value=value)
    opened = opening(key, tenant="acme", field=field, value=value)
    check_opening(committed.commitment, opened)
    assert is_committed(committed.as_json())
    assert json.loads(json.dumps(opened.as_json())) == opened.as_json()


@settings(max_examples=40)
@given(KEYS, PLAIN, PLAIN)
def test_a_commitment_opens_to_no_other_value(key: bytes, value: Json, other: Json) -> None:
    assume(json.dumps(value, sort_keys=True) != json.dumps(other, sort_keys=True))
    committed = commit(key, tenant="acme", field="f", value=value)
    forged = replace(opening(key, tenant="acme", field="f", value=value), value=other)
    for opened in (forged, opening(key, tenant="acme", field="f", value=other)):
        with pytest.raises(IntegrityError, match="does not fit"):
            check_opening(committed.commitment, opened)


@settings(max_examples=40)
@given(KEYS, KEYS, TEXT)
def test_without_the_key_a_guess_of_the_value_says_nothing(key: bytes, guessed: bytes, value: str) -> None:
    assume(key != guessed)
    committed = commit(key, tenant="acme", field="f", value=value)
    assert committed != commit(guessed, tenant="acme", field="f", value=value)
    with pytest.raises(IntegrityError):
        check_opening(committed.commitment, opening(guessed, tenant="acme", field="f", value=value))


@settings(max_examples=40)
@given(PLAIN)
def test_a_value_is_hashed_in_its_canonical_form(value: Json) -> None:
    assert _encode(value) == encode(value)


@pytest.mark.parametrize(
    ("first", "second"),
    [(("acme", "f", "v"), ("acme2", "f", "v")), (("acme", "f", "v"), ("acme", "f2", "v"))],
)
def test_tenant_and_field_are_bound(first: tuple[str, str, str], second: tuple[str, str, str]) -> None:
    both = [commit(KEY, tenant=tenant, field=field, value=value).commitment for tenant, field, value in (first, second)]
    assert both[0] != both[1]


def test_the_formula_is_the_documented_one() -> None:
    content = b'acme\naccess_review.reviewer\n"Ann"'
    key = hmac.new(KEY, b"policycortex/opening/v1\n" + content, hashlib.sha3_256).digest()
    expected = hmac.new(key, b"policycortex/commitment/v1\n" + content, hashlib.sha3_256).hexdigest()
    committed = commit(KEY, tenant="acme", field="access_review.reviewer", value="Ann")
    assert committed == Commitment(expected, pseudonym(KEY, tenant="acme"))
    assert opening(KEY, tenant="acme", field="access_review.reviewer", value="Ann").key == key.hex()


def test_showing_one_value_opens_no_other() -> None:
    shown = opening(KEY, tenant="acme", field="f", value="Ann")
    other = commit(KEY, tenant="acme", field="f", value="Bob").commitment
    with pytest.raises(IntegrityError):
        check_opening(other, replace(shown, value="Bob"))


def test_a_pseudonym_is_a_persons_and_a_tenants() -> None:
    names = {pseudonym(key, tenant=tenant) for key in (KEY, OTHER_KEY) for tenant in ("acme", "other")}
    assert len(names) == 4
    assert pseudonym(KEY, tenant="acme") in {commit(KEY, tenant="acme", field="f", value=1).subject} & names


@pytest.mark.parametrize("key", [b"", KEY[:31], KEY + b"\0"])
def test_a_key_of_another_length_is_refused(key: bytes) -> None:
    with pytest.raises(InputError, match="another length"):
        commit(key, tenant="acme", field="f", value="v")
    with pytest.raises(InputError, match="another length"):
        keyed_digest(key, "header")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("two\nlines", "v", "visible ASCII"),
        ("", "v", "visible ASCII"),
        ("f", 1.5, "float"),
        ("f", [{"a": 1.5}], "float"),
        ("f", {"\u00e9": 1}, "not ASCII"),
        ("f", "\ud800", "half of a character"),
    ],
)
def test_what_has_no_single_form_is_refused(field: str, value: Json, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        commit(KEY, tenant="acme", field=field, value=value)


@pytest.mark.parametrize(("commitment", "key"), [("ab", KEY.hex()), ("A" * 64, KEY.hex()), ("a" * 64, "00")])
def test_what_is_no_opening_is_refused(commitment: str, key: str) -> None:
    with pytest.raises(InputError, match="not an opening"):
        check_opening(commitment, replace(opening(KEY, tenant="acme", field="f", value="v"), key=key))


@pytest.mark.parametrize(
    "value", [None, "ab", {}, {"commitment": "a" * 64}, {"commitment": "a" * 64, "subject": "A" * 64}]
)
def test_only_a_commitment_is_one(value: Json) -> None:
    assert not is_committed(value)


def test_the_check_by_hand_in_the_documents_works() -> None:
    text = (Path(__file__).parents[4] / "docs" / "privacy.md").read_text("utf-8")
    result = doctest.DocTestRunner().run(doctest.DocTestParser().get_doctest(text, {}, "privacy", "privacy.md", 0))
    assert (result.attempted, result.failed) == (4, 0)
    committed = commit(KEY, tenant="acme", field="access_review.reviewer", value="ann@example.org")
    assert committed.commitment in text
