"""An OpenTimestamps calendar double that speaks the calendars' protocol and attests when it is told to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.servers.loopback import listening

NONCE = bytes(range(16))
_PENDING = bytes.fromhex("83dfe30d2ef90c8e")
_BITCOIN = bytes.fromhex("0588960d73d71901")


@dataclass
class Calendar:
    """Its address, what it was asked for, and the blocks in which it claims messages to be."""

    url: str = ""
    promised: list[bytes] = field(default_factory=list)
    heights: dict[bytes, int] = field(default_factory=dict)

    def attest(self, height: int) -> bytes:
        """Say that the last promised message was committed to in that block; the block's Merkle root."""
        self.heights[self.promised[-1]] = height
        return hashlib.sha256(self.promised[-1] + b"block").digest()


@contextmanager
def serving() -> Iterator[Calendar]:
    """A calendar without any promises."""
    calendar = Calendar()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            digest = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/digest"
            calendar.promised.append(hashlib.sha256(digest + NONCE).digest())
            uri = calendar.url.encode()
            promise = _attestation(_PENDING, bytes([len(uri)]) + uri)
            self._answer(200, _append(NONCE) + b"\x08" + promise)

        def do_GET(self) -> None:
            message = bytes.fromhex(self.path.removeprefix("/timestamp/"))
            height = calendar.heights.get(message)
            if height is None:
                self._answer(404, b"Pending confirmation in Bitcoin blockchain")
            else:
                self._answer(200, _append(b"block") + b"\x08" + _attestation(_BITCOIN, _number(height)))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with listening(Handler) as calendar.url:
        yield calendar


def _append(argument: bytes) -> bytes:
    return b"\xf0" + bytes([len(argument)]) + argument


def _attestation(tag: bytes, payload: bytes) -> bytes:
    return b"\x00" + tag + bytes([len(payload)]) + payload


def _number(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
