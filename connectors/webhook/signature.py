"""The signature of a webhook: HMAC-SHA256 over the time and the body, so that a message cannot be changed or replayed.

The header is ``t=SECONDS,v1=HEX``; what is signed is the seconds in decimal, a dot, and the body as it was sent. A
receiver computes the same and refuses what is older than a few minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from domain.errors import AccessDenied

HEADER: Final = "PolicyCortex-Signature"
TOLERANCE_S: Final = 300
SECRET_BYTES: Final = 32
PREFIX: Final = "whsec_"


def new_secret() -> str:
    """A secret that sender and receiver share."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def sign(secret: str, body: bytes, at_s: int) -> str:
    """The header's value."""
    return f"t={at_s},v1={_mac(secret, body, at_s)}"


def verify(secret: str, body: bytes, header: str, now_s: float, *, tolerance_s: int = TOLERANCE_S) -> None:
    """Check a message as its receiver does.

    Raises:
        AccessDenied: the signature is not of this secret and body, or too old or too far ahead.
    """
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    at, given = parts.get("t", ""), parts.get("v1", "")
    if not at.isdecimal() or not hmac.compare_digest(_mac(secret, body, int(at)), given):
        raise AccessDenied("the signature is not valid", header=header[:120], todo="Check the subscription's secret")
    if abs(now_s - int(at)) > tolerance_s:
        raise AccessDenied("the message is too old", at_s=int(at), tolerance_s=tolerance_s, todo="Check the clocks")


def _mac(secret: str, body: bytes, at_s: int) -> str:
    return hmac.new(secret.encode(), str(at_s).encode() + b"." + body, hashlib.sha256).hexdigest()
