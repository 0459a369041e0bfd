"""Entries written around canonical bodies are those that the general writer makes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.canonical import encode
from chain.entry import encode_event
from chain.entry_form import EntryForm
from domain.clock import format_instant
from domain.errors import InputError
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId
from domain.value import Json

ACME = TenantId("acme")
AT = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(sorted({EventType.ACCESS_REVIEW, EventType.EVIDENCE_COLLECTED})),
    st.text(min_size=1, max_size=50).map(lambda text: f"api/{text}"),
    st.dictionaries(st.text(max_size=5), values, max_size=3),
)
def test_the_bytes_are_those_of_the_general_writer(kind: EventType, request_id: str, body: dict[str, Json]) -> None:
    expected = encode_event(EvidenceEvent(ACME, request_id, kind, AT, body), {})
    assert EntryForm(ACME).write(kind, request_id=request_id, at=format_instant(AT), body=encode(body)) == expected


@pytest.mark.parametrize(("request_id", "size"), [("", 2), ("x" * 201, 2), ("x", 65_535), ("\ud800", 2)])
def test_what_is_too_long_or_no_text_is_refused(request_id: str, size: int) -> None:
    body = encode({"a": "x" * size})
    with pytest.raises(InputError):
        EntryForm(ACME).write(EventType.ACCESS_REVIEW, request_id=request_id, at=format_instant(AT), body=body)
