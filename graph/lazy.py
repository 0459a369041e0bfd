"""A live graph's view as a snapshot, whose columns are made when they are asked for and carried over where they hold.

Equal to what `graph.build.build_snapshot` makes of the same items. A type's documents are read when somebody looks at
the type; from one view to the next only those of resources that changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from domain.errors import NotFound
from domain.resource import ConfigurationItem, ResourceId, resource_key
from graph.build import digest_of
from graph.columns import Table, take
from graph.fold import folded_view
from graph.joining import joined
from graph.live import DOCUMENTS_BATCH, Documents, in_batches
from graph.nested import nested_children
from graph.shred import shred
from graph.snapshot import Rows, Snapshot
from graph.view import GraphView

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """What columns are made from: a view, also as a snapshot without them, its documents, and the paths wanted."""

    view: GraphView
    snapshot: Snapshot
    documents: Documents
    paths: Mapping[str, frozenset[str]]

    def uids(self, kind: str) -> list[ResourceId]:
        """Ids of the resources of a type, in the order of its table."""
        uids, rows = self.snapshot.uids, self.snapshot.rows_by_type.get(kind)
        return [] if rows is None else [uids[row] for row in rows.tolist()]

    def columns(self, kind: str, uids: Sequence[str]) -> Table:
        """Columns of some resources of a type, whose documents are read."""
        return shred(load(self.documents, uids), self.paths[kind])


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """Where the rows of a table come from.

    Shapes:
        origins: int64 (n,), the row of `former` that each row of the table is; below zero where it is none.
    """

    former: Table
    origins: NDArray[np.int64]


class LazyTables(Mapping[str, Table]):
    """Columns by type.

    Args:
        former: the tables of an earlier view; what holds of them is used.
        changed: what has changed since that; None where nobody knows, so that nothing holds.
    """

    def __init__(
        self, source: _Source, nests: _Nests, former: LazyTables | None = None, changed: Moved | None = None
    ) -> None:
        self.source, self.nests = source, nests
        self._made: dict[str, Table] = {}
        self._changed = changed
        self._former = None if changed is None else former
        if former is not None:
            former._former = None  # what it has not made by now, nobody carries on: no chain of all views is kept
        self._kinds = [kind for kind in source.snapshot.rows_by_type if kind in source.paths]
        self.carried: dict[str, Carried] = {}
        """Of the tables that were made of a former one and are not that: where their rows come from."""

    def __getitem__(self, kind: str) -> Table:
        if kind not in self._made:
            if kind not in self.source.paths or kind not in self.source.snapshot.rows_by_type:
                raise KeyError(kind)
            self._made[kind] = self._table(kind)
        return self._made[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def _table(self, kind: str) -> Table:
        former, changed = self._former, self._changed
        is_known = former is not None and kind in former._made and former.source.paths[kind] == self.source.paths[kind]
        if former is None or changed is None or not is_known:
            return self.source.columns(kind, self.source.uids(kind))
        if kind not in changed.kinds:
            return former._made[kind]  # rows are in order of `resource_key`, before and after
        return self._moved(kind, former, changed.keys)

    def _moved(self, kind: str, former: LazyTables, changed: frozenset[str]) -> Table:
        """A former table with what has changed in it since."""
        table, uids = former._made[kind], self.source.uids(kind)
        at = {uid: row for row, uid in enumerate(former.source.uids(kind)) if resource_key(uid) not in changed}
        origins = np.array([at.get(uid, -1) for uid in uids], np.int64)
        fresh = np.flatnonzero(origins < 0)
        places = origins.copy()
        if len(fresh):
            table = joined(table, self.source.columns(kind, [uids[row] for row in fresh.tolist()]))
            places[fresh] = np.arange(table.size - len(fresh), table.size)
        self.carried[kind] = Carried(former._made[kind], origins)
        return take(table, places)


@dataclass(frozen=True, slots=True, eq=False)
class _Children:
    """Child resources of one type that stand inside documents.

    Args:
        listed: which resources of the parents' type list all of theirs, by number among those.
    """

    table: Table | None
    listed: NDArray[np.int64]


class _Nests:
    """What stands inside documents, by child type, made when it is asked for.

    Args:
        former: what holds of it from an earlier view.
    """

    def __init__(self, source: _Source, former: Mapping[str, _Children]) -> None:
        self._source = source
        self.made = dict(former)

    def of(self, kind: str) -> _Children:
        if kind not in self.made:
            self.made[kind] = self._read(kind)
        return self.made[kind]

    def table(self, kind: str) -> Table | None:
        return self.of(kind).table

    def listed(self, kind: str) -> Rows | None:
        found = self.of(kind).listed
        return self._source.snapshot.rows_by_type[_parent(kind)][found] if len(found) else None

    def holding(self, changed: Moved, paths: Mapping[str, frozenset[str]]) -> dict[str, _Children]:
        """What holds where neither such resources nor those that they stand in have changed."""
        return {
            kind: each
            for kind, each in self.made.items()
            if not {kind, _parent(kind)} & changed.kinds and self._source.paths[kind] == paths.get(kind)
        }

    def _read(self, kind: str) -> _Children:
        own, above = self._source.uids(kind), self._source.uids(_parent(kind))
        items = load(self._source.documents, [*above, *own])
        rows = {_parent(kind): range(len(above)), kind: range(len(above), len(items))}
        found = nested_children(items, rows, kind)
        return _Children(shred(found.items, self._source.paths[kind]) if found.items else None, _numbers(found.listed))


class _Inside(Mapping[str, Made]):
    """Something about child resources inside documents, by child type; a type of which there is nothing is not here."""

    def __init__(self, kinds: Sequence[str], made: Callable[[str], Made | None]) -> None:
        self._all, self._made = kinds, made

    def __getitem__(self, kind: str) -> Made:
        found = self._made(kind) if kind in self._all else None
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
    tables = former.tables if former is not None and isinstance(former.tables, LazyTables) else None
    changed = None if tables is None else changed_between(tables.source.view, view)
    holding = {} if tables is None or changed is None else tables.nests.holding(changed, paths_by_type)
    source = _Source(view, snapshot, documents, paths_by_type)
    nests = _Nests(source, holding)
    kinds = [kind for kind in sorted(paths_by_type) if "/" in kind]
    return replace(
        snapshot,
        tables=LazyTables(source, nests, tables, changed),
        nested=_Inside(kinds, nests.table),
        listed=_Inside(kinds, nests.listed),
        digest=digest_of(view.tenant, snapshot.as_of, snapshot.resources, snapshot.edges),
    )


@dataclass(frozen=True, slots=True)
class Moved:
    """Resources that have another state in one view than in another.

    Args:
        keys: by `resource_key`; a state that was put again counts as another.
        kinds: their lower-case types, before and after.
    """

    keys: frozenset[str]
    kinds: frozenset[str]


def changed_between(before: GraphView, after: GraphView) -> Moved | None:
    """What has changed; None where the views have no base in common, so that nobody can say."""
    if before.whole.snapshot is not after.whole.snapshot:
        return None
    old, new = before.overlay, after.overlay
    rows = {row for row in old.changed.keys() | new.changed.keys() if old.changed.get(row) is not new.changed.get(row)}
    rows |= old.gone ^ new.gone
    sides = [(view, row) for view in (before, after) for row in rows if row < view.size and row not in view.gone]
    return Moved(
        frozenset(resource_key(view.uid(row)) for view, row in sides),
        frozenset(view.type(row).lower() for view, row in sides),
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


def _parent(kind: str) -> str:
    return kind.rpartition("/")[0]


def _numbers(rows: Sequence[int]) -> NDArray[np.int64]:
    return np.array(rows, np.int64)
