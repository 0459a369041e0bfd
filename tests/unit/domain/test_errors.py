"""Errors keep their type and facts across processes, and say what to do."""

from __future__ import annotations

import pickle

import pytest

from domain.errors import (
    AccessDenied,
    ConflictError,
    IncompleteError,
    InputError,
    IntegrityError,
    NotFound,
    PolicyCortexError,
    UnavailableError,
)

CLASSES = (AccessDenied, ConflictError, IncompleteError, InputError, IntegrityError, NotFound, UnavailableError)


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_survives_being_pickled_with_its_facts(cls: type[PolicyCortexError]) -> None:
    error = pickle.loads(pickle.dumps(cls("root hash mismatch", tree_size=7, todo="Call whoever is on call")))
    assert type(error) is cls
    assert (error.summary, error.facts) == (
        "root hash mismatch",
        {"tree_size": 7, "todo": "Call whoever is on call"},
    )


def test_the_text_names_the_facts_and_ends_with_what_to_do() -> None:
    error = InputError("not a date", got="x", expected="2026-01-31", todo="Write the time in ISO 8601")
    assert str(error) == "not a date (got='x', expected='2026-01-31'). Write the time in ISO 8601"


def test_the_text_is_the_summary_where_there_are_no_facts() -> None:
    assert str(NotFound("no such scan")) == "no such scan"


def test_codes_and_statuses_tell_who_must_act() -> None:
    assert len({cls.code for cls in CLASSES}) == len(CLASSES)
    assert [cls for cls in CLASSES if cls.is_retried] == [UnavailableError]
    assert {cls.http_status for cls in CLASSES} == {401, 404, 409, 422, 500, 503}
