"""The store follows what is shown: changes that went into the graph first are written soon after, many together.

Should the store come to another state than was shown, its word holds: the graph is read from it again, and nothing is
shown ahead of it any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from actors.shards.access import Access
from actors.shards.ahead import Ahead, Placed, Portion, joined
from actors.shards.graph_memory import GraphMemory
from actors.shards.stream_place import EVENT_BYTES, STREAM, StreamPlace
from actors.shards.taken import Followed, Taken, agrees
from domain.errors import InputError

EVENTS_MAX: Final = 5_000
"""Events that one write takes while everybody waits for it."""
WRITTEN_MAX: Final = 1_000
"""Events that one write takes, so that others need not wait long for the store."""


class WriteBehind:
    """What is shown and not yet written. `write_some` is for another thread than that which shows changes."""

    def __init__(self, access: Access, ahead: Ahead, memory: GraphMemory, place: StreamPlace) -> None:
        self._access, self._ahead, self._memory, self._place = access, ahead, memory, place
        self._is_reopened = False
        self._is_refuted = False

    def __len__(self) -> int:
        """Changes that the store does not have yet."""
        return len(self._ahead)

    @property
    def size_bytes(self) -> int:
        """What they take in memory, about."""
        return EVENT_BYTES * len(self._ahead)

    def add(self, portion: Portion) -> None:
        """A portion is shown; under the graph's lock."""
        self._ahead.add(portion)
        self._place.shown(portion.position)

    def write_some(self) -> Followed:
        """Write some of what was shown into the store; meanwhile more may be shown."""
        with self._access.lock:
            portions = self._ahead.first(WRITTEN_MAX)
        if not portions:
            return Followed()
        taken = Taken()
        with self._access.at_store:
            is_refuted = self._write(portions, taken)
        with self._access.lock:
            self._settle(is_refuted=is_refuted)
        self._place.trim(is_due=False)
        return taken.followed(sum(len(each.placed) for each in portions), is_behind=len(self) > 0)

    def write_all(self, taken: Taken) -> None:
        """Write everything that was shown; under both locks."""
        while len(self):
            self._access.store()
            self.look_again()
            portions = self._ahead.first(EVENTS_MAX)
            self._settle(is_refuted=self._write(portions, taken))

    def was_refuted(self) -> bool:
        """Whether, since this was asked last, the store came to another state than was shown."""
        was, self._is_refuted = self._is_refuted, False
        return was

    def forget(self) -> None:
        """Let go of the graph, and of what is shown ahead: it is taken from the stream again."""
        with self._access.lock:
            if len(self):
                self._place.restart()
            self._ahead.clear()
            self._memory.forget()

    def reopened(self) -> None:
        """The store was opened again; whether somebody else wrote meanwhile is looked at under the graph's lock."""
        self._place.ask_store()
        self._is_reopened = True
        if self._memory.is_other:
            self._memory.shown = None

    def look_again(self) -> None:
        """After the store was opened again."""
        if not self._is_reopened:
            return
        with self._access.at_store:
            if self._memory.is_other or len(self):
                self.forget()
            self._place.restart()
            self._is_reopened = False

    def _settle(self, *, is_refuted: bool) -> None:
        """After a write, under the graph's lock."""
        self._ahead.drop_written()
        self._memory.stored()
        if is_refuted:
            structlog.get_logger().error("the store decided otherwise than was shown", tenant=self._access.tenant)
            self._is_refuted = True
            self._memory.show_ahead_no_more()
            self.forget()
        elif not len(self):
            self._memory.let_go_if_misplaced()

    def _write(self, portions: Sequence[Portion], taken: Taken) -> bool:
        """Have the store take portions, under its lock; whether it came to another state than was shown."""
        self._access.store()
        portions = [portion for portion in portions if not portion.is_written]
        if not portions or self._is_reopened:
            return False
        try:
            return self._write_together(portions, taken)
        except InputError:
            for placed in (placed for portion in portions for placed in portion.placed):
                self._write_alone(placed, taken)
        for portion in portions:
            portion.is_written = True
        return True

    def _write_together(self, portions: Sequence[Portion], taken: Taken) -> bool:
        events = [event for portion in portions for event in portion.events]
        store, position, now = self._access.store(), portions[-1].position, self._access.clock.now()
        edges = joined(portion.delta for portion in portions)
        self._place.ask_store()
        applied = store.apply(events, stream=STREAM, position=position, now=now, relate=lambda _: edges)
        self._place.stored(position)
        self._memory.edges.wrote(applied.version)
        for portion in portions:
            portion.is_written = True
        taken.changes += applied.changes
        return not agrees(store, applied, portions)

    def _write_alone(self, placed: Placed, taken: Taken) -> None:
        """Write one of several batches that were shown together; the graph is read anew after it."""
        try:
            events, now = placed.batch.events, self._access.clock.now()
            applied = self._access.store().apply(events, stream=STREAM, position=placed.position, now=now)
        except InputError as error:
            taken.parked.append(self._place.park(placed.position, error))
        else:
            self._place.stored(placed.position)
            taken.changes += applied.changes
