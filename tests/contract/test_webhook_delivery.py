"""Webhooks over real sockets: to a receiver that checks signatures, fails, is slow, and redirects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from connectors.webhook import signature
from connectors.webhook.send import Answer, send
from connectors.webhook.target import Allowed, check_target
from tests.servers.ports import free_port

LOOPBACK = Allowed.of(["127.0.0.1"])


@dataclass
class Receiver:
    """A server that remembers what came."""

    url: str
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def receiving() -> Iterator[Receiver]:
    found = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append((dict(self.headers.items()), body))
            self.send_response(found.statuses.pop(0) if found.statuses else 204)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def deliver(url: str, body: bytes = b"{}") -> Answer:
    headers = {signature.HEADER: signature.sign("whsec_a", body, 1_000), "Content-Type": "application/json"}
    return send(check_target(url, LOOPBACK), body, headers)


def test_a_message_arrives_as_it_was_signed(receiver: Receiver) -> None:
    assert deliver(receiver.url, b'{"a": 1}').is_delivered
    headers, body = receiver.got[0]
    signature.verify("whsec_a", body, headers[signature.HEADER], 1_000)


def test_a_refusal_comes_with_its_status_and_the_wait_that_was_asked_for(receiver: Receiver) -> None:
    receiver.statuses = [503]
    receiver.headers = {"Retry-After": "7"}
    answer = deliver(receiver.url)
    assert (answer.status, answer.retry_after_s, answer.is_delivered) == (503, 7.0, False)


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.statuses = [302]
    receiver.headers = {"Location": "http://169.254.169.254/"}
    assert deliver(receiver.url).status == 302
    assert len(receiver.got) == 1


def test_a_receiver_that_is_not_there_is_an_answer_and_not_a_fault() -> None:
    answer = deliver(f"http://127.0.0.1:{free_port()}/")
    assert (answer.status, answer.is_delivered) == (0, False)
    assert "refused" in answer.reason


def test_the_connection_goes_to_the_address_that_was_checked(receiver: Receiver) -> None:
    port = int(receiver.url.rsplit(":", 1)[1].split("/")[0])
    allowed = Allowed.of(["hooks.internal"])
    target = check_target(f"http://hooks.internal:{port}/x", allowed, lambda host, _: ["127.0.0.1"])
    assert send(target, b"{}", {}).is_delivered
    assert receiver.got[0][0]["Host"] == f"hooks.internal:{port}"
