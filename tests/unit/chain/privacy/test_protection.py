"""No personal data reaches an entry: declared values are committed to, others are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.canonical import encode
from chain.privacy.commitment import check_opening, opening
from chain.privacy.fields import PERSONAL_FIELDS
from chain.privacy.personal_values import find_personal, has_address, require_impersonal
from chain.privacy.protection import is_protected, protect
from chain.privacy.subject_keys import SubjectKeys
from domain.errors import InputError
from domain.evidence import EventType
from domain.tenancy import TenantId
from domain.value import Json

ACME = TenantId("acme")
REVIEW: dict[str, Json] = {
    "id": "r-1",
    "reviewed": 2,
    "reviewer": "ann@example.org",
    "subjects": [
        {"principal": "bob@example.org", "display_name": "Bob B.", "decision": "kept", "manager": None},
        {"principal": "Ann@Example.org", "decision": "revoked"},
    ],
}


@pytest.fixture
def keys(tmp_path: Path) -> SubjectKeys:
    return SubjectKeys(tmp_path / "privacy", ACME)


def test_declared_values_become_commitments_that_their_openings_fit(keys: SubjectKeys) -> None:
    body = protect(REVIEW, EventType.ACCESS_REVIEW, keys)
    text = encode(body)
    for name in (b"ann", b"Ann", b"bob", b"Bob", b"@"):
        assert name not in text
    assert body["reviewed"] == 2
    reviewer = body["reviewer"]
    assert isinstance(reviewer, dict)
    opened = opening(
        keys.key_of("ann@example.org"), tenant="acme", field="access_review.reviewer", value="ann@example.org"
    )
    check_opening(str(reviewer["commitment"]), opened)


def test_one_person_has_one_pseudonym_however_the_name_is_written(keys: SubjectKeys) -> None:
    body = protect(REVIEW, EventType.ACCESS_REVIEW, keys)
    subjects = body["subjects"]
    assert isinstance(subjects, list)
    first, second = (item for item in subjects if isinstance(item, dict))
    assert first["principal"]["subject"] == first["display_name"]["subject"]  # type: ignore[index, call-overload]
    assert second["principal"]["subject"] == body["reviewer"]["subject"]  # type: ignore[index, call-overload]
    assert first["manager"] is None


def test_protecting_is_repeatable_and_leaves_the_callers_body_alone(keys: SubjectKeys) -> None:
    body = protect(REVIEW, EventType.ACCESS_REVIEW, keys)
    assert protect(REVIEW, EventType.ACCESS_REVIEW, keys) == body
    assert protect(body, EventType.ACCESS_REVIEW, keys) == body
    assert REVIEW["reviewer"] == "ann@example.org"


def test_a_list_of_persons_is_committed_to_item_by_item(keys: SubjectKeys) -> None:
    body = protect({"details": {"approvers": ["Ann", "Bob"]}}, EventType.CHANGE_RECORD, keys)
    approvers = body["details"]["approvers"]  # type: ignore[index, call-overload]
    assert len({item["commitment"] for item in approvers}) == 2  # type: ignore[index, call-overload, union-attr]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"note": "asked by ann@example.org"}, "body.note"),
        ({"list": [{"deep": "mailto:ann%40example.org"}]}, "body.list[0].deep"),
        ({"ann@example.org": 1}, "body (a key)"),
        ({"ann@example.org": {"bob@example.org": "x"}}, "body (a key)"),
    ],
)
def test_an_address_that_nobody_declared_is_refused_with_its_path(
    keys: SubjectKeys, body: dict[str, Json], path: str
) -> None:
    with pytest.raises(InputError, match="in clear") as refused:
        protect(body, EventType.SCAN_RESULT, keys)
    assert refused.value.facts["path"] == path
    assert "ann" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"reviewer": {"name": "Ann"}}, "body.reviewer"),
        ({"reviewer": 7}, "body.reviewer"),
        ({"reviewers": "Ann"}, "body.reviewers"),
        ({"subjects": ["Ann"]}, "body.subjects[0]"),
        ({"subjects": [{"display_name": "Ann"}]}, "body.subjects[0].display_name"),
        ({"details": "Ann"}, "body.details"),
    ],
)
def test_a_personal_value_in_another_form_is_refused_rather_than_overlooked(
    keys: SubjectKeys, body: dict[str, Json], path: str
) -> None:
    with pytest.raises(InputError) as refused:
        protect(body, EventType.ACCESS_REVIEW, keys)
    assert refused.value.facts["path"] == path
    assert "Ann" not in str(refused.value)


def test_absent_and_empty_fields_need_nothing(keys: SubjectKeys) -> None:
    body: dict[str, Json] = {"reviewer": None, "subjects": [], "details": {}}
    assert protect(body, EventType.ACCESS_REVIEW, keys) == body
    assert protect({"reviewer": "Ann"}, EventType.DRIFT_DETECTED, keys) == {"reviewer": "Ann"}


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.org",
        "Ann <ann.b+c@mail.example.co.uk>",
        "arn:aws:sts::1:assumed-role/r/ann@example.org",
        "ann_example.org#EXT#@example.onmicrosoft.com",
        "anne-zo\u00eb@ex\u00e4mple.de",
        "x" * 100 + "@example.org",
        "ann@163.com",
        "ann@example.xn--p1ai",
        "https://example.org/?user=ann%40example.org",
    ],
)
def test_addresses_of_persons_are_found(text: str) -> None:
    assert has_address(text)
    assert list(find_personal([text])) == ["body[0]"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no address",
        "svc@project.iam.gserviceaccount.com",
        "1-compute@developer.gserviceaccount.com",
        "git@github.com:org/repo.git",
        "npm:left-pad@1.3.0",
        "go:example.org/m@v1.2.3-alpha.beta",
        "image@sha256:0123456789abcdef",
        "@angular/core.js",
        "@example.org",
        "ann@localhost",
        "100%40",
    ],
)
def test_what_only_looks_like_an_address_is_none(text: str) -> None:
    require_impersonal(text)


@settings(max_examples=40)
@given(st.text(max_size=60), st.text(max_size=20))
def test_an_address_is_found_within_any_text(before: str, after: str) -> None:
    assert has_address(f"{before} ann@example.org {after}")


@settings(max_examples=40)
@given(st.sampled_from([*PERSONAL_FIELDS, EventType.DRIFT_DETECTED]), st.booleans())
def test_the_quick_look_never_passes_over_a_personal_value(kind: EventType, is_address: bool) -> None:
    for field in PERSONAL_FIELDS.get(kind, ()):
        value: Json = "ann@example.org" if is_address else "Ann"
        for step in reversed(field.steps):
            value = [value] if step == "[]" else {step: value}
        assert not is_protected(encode(value), kind)
    assert is_protected(b'{"id":"r-1","reviewed":2}', kind)
    assert not is_protected(b'{"id":"ann@example.org"}', kind)
