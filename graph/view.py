"""A live graph at one version, immutable: a base that is shared, and what differs from it.

Row numbers hold within one view, and from view to view for as long as `GraphView.base` is the same object.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import TypeAlias

import numpy as np

from domain.errors import NotFound
from domain.resource import Relationship, RelationshipKind, ResourceId, Strength, resource_key
from domain.tenancy import TenantId
from graph.base import Base, ResourceRow
from graph.columns import Column
from graph.edge_columns import EdgeColumns
from graph.patch import EdgePatch
from graph.reading import KINDS, STRENGTHS, EdgeKey
from graph.references import Dangling
from graph.snapshot import Rows, Snapshot

Standing: TypeAlias = "tuple[int, int, str]"
"""How an edge stands: kind and strength by their codes, and place."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One relationship between rows."""

    source: int
    target: int
    kind: RelationshipKind
    strength: Strength
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """How a graph differs from its base.

    Args:
        size: how many row numbers are given out; those beyond the base belong to new resources.
        changed: resources that are new or not as in the base.
        gone: rows without a resource.
        new: rows beyond the base by `resource_key`.
        edges: how edges stand that the base does not have so, by source, target and the kind that was claimed.
        edges_gone: numbers of edges of the base that do not stand so any longer.
        dangling: what leads nowhere, of every row whose document was read again.
        groups: rows that contain each other in a circle.
    """

    version: int
    as_of: datetime
    size: int
    changed: Mapping[int, ResourceRow]
    gone: frozenset[int]
    new: Mapping[str, int]
    edges: Mapping[EdgeKey, Standing]
    edges_gone: frozenset[int]
    dangling: Mapping[int, tuple[Dangling, ...]]
    groups: tuple[tuple[int, ...], ...]
    unproven: frozenset[str]


@dataclass(slots=True)
class _Memory:
    """What a view works out once; left behind when it travels."""

    patch: EdgePatch | None = None
    by_end: tuple[dict[int, list[EdgeKey]], dict[int, list[EdgeKey]]] | None = None

    def __reduce__(self) -> tuple[type[_Memory], tuple[()]]:
        return (_Memory, ())


@dataclass(frozen=True, slots=True, eq=False)
class GraphView:
    """A tenant's graph at one version."""

    whole: Base
    overlay: Overlay
    _memory: _Memory = field(default_factory=_Memory, repr=False)

    def __len__(self) -> int:
        """How many resources there are."""
        return self.overlay.size - len(self.overlay.gone)

    @property
    def tenant(self) -> TenantId:
        """Whose graph this is."""
        return self.whole.snapshot.tenant

    @property
    def base(self) -> Snapshot:
        """The snapshot that this differs from."""
        return self.whole.snapshot

    @property
    def version(self) -> int:
        """Grows with every change."""
        return self.overlay.version

    @property
    def size(self) -> int:
        """How many row numbers are given out, `gone` ones included."""
        return self.overlay.size

    @property
    def gone(self) -> frozenset[int]:
        """Rows without a resource."""
        return self.overlay.gone

    @property
    def changed(self) -> Collection[int]:
        """Rows of resources that are new or not as in the base."""
        return self.overlay.changed.keys()

    @property
    def patch(self) -> EdgePatch:
        """How the edges differ from those of the base."""
        if self._memory.patch is None:
            self._memory.patch = _patch(self.overlay)
        return self._memory.patch

    @property
    def dangling(self) -> tuple[Dangling, ...]:
        """References to something that is not here."""
        again, gone = self.overlay.dangling, self.overlay.gone
        rows = self.whole.dangling_rows.tolist()
        kept = [
            each for row, each in zip(rows, self.base.dangling, strict=True) if row not in again and row not in gone
        ]
        return (*kept, *(each for found in again.values() for each in found))

    @property
    def cycles(self) -> tuple[tuple[ResourceId, ...], ...]:
        """Resources that contain each other in a circle."""
        return tuple(tuple(self.uid(row) for row in group) for group in self.overlay.groups)

    def find(self, uid: str) -> int | None:
        """The row of a resource, or None where it is not here."""
        key = resource_key(uid)
        row = self.overlay.new.get(key)
        row = self.whole.find(key) if row is None else row
        return None if row in self.overlay.gone else row

    def index_of(self, uid: str) -> int:
        """The row of a resource.

        Raises:
            NotFound: it is not in this graph.
        """
        row = self.find(uid)
        if row is None:
            raise NotFound("no such resource", uid=uid, todo="Check the id, or wait until its change has been applied")
        return row

    def resource(self, row: int) -> ResourceRow:
        """One resource.

        Raises:
            NotFound: the row has no resource.
        """
        return self._own(row) or self.whole.columns.row(row)

    def uid(self, row: int) -> ResourceId:
        """A resource's id."""
        own = self._own(row)
        return ResourceId(self.whole.columns.uids[row].as_py()) if own is None else own.uid

    def type(self, row: int) -> str:
        """The provider's type name."""
        own = self._own(row)
        return self.whole.columns.type(row) if own is None else own.type

    def scope(self, row: int) -> str:
        """Where a resource lives."""
        own = self._own(row)
        return self.whole.columns.scope(row) if own is None else own.scope

    def rows(self) -> Rows:
        """Every row that has a resource, ascending."""
        found = np.ones(self.overlay.size, bool)
        found[list(self.overlay.gone)] = False
        return np.flatnonzero(found).astype(np.int32)

    def rows_of_type(self, kind: str) -> Rows:
        """Rows of the resources of a type, ascending."""
        folded = kind.lower()
        base = self.base.rows_by_type.get(folded, np.empty(0, np.int32))
        apart = np.fromiter(self.overlay.changed.keys() | self.overlay.gone, np.int32)
        now = [row for row, each in self.overlay.changed.items() if each.type.lower() == folded]
        return np.union1d(np.setdiff1d(base, apart), np.array(now, np.int32)).astype(np.int32)

    def edges_from(self, row: int) -> Iterator[Edge]:
        """What a resource depends on or belongs to."""
        edges = self.base.edges
        if row < len(self.whole):
            for number in range(int(edges.starts[row]), int(edges.starts[row + 1])):
                if number not in self.overlay.edges_gone:
                    yield self._edge(row, int(edges.targets[number]), number)
        yield from (self._added(key) for key in self._by_end()[0].get(row, ()))

    def edges_to(self, row: int) -> Iterator[Edge]:
        """What depends on a resource or belongs to it."""
        edges = self.base.edges
        if row < len(self.whole):
            start, end = int(edges.starts_in[row]), int(edges.starts_in[row + 1])
            pairs = zip(edges.sources_in[start:end].tolist(), edges.numbers_in[start:end].tolist(), strict=True)
            for source, number in pairs:
                if number not in self.overlay.edges_gone:
                    yield self._edge(source, row, number)
        yield from (self._added(key) for key in self._by_end()[1].get(row, ()))

    def neighbours(self, row: int) -> frozenset[int]:
        """Rows that a resource shares an edge with."""
        return frozenset(e.target for e in self.edges_from(row)) | frozenset(e.source for e in self.edges_to(row))

    def relationship(self, edge: Edge) -> Relationship:
        """An edge by ids."""
        return Relationship(self.uid(edge.source), self.uid(edge.target), edge.kind, edge.strength, edge.path)

    def relationships(self) -> Iterator[Relationship]:
        """Every edge, in order of row."""
        return (self.relationship(edge) for row in self.rows().tolist() for edge in self.edges_from(row))

    def _own(self, row: int) -> ResourceRow | None:
        """What the base does not have of a row that has a resource."""
        if row in self.overlay.gone or not 0 <= row < self.overlay.size:
            raise NotFound("no such row", row=row, version=self.version)
        return self.overlay.changed.get(row)

    def _edge(self, source: int, target: int, number: int) -> Edge:
        edges = self.base.edges
        kind, strength = KINDS[int(edges.kinds[number])], STRENGTHS[int(edges.strengths[number])]
        return Edge(source, target, kind, strength, str(edges.paths.value(number)))

    def _added(self, key: EdgeKey) -> Edge:
        kind, strength, path = self.overlay.edges[key]
        return Edge(key[0], key[1], KINDS[kind], STRENGTHS[strength], path)

    def _by_end(self) -> tuple[dict[int, list[EdgeKey]], dict[int, list[EdgeKey]]]:
        if self._memory.by_end is None:
            sources: dict[int, list[EdgeKey]] = {}
            targets: dict[int, list[EdgeKey]] = {}
            for key in self.overlay.edges:
                sources.setdefault(key[0], []).append(key)
                targets.setdefault(key[1], []).append(key)
            self._memory.by_end = (sources, targets)
        return self._memory.by_end


def columns_of(view: GraphView) -> EdgeColumns:
    """Every edge, under the view's row numbers: those of the base that still stand, then the others."""
    edges, patch = view.base.edges, view.patch
    stays = np.ones(len(edges), bool)
    stays[patch.gone] = False
    codes = {str(value): code for code, value in enumerate(edges.paths.values)}
    added = np.array([codes.setdefault(path, len(codes)) for path in patch.paths], np.int32)
    return EdgeColumns(
        sources=np.concatenate([edges.sources[stays], patch.sources]),
        targets=np.concatenate([edges.targets[stays], patch.targets]),
        kinds=np.concatenate([edges.kinds[stays], patch.kinds]),
        strengths=np.concatenate([edges.strengths[stays], patch.strengths]),
        paths=Column(np.concatenate([edges.paths.codes[stays], added]), tuple(codes)),
    )


def _patch(overlay: Overlay) -> EdgePatch:
    count, standings = len(overlay.edges), list(overlay.edges.values())
    ends = np.fromiter(chain.from_iterable(overlay.edges), np.int32, 3 * count).reshape(-1, 3)
    kinds = np.fromiter((kind for kind, _, _ in standings), np.uint8, count)
    strengths = np.fromiter((strength for _, strength, _ in standings), np.uint8, count)
    order = np.lexsort((strengths, kinds, ends[:, 1], ends[:, 0]))
    return EdgePatch(
        size=overlay.size,
        gone=np.sort(np.fromiter(overlay.edges_gone, np.int32, len(overlay.edges_gone))),
        sources=ends[order, 0],
        targets=ends[order, 1],
        kinds=kinds[order],
        strengths=strengths[order],
        paths=tuple(standings[at][2] for at in order.tolist()),
    )
