"""`WS /ws/drift-stream` and `/ws/roi-stream`: events as they come, from the last id that a listener saw."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from domain.errors import AccessDenied, InputError, PolicyCortexError, UnavailableError
from serve.api.context import ApiContext, Caller, caller_by_token, context_of
from serve.feed_stream import FeedStream

router = APIRouter()

PROTOCOL: Final = "policycortex.drift.v1"
ROI_PROTOCOL: Final = "policycortex.roi.v1"
TOKEN_PROTOCOL: Final = "bearer."  # noqa: S105 (the beginning of a word, not a secret)
"""Browsers cannot send a header with a WebSocket: there, the token is a second protocol, `bearer.TOKEN`."""

REFUSED: Final = 4401
INVALID: Final = 4422
BUSY: Final = 1013
FAILED: Final = 1011
_ID: Final = re.compile(r"[A-Za-z0-9-]{0,64}")


After = Annotated[str | None, Query(description="The last id that was seen")]


@router.websocket("/ws/drift-stream")
async def drift_stream(socket: WebSocket, after: After = None) -> None:
    """Send drift events behind `after`, or from now on."""
    await _serve(socket, context_of(socket).drift_stream, PROTOCOL, after)


@router.websocket("/ws/roi-stream")
async def roi_stream(socket: WebSocket, after: After = None) -> None:
    """Send what changes in the ledger of savings behind `after`, or from now on."""
    await _serve(socket, context_of(socket).roi_stream, ROI_PROTOCOL, after)


async def _serve(socket: WebSocket, stream: FeedStream, protocol: str, after: str | None) -> None:
    """Send JSON: `ready`, `events`, `ping`, and `reset` after a gap."""
    context = context_of(socket)
    offered = [part.strip() for part in socket.headers.get("sec-websocket-protocol", "").split(",")]
    await socket.accept(subprotocol=protocol if protocol in offered else None)
    try:
        caller = _caller(socket, context, offered)
        if after is not None and _ID.fullmatch(after) is None:
            raise InputError("not the id of an event", got=after[:80], todo="Give the id of the last event")
        await _send(socket, stream, caller, after)
    except WebSocketDisconnect:
        return
    except PolicyCortexError as error:
        await _close(socket, error)


def _caller(socket: WebSocket, context: ApiContext, offered: list[str]) -> Caller:
    scheme, _, token = socket.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = next((part.removeprefix(TOKEN_PROTOCOL) for part in offered if part.startswith(TOKEN_PROTOCOL)), "")
    return caller_by_token(context, token or None, socket.headers.get("policycortex-tenant"))


async def _send(socket: WebSocket, stream: FeedStream, caller: Caller, after: str | None) -> None:
    listening = stream.listen(caller.tenant, after)
    try:
        async for message in listening:
            await socket.send_text(message)
    finally:
        await listening.aclose()


async def _close(socket: WebSocket, error: PolicyCortexError) -> None:
    codes: dict[type[PolicyCortexError], int] = {
        AccessDenied: REFUSED,
        InputError: INVALID,
        UnavailableError: BUSY,
    }
    await socket.close(codes.get(type(error), FAILED), error.summary[:120])
