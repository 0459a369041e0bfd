"""Listeners of drift: on another replica than the one that told, away and back, slow, and too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from time import monotonic
from typing import Any

import orjson
import pytest

from actors.drift_desk import TOPIC
from connectors.stream.feed import READ_MAX, Feed, FeedItem
from connectors.stream.file_feed import FileFeed
from connectors.stream.memory import MemoryFeed
from domain.errors import UnavailableError
from domain.tenancy import TenantId
from serve import feed_stream
from serve.feed_stream import FeedStream

TENANT = TenantId("acme")
HEARD_S_MAX = 0.5


def event(number: int) -> bytes:
    return orjson.dumps({"event": "detected", "number": number})


def streamed(feed: Feed) -> FeedStream:
    return FeedStream(feed, TOPIC, "/api/v2/drift/active")


async def heard(listening: AsyncGenerator[str, None], count: int) -> list[dict[str, Any]]:
    return [orjson.loads(await asyncio.wait_for(anext(listening), 10)) for _ in range(count)]


def numbers(messages: list[dict[str, Any]]) -> list[int]:
    return [each["number"] for message in messages for each in message["events"]]


@pytest.mark.asyncio
async def test_an_event_is_heard_on_another_replica_within_half_a_second(tmp_path: Path) -> None:
    here, there = FileFeed(tmp_path), streamed(FileFeed(tmp_path))
    listening = there.listen(TENANT, None)
    assert (await heard(listening, 1))[0]["type"] == "ready"
    waiting = asyncio.create_task(heard(listening, 1))
    await asyncio.sleep(0)
    begun_s = monotonic()
    here.append(TENANT, TOPIC, [event(1)])
    (message,) = await waiting
    assert (message["type"], numbers([message])) == ("events", [1])
    assert monotonic() - begun_s < HEARD_S_MAX
    await listening.aclose()


@pytest.mark.asyncio
async def test_a_listener_that_was_away_misses_nothing_on_any_replica(tmp_path: Path) -> None:
    feed = FileFeed(tmp_path)
    ids = feed.append(TENANT, TOPIC, [event(number) for number in range(5)])
    listening = streamed(FileFeed(tmp_path)).listen(TENANT, ids[1])
    ready, message = await heard(listening, 2)
    assert (ready["after"], numbers([message])) == (ids[1], [2, 3, 4])
    assert [each["id"] for each in message["events"]] == list(ids[2:])
    await listening.aclose()


@pytest.mark.asyncio
async def test_events_that_are_too_many_for_one_message_come_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_stream, "MESSAGE_BYTES_MAX", 2 * len(event(0)))
    feed = MemoryFeed()
    feed.append(TENANT, TOPIC, [event(number) for number in range(5)])
    listening = streamed(feed).listen(TENANT, "")
    _, *messages = await heard(listening, 4)
    assert [numbers([message]) for message in messages] == [[0, 1], [2, 3], [4]]
    await listening.aclose()


@pytest.mark.asyncio
async def test_what_is_no_longer_held_is_told_as_a_reset() -> None:
    feed = MemoryFeed(kept=2)
    ids = feed.append(TENANT, TOPIC, [event(number) for number in range(6)])
    listening = streamed(feed).listen(TENANT, ids[0])
    ready, reset = await heard(listening, 2)
    assert (ready["type"], reset["type"], reset["after"]) == ("ready", "reset", ids[-1])
    feed.append(TENANT, TOPIC, [event(9)])
    assert numbers(await heard(listening, 1)) == [9]
    await listening.aclose()


@pytest.mark.asyncio
async def test_a_quiet_line_shows_that_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_stream, "QUIET_S", 0.01)
    listening = streamed(MemoryFeed()).listen(TENANT, None)
    assert [message["type"] for message in await heard(listening, 3)] == ["ready", "ping", "ping"]
    await listening.aclose()


@pytest.mark.asyncio
async def test_listeners_are_bounded_and_their_places_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_stream, "LISTENERS_MAX", 1)
    stream = streamed(MemoryFeed())
    first = stream.listen(TENANT, None)
    await heard(first, 1)
    with pytest.raises(UnavailableError):
        await anext(stream.listen(TENANT, None))
    await first.aclose()
    again = stream.listen(TENANT, None)
    assert (await heard(again, 1))[0]["type"] == "ready"
    await again.aclose()


class Counting(MemoryFeed):
    """A feed that counts how often events were read."""

    def __init__(self) -> None:
        super().__init__()
        self.found = 0

    def read(
        self, tenant: TenantId, topic: str, after: str, *, limit: int = READ_MAX, block_s: float = 0.0
    ) -> tuple[FeedItem, ...]:
        items = super().read(tenant, topic, after, limit=limit, block_s=block_s)
        self.found += bool(items)
        return items


@pytest.mark.asyncio
async def test_listeners_at_one_place_share_what_is_read_there() -> None:
    feed = Counting()
    stream = streamed(feed)
    listeners = [stream.listen(TENANT, None) for _ in range(5)]
    for each in listeners:
        await heard(each, 1)
    waiting = [asyncio.create_task(heard(each, 1)) for each in listeners]
    await asyncio.sleep(0)
    feed.append(TENANT, TOPIC, [event(number) for number in range(3)])
    assert [numbers(await each) for each in waiting] == [[0, 1, 2]] * 5
    assert feed.found == 1
    for each in listeners:
        await each.aclose()
