"""Bounds on every request: how large it may be, and how long it may take."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import InputError, UnavailableError
from serve.problem import problem_response

BODY_BYTES_MAX: Final = 4 * 1024 * 1024
BODIES_BYTES_MAX: Final[Mapping[str, int]] = {
    "/api/v2/evidence/batch": 32 * 1024 * 1024,
    "/api/v2/policies/bundles": 64 * 1024 * 1024,
    "/api/v2/changes": 32 * 1024 * 1024,
}
"""Routes that take more than `BODY_BYTES_MAX`, by the beginning of their path."""

DEADLINE_S: Final = 30.0
DEADLINES_S: Final[Mapping[str, float]] = {
    "/api/v2/predictions/analyze": 120.0,
    "/api/v2/chain/verify": 300.0,
    "/api/v2/chain/publish": 300.0,
    "/api/v2/evidence/summary": 300.0,
    "/api/v2/evidence/latest": 300.0,
    "/api/v2/policies/import": 300.0,
    "/api/v2/policies/bundles": 300.0,
    "/api/v2/policies/what-if": 300.0,
}
"""Routes that may take longer than `DEADLINE_S`, by the beginning of their path."""


class RequestLimits:
    """ASGI middleware: 413 for a body over the limit, 504 for a request over its deadline."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_bytes_max: int = BODY_BYTES_MAX,
        bodies_bytes_max: Mapping[str, int] = BODIES_BYTES_MAX,
        deadline_s: float = DEADLINE_S,
        deadlines_s: Mapping[str, float] = DEADLINES_S,
    ) -> None:
        self._app = app
        self._body_bytes_max = body_bytes_max
        self._bodies_bytes_max = bodies_bytes_max
        self._deadline_s = deadline_s
        self._deadlines_s = deadlines_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body_bytes_max = _limit_of(scope["path"], self._bodies_bytes_max, self._body_bytes_max)
        exchange = _Exchange(receive, send, body_bytes_max)
        deadline_s = _limit_of(scope["path"], self._deadlines_s, self._deadline_s)
        try:
            async with asyncio.timeout(deadline_s):
                await self._app(scope, exchange.receive, exchange.send)
        except _TooLarge:
            pass
        except TimeoutError:
            todo = "Ask for less, or repeat the request with the same idempotency key"
            late = UnavailableError("the request took too long", deadline_s=deadline_s, status=504, todo=todo)
            await exchange.refuse(scope, late)
        if exchange.is_too_large:
            error = InputError("the request is too large", limit_bytes=body_bytes_max, status=413, todo=_SMALLER)
            await exchange.refuse(scope, error)


N = TypeVar("N", int, float)


def _limit_of(path: str, limits: Mapping[str, N], otherwise: N) -> N:
    return max((limit for prefix, limit in limits.items() if path.startswith(prefix)), default=otherwise)


_SMALLER: Final = "Send fewer items in one request"


class _TooLarge(Exception):
    """The body has passed the limit."""


class _Exchange:
    """One request's messages, counted."""

    def __init__(self, receive: Receive, send: Send, body_bytes_max: int) -> None:
        self._receive = receive
        self._send = send
        self._left = body_bytes_max
        self._has_started = False
        self.is_too_large = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.is_too_large = True
            raise _TooLarge
        return message

    async def send(self, message: Message) -> None:
        if self.is_too_large:
            return  # what the framework makes of the broken read is replaced
        self._has_started = True
        await self._send(message)

    async def refuse(self, scope: Scope, error: Exception) -> None:
        if not self._has_started:
            await problem_response(error)(scope, self._receive, self._send)
