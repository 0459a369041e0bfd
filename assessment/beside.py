"""What stands beside a resource: the tables that an existence condition looks in, and whether they hold everything.

That nothing is found proves that nothing is there only where the related type was read: where some resource of it in
the same account was, and every file about that account was read whole, or where the parent's document lists its
children of the type. Elsewhere absence is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from domain.resource import ConfigurationItem
from domain.value import UNREAD, Absent
from graph.nested import nested_children
from graph.snapshot import EVERYWHERE, Snapshot, account_of
from policy.evaluate import UNCOLLECTED, Related
from policy.existence import Existence
from policy.interpret import evaluate_existence
from policy.tree import Truth

Indexes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """The related resources of one snapshot."""

    snapshot: Snapshot
    _accounts: list[NDArray[np.int64]] = field(default_factory=list, repr=False)

    def of(self, kind: str, rows: Indexes) -> Related:
        """Where triggering resources look for a folded type.

        Args:
            rows: the snapshot's rows of the triggering resources.
        """
        found = (self.snapshot.tables.get(kind), self.snapshot.nested.get(kind))
        tables = tuple(table for table in found if table is not None and table.size)
        is_read = self._is_read(kind, rows)
        return Related(tables, is_read) if tables or bool(is_read.any()) else UNCOLLECTED

    def _is_read(self, kind: str, rows: Indexes) -> NDArray[np.bool_]:
        listed = self.snapshot.listed.get(kind)
        is_read = np.zeros(len(rows), dtype=bool) if listed is None else np.isin(rows, listed)
        related = self.snapshot.rows_by_type.get(kind)
        if related is None or self.snapshot.unproven >= EVERYWHERE:
            return is_read
        accounts = self._account_codes()
        return is_read | np.isin(accounts[rows], np.setdiff1d(accounts[related], np.array([-1])))

    def _account_codes(self) -> NDArray[np.int64]:
        """A number for each row's account; -1 where absence proves nothing in it."""
        if not self._accounts:
            at, scopes = self.snapshot.scopes
            unproven = self.snapshot.unproven
            numbers: dict[str, int] = {}
            names = map(account_of, scopes)
            codes = [-1 if name in unproven else numbers.setdefault(name, len(numbers)) for name in names]
            self._accounts.append(np.array(codes, dtype=np.int64)[at])
        return self._accounts[0]


def related_items(
    existence: Existence, row: int, snapshot: Snapshot, items: Sequence[ConfigurationItem], *, now: datetime
) -> Sequence[ConfigurationItem] | Absent:
    """What a single resource's existence condition is answered from; UNREAD where absence is unknown.

    Args:
        row: the triggering resource's row.
        items: the resources of the snapshot, in its order.
    """
    kind = existence.type
    rows = {key: found.tolist() for key, found in snapshot.rows_by_type.items() if kind.startswith(key)}
    found = [*(items[at] for at in rows.get(kind, ())), *nested_children(items, rows, kind).items]
    if bool(np.all(Beside(snapshot).of(kind, np.array([row])).is_read)):
        return found
    exists = evaluate_existence(existence, items[row], found, now)
    return found if exists is Truth.TRUE else UNREAD
