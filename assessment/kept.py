"""Verdicts that are kept from one question to the next, so that a question judges what has changed and nothing else.

What a program says of a row follows from the row, from what it looks for beside it, and from the time where it asks for
that. Where none of these is another than before, the former verdict stands; the others are judged over a table of the
rows that are new. Tables that stay as they are stay the same object (`graph.lazy`), so that nothing is compared.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from domain.finding import PolicyId
from graph.columns import Table, compacted, take
from graph.lazy import Carried
from policy.compile import Program
from policy.evaluate import UNCOLLECTED, Lookups, Related, evaluate

Verdicts = NDArray[np.uint8]
"""`Verdict` codes, one for each row of a table."""
Origins = NDArray[np.int64]
"""Numbers of rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a program is asked about a table of one type.

    Args:
        carried: where the table's rows come from; None where it is not made of a former one.
    """

    program: Program
    table: Table
    related: Related
    now: datetime
    carried: Carried | None

    @property
    def moment(self) -> datetime | None:
        """The time, where the answer depends on it."""
        return self.now if self.program.is_time_dependent else None

    @property
    def is_read(self) -> NDArray[np.bool_] | None:
        """Whether all that each row could find was collected; None where nothing is looked for."""
        if self.program.existence is None:
            return None
        return np.broadcast_to(np.asarray(self.related.is_read, dtype=bool), self.table.size)


@dataclass(slots=True, eq=False)
class KeptVerdicts:
    """What programs said last, by type and policy. For questions about one graph, one after the other."""

    _said: dict[tuple[str, PolicyId], tuple[Asked, Verdicts]] = field(default_factory=dict)
    _fresh: dict[str, tuple[Table, Origins, Table]] = field(default_factory=dict)
    _rows: int = 0

    @property
    def size_bytes(self) -> int:
        """What they take in memory, beside the tables: a verdict, and whether everything was collected."""
        return 2 * self._rows

    def of(self, kind: str, asked: Asked, lookups: Lookups) -> Verdicts:
        """What a program says of every row of a table of a type."""
        key = (kind, asked.program.policy_id)
        if key not in self._said:
            verdicts = _judged(asked, asked.table, asked.related, lookups)
        else:
            then, known = self._said[key]
            origins = _origins(then, asked)
            if origins is None:
                return known
            verdicts = self._carried(kind, asked, known, origins, lookups)
            self._rows -= len(known)
        self._rows += len(verdicts)
        self._said[key] = (replace(asked, carried=None), verdicts)
        return verdicts

    def keep_only(self, kinds: Collection[str]) -> None:
        """Forget what was said of types that are not there any longer."""
        self._fresh.clear()
        self._said = {key: each for key, each in self._said.items() if key[0] in kinds}
        self._rows = sum(len(verdicts) for _, verdicts in self._said.values())

    def _carried(self, kind: str, asked: Asked, known: Verdicts, origins: Origins, lookups: Lookups) -> Verdicts:
        """Former verdicts where they stand, and new ones for the other rows."""
        fresh = np.flatnonzero(origins < 0)
        if len(fresh) == asked.table.size:
            return _judged(asked, asked.table, asked.related, lookups)
        verdicts: Verdicts = known[origins]
        if len(fresh):
            related, is_read = asked.related, asked.is_read
            if is_read is not None and related is not UNCOLLECTED:
                related = Related(related.tables, is_read[fresh])
            verdicts[fresh] = _judged(asked, self._part(kind, asked.table, fresh), related, lookups)
        return verdicts

    def _part(self, kind: str, table: Table, rows: Origins) -> Table:
        """Some rows as a table of their own: most programs of a type are asked about the same ones."""
        known = self._fresh.get(kind)
        if known is not None and known[0] is table and np.array_equal(known[1], rows):
            return known[2]
        part = compacted(take(table, rows))
        self._fresh[kind] = (table, rows, part)
        return part


def _origins(then: Asked, now: Asked) -> Origins | None:
    """For each row of a table, which row it was, in its state and place, when it was asked about last.

    Returns:
        Below zero for a row whose verdict is not known; None where every row keeps the one it had.
    """
    is_same = then.table is now.table
    rows = np.arange(now.table.size) if is_same or now.carried is None else now.carried.origins
    is_other = not is_same and (now.carried is None or now.carried.former is not then.table)
    if is_other or then.program is not now.program or then.moment != now.moment or not _look_alike(then, now):
        return np.full(now.table.size, -1, np.int64)
    old, new = then.is_read, now.is_read
    if old is None or new is None:
        return None if is_same else rows
    if is_same and np.array_equal(old, new):
        return None
    return np.where((rows >= 0) & (old[rows] == new), rows, -1)


def _look_alike(then: Asked, now: Asked) -> bool:
    """Whether both look in the same tables."""
    old, new = then.related.tables, now.related.tables
    return len(old) == len(new) and all(each is other for each, other in zip(old, new, strict=True))


def _judged(asked: Asked, table: Table, related: Related, lookups: Lookups) -> Verdicts:
    return evaluate(asked.program, table, now=asked.now, lookups=lookups, related=related)
