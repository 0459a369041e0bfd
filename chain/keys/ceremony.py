"""Carrying out a rotation on a log that is open for writing: decide, record, sign with what is recorded.

Each step may be repeated, also by a process that starts after a crash: what the entries say already is not said again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from chain.keys.history import KeyHistory
from chain.keys.key_event import Occasion
from chain.keys.log_keys import LogKeyStore
from chain.keys.ring import KeyRing
from chain.keys.rotation import addition_events, retirement_events
from chain.keys.signer import Signer
from chain.note import VerifierKey
from chain.tree_hash import Twin
from domain.errors import ConflictError, IntegrityError
from domain.evidence import EvidenceEvent
from domain.tenancy import TenantId


class RotatingLog(Protocol):
    """As much of a log's writer as a rotation needs."""

    tenant: TenantId

    @property
    def published_size(self) -> int:
        """Size of the newest checkpoint that readers can get."""

    def key_history(self) -> Twin[KeyHistory]:
        """Which keys were the log's at which size, by its recorded entries."""

    def append(self, events: Sequence[EvidenceEvent]) -> object:
        """Record events durably, together and once."""

    def reopen(self) -> None:
        """Sign from now on with the keys that the recorded entries name."""


def add_pair(log: RotatingLog, keys: LogKeyStore, occasion: Occasion) -> Twin[VerifierKey]:
    """Make a new pair of keys the active one; the former signs beside it. In an overlap, the pair that was added."""
    history = log.key_history()
    ring = history.sha256.ring
    if ring is None or ring.overlapping is None:
        old = keys.held()[0] if ring is None else _held(keys, ring.active)
        log.append(addition_events(log.tenant, history, old, keys.pending(history), occasion))
        history = log.key_history()
    log.reopen()
    rings = _rings(history)
    return Twin(rings.sha256.active, rings.sha3_256.active)


def end_overlap(log: RotatingLog, keys: LogKeyStore, occasion: Occasion, *, keep_former: bool = False) -> None:
    """Retire the former pair, or withdraw the new one. Its files are destroyed once the entries say so.

    Args:
        keep_former: withdraw the new pair; the former is active again.

    Raises:
        ConflictError: no checkpoint of the overlap was published yet.
    """
    history = log.key_history()
    rings = _rings(history)
    first, second = rings.sha256.overlapping, rings.sha3_256.overlapping
    if first is not None and second is not None:
        former, active = Twin(first, second), Twin(rings.sha256.active, rings.sha3_256.active)
        retired, remaining = (active, former) if keep_former else (former, active)
        signers = _held(keys, remaining.sha256)
        size = log.published_size
        log.append(retirement_events(log.tenant, history, retired, signers, occasion, published_size=size))
    log.reopen()
    keys.destroy_retired(log.key_history())


def _rings(history: Twin[KeyHistory]) -> Twin[KeyRing]:
    first, second = history.sha256.ring, history.sha3_256.ring
    if first is None or second is None:
        raise ConflictError("log's keys were never replaced", origin=history.sha256.origin, todo="Add a pair first")
    return Twin(first, second)


def _held(keys: LogKeyStore, key: VerifierKey) -> Twin[Signer]:
    found = next((pair for pair in keys.held() if pair.sha256.key == key), None)
    if found is None:
        raise IntegrityError("key that must sign is not held", expected=key.text, todo="Restore its file")
    return found
