"""The keys of one tree of a log, and what may happen to each: a table.

A key is made (pending), signs (active), signs beside its successor (overlap), and is retired for ever. In an overlap
the new key may be withdrawn, and then the old one is active again. A log always has exactly one active key and at most
one in overlap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chain.note import VerifierKey
from domain.errors import ConflictError


class KeyStatus(StrEnum):
    """What a key is to its log."""

    PENDING = "pending"
    ACTIVE = "active"
    OVERLAP = "overlap"
    RETIRED = "retired"


class KeyTrigger(StrEnum):
    """What happens to a key."""

    ADDED = "added"
    SUCCEEDED = "succeeded"
    RESTORED = "restored"
    WITHDRAWN = "withdrawn"
    RETIRED = "retired"


NEXT: Final[Mapping[tuple[KeyStatus, KeyTrigger], KeyStatus]] = {
    (KeyStatus.PENDING, KeyTrigger.ADDED): KeyStatus.ACTIVE,
    (KeyStatus.PENDING, KeyTrigger.WITHDRAWN): KeyStatus.RETIRED,
    (KeyStatus.ACTIVE, KeyTrigger.SUCCEEDED): KeyStatus.OVERLAP,
    (KeyStatus.ACTIVE, KeyTrigger.WITHDRAWN): KeyStatus.RETIRED,
    (KeyStatus.OVERLAP, KeyTrigger.RESTORED): KeyStatus.ACTIVE,
    (KeyStatus.OVERLAP, KeyTrigger.RETIRED): KeyStatus.RETIRED,
}


def next_status(status: KeyStatus, trigger: KeyTrigger) -> KeyStatus:
    """What a key is after something happened to it.

    Raises:
        ConflictError: that cannot happen to such a key.
    """
    if (status, trigger) not in NEXT:
        raise ConflictError(f"a key that is {status} cannot be {trigger}", status=status, trigger=trigger)
    return NEXT[status, trigger]


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys that a tree has or had, in the order in which they came."""

    statuses: Mapping[VerifierKey, KeyStatus]

    @property
    def active(self) -> VerifierKey:
        """The key that signs first."""
        return next(key for key, status in self.statuses.items() if status is KeyStatus.ACTIVE)

    @property
    def overlapping(self) -> VerifierKey | None:
        """The former key, while it still signs."""
        return next((key for key, status in self.statuses.items() if status is KeyStatus.OVERLAP), None)

    @property
    def signing(self) -> tuple[VerifierKey, ...]:
        """The keys whose lines a checkpoint carries, in their order."""
        return (self.active,) if self.overlapping is None else (self.active, self.overlapping)


def first_ring(key: VerifierKey) -> KeyRing:
    """The ring of a log that begins."""
    return KeyRing({key: KeyStatus.ACTIVE})


def add_key(ring: KeyRing, key: VerifierKey) -> KeyRing:
    """Make a key the active one; the former signs beside it.

    Raises:
        ConflictError: a rotation is under way, or the log has or had this key.
    """
    if key in ring.statuses:
        raise ConflictError("log has or had this key", key=key.text, todo="Make a new key")
    succeeded = {held: next_status(ring.statuses[held], KeyTrigger.SUCCEEDED) for held in ring.signing}
    return KeyRing({**ring.statuses, **succeeded, key: next_status(KeyStatus.PENDING, KeyTrigger.ADDED)})


def retire_key(ring: KeyRing, key: VerifierKey) -> KeyRing:
    """End an overlap: the former key is retired, or the new one withdrawn and the former restored.

    Raises:
        ConflictError: no overlap, or the key is none of the two.
    """
    former = ring.overlapping
    if former is None or key not in ring.signing:
        raise ConflictError(
            "only one of two overlapping keys can be retired",
            key=key.text,
            signing=[held.text for held in ring.signing],
            todo="Add the successor first",
        )
    if key == former:
        changed = {key: next_status(KeyStatus.OVERLAP, KeyTrigger.RETIRED)}
    else:
        changed = {
            key: next_status(KeyStatus.ACTIVE, KeyTrigger.WITHDRAWN),
            former: next_status(KeyStatus.OVERLAP, KeyTrigger.RESTORED),
        }
    return KeyRing({**ring.statuses, **changed})
