"""What every change stream promises: in memory, in files, and in Redis."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connectors.stream.contract import ChangeStream, Extent
from connectors.stream.file_stream import FileChangeStream
from connectors.stream.memory import MemoryChangeStream
from connectors.stream.redis_client import connect
from connectors.stream.redis_stream import RedisChangeStream
from domain.change import ChangeBatch
from domain.errors import ConflictError, InputError, NotFound, UnavailableError
from domain.tenancy import TenantId
from tests.servers.redis import redis_url
from tests.unit.connectors.stream.changes import NOON, batch, changed, deleted

Open = Callable[[], ChangeStream]


@pytest.fixture(scope="session")
def redis_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_url(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["memory", "files", "redis"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the stream once more, as another process would; in memory there is only the one."""
    opened: list[ChangeStream] = []
    memory = MemoryChangeStream(length_max=1_200, parked_max=3)
    url = request.getfixturevalue("redis_at") if request.param == "redis" else ""

    def open_one() -> ChangeStream:
        found: ChangeStream = memory
        if request.param == "files":
            found = FileChangeStream(tmp_path, length_max=1_200, parked_max=3, segment_bytes_max=4_096)
        elif request.param == "redis":
            found = RedisChangeStream(connect(url), length_max=1_200, parked_max=3)
        opened.append(found)
        return found

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def stream(reopen: Open) -> ChangeStream:
    return reopen()


@pytest.fixture
def tenant() -> TenantId:
    """One that no other test uses."""
    return TenantId("t-" + secrets.token_hex(8))


def one(batch_id: str, tenant: TenantId) -> ChangeBatch:
    return batch(batch_id, tenant=tenant)


def test_a_batch_comes_back_as_it_was_published(stream: ChangeStream, tenant: TenantId) -> None:
    published = batch("b-1", changed("orders", tenant=tenant, note="ä \u0000 €"), deleted("bills"), tenant=tenant)
    position = stream.publish(published)

    (found,) = stream.read(tenant, "")

    assert (found.position, found.batch) == (position, published)


def test_batches_come_in_the_order_of_their_publication_and_positions_grow(
    stream: ChangeStream, tenant: TenantId
) -> None:
    positions = [stream.publish(one(f"b-{number}", tenant)) for number in range(30)]

    found = stream.read(tenant, "")

    assert [each.position for each in found] == positions == sorted(set(positions))
    assert [each.batch.batch_id for each in found] == [f"b-{number}" for number in range(30)]


def test_reading_goes_on_behind_a_position_and_no_further_than_the_limit(
    stream: ChangeStream, tenant: TenantId
) -> None:
    positions = [stream.publish(one(f"b-{number}", tenant)) for number in range(9)]

    assert [each.position for each in stream.read(tenant, positions[2], limit=4)] == positions[3:7]
    assert stream.read(tenant, positions[-1]) == ()


def test_publishing_the_same_batch_again_gives_its_position_and_adds_nothing(
    stream: ChangeStream, reopen: Open, tenant: TenantId
) -> None:
    first = stream.publish(one("b-1", tenant))
    stream.publish(one("b-2", tenant))

    assert stream.publish(one("b-1", tenant)) == first
    assert reopen().publish(one("b-1", tenant)) == first
    assert stream.extent(tenant).length == 2


def test_a_batch_that_comes_again_after_it_was_trimmed_is_delivered_again(
    stream: ChangeStream, reopen: Open, tenant: TenantId
) -> None:
    """A publisher that did not hear the answer may repeat when the consumer is already through."""
    first = stream.publish(one("b-1", tenant))
    stream.trim(tenant, first)

    again = stream.publish(one("b-1", tenant))

    assert again > first
    assert [each.position for each in stream.read(tenant, first)] == [again]
    assert reopen().publish(one("b-1", tenant)) == again
    assert stream.extent(tenant).length == 1


def test_an_id_that_another_batch_has_is_refused(stream: ChangeStream, tenant: TenantId) -> None:
    stream.publish(one("b-1", tenant))

    with pytest.raises(ConflictError) as caught:
        stream.publish(batch("b-1", changed("other", tenant=tenant), tenant=tenant))

    assert caught.value.facts["batch"] == "b-1"
    assert stream.extent(tenant).length == 1


def test_another_opening_sees_what_was_published(stream: ChangeStream, reopen: Open, tenant: TenantId) -> None:
    other = reopen()
    assert other.read(tenant, "") == ()

    position = stream.publish(one("b-1", tenant))
    later = other.publish(one("b-2", tenant))

    assert [each.position for each in other.read(tenant, "")] == [position, later]
    assert [each.position for each in stream.read(tenant, position)] == [later]


def test_a_tenant_never_reads_another_tenants_batches(stream: ChangeStream, tenant: TenantId) -> None:
    other = TenantId(tenant + "-b")
    stream.publish(one("b-1", tenant))
    stream.refuse(tenant, b"broken", source="x", reason="y")

    assert stream.read(other, "") == ()
    assert stream.extent(other) == Extent("", "", 0)
    assert stream.parked(other).messages == ()
    assert stream.discard(other, [stream.parked(tenant).messages[0].id]) == 0
    assert len(stream.parked(tenant).messages) == 1


def test_a_batch_with_another_tenants_item_is_refused(stream: ChangeStream, tenant: TenantId) -> None:
    with pytest.raises(InputError):
        stream.publish(batch("b-1", changed("orders", tenant=TenantId("other")), tenant=tenant))

    assert stream.extent(tenant).length == 0


def test_lag_counts_the_batches_behind_a_position(stream: ChangeStream, tenant: TenantId) -> None:
    positions = [stream.publish(one(f"b-{number}", tenant)) for number in range(5)]

    assert [stream.lag(tenant, after) for after in ("", positions[0], positions[4])] == [5, 4, 0]


def test_trimming_lets_go_of_what_was_consumed_and_of_nothing_else(
    stream: ChangeStream, reopen: Open, tenant: TenantId
) -> None:
    positions = [stream.publish(one(f"b-{number}", tenant)) for number in range(40)]

    stream.trim(tenant, positions[24])

    for opened in (stream, reopen()):
        assert [each.position for each in opened.read(tenant, positions[24])] == positions[25:]
        found = opened.extent(tenant)
        assert (found.last, found.length) == (positions[-1], 15)
        assert [each.position for each in stream.read(tenant, found.lost)] == positions[25:]
        assert opened.lag(tenant, positions[24]) == 15


def test_trimming_twice_or_backwards_changes_nothing(stream: ChangeStream, tenant: TenantId) -> None:
    positions = [stream.publish(one(f"b-{number}", tenant)) for number in range(4)]

    for upto in (positions[2], positions[2], positions[0], ""):
        stream.trim(tenant, upto)

    found = stream.extent(tenant)
    assert (found.last, found.length) == (positions[3], 1)
    assert [each.position for each in stream.read(tenant, found.lost)] == positions[3:]


def test_whoever_was_away_too_long_is_told_and_can_go_on(stream: ChangeStream, tenant: TenantId) -> None:
    positions = [stream.publish(one(f"b-{number}", tenant)) for number in range(6)]
    stream.trim(tenant, positions[3])

    for after in ("", positions[1]):
        with pytest.raises(ConflictError) as caught:
            stream.read(tenant, after)
        assert [each.position for each in stream.read(tenant, str(caught.value.facts["resume"]))] == positions[4:]


def test_whoever_was_away_is_told_also_where_nothing_is_left(stream: ChangeStream, tenant: TenantId) -> None:
    positions = [stream.publish(one(f"b-{number}", tenant)) for number in range(3)]
    stream.trim(tenant, positions[2])

    with pytest.raises(ConflictError):
        stream.read(tenant, positions[0])
    assert stream.read(tenant, positions[2]) == ()
    assert stream.read(tenant, stream.extent(tenant).lost) == ()


def test_positions_go_on_behind_a_stream_that_was_trimmed_to_its_end(
    stream: ChangeStream, reopen: Open, tenant: TenantId
) -> None:
    for number in range(5):
        last = stream.publish(one(f"b-{number}", tenant))
        stream.trim(tenant, last)

    later = reopen().publish(one("b-9", tenant))

    assert later > last
    assert [each.position for each in stream.read(tenant, last)] == [later]


def test_a_full_stream_refuses_more_and_takes_it_once_it_was_consumed(stream: ChangeStream, tenant: TenantId) -> None:
    for number in range(1_200):
        last = stream.publish(one(f"b-{number}", tenant))

    with pytest.raises(UnavailableError) as caught:
        stream.publish(one("one-more", tenant))
    assert caught.value.facts["retry_after_s"]
    assert stream.publish(one("b-1199", tenant)) == last

    stream.trim(tenant, last)
    assert stream.publish(one("one-more", tenant)) > last


def test_a_waiting_reader_gets_a_batch_when_it_comes(stream: ChangeStream, reopen: Open, tenant: TenantId) -> None:
    other = reopen()
    timer = threading.Timer(0.2, lambda: other.publish(one("b-1", tenant)))
    timer.start()
    begun = time.monotonic()

    found = stream.read(tenant, "", block_s=5.0)

    timer.join()
    assert [each.batch.batch_id for each in found] == ["b-1"]
    assert 0.1 < time.monotonic() - begun < 4.0


def test_a_waiting_reader_goes_on_with_nothing_when_its_time_is_over(stream: ChangeStream, tenant: TenantId) -> None:
    begun = time.monotonic()

    assert stream.read(tenant, "", block_s=0.15) == ()
    assert 0.1 < time.monotonic() - begun < 2.0


def test_many_publishers_at_once_lose_and_double_nothing(reopen: Open, tenant: TenantId) -> None:
    streams = [reopen() for _ in range(4)]
    ids = [f"b-{number % 60}" for number in range(240)]

    with ThreadPoolExecutor(8) as pool:
        placed = list(pool.map(lambda each: streams[hash(each) % 4].publish(one(each[0], tenant)), enumerate_ids(ids)))

    found = streams[0].read(tenant, "")
    assert sorted(each.batch.batch_id for each in found) == sorted(set(ids))
    assert {each.position for each in found} == set(placed)


def enumerate_ids(ids: list[str]) -> list[tuple[str, int]]:
    return [(each, number) for number, each in enumerate(ids)]


def test_of_many_that_publish_other_contents_under_one_id_at_once_one_is_taken(
    stream: ChangeStream, tenant: TenantId
) -> None:
    def publish(number: int) -> str:
        try:
            return stream.publish(batch("b", changed(f"queue-{number % 4}", tenant=tenant), tenant=tenant))
        except ConflictError:
            return ""

    with ThreadPoolExecutor(8) as pool:
        positions = set(pool.map(publish, range(64)))

    assert [each.position for each in stream.read(tenant, "")] == sorted(positions - {""})
    assert len(positions) == 2


def test_the_bell_says_whose_streams_have_grown(stream: ChangeStream, reopen: Open, tenant: TenantId) -> None:
    begun = stream.changed("")
    assert begun.tenants is None
    other = TenantId(tenant + "-b")
    publisher = reopen()
    publisher.publish(one("b-1", tenant))
    publisher.publish(one("b-1", other))

    heard = stream.changed(begun.mark, block_s=2.0)

    assert heard.tenants is not None
    assert {tenant, other} <= heard.tenants
    assert stream.changed(heard.mark).tenants == frozenset()


def test_a_batch_that_cannot_be_applied_is_put_aside_with_its_reason(stream: ChangeStream, tenant: TenantId) -> None:
    position = stream.publish(one("b-1", tenant))

    assert stream.park(tenant, position, "no such scope") == position
    stream.park(tenant, position, "again, after a crash")
    stream.trim(tenant, position)

    (message,) = stream.parked(tenant).messages
    assert (message.id, message.source, message.reason) == (position, "aws-config", "no such scope")
    assert message.is_batch
    assert b"queue-b-1" in message.payload


def test_nothing_can_be_parked_where_nothing_is(stream: ChangeStream, tenant: TenantId) -> None:
    position = stream.publish(one("b-1", tenant))
    stream.trim(tenant, position)
    later = position[:-1] + "9"

    with pytest.raises(NotFound):
        stream.park(tenant, later, "x")


def test_a_message_that_is_no_batch_is_kept_once_without_the_secret_in_its_reason(
    stream: ChangeStream, tenant: TenantId
) -> None:
    payload = b'\xff\x00{"not": "utf-8"'

    first = stream.refuse(tenant, payload, source="gcp", reason="password=hunter2hunter2 is not JSON")
    second = stream.refuse(tenant, payload, source="gcp", reason="once more")

    (message,) = stream.parked(tenant).messages
    assert first == second == message.id
    assert message.payload == payload
    assert "hunter2" not in message.reason
    assert not message.is_batch


def test_parked_messages_are_listed_oldest_first_and_the_oldest_of_too_many_go_and_are_counted(
    stream: ChangeStream, tenant: TenantId
) -> None:
    ids = []
    for number in range(5):
        ids.append(stream.refuse(tenant, b"message %d" % number, source="x", reason="r"))
        time.sleep(0.005)

    parking = stream.parked(tenant)

    assert [each.id for each in parking.messages] == ids[2:]
    assert parking.dropped == 2


def test_discarding_forgets_what_was_parked(stream: ChangeStream, tenant: TenantId) -> None:
    kept = stream.refuse(tenant, b"one", source="x", reason="r")
    gone = stream.refuse(tenant, b"two", source="x", reason="r")

    assert stream.discard(tenant, [gone, "refused-unknown"]) == 1
    assert [each.id for each in stream.parked(tenant).messages] == [kept]


@pytest.mark.parametrize("parked_id", ["../secret", "a/b", "", ".lock", "x" * 200])
def test_an_id_that_is_none_is_refused(stream: ChangeStream, tenant: TenantId, parked_id: str) -> None:
    with pytest.raises(InputError):
        stream.discard(tenant, [parked_id])


@pytest.mark.parametrize("position", ["7", "x-y", "00000000000001-00000000000001 ", "-"])
def test_a_position_that_is_none_is_refused(stream: ChangeStream, tenant: TenantId, position: str) -> None:
    with pytest.raises(InputError):
        stream.read(tenant, position)


def test_an_empty_batch_is_refused(stream: ChangeStream, tenant: TenantId) -> None:
    with pytest.raises(InputError):
        stream.publish(ChangeBatch(tenant, "b-1", "x", NOON))
