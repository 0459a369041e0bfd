"""Batches as bytes: all of them comes back, and what is not a batch is refused with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.stream import codec
from connectors.stream.codec import content_id, decode, encode
from domain.change import ChangeBatch, ChangeEvent
from domain.errors import InputError
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from domain.value import Json
from tests.unit.connectors.stream.changes import NOON, TENANT, batch, changed, deleted

texts = st.text(st.characters(codec="utf-8"), max_size=12)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
instants = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def events(draw: st.DrawFn) -> ChangeEvent:
    uid = ResourceId(draw(names))
    found: ConfigurationItem | None = None
    if draw(st.booleans()):
        found = ConfigurationItem(
            TENANT,
            uid,
            draw(st.sampled_from(Provider)),
            draw(texts),
            draw(texts),
            draw(texts),
            draw(texts),
            draw(st.dictionaries(texts, texts, max_size=3)),
            draw(st.dictionaries(texts, json, max_size=3)),
            draw(st.none() | instants),
            draw(texts),
            Origin(draw(texts), draw(st.integers(0, 10**6))),
            tuple(draw(st.lists(texts, max_size=2))),
            draw(st.booleans()),
        )
    return ChangeEvent(uid, draw(instants), found, draw(texts), draw(texts))


@given(st.lists(events(), min_size=1, max_size=4), texts, instants)
def test_every_batch_comes_back_whole(found: list[ChangeEvent], source: str, at: datetime) -> None:
    original = ChangeBatch(TENANT, "b-1", source, at, tuple(found))

    assert decode(encode(original).payload) == original


def test_the_digest_tells_content_from_id_and_time() -> None:
    one = batch("b-1", changed("orders"))
    later = replace(one, batch_id="b-2", published_at=NOON + timedelta(days=1))
    other = replace(one, events=(changed("orders", size=2),))

    assert encode(one).digest == encode(later).digest == content_id(one.source, one.events)
    assert encode(one).digest != encode(other).digest
    assert encode(one).digest != encode(replace(one, source="other")).digest


def document(**changes: Json) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(encode(batch("b-1", changed("orders"), deleted("bills"))).payload)
    return {**found, **changes}


@pytest.mark.parametrize(
    ("broken", "summary"),
    [
        (b"{", "the batch is not JSON"),
        (b"[]", "the batch is no object"),
        (b"{}", "the batch is of a version that is not known"),
        (orjson.dumps(document(version=2)), "the batch is of a version that is not known"),
        (orjson.dumps(document(events="all")), "`events` is missing or of the wrong type"),
        (orjson.dumps(document(events=[7])), "`events` holds something that is no object"),
        (orjson.dumps(document(published_at="yesterday")), "not a date or time"),
        (orjson.dumps(document(source=None)), "`source` is missing or of the wrong type"),
    ],
)
def test_what_is_no_batch_is_refused_with_the_reason(broken: bytes, summary: str) -> None:
    with pytest.raises(InputError) as caught:
        decode(broken)
    assert caught.value.summary == summary


def test_an_event_of_an_unknown_provider_is_refused() -> None:
    found = document()
    found["events"][0]["item"]["provider"] = "oracle"

    with pytest.raises(InputError) as caught:
        decode(orjson.dumps(found))
    assert caught.value.facts["got"] == "oracle"


def test_an_event_and_its_item_must_be_of_one_resource() -> None:
    event = replace(changed("orders"), uid=ResourceId("arn:aws:sqs:eu-central-1:123456789012:bills"))

    with pytest.raises(InputError):
        encode(batch("b-1", event))


def test_ids_that_differ_in_case_only_where_case_means_nothing_are_one_resource() -> None:
    uid = "/subscriptions/1/resourceGroups/g/providers/Microsoft.Web/sites/a"
    found = changed("orders").item
    assert found is not None
    event = ChangeEvent(ResourceId(uid.lower()), NOON, replace(found, uid=ResourceId(uid), provider=Provider.AZURE))

    assert decode(encode(batch("b-1", event)).payload).events == (event,)


@pytest.mark.parametrize("uid", ["", "x" * (codec.UID_LENGTH_MAX + 1)])
def test_an_event_must_name_a_resource(uid: str) -> None:
    with pytest.raises(InputError):
        encode(batch("b-1", ChangeEvent(ResourceId(uid), NOON, None)))


def test_an_event_without_a_time_zone_is_refused() -> None:
    with pytest.raises(InputError):
        encode(batch("b-1", replace(deleted("orders"), at=NOON.replace(tzinfo=None))))


def test_a_batch_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(codec, "BATCH_BYTES_MAX", 500)
        with pytest.raises(InputError) as caught:
            encode(batch("b-1", changed("orders", text="x" * 500)))
    assert caught.value.facts["expected"] == "at most 500 bytes"

    with monkeypatch.context() as patched:
        patched.setattr(codec, "EVENTS_MAX", 1)
        with pytest.raises(InputError):
            encode(batch("b-1", deleted("a"), deleted("b")))


def test_another_tenants_item_is_refused() -> None:
    with pytest.raises(InputError):
        encode(batch("b-1", changed("orders"), tenant=TenantId("other")))
