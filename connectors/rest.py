"""A provider's API over HTTP: a bearer token, throttling, pages, and an end to waiting.

Decided here: an answer 429 or 503 is waited out as long as its `Retry-After` says, other trouble of a server with
doubling pauses; a page's link to the next one must lead to the server that gave it, because the token goes with it, and
must not come twice. All waiting together has a bound, after which the call is given up as unavailable.

Not decided here: what a page holds, and where a token comes from.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from connectors.http_call import Answer, Bounds, call, require_url, retry_after_s
from domain.errors import AccessDenied, IncompleteError, InputError, NotFound, UnavailableError

PAGES_MAX: Final = 10_000
RETRY_AFTER_S_MAX: Final = 600.0
_TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})
_TEXT_MAX: Final = 300
_QUOTA: Final = "retry-after"
"""Azure Cost Management has headers of its own that end so, one for each quota; the longest counts."""

Json = dict[str, Any]
Token = Callable[[], str]
"""Gives a bearer token when it is needed; it is never kept or logged here."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is tried, how long all waiting may take, and how waiting is done."""

    attempts_max: int = 8
    pause_s: float = 1.0
    wait_s_max: float = 1_800.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)


@dataclass(slots=True)
class Rest:
    """One server. Not for several threads.

    Args:
        base: address without a slash at the end.
        token: None sends no token.
    """

    base: str
    token: Token | None = field(default=None, repr=False)
    patience: Patience = field(default_factory=Patience)
    bounds: Bounds = field(default_factory=lambda: Bounds(deadline_s=120.0, size_bytes_max=256 * 1024 * 1024))
    waited_s: float = 0.0

    def get(self, path: str) -> Json:
        """The object at an address."""
        return object_of(self.ask(path), host=self.base)

    def post(self, path: str, body: Json) -> Json:
        """The object that a request is answered with."""
        return object_of(self.ask(path, body), host=self.base)

    def ask(self, path: str, body: Json | None = None) -> Answer:
        """An answer of 200 to 299.

        Raises:
            AccessDenied, NotFound, InputError: what the server says is wrong with the request.
            UnavailableError: it did not answer in time.
        """
        url = self.address(path)
        data = None if body is None else json.dumps(body).encode()
        for attempt in range(1, self.patience.attempts_max + 1):
            answer = self._once(url, data)
            if answer is not None and answer.status not in _TRANSIENT:
                return _accepted(answer, url)
            self._wait(attempt, answer, url)
        raise _given_up(url, answer)

    def pages(
        self, path: str, body: Json | None, *, following: Callable[[Json], tuple[str, Json | None] | None]
    ) -> Iterator[Json]:
        """Page after page.

        Args:
            following: the next request's address and body, or None behind the last page.

        Raises:
            IncompleteError: a page leads elsewhere, repeats, or there are too many.
        """
        seen: set[tuple[str, str]] = set()
        asked: tuple[str, Json | None] | None = (path, body)
        while asked is not None:
            url, content = self.address(asked[0]), asked[1]
            key = (url, json.dumps(content, sort_keys=True))
            if key in seen or len(seen) >= PAGES_MAX:
                raise IncompleteError("pages do not come to an end", host=urlsplit(url).netloc, pages=len(seen))
            seen.add(key)
            page = object_of(self.ask(url, content), host=self.base)
            yield page
            asked = following(page)

    def address(self, path: str) -> str:
        """A path of this server, or an address that is one.

        Raises:
            IncompleteError: it is another server's, which must not see the token.
        """
        url = urljoin(f"{self.base}/", path)
        own, given = urlsplit(require_url(self.base)), urlsplit(require_url(url))
        if (own.scheme, own.netloc) != (given.scheme, given.netloc):
            raise IncompleteError(
                "a page leads to another server", expected=own.netloc, got=given.netloc, todo="Check the endpoint"
            )
        return url

    def _once(self, url: str, data: bytes | None) -> Answer | None:
        """One try; None where nothing came back."""
        headers = {"Accept": "application/json"} | ({} if data is None else {"Content-Type": "application/json"})
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token()}"
        try:
            return call(url, body=data, headers=headers, bounds=self.bounds)
        except UnavailableError:
            return None

    def _wait(self, attempt: int, answer: Answer | None, url: str) -> None:
        asked = None if answer is None else _asked_to_wait(answer.headers)
        wait_s = asked if asked is not None else self.patience.pause_s * 2 ** (attempt - 1)
        if attempt == self.patience.attempts_max or self.waited_s + wait_s > self.patience.wait_s_max:
            raise _given_up(url, answer, retry_after_s=wait_s)
        self.waited_s += wait_s
        self.patience.sleep(wait_s)


def pause_of(answer: Answer, *, otherwise_s: float) -> float:
    """How long to wait before asking again how far something is."""
    asked = _asked_to_wait(answer.headers)
    return otherwise_s if asked is None else asked


def _asked_to_wait(headers: Mapping[str, str]) -> float | None:
    found = [retry_after_s(value, most_s=RETRY_AFTER_S_MAX) for name, value in headers.items() if name.endswith(_QUOTA)]
    return max((each for each in found if each is not None), default=None)


def _accepted(answer: Answer, url: str) -> Answer:
    if 200 <= answer.status < 300:
        return answer
    facts = {"host": urlsplit(url).netloc, "status": answer.status, "reason": _reason(answer.body)}
    if answer.status in {401, 403}:
        raise AccessDenied("the provider refuses the credential", **facts, todo="Check the credential and its roles")
    if answer.status == 404:
        raise NotFound("the provider knows no such thing", **facts, todo="Check the scope, project or table")
    if 400 <= answer.status < 500:
        raise InputError("the provider refuses the request", **facts, todo="Check the scope and the month")
    raise UnavailableError("the provider did not answer as it must", **facts)


def _given_up(url: str, answer: Answer | None, **facts: object) -> UnavailableError:
    status = 0 if answer is None else answer.status
    todo = "Repeat the request later; nothing was taken in"
    return UnavailableError(
        "the provider is not available", host=urlsplit(url).netloc, status=status, todo=todo, **facts
    )


def object_of(answer: Answer, *, host: str) -> Json:
    """The JSON object that an answer holds.

    Raises:
        IncompleteError: it holds none.
    """
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise IncompleteError("an answer is no JSON object", host=host, got=_reason(answer.body))
    return found


def _reason(body: bytes) -> str:
    return body[:_TEXT_MAX].decode("utf-8", errors="replace")
