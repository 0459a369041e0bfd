"""Keyed commitments: an entry says of a personal value only what whoever holds its key can check.

    opening key = HMAC-SHA3-256(subject's key, "policycortex/opening/v1"    tenant field value)
    commitment  = HMAC-SHA3-256(opening key,   "policycortex/commitment/v1" tenant field value)

A commitment has an opening key of its own, so showing one value to an auditor says nothing of the person's others, not
even whether a guess is right. Without the key a commitment is 32 random bytes: guessing names does not help.
The pseudonym under which entries speak of a person comes from the person's key too and is lost with it.

Uses the standard library alone: auditors check openings with it.
Source: RFC 2104; FIPS 202. Keys have exactly 32 bytes, since HMAC pads shorter ones to the same key.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass
from typing import Final

from domain.errors import InputError, IntegrityError
from domain.value import Json

KEY_SIZE_BYTES: Final = 32
DIGEST: Final = "sha3_256"

_COMMITMENT: Final = "policycortex/commitment/v1"
_OPENING: Final = "policycortex/opening/v1"
_PSEUDONYM: Final = "policycortex/pseudonym/v1"
_LINE: Final = re.compile(r"[!-~]{1,200}")
_HEX: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Commitment:
    """What stands in an entry in place of a personal value."""

    commitment: str
    subject: str

    def as_json(self) -> dict[str, Json]:
        return {"commitment": self.commitment, "subject": self.subject}


@dataclass(frozen=True, slots=True)
class Opening:
    """What an auditor is given to read one commitment: the value, and the key of this commitment alone."""

    tenant: str
    field: str
    value: Json
    key: str

    def as_json(self) -> dict[str, Json]:
        return {"tenant": self.tenant, "field": self.field, "value": self.value, "key": self.key}


def commit(subject_key: bytes, *, tenant: str, field: str, value: Json) -> Commitment:
    """Commit to a value of a person.

    Args:
        field: the evidence type and path, such as `access_review.reviewer`.
    """
    opened = opening(subject_key, tenant=tenant, field=field, value=value)
    content = _message(_COMMITMENT, tenant, field, value)
    return Commitment(_mac(bytes.fromhex(opened.key), content), pseudonym(subject_key, tenant=tenant))


def opening(subject_key: bytes, *, tenant: str, field: str, value: Json) -> Opening:
    """What lets an auditor read the commitment to this value, and no other."""
    return Opening(tenant, field, value, _mac(subject_key, _message(_OPENING, tenant, field, value)))


def check_opening(commitment: str, opened: Opening) -> None:
    """Check that a commitment is to this value in this field.

    Raises:
        InputError: not an opening.
        IntegrityError: the commitment is to something else.
    """
    if _HEX.fullmatch(opened.key) is None or _HEX.fullmatch(commitment) is None:
        raise InputError("not an opening", expected="a commitment and a key of 64 hex digits each")
    expected = _mac(bytes.fromhex(opened.key), _message(_COMMITMENT, opened.tenant, opened.field, opened.value))
    if not hmac.compare_digest(expected, commitment):
        raise IntegrityError(
            "opening does not fit the commitment", field=opened.field, expected=commitment, got=expected
        )


def pseudonym(subject_key: bytes, *, tenant: str) -> str:
    """The name of a person in entries, for as long as the person's key lasts."""
    return _mac(subject_key, _message(_PSEUDONYM, tenant, "-", None))


def is_committed(value: Json) -> bool:
    """Whether a value already is a commitment."""
    return (
        isinstance(value, dict)
        and value.keys() == {"commitment", "subject"}
        and all(isinstance(item, str) and _HEX.fullmatch(item) is not None for item in value.values())
    )


def keyed_digest(key: bytes, header: str, *lines: str) -> bytes:
    """HMAC-SHA3-256 of lines that cannot run into each other."""
    if len(key) != KEY_SIZE_BYTES:
        raise InputError("key has another length", size_bytes=len(key), expected=KEY_SIZE_BYTES)
    return hmac.digest(key, json.dumps([header, *lines]).encode("ascii"), DIGEST)


def _mac(key: bytes, message: bytes) -> str:
    if len(key) != KEY_SIZE_BYTES:
        raise InputError("key has another length", size_bytes=len(key), expected=KEY_SIZE_BYTES)
    return hmac.digest(key, message, DIGEST).hex()


def _message(header: str, tenant: str, field: str, value: Json) -> bytes:
    """Lines that cannot run into each other: only the value, which comes last, may hold a line's end."""
    for line in (tenant, field):
        if _LINE.fullmatch(line) is None:
            raise InputError("tenant or field is not a word of visible ASCII", got=ascii(line)[:80])
    return f"{header}\n{tenant}\n{field}\n".encode("ascii") + _encode(value)


def _encode(value: Json) -> bytes:
    """RFC 8785 for what entries may hold: ASCII keys, no floats."""
    _require_plain(value)
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError("value holds half of a character", todo="Give text that UTF-8 can hold") from None


def _require_plain(value: Json) -> None:
    if isinstance(value, float):
        raise InputError("value is a float", todo="Write it as a string")
    if isinstance(value, dict):
        if not all(key.isascii() for key in value):
            raise InputError("object key is not ASCII", todo="Rename the key")
        for item in value.values():
            _require_plain(item)
    if isinstance(value, list):
        for item in value:
            _require_plain(item)
