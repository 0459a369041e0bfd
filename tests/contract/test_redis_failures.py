"""What the loss of Redis does to changes: nothing that was acknowledged is lost, and every error says who must act."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.stream.redis_client import connect
from connectors.stream.redis_stream import RedisChangeStream
from domain.errors import AccessDenied, InputError, UnavailableError
from domain.tenancy import TenantId
from tests.servers.redis import RedisServer, redis_server
from tests.unit.connectors.stream.changes import TENANT, batch, changed


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as running:
        yield running


def open_stream(url: str) -> RedisChangeStream:
    return RedisChangeStream(connect(url))


def test_every_acknowledged_batch_survives_the_kill_of_the_server_under_load(server: RedisServer) -> None:
    stream = open_stream(server.url)
    acknowledged: dict[str, str] = {}
    is_over = threading.Event()

    def publish() -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            while not is_over.is_set():
                try:
                    acknowledged[f"b-{number}"] = stream.publish(batch(f"b-{number}"))
                    break
                except UnavailableError:
                    time.sleep(0.02)

    publisher = threading.Thread(target=publish)
    publisher.start()
    for _ in range(2):
        time.sleep(0.4)
        server.kill()
        server.start()
    time.sleep(0.4)
    is_over.set()
    publisher.join()

    found = stream.read(TENANT, "", limit=500)
    while len(found) % 500 == 0 and (more := stream.read(TENANT, found[-1].position)):
        found += more
    ids = [each.batch.batch_id for each in found]
    assert len(ids) == len(set(ids)) > 20
    assert acknowledged.items() <= {each.batch.batch_id: each.position for each in found}.items()
    stream.close()


def test_a_server_that_is_down_is_unavailable_and_says_when_to_come_again(tmp_path: Path) -> None:
    stream = open_stream(RedisServer(tmp_path).url)

    for call in (lambda: stream.publish(batch("b-1")), lambda: stream.read(TENANT, ""), lambda: stream.parked(TENANT)):
        with pytest.raises(UnavailableError) as caught:
            call()
        assert caught.value.facts["retry_after_s"] == 2
    stream.close()


def test_a_waiting_reader_is_told_when_the_server_ends_and_goes_on_behind_it(server: RedisServer) -> None:
    stream = open_stream(server.url)
    position = stream.publish(batch("b-1"))
    timer = threading.Timer(0.3, server.kill)
    timer.start()

    with pytest.raises(UnavailableError):
        stream.read(TENANT, position, block_s=5.0)
    timer.join()
    server.start()
    later = stream.publish(batch("b-2"))

    assert [each.position for each in stream.read(TENANT, position, block_s=1.0)] == [later]
    stream.close()


def test_a_server_that_lost_everything_gives_later_positions_and_hides_nothing_new(tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as server:
        stream = open_stream(server.url)
        last = [stream.publish(batch(f"b-{number}")) for number in range(3)][-1]
        server.kill()
        for path in (tmp_path / "redis" / "appendonlydir").iterdir():
            path.unlink()
        server.start()
        later = stream.publish(batch("b-9"))

        assert later > last
        with pytest.raises(Exception, match="no longer held") as caught:
            stream.read(TENANT, last)
        resume = str(getattr(caught.value, "facts", {})["resume"])
        assert [each.batch.batch_id for each in stream.read(TENANT, resume)] == ["b-9"]
        stream.close()


def test_wrong_credentials_are_the_operators_to_mend_and_do_not_leak(tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis", "--requirepass", "right-password") as server:
        stream = open_stream(server.url.replace("redis://", "redis://default:wrong-password@"))
        with pytest.raises(AccessDenied) as caught:
            stream.publish(batch("b-1"))
        assert caught.value.facts["status"] == 503
        assert "wrong-password" not in str(caught.value)
        stream.close()

        nameless = open_stream(server.url)
        with pytest.raises(AccessDenied):
            nameless.read(TENANT, "")
        nameless.close()


def test_a_server_without_memory_refuses_and_what_was_there_stays(tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis", "--maxmemory", "4mb", "--maxmemory-policy", "noeviction") as server:
        stream = open_stream(server.url)
        kept, refused = 0, None
        while refused is None and kept < 1_000:
            try:
                stream.publish(batch(f"b-{kept}", changed("orders", text="x" * 50_000)))
                kept += 1
            except UnavailableError as error:
                refused = error

        assert refused is not None
        assert refused.summary == "Redis has no memory left"
        assert stream.extent(TENANT).length == kept > 5
        stream.trim(TENANT, stream.extent(TENANT).last)
        assert stream.publish(batch("b-again"))
        stream.close()


def test_thousands_of_batches_are_trimmed_in_steps(server: RedisServer) -> None:
    stream = open_stream(server.url)
    last = [stream.publish(batch(f"b-{number}")) for number in range(1_203)][-1]

    stream.trim(TENANT, last)

    assert stream.extent(TENANT).length == 0
    assert connect(server.url).quick.hlen(f"pcg:{{{TENANT}}}:batches") == 0
    stream.close()


def test_two_tenants_whose_names_begin_alike_share_nothing(server: RedisServer) -> None:
    stream = open_stream(server.url)
    stream.publish(batch("b-1", tenant=TenantId("acme"), source="x"))

    assert stream.read(TenantId("acme-2"), "") == ()
    stream.close()


@pytest.mark.parametrize("url", ["", "http://localhost", "localhost:6379", "postgres://secret:pass@host/1"])
def test_an_address_that_is_none_of_redis_is_refused_without_repeating_its_secrets(url: str) -> None:
    with pytest.raises(InputError) as caught:
        connect(url)
    assert "pass@" not in str(caught.value)
