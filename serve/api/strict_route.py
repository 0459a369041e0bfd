"""Routes whose JSON bodies have one meaning: a repeated key, half of a character or a too large number is refused.

The framework's own reader keeps the last of two equal keys and says nothing, so a caller and the log could read one
body in two ways.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from json import JSONDecodeError
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from chain.strict_json import parse
from domain.errors import InputError


class _StrictRequest(Request):
    async def json(self) -> Any:
        body = await self.body()
        try:
            return parse(body, size_bytes_max=len(body))
        except InputError as error:
            reason = error.facts.get("reason") or error.facts.get("key") or error.facts.get("got") or ""
            raise JSONDecodeError(f"{error.summary} {reason}".strip(), "", 0) from None


class StrictRoute(APIRoute):
    """A route that reads its JSON strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return strict
