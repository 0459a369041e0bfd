"""Time stamp authorities: one request over HTTP, one token back.

The nonce in the request is what tells today's token from an old one; it means nothing to who checks the token later.

Source: RFC 3161 sections 2.4.1 and 3.4.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from connectors.http_call import Bounds, call, require_ok, require_url
from domain.anchoring import AnchorKind, AnchorReceipt
from domain.errors import IntegrityError

TOKEN: Final = "token.der"  # noqa: S105 (the name of a file)

_HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
_VERSION = bytes.fromhex("020101")
_SHA256 = bytes.fromhex("300d06096086480165030402010500")
_CERTIFICATES_WANTED = bytes.fromhex("0101ff")
_NONCE_SIZE_BYTES = 8


class TokenFacts(Protocol):
    """What a token states."""

    @property
    def imprint(self) -> bytes:
        """SHA-256 digest of what was stamped."""

    @property
    def serial(self) -> int:
        """Number that the authority gave it."""

    @property
    def policy(self) -> str:
        """Object identifier of the authority's policy."""

    @property
    def at(self) -> datetime:
        """The time."""

    @property
    def nonce(self) -> int | None:
        """The number that the request carried."""


@dataclass(frozen=True, slots=True)
class TimeStampAuthority:
    """A target of kind RFC 3161.

    Args:
        read_response: the token within an answer.
        read_token: what a token states.
        make_nonce: random bytes.
    """

    name: str
    url: str
    read_response: Callable[[bytes], bytes] = field(repr=False)
    read_token: Callable[[bytes], TokenFacts] = field(repr=False)
    bounds: Bounds = field(default_factory=Bounds)
    make_nonce: Callable[[int], bytes] = field(default=secrets.token_bytes, repr=False)

    @property
    def kind(self) -> AnchorKind:
        return AnchorKind.RFC3161

    def anchor(self, note: bytes) -> AnchorReceipt:
        imprint = hashlib.sha256(note).digest()
        nonce = bytes([0x40]) + self.make_nonce(_NONCE_SIZE_BYTES)
        answer = call(self.url, body=encode_request(imprint, nonce), headers=_HEADERS, bounds=self.bounds)
        token = self.read_response(require_ok(answer, self.url))
        stated = self.read_token(token)
        expected = (imprint, int.from_bytes(nonce, "big"))
        if (stated.imprint, stated.nonce) != expected:
            raise IntegrityError(
                "time stamp is not for this request",
                target=self.name,
                expected=f"{imprint.hex()} with nonce {expected[1]}",
                got=f"{stated.imprint.hex()} with nonce {stated.nonce}",
                todo="Do not use this authority until its operator has explained it",
            )
        return AnchorReceipt(
            kind=self.kind,
            target=self.name,
            note_sha256=imprint.hex(),
            stated_at=stated.at,
            is_final=True,
            facts={"url": self.url, "serial": str(stated.serial), "policy": stated.policy},
            files={TOKEN: token},
        )

    def complete(self, receipt: AnchorReceipt) -> AnchorReceipt:
        """A token is whole from the beginning."""
        return receipt


@dataclass(frozen=True, slots=True)
class StampService:
    """The same authority for who writes requests and reads answers himself, such as a PDF's signer."""

    url: str
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        require_url(self.url)

    def stamp(self, request: bytes) -> bytes:
        """The answer to a request, both in DER."""
        return require_ok(call(self.url, body=request, headers=_HEADERS, bounds=self.bounds), self.url)


def encode_request(imprint: bytes, nonce: bytes) -> bytes:
    """A request for a token with the authority's certificate in it; every length here is below 128."""
    hashed = _element(0x30, _SHA256 + _element(0x04, imprint))
    return _element(0x30, _VERSION + hashed + _element(0x02, nonce) + _CERTIFICATES_WANTED)


def _element(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content
