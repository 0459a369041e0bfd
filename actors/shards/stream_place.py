"""Where a tenant is in its stream of changes: how far it was read, how far its store has it, and what was lost.

What is acknowledged is in the stream, and the stream keeps it until the store has it. The position goes into the store
together with the changes, so a process that ends anywhere loses nothing and does nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from actors.shards.access import Access
from connectors.stream.contract import ChangeStream, Delivered
from domain.errors import ConflictError, InputError

STREAM: Final = "changes"
"""Name of the stream's position in the store."""

LOST: Final = "changes.lost"
"""Name under which the store keeps the position behind which changes were lost."""

BATCHES_MAX: Final = 200
EVENT_BYTES: Final = 1_500
"""A change in the stream, about."""
TRIM_S: Final = 1.0


class StreamPlace:
    """To be used under the graph's lock, but for `lost`, `found_again` and `lag`.

    Args:
        stream: where changes come from; None where there are none.
    """

    def __init__(self, access: Access, stream: ChangeStream | None) -> None:
        self._access, self._stream = access, stream
        self._cursor: str | None = None
        self._written: str | None = None
        self._trimmed_s = float("-inf")

    @property
    def has_stream(self) -> bool:
        """Whether changes come from anywhere."""
        return self._stream is not None

    def read(self) -> Sequence[Delivered]:
        """What comes next, as far as one look goes.

        Raises:
            ConflictError: the stream no longer has it: another one has written it, or it is lost.
        """
        after = self._cursor if self._cursor is not None else self._reached()
        return () if self._stream is None else self._stream.read(self._access.tenant, after, limit=BATCHES_MAX)

    def read_again(self) -> Sequence[Delivered]:
        """What comes next, after `return_to_store`. Where the stream has lost it, that is noted, and passed over."""
        try:
            return self.read()
        except ConflictError as error:
            resume = str(error.facts["resume"])
        tenant, after = self._access.tenant, self._cursor
        structlog.get_logger().error("changes were lost", tenant=tenant, after=after, resume=resume)
        with self._access.at_store:
            self._access.store().apply((), stream=LOST, position=after or "start")
            self._access.store().apply((), stream=STREAM, position=resume)
        self.wrote(resume)
        return self.read()

    def return_to_store(self) -> None:
        """Read on from where the store is, which may be further than it was here."""
        self._written = None
        self._cursor = self._reached()

    def shown(self, position: str) -> None:
        """What stands up to here is shown; the store does not have it yet."""
        self._cursor = position

    def stored(self, position: str) -> None:
        """The store has what stands up to here, which was shown before."""
        self._written = position

    def wrote(self, position: str) -> None:
        """The store has what stands up to here, and nothing behind it is shown."""
        self._cursor = self._written = position

    def ask_store(self) -> None:
        """How far the store has it is to be asked: something is being written, or may have been by another."""
        self._written = None

    def restart(self) -> None:
        """What was read is let go of: it is read again, from where the store is."""
        self._cursor = None

    def park(self, position: str, error: InputError) -> str:
        """Put a batch aside that cannot be applied; its id."""
        assert self._stream is not None
        self._cursor = self._written = None
        parked = self._stream.park(self._access.tenant, position, str(error))
        self._access.store().apply((), stream=STREAM, position=position)
        self.wrote(position)
        structlog.get_logger().warning("a batch was put aside", tenant=self._access.tenant, position=position)
        return parked

    def trim(self, *, is_due: bool) -> None:
        """Let the stream forget now and then what the store has."""
        written, now_s = self._written, self._access.now_s
        if self._stream is not None and written and (is_due or now_s() - self._trimmed_s >= TRIM_S):
            self._stream.trim(self._access.tenant, written)
            self._trimmed_s = now_s()

    def lag(self) -> int:
        """Batches that the store does not have yet."""
        return 0 if self._stream is None else self._stream.lag(self._access.tenant, self._reached())

    def is_full(self, delivered: Sequence[Delivered]) -> bool:
        """Whether more may wait than one look took."""
        return len(delivered) == BATCHES_MAX

    def waiting(self, delivered: Sequence[Delivered]) -> int:
        """Changes that wait, about: those of the batches at hand, and as many in each of the others."""
        payload_bytes = sum(len(each.payload) for each in delivered)
        return payload_bytes // EVENT_BYTES * (self.lag() if self.is_full(delivered) else 1)

    def lost(self) -> str:
        """Position behind which changes were lost, so that only a new inventory tells; empty where none were."""
        with self._access.at_store:
            return self._access.store().position(LOST)

    def found_again(self) -> None:
        """A whole inventory was read after changes had been lost."""
        with self._access.at_store:
            if self.lost():
                self._access.store().apply((), stream=LOST, position="")

    def _reached(self) -> str:
        """Where the store is in the stream."""
        if self._written is None:
            with self._access.at_store:
                self._written = self._access.store().position(STREAM)
        return self._written
