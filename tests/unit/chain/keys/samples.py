"""Keys and entries about them, for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.entry import encode_event
from chain.keys.key_event import Occasion, key_added_body, key_retired_body
from chain.keys.key_text import public_bytes
from chain.keys.signer import NamedSigner
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId
from domain.value import Json

ORIGIN = "example.org/evidence/acme"
ACME = TenantId("acme")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
OCCASION = Occasion(NOON, "yearly rotation", "role:key-custodian")


class HeldKey:
    """An Ed25519 key in memory, the same for the same seed."""

    def __init__(self, seed: str) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())
        self.public = public_bytes(self._private)

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


def signer(seed: str, name: str = ORIGIN) -> NamedSigner:
    return NamedSigner(name, HeldKey(seed))


def entry(kind: EventType, body: Mapping[str, Json], request_id: str = "r") -> bytes:
    return encode_event(EvidenceEvent(ACME, request_id, kind, NOON, body), {})


def plain(number: int) -> bytes:
    return entry(EventType.POLICY_EVALUATED, {"number": number}, f"plain/{number}")


def added(old: NamedSigner, new: NamedSigner, **changed: Json) -> bytes:
    return entry(EventType.KEY_ADDED, {**key_added_body(old, new, OCCASION), **changed})


def retired(key: NamedSigner, remaining: NamedSigner, **changed: Json) -> bytes:
    return entry(EventType.KEY_RETIRED, {**key_retired_body(key.key, remaining, OCCASION), **changed})
