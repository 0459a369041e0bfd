"""Keys and entries about them, for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.checkpoint import Checkpoint
from chain.entry import encode_event
from chain.keys.freeze import require_open
from chain.keys.key_event import Occasion, key_added_body, key_retired_body
from chain.keys.key_text import public_bytes
from chain.keys.overlap import sign_checkpoint
from chain.keys.signer import NamedSigner
from chain.merkle import Tree
from chain.tree_hash import SHA3_256, SHA256, TreeHash, Twin
from domain.errors import NotFound
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


@dataclass(frozen=True, slots=True)
class SmallHead:
    checkpoint: str
    checkpoint_sha3: str


class SmallLog:
    """A log in memory of real entries, trees and checkpoints, with the one face that a freeze needs."""

    def __init__(self, state: Path, origin: str = ORIGIN, seed: str = "key") -> None:
        self.origin = origin
        self.state = state
        self.signers = Twin(signer(seed, origin), signer(seed, f"{origin}/sha3-256"))
        self.entries: list[bytes] = []
        self._request_ids: list[str] = []
        self._head: SmallHead | None = None

    def append(self, events: Sequence[EvidenceEvent]) -> None:
        require_open(self.state, [event.request_id for event in events])
        for event in events:
            if event.request_id not in self._request_ids:
                self._request_ids.append(event.request_id)
                self.entries.append(encode_event(event, {}))

    def publish(self) -> SmallHead:
        notes = (sign_checkpoint(checkpoint, [held]) for checkpoint, held in self._signing())
        self._head = SmallHead(*notes)
        return self._head

    def head(self) -> SmallHead:
        if self._head is None:
            raise NotFound("evidence log has no checkpoint yet", origin=self.origin)
        return self._head

    def checkpoints(self) -> Twin[Checkpoint]:
        first, second = (checkpoint for checkpoint, _ in self._signing())
        return Twin(first, second)

    def _signing(self) -> list[tuple[Checkpoint, NamedSigner]]:
        pairs = ((SHA256, self.signers.sha256), (SHA3_256, self.signers.sha3_256))
        return [(Checkpoint(held.key.name, len(self.entries), _root(kind, self.entries)), held) for kind, held in pairs]


def _root(tree_hash: TreeHash, entries: Sequence[bytes]) -> bytes:
    tree = Tree(tree_hash)
    tree.extend(tree_hash.leaves(entries))
    return tree.root()
