"""Numbers and bytes in text, in exactly one spelling each.

A second spelling of the same value (unused bits in base64, a leading zero, upper-case hex) would be a byte that nothing
authenticates, so it is refused.

Source: RFC 4648 section 3.5; C2SP tlog-checkpoint.
"""

from __future__ import annotations

import base64
import binascii
import re

from domain.errors import InputError

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
SIZE_MAX = 2**63 - 1


def encode_base64(data: bytes) -> str:
    """Standard alphabet, padded."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, *, what: str) -> bytes:
    """Read standard base64, padded, in its only spelling.

    Raises:
        InputError: the text is not the base64 of anything.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        data = b""
    if encode_base64(data) != text:
        raise InputError(f"{what} is not base64", got=text[:80], expected="standard base64 with padding")
    return data


def decode_size(text: str, *, what: str) -> int:
    """Read a decimal number of at most 63 bits without leading zeroes.

    Raises:
        InputError: the text is not one.
    """
    if _SIZE.fullmatch(text) is None or int(text) > SIZE_MAX:
        raise InputError(f"{what} is not a number", got=text[:80], expected="a decimal without leading zeroes")
    return int(text)
