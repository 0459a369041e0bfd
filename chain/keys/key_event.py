"""Entries about keys: a key was added, a key was retired. Their bodies, and reading them back.

Uses the standard library and ``cryptography`` alone: the offline verifier reads with it. Whether a key may be added at
that point of a log decides `chain.keys.history`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chain.encoding import decode_base64, encode_base64
from chain.envelope import ENTRY_SIZE_BYTES_MAX
from chain.keys.signer import RsaKey, Signer
from chain.keys.statement import addition_statement, report_key_statement, retirement_statement
from chain.note import VerifierKey, parse_verifier_key
from chain.strict_json import parse
from domain.clock import format_instant
from domain.errors import InputError
from domain.evidence import EventType
from domain.value import Json

_PRINCIPAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,99}")
_MARKS: Final = tuple(f'"type":"{kind}"'.encode() for kind in (EventType.KEY_ADDED, EventType.KEY_RETIRED))
_LOG_USE: Final = "log"
REPORT_USE: Final = "report"


@dataclass(frozen=True, slots=True)
class KeyAdded:
    """A new key signs for a tree of the log, after the one it replaces."""

    key: VerifierKey
    replaces: VerifierKey
    valid_from: str
    possession: bytes
    endorsement: bytes

    @property
    def faults(self) -> tuple[str, ...]:
        """Fields that hold a wrong signature."""
        text = addition_statement(self.replaces, self.key, valid_from=self.valid_from)
        checks = {
            "possession": self.key.is_signed(text, self.possession),
            "endorsement": self.replaces.is_signed(text, self.endorsement),
        }
        return tuple(field for field, is_right in checks.items() if not is_right)


@dataclass(frozen=True, slots=True)
class KeyRetired:
    """A key of the log signs no more; another one says so."""

    key: VerifierKey
    authorised_by: VerifierKey
    retired_at: str
    authorisation: bytes

    @property
    def faults(self) -> tuple[str, ...]:
        """Fields that hold a wrong signature."""
        text = retirement_statement(self.key, self.authorised_by, retired_at=self.retired_at)
        return () if self.authorised_by.is_signed(text, self.authorisation) else ("authorisation",)


@dataclass(frozen=True, slots=True)
class Occasion:
    """When, why and by whom a key is added or retired.

    Args:
        by: a role or a pseudonym; entries hold no names of persons.
    """

    at: datetime
    reason: str
    by: str

    def as_json(self) -> dict[str, Json]:
        if _PRINCIPAL.fullmatch(self.by) is None or not 0 < len(self.reason) <= 300:
            raise InputError(
                "occasion of a key event is not valid",
                by=self.by[:80],
                expected="a role or pseudonym without @, and a reason of up to 300 characters",
            )
        return {"reason": self.reason, "by": self.by}


def key_added_body(old: Signer, new: Signer, occasion: Occasion) -> dict[str, Json]:
    """Body of a log's ``key_added``: both keys sign.

    Raises:
        InputError: the keys are of different origins, or the occasion is not valid.
    """
    _require_one_origin(old.key, new.key)
    at = format_instant(occasion.at)
    text = addition_statement(old.key, new.key, valid_from=at).encode()
    return {
        "use": _LOG_USE,
        "origin": new.key.name,
        "algorithm": "ed25519",
        "key": new.key.text,
        "replaces": old.key.text,
        "valid_from": at,
        **occasion.as_json(),
        "possession": encode_base64(new.sign(text)),
        "endorsement": encode_base64(old.sign(text)),
    }


def key_retired_body(retired: VerifierKey, remaining: Signer, occasion: Occasion) -> dict[str, Json]:
    """Body of a log's ``key_retired``: the key that remains signs.

    Raises:
        InputError: the keys are of different origins, or the occasion is not valid.
    """
    _require_one_origin(retired, remaining.key)
    at = format_instant(occasion.at)
    text = retirement_statement(retired, remaining.key, retired_at=at).encode()
    return {
        "use": _LOG_USE,
        "origin": retired.name,
        "key": retired.text,
        "retired_at": at,
        **occasion.as_json(),
        "authorised_by": remaining.key.text,
        "authorisation": encode_base64(remaining.sign(text)),
    }


def report_key_added_body(key: RsaKey, certificate: bytes, occasion: Occasion, *, replaces: str) -> dict[str, Json]:
    """Body of a report key's ``key_added``, for the platform's log.

    Args:
        certificate: its bytes, as readers get them.
        replaces: SHA-256 of the former key in hex; empty for the first.
    """
    at, digest = format_instant(occasion.at), hashlib.sha256(key.public_der).hexdigest()
    text = report_key_statement(key_sha256=digest, replaces=replaces, valid_from=at).encode()
    return {
        "use": REPORT_USE,
        "algorithm": "rsa-4096-pss-sha256",
        "key": base64.b64encode(key.public_der).decode("ascii"),
        "key_sha256": digest,
        "certificate_sha256": hashlib.sha256(certificate).hexdigest(),
        "replaces": replaces,
        "valid_from": at,
        **occasion.as_json(),
        "possession": encode_base64(key.sign(text)),
    }


def read_key_event(entry: bytes) -> KeyAdded | KeyRetired | None:
    """What an entry says of a log's key; ``None`` where it is about something else.

    Raises:
        InputError: about a log's key, and not of the form it must have.
    """
    if not any(mark in entry for mark in _MARKS):
        return None
    fields = parse(entry, size_bytes_max=ENTRY_SIZE_BYTES_MAX)
    kind, body = (fields.get("type"), fields.get("body")) if isinstance(fields, dict) else (None, None)
    if kind not in {EventType.KEY_ADDED, EventType.KEY_RETIRED} or not isinstance(body, dict):
        return None
    if body.get("use") != _LOG_USE:
        return None
    return _read_added(body) if kind == EventType.KEY_ADDED else _read_retired(body)


def _read_added(body: Mapping[str, Json]) -> KeyAdded:
    if body.get("algorithm") != "ed25519":
        raise InputError("log key is of an unknown algorithm", got=body.get("algorithm"), expected="ed25519")
    added = KeyAdded(
        key=_key(body, "key"),
        replaces=_key(body, "replaces"),
        valid_from=_text(body, "valid_from"),
        possession=_signature(body, "possession"),
        endorsement=_signature(body, "endorsement"),
    )
    _require_origin(body, added.key, added.replaces)
    return added


def _read_retired(body: Mapping[str, Json]) -> KeyRetired:
    retired = KeyRetired(
        key=_key(body, "key"),
        authorised_by=_key(body, "authorised_by"),
        retired_at=_text(body, "retired_at"),
        authorisation=_signature(body, "authorisation"),
    )
    _require_origin(body, retired.key, retired.authorised_by)
    return retired


def _require_origin(body: Mapping[str, Json], *keys: VerifierKey) -> None:
    _require_one_origin(*keys)
    if body.get("origin") != keys[0].name:
        raise InputError("key event has another origin than its keys", expected=keys[0].name, got=body.get("origin"))


def _require_one_origin(first: VerifierKey, second: VerifierKey) -> None:
    if first.name != second.name:
        raise InputError("keys are of different logs", expected=first.name, got=second.name)


def _key(body: Mapping[str, Json], name: str) -> VerifierKey:
    return parse_verifier_key(_text(body, name))


def _signature(body: Mapping[str, Json], name: str) -> bytes:
    return decode_base64(_text(body, name), what=name)


def _text(body: Mapping[str, Json], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise InputError("key event lacks a field", field=f"body.{name}")
    return value
