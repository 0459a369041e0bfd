"""One HTTP request with an end to everything: time, size, redirects.

Environment proxies are not used; redirects are not followed, since what comes from elsewhere is not what was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import IO, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
)

from domain.errors import InputError, UnavailableError

_CHUNK_SIZE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a request may take in all, and how much may come back."""

    deadline_s: float = 30.0
    size_bytes_max: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; names of headers are in lower case."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def _opener() -> OpenerDirector:
    opener = OpenerDirector()
    for handler in (HTTPHandler(), HTTPSHandler(), HTTPErrorProcessor(), HTTPDefaultErrorHandler()):
        opener.add_handler(handler)
    return opener


_OPENER = _opener()


def require_url(url: str) -> str:
    """Check the address of a server.

    Raises:
        InputError: it is not one of HTTP.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise InputError(
            "not an address of a server",
            got=f"{parts.scheme}://{parts.hostname}",
            expected="http or https, a host, and no user name",
            todo="Correct the target's address in the settings",
        )
    return url


def call(
    url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None, bounds: Bounds | None = None
) -> Answer:
    """Send a request, POST where there is a body.

    Raises:
        UnavailableError: no answer within the deadline, or one that is too long.
    """
    limits = bounds or Bounds()
    ends_at = time.monotonic() + limits.deadline_s
    request = Request(require_url(url), data=body, headers=dict(headers or {}))  # noqa: S310 (the scheme is checked)
    try:
        with _OPENER.open(request, timeout=limits.deadline_s) as response:
            return Answer(response.status, _read(response, url, limits, ends_at), _lowered(response.headers))
    except HTTPError as error:
        with error:
            return Answer(error.code, _read(error, url, limits, ends_at), _lowered(error.headers))
    except (URLError, HTTPException, OSError) as error:
        raise UnavailableError("no answer from the server", host=urlsplit(url).netloc, reason=str(error)) from error


def retry_after_s(value: str | None, *, most_s: float) -> float | None:
    """What a header `Retry-After` asks for, in seconds or as a date, up to a bound; None where it asks for nothing."""
    if not value:
        return None
    if value.strip().isdecimal():
        return min(float(value), most_s)
    try:
        wanted = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(wanted, 0.0), most_s)


def require_ok(answer: Answer, url: str) -> bytes:
    """The body of an answer with status 200.

    Raises:
        UnavailableError: another status.
    """
    if answer.status != 200:
        raise UnavailableError(
            "server did not answer as it must", host=urlsplit(url).netloc, expected=200, got=answer.status
        )
    return answer.body


def _lowered(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _read(response: IO[bytes], url: str, limits: Bounds, ends_at: float) -> bytes:
    """The body, as long as time and size allow; a server that sends one byte a second is cut off as well."""
    parts: list[bytes] = []
    size = 0
    read_some = getattr(response, "read1", response.read)
    while chunk := read_some(_CHUNK_SIZE_BYTES):
        parts.append(chunk)
        size += len(chunk)
        if size > limits.size_bytes_max or time.monotonic() > ends_at:
            raise UnavailableError(
                "answer is too long or too slow",
                host=urlsplit(url).netloc,
                size_bytes_max=limits.size_bytes_max,
                deadline_s=limits.deadline_s,
            )
    return b"".join(parts)
