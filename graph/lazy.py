"""A live graph's view as a snapshot, whose columns are made when they are asked for and carried over where they hold.

Equal to what `graph.build.build_snapshot` makes of the same items. A type's documents are read when somebody looks at
the type; from one view to the next only those of resources that changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from domain.errors import NotFound
from domain.resource import ConfigurationItem, resource_key
from graph.build import digest_of
from graph.columns import Table, take
from graph.fold import folded_view
from graph.joining import joined
from graph.learn import rows_of
from graph.live import DOCUMENTS_BATCH, Documents, in_batches
from graph.nested import Nested, nested_children
from graph.shred import shred
from graph.snapshot import Rows, Snapshot
from graph.view import GraphView

Made = TypeVar("Made")


class LazyTables(Mapping[str, Table]):
    """Columns by type.

    Args:
        former: the tables of an earlier view; what holds of them is used.
    """

    def __init__(
        self,
        view: GraphView,
        snapshot: Snapshot,
        documents: Documents,
        paths_by_type: Mapping[str, frozenset[str]],
        former: LazyTables | None = None,
    ) -> None:
        self._view, self._snapshot, self._documents = view, snapshot, documents
        self._paths = paths_by_type
        self._made: dict[str, Table] = {}
        self._changed = None if former is None else changed_between(former._view, view)
        self._former = None if self._changed is None else former
        if former is not None:
            former._former = None  # what it has not made by now, nobody carries on: no chain of all views is kept
        self._kinds = [kind for kind in snapshot.rows_by_type if kind in paths_by_type]

    def __getitem__(self, kind: str) -> Table:
        if kind not in self._made:
            if kind not in self._paths:
                raise KeyError(kind)
            self._made[kind] = self._table(kind)
        return self._made[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def _table(self, kind: str) -> Table:
        uids = [self._snapshot.uids[row] for row in self._snapshot.rows_by_type[kind].tolist()]
        known = self._carried(kind)
        if known is None:
            return shred(load(self._documents, uids), self._paths[kind])
        positions, table = known
        fresh = [uid for uid in uids if resource_key(uid) not in positions]
        if not fresh and len(uids) == table.size:
            return table  # rows are in order of `resource_key`, before and after
        if fresh:
            table = joined(table, shred(load(self._documents, fresh), self._paths[kind]))
            positions |= {resource_key(uid): len(positions) + at for at, uid in enumerate(fresh)}
        return take(table, np.array([positions[resource_key(uid)] for uid in uids], np.int64))

    def _carried(self, kind: str) -> tuple[dict[str, int], Table] | None:
        """Rows of the former table that hold, by key."""
        former, changed = self._former, self._changed
        if former is None or changed is None:
            return None
        if kind not in former._made or former._paths[kind] != self._paths[kind]:
            return None
        table, rows = former._made[kind], former._snapshot.rows_by_type[kind].tolist()
        keys = [resource_key(former._snapshot.uids[row]) for row in rows]
        kept = [at for at, key in enumerate(keys) if key not in changed]
        holds = table if len(kept) == len(keys) else take(table, _numbers(kept))
        return {keys[at]: number for number, at in enumerate(kept)}, holds


class _Inside(Mapping[str, Made]):
    """Something about child resources inside documents, by child type; a type of which there is nothing is not here."""

    def __init__(self, kinds: Sequence[str], make: Callable[[str], Made | None]) -> None:
        self._all, self._make = kinds, make
        self._made: dict[str, Made | None] = {}

    def __getitem__(self, kind: str) -> Made:
        if kind not in self._all:
            raise KeyError(kind)
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        found = self._made[kind]
        if found is None:
            raise KeyError(kind)
        return found

    def __iter__(self) -> Iterator[str]:
        return (kind for kind in self._all if kind in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def snapshot_of(
    view: GraphView,
    documents: Documents,
    paths_by_type: Mapping[str, frozenset[str]],
    *,
    former: Snapshot | None = None,
) -> Snapshot:
    """A view as a snapshot.

    Args:
        paths_by_type: the paths to shred, by lower-case type; a type that is not named gets no table.
        former: a snapshot made so of an earlier view of the same graph, whose columns are carried over.
    """
    snapshot = folded_view(view.whole, view.overlay)[0].snapshot
    states = list(rows_of(snapshot.resources))
    children: dict[str, Nested] = {}

    def inside(kind: str) -> Nested:
        if kind not in children:
            children[kind] = _nested(snapshot, documents, kind)
        return children[kind]

    def nested(kind: str) -> Table | None:
        items = inside(kind).items
        return shred(items, paths_by_type[kind]) if items else None

    def listed(kind: str) -> Rows | None:
        rows = inside(kind).listed
        return np.array(rows, np.int32) if rows else None

    kinds = [kind for kind in sorted(paths_by_type) if "/" in kind]
    tables = former.tables if former is not None and isinstance(former.tables, LazyTables) else None
    return replace(
        snapshot,
        tables=LazyTables(view, snapshot, documents, paths_by_type, tables),
        nested=_Inside(kinds, nested),
        listed=_Inside(kinds, listed),
        digest=digest_of(view.tenant, snapshot.as_of, states, snapshot.edges),
    )


def changed_between(before: GraphView, after: GraphView) -> frozenset[str] | None:
    """Keys of resources that have another state than before; a state that was put again counts as another.

    None where the views have no base in common, so that nobody can say.
    """
    if before.whole.snapshot is not after.whole.snapshot:
        return None
    old, new = before.overlay, after.overlay
    rows = {row for row in old.changed.keys() | new.changed.keys() if old.changed.get(row) is not new.changed.get(row)}
    rows |= old.gone ^ new.gone
    return frozenset(
        resource_key(view.uid(row))
        for view in (before, after)
        for row in rows
        if row < view.size and row not in view.gone
    )


def load(documents: Documents, uids: Sequence[str]) -> list[ConfigurationItem]:
    """Documents in the order of their ids.

    Raises:
        NotFound: one is not there any longer: the store is ahead of the view.
    """
    found: dict[str, ConfigurationItem] = {}
    for batch in in_batches(uids, DOCUMENTS_BATCH):
        found |= {resource_key(item.uid): item for item in documents(batch)}
    for uid in uids:
        if resource_key(uid) not in found:
            raise NotFound("a resource's document is not there", uid=uid, todo="Take the graph's present view")
    return [found[resource_key(uid)] for uid in uids]


def _nested(snapshot: Snapshot, documents: Documents, kind: str) -> Nested:
    """Children of a type inside the documents of its parent type."""
    wanted = {name: snapshot.rows_by_type.get(name) for name in (kind, kind.rpartition("/")[0])}
    rows = {name: found.tolist() for name, found in wanted.items() if found is not None}
    numbers = sorted({row for found in rows.values() for row in found})
    items = load(documents, [snapshot.uids[row] for row in numbers])
    at = {row: number for number, row in enumerate(numbers)}
    found = nested_children(items, {name: [at[row] for row in each] for name, each in rows.items()}, kind)
    return Nested(found.items, tuple(numbers[each] for each in found.listed))


def _numbers(rows: Sequence[int]) -> NDArray[np.int64]:
    return np.array(rows, np.int64)
