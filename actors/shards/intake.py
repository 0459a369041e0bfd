"""Changes go from a tenant's stream into its graph and store.

A change is shown at once where it is certain that the store will come to the same state (`actors.shards.ahead`); any
other goes into the store first. What cannot be applied is put aside with the reason, and the rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from actors.shards.access import Access
from actors.shards.ahead import Placed, Portion
from actors.shards.catching_up import Way
from actors.shards.graph_memory import GraphMemory
from actors.shards.stream_place import STREAM, StreamPlace
from actors.shards.taken import Followed, News, Taken
from actors.shards.write_behind import EVENTS_MAX, WriteBehind
from connectors.stream.contract import Delivered
from domain.errors import ConflictError, InputError
from domain.tenancy import TenantId

AHEAD_MAX: Final = 20_000
"""Events that may be shown and not yet written; then the store is waited for."""


class Intake:
    """To be used under the graph's lock."""

    def __init__(self, access: Access, memory: GraphMemory, place: StreamPlace, behind: WriteBehind) -> None:
        self._access, self._memory, self._place, self._behind = access, memory, place, behind
        self._news = News()

    def heard(self) -> News:
        """What has changed in what is shown since this was asked last."""
        news, self._news = self._news, News()
        return news

    def take(self) -> Followed:
        """Take what waits in the stream, as far as one look goes."""
        taken = Taken()
        if len(self._behind) >= AHEAD_MAX:
            self._write_all(taken)
        delivered = self._read()
        if not delivered:
            return taken.followed(0, is_behind=False)
        if self._memory.is_there and self._way(delivered) is Way.REHYDRATE:
            self._write_all(taken)
            self._behind.forget()
        for portion in self._portions(delivered, taken):
            taken.events += sum(len(placed.batch.events) for placed in portion)
            if not self._show(portion):
                with self._access.at_store:
                    self._behind.write_all(taken)
                    self._apply(portion, taken)
        self._memory.show()
        is_behind = self._place.is_full(delivered)
        if not len(self._behind):
            self._place.trim(is_due=is_behind)
        return taken.followed(len(delivered), is_behind=is_behind)

    def _write_all(self, taken: Taken) -> None:
        with self._access.at_store:
            self._behind.write_all(taken)

    def _way(self, delivered: Sequence[Delivered]) -> Way:
        """What is cheaper with so many changes waiting."""
        return self._memory.costs.way(self._place.waiting(delivered), self._memory.resources)

    def _read(self) -> Sequence[Delivered]:
        try:
            return self._place.read()
        except ConflictError:
            with self._access.at_store:
                self._behind.write_all(Taken())
                self._behind.forget()
                self._place.return_to_store()
            return self._place.read_again()

    def _portions(self, delivered: Sequence[Delivered], taken: Taken) -> Iterator[list[Placed]]:
        """Batches in order, as many at once as one write takes; what cannot be read is put aside on the way."""
        portion: list[Placed] = []
        for each in delivered:
            try:
                placed = Placed(each.position, each.batch)
                _require_own(placed, self._access.tenant)
            except InputError as error:
                if portion:
                    yield portion
                    portion = []
                with self._access.at_store:
                    self._behind.write_all(taken)
                    self._park(each.position, error, taken)
                continue
            portion.append(placed)
            if sum(len(one.batch.events) for one in portion) >= EVENTS_MAX:
                yield portion
                portion = []
        if portion:
            yield portion

    def _show(self, placed: Sequence[Placed]) -> bool:
        """Take batches into the graph before the store has them; False where the store is to be asked first."""
        events = tuple(event for each in placed for event in each.batch.events)
        seen = self._memory.ahead(events)
        if seen is None:
            return False
        with ExitStack() as undo:
            undo.callback(self._behind.forget)
            portion = Portion(tuple(placed), events, seen, self._memory.show_ahead(seen))
            undo.pop_all()
        self._behind.add(portion)
        self._news.add(seen, events)
        return True

    def _apply(self, portion: Sequence[Placed], taken: Taken) -> None:
        """Write a portion and show it; where the store refuses it, batch by batch, so that one stops no other."""
        events = [event for placed in portion for event in placed.batch.events]
        position = portion[-1].position
        self._place.restart()
        self._place.ask_store()
        try:
            applied = self._memory.follow(events, stream=STREAM, position=position)
        except InputError as error:
            if len(portion) == 1:
                self._park(position, error, taken)
                return
            for placed in portion:
                self._apply([placed], taken)
            return
        self._place.wrote(position)
        taken.changes += applied.changes
        self._news.add(applied.changes, events)
        self._memory.told(events)

    def _park(self, position: str, error: InputError, taken: Taken) -> None:
        taken.parked.append(self._place.park(position, error))


def _require_own(placed: Placed, tenant: TenantId) -> None:
    if placed.batch.tenant != tenant:
        raise InputError("a batch is of another tenant", expected=tenant, got=placed.batch.tenant)
