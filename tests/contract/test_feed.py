"""What every event feed promises: in memory, in files, and in Redis."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.stream.feed import PAYLOAD_BYTES_MAX, Feed
from connectors.stream.file_feed import FileFeed
from connectors.stream.memory import MemoryFeed
from connectors.stream.redis_client import connect
from connectors.stream.redis_feed import RedisFeed
from domain.errors import ConflictError, InputError
from domain.tenancy import TenantId
from tests.servers.redis import redis_url

Open = Callable[[], Feed]
TOPIC = "drift"


@pytest.fixture(scope="module")
def redis_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_url(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["memory", "files", "redis"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    opened: list[Feed] = []
    memory = MemoryFeed(kept=50)
    url = request.getfixturevalue("redis_at") if request.param == "redis" else ""

    def open_one() -> Feed:
        found: Feed = memory
        if request.param == "files":
            found = FileFeed(tmp_path, kept=50)
        elif request.param == "redis":
            found = RedisFeed(connect(url), kept=50)
        opened.append(found)
        return found

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def feed(reopen: Open) -> Feed:
    return reopen()


@pytest.fixture
def tenant() -> TenantId:
    return TenantId("t-" + secrets.token_hex(8))


def test_messages_come_in_order_with_growing_ids(feed: Feed, tenant: TenantId) -> None:
    ids = (*feed.append(tenant, TOPIC, [b"one", b"two"]), *feed.append(tenant, TOPIC, [b"three"]))

    found = feed.read(tenant, TOPIC, "")

    assert [each.payload for each in found] == [b"one", b"two", b"three"]
    assert tuple(each.id for each in found) == ids == tuple(sorted(set(ids)))


def test_a_listener_on_another_replica_resumes_behind_the_last_id(feed: Feed, reopen: Open, tenant: TenantId) -> None:
    ids = feed.append(tenant, TOPIC, [b"%d" % number for number in range(10)])

    assert [each.payload for each in reopen().read(tenant, TOPIC, ids[3], limit=2)] == [b"4", b"5"]


def test_a_new_listener_begins_behind_the_newest_message(feed: Feed, reopen: Open, tenant: TenantId) -> None:
    assert feed.last(tenant, TOPIC) == ""
    ids = feed.append(tenant, TOPIC, [b"old"])
    assert feed.last(tenant, TOPIC) == ids[0]
    reopen().append(tenant, TOPIC, [b"new"])

    assert [each.payload for each in feed.read(tenant, TOPIC, ids[0])] == [b"new"]


def test_tenants_and_topics_are_apart(feed: Feed, tenant: TenantId) -> None:
    feed.append(tenant, TOPIC, [b"one"])

    assert feed.read(tenant, "changes", "") == ()
    assert feed.read(TenantId(tenant + "-b"), TOPIC, "") == ()


def test_a_listener_that_was_away_too_long_is_told(feed: Feed, tenant: TenantId) -> None:
    ids = [feed.append(tenant, TOPIC, [b"x"])[0] for _ in range(3)]
    for number in range(200):
        newest = feed.append(tenant, TOPIC, [b"%d" % number])[0]

    with pytest.raises(ConflictError) as caught:
        feed.read(tenant, TOPIC, ids[0])
    assert caught.value.facts["after"] == ids[0]
    held = feed.read(tenant, TOPIC, "")
    assert held[-1].id == newest
    assert 50 <= len(held) <= 100


def test_binary_payloads_stay_as_they_are(feed: Feed, tenant: TenantId) -> None:
    payload = bytes(range(256)) * 4
    feed.append(tenant, TOPIC, [payload, b""])

    assert [each.payload for each in feed.read(tenant, TOPIC, "")] == [payload, b""]


def test_a_waiting_listener_hears_a_message_when_it_comes(feed: Feed, reopen: Open, tenant: TenantId) -> None:
    other = reopen()
    timer = threading.Timer(0.1, lambda: other.append(tenant, TOPIC, [b"now"]))
    timer.start()

    found = feed.read(tenant, TOPIC, "", block_s=5.0)

    timer.join()
    assert [each.payload for each in found] == [b"now"]


def test_nothing_appended_is_nothing(feed: Feed, tenant: TenantId) -> None:
    assert feed.append(tenant, TOPIC, []) == ()
    assert feed.read(tenant, TOPIC, "") == ()


@pytest.mark.parametrize("topic", ["", "../x", "Drift", "a/b", "x" * 200])
def test_a_topic_that_is_no_name_is_refused(feed: Feed, tenant: TenantId, topic: str) -> None:
    with pytest.raises(InputError):
        feed.append(tenant, topic, [b"x"])
    with pytest.raises(InputError):
        feed.read(tenant, topic, "")


def test_a_message_that_is_too_large_is_refused(feed: Feed, tenant: TenantId) -> None:
    with pytest.raises(InputError) as caught:
        feed.append(tenant, TOPIC, [bytes(PAYLOAD_BYTES_MAX + 1)])
    assert caught.value.facts["got"] == PAYLOAD_BYTES_MAX + 1
