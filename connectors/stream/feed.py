"""The event feed: short messages of a tenant by topic, readable on every replica, for a limited time.

A feed carries what listeners want soon: drift, changes, progress. It is not a record. An append may be repeated by
whoever did not hear its answer, so payloads carry ids of their own where that matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from domain.tenancy import TenantId

KEPT: Final = 10_000
"""Messages of a topic that are held at least; older ones go."""

PAYLOAD_BYTES_MAX: Final = 1 << 20
READ_MAX: Final = 1_000
BLOCK_S_MAX: Final = 5.0
"""Longest time for which a read waits; listeners ask again."""


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One message. Ids of a topic grow, and compare as text."""

    id: str
    payload: bytes


class Feed(Protocol):
    """Messages by tenant and topic. Safe for several threads."""

    def append(self, tenant: TenantId, topic: str, payloads: Sequence[bytes]) -> tuple[str, ...]:
        """Add messages in this order; their ids.

        Raises:
            InputError: a payload that is too large, or a topic that is not a name.
            UnavailableError: the feed cannot be reached; some of the messages may be there.
        """

    def read(
        self, tenant: TenantId, topic: str, after: str, *, limit: int = READ_MAX, block_s: float = 0.0
    ) -> tuple[FeedItem, ...]:
        """The messages behind an id, oldest first; an empty `after` begins with the oldest one held.

        Args:
            block_s: how long to wait for a first message, at most `BLOCK_S_MAX`.

        Raises:
            ConflictError: messages behind `after` are no longer held; the listener has to read the state again.
            UnavailableError: the feed cannot be reached.
        """

    def last(self, tenant: TenantId, topic: str) -> str:
        """The newest message's id, from which a new listener begins; empty where there is none."""

    def close(self) -> None:
        """Let go of connections."""
