"""Posting to a witness over HTTP, within a deadline that covers the whole exchange.

What is posted and what the answer is worth is decided by the log. Redirects are not followed.
"""

from __future__ import annotations

import http.client
import ssl
import time
from typing import Final
from urllib.parse import urlsplit

from domain.errors import InputError, UnavailableError

ANSWER_SIZE_BYTES_MAX: Final = 64 * 1024


def post(url: str, body: bytes, deadline_s: float) -> tuple[int, bytes]:
    """Post a body; status and body of the answer.

    Raises:
        InputError: not a web address.
        UnavailableError: no answer in time, or one that is too long.
    """
    deadline = time.monotonic() + deadline_s
    try:
        connection = _connection(url, deadline_s)
        try:
            connection.request("POST", urlsplit(url).path, body, {"Content-Type": "text/plain; charset=utf-8"})
            response = connection.getresponse()
            return response.status, _read(connection, response, deadline)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError(
            "witness does not answer", url=url, reason=f"{type(error).__name__}: {error}", deadline_s=deadline_s
        ) from error


def _connection(url: str, timeout_s: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError("not a witness's address", got=url, expected="http://host:port or https://host")
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    return http.client.HTTPSConnection(
        parts.hostname, parts.port, timeout=timeout_s, context=ssl.create_default_context()
    )


def _read(connection: http.client.HTTPConnection, response: http.client.HTTPResponse, deadline: float) -> bytes:
    content = b""
    while len(content) <= ANSWER_SIZE_BYTES_MAX:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("answer took too long")
        if connection.sock is not None:
            connection.sock.settimeout(left_s)
        part = response.read1(ANSWER_SIZE_BYTES_MAX)
        if not part:
            return content
        content += part
    raise UnavailableError("witness's answer is too long", size_bytes_max=ANSWER_SIZE_BYTES_MAX)
