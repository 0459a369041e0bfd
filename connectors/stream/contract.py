"""The change stream: what every implementation promises, with one suite for all of them.

A batch is durable when `publish` returns, has one place in its tenant's order, and stays until the consumer that has
recorded its effect trims it. Delivery may repeat; the effect does not, because the consumer keeps its position beside
the effect and older events change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from connectors.stream.codec import decode
from connectors.stream.parked import Parking
from domain.change import ChangeBatch
from domain.tenancy import TenantId

LENGTH_MAX: Final = 100_000
"""Batches that wait for their consumer; more are refused, not dropped."""

READ_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Delivered:
    """A batch at its position. It is decoded when asked for, so that one which cannot be is its consumer's to park."""

    position: str
    payload: bytes

    @property
    def batch(self) -> ChangeBatch:
        """The batch, decoded anew at each access.

        Raises:
            InputError: its form is not one that this version knows.
        """
        return decode(self.payload)


@dataclass(frozen=True, slots=True)
class Extent:
    """What a stream holds.

    Args:
        last: position of the newest batch that ever was; empty where there never was one.
        lost: a position behind the newest batch that is no longer held, from which the rest can be read; empty
            where everything is held.
        length: batches held.
    """

    last: str
    lost: str
    length: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Whose streams have grown.

    Args:
        mark: where to listen from the next time.
        tenants: None where the mark was too old to tell, so that any may have.
    """

    mark: str
    tenants: frozenset[TenantId] | None


class ChangeStream(Protocol):
    """Batches of changes by tenant, in the order of their publication. Safe for several threads."""

    def publish(self, batch: ChangeBatch) -> str:
        """Add a batch; its position. The same id again gives the same position and changes nothing.

        An id is known as long as its batch is held: what was trimmed and comes again is delivered again.

        Raises:
            InputError: the batch is too large.
            ConflictError: another batch has this id.
            UnavailableError: the stream cannot be reached, or its consumer is too far behind; nothing is known to be
                published, and publishing again is safe.
        """

    def read(
        self, tenant: TenantId, after: str, *, limit: int = READ_MAX, block_s: float = 0.0
    ) -> tuple[Delivered, ...]:
        """The batches behind a position, in order; an empty `after` begins with the first that ever was.

        Args:
            block_s: how long to wait for a first batch, at most `BLOCK_S_MAX` of the feed.

        Raises:
            ConflictError: batches behind `after` are no longer held; `resume` says from where the rest can be read.
            UnavailableError: the stream cannot be reached.
        """

    def extent(self, tenant: TenantId) -> Extent:
        """What is held."""

    def lag(self, tenant: TenantId, after: str) -> int:
        """Batches behind a position."""

    def trim(self, tenant: TenantId, upto: str) -> None:
        """Let go of the batches up to a position; for the consumer, once their effect is recorded."""

    def changed(self, mark: str, *, block_s: float = 0.0) -> Changed:
        """Whose streams have grown since a mark; an empty mark begins now, with any.

        A hint that may be late or missing after a crash: a consumer also looks for itself from time to time.
        """

    def park(self, tenant: TenantId, position: str, reason: str) -> str:
        """Put a copy of a batch aside that its consumer cannot apply; its id. The consumer then goes on behind it.

        Raises:
            NotFound: no batch is held there.
        """

    def refuse(self, tenant: TenantId, payload: bytes, *, source: str, reason: str) -> str:
        """Put a message aside that never became a batch; its id, the same for the same message."""

    def parked(self, tenant: TenantId) -> Parking:
        """What was put aside, oldest first."""

    def discard(self, tenant: TenantId, parked_ids: Sequence[str]) -> int:
        """Forget what was put aside; how many of these ids there were."""

    def close(self) -> None:
        """Let go of connections."""
