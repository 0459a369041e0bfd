"""Posting to a witness ends in an answer or at the deadline, whatever the other side does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from connectors.witness import ANSWER_SIZE_BYTES_MAX, post
from domain.errors import UnavailableError


@contextmanager
def peer(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """Something that listens for one connection and does with it as it likes; its address."""

    def serve() -> None:
        accepted, _ = listening.accept()
        with accepted:
            behave(accepted)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}/prefix"
        thread.join(timeout=10)


def answering(answer: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(answer)

    return behave


def dripping(connection: socket.socket) -> None:
    try:
        for _ in range(1_000):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" if _ == 0 else b"x")
            time.sleep(0.01)
    except OSError:
        return


def silent(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def test_status_and_body_come_back() -> None:
    with peer(answering(b"HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n5\n")) as place:
        assert post(f"http://{place}/add-checkpoint", b"old 0", 5) == (409, b"5\n")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "RemoteDisconnected"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "breaks off"),
        (b"no HTTP\r\n\r\n", "BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"x" * (ANSWER_SIZE_BYTES_MAX + 1), "too long"),
    ],
)
def test_what_is_no_answer_of_a_witness_is_unavailable(answer: bytes, reason: str) -> None:
    with peer(answering(answer)) as place, pytest.raises(UnavailableError, match=reason):
        post(f"http://{place}", b"", 5)


def test_an_answer_drop_by_drop_is_cut_off_at_the_deadline() -> None:
    with peer(dripping) as place, pytest.raises(UnavailableError, match="does not answer"):
        post(f"http://{place}", b"", 0.2)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_silent_peer_is_given_up_at_the_deadline_with_and_without_tls(scheme: str) -> None:
    with peer(silent) as place, pytest.raises(UnavailableError, match="does not answer"):
        post(f"{scheme}://{place}", b"", 0.1)
