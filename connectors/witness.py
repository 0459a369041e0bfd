"""Posting to a witness over HTTP, within a deadline that covers the whole exchange.

What is posted and what the answer is worth is decided by the log. Redirects are not followed. A server that sends its
answer drop by drop is cut off at the deadline, whatever the socket's own time-out says.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from domain.errors import InputError, UnavailableError

ANSWER_SIZE_BYTES_MAX: Final = 64 * 1024


def post(url: str, body: bytes, deadline_s: float) -> tuple[int, bytes]:
    """Post a body; status and body of the answer.

    Raises:
        InputError: not a web address.
        UnavailableError: no answer in time, or one that is too long or breaks off.
    """
    connection = _connection(url, deadline_s)
    try:
        with contextlib.closing(connection):
            connection.connect()
            with _cut_off_after(deadline_s, connection.sock):
                connection.request("POST", urlsplit(url).path, body, {"Content-Type": "text/plain; charset=utf-8"})
                response = connection.getresponse()
                content = response.read(ANSWER_SIZE_BYTES_MAX + 1)
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError(
            "witness does not answer", url=url, reason=f"{type(error).__name__}: {error}", deadline_s=deadline_s
        ) from error
    if len(content) <= ANSWER_SIZE_BYTES_MAX and response.length:
        raise UnavailableError("witness's answer breaks off", url=url, missing_bytes=response.length)
    if len(content) > ANSWER_SIZE_BYTES_MAX:
        raise UnavailableError("witness's answer is too long", url=url, size_bytes_max=ANSWER_SIZE_BYTES_MAX)
    return response.status, content


def _connection(url: str, timeout_s: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError("not a witness's address", got=url, expected="http://host:port or https://host")
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout_s, context=context)


@contextlib.contextmanager
def _cut_off_after(deadline_s: float, connected: socket.socket) -> Iterator[None]:
    """End a connection at the deadline; what was read by then does not count as an answer."""
    is_late = threading.Event()

    def cut() -> None:
        is_late.set()
        with contextlib.suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(deadline_s, cut)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if is_late.is_set():
        raise TimeoutError("answer took too long")
