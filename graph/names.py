"""The resources of a graph without its edges, in memory: names that follow changes at their own size.

For who holds a graph in parts: whatever is asked of all resources (which there are, of which type and scope, in which
order) is answered from here; edges are with the parts (`graph.gathering`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.resource import ResourceId, resource_key
from domain.tenancy import TenantId
from graph.base import Base, ResourceRow
from graph.columns import Column
from graph.edge_columns import EdgeColumns, circles_of, compressed, without_circles
from graph.fold import folded_view, order_of
from graph.learn import rows_by_type
from graph.live import FOLD_AT_LEAST, FOLD_AT_MOST, FOLD_SHARE, Changed
from graph.rows import LiveRows
from graph.snapshot import Snapshot
from graph.view import GraphView, Overlay

NO_EDGES = EdgeColumns(
    sources=np.empty(0, np.int32),
    targets=np.empty(0, np.int32),
    kinds=np.empty(0, np.uint8),
    strengths=np.empty(0, np.uint8),
    paths=Column(np.empty(0, np.int32), ()),
)
_NOTHING = Overlay(
    version=0,
    as_of=datetime.min.replace(tzinfo=UTC),
    size=0,
    changed={},
    gone=frozenset(),
    new={},
    edges={},
    edges_gone=frozenset(),
    dangling={},
    groups=(),
    unproven=frozenset(),
)
_CHANGED_BYTES = 600
"""What one resource takes that is not as in the base."""


class Names:
    """For one thread at a time; views may be read by any number of them.

    Args:
        resources: the columns of `Snapshot.resources`, in order of `resource_key`.
    """

    def __init__(
        self, tenant: TenantId, resources: pa.Table, *, as_of: datetime, unproven: frozenset[str] = frozenset()
    ) -> None:
        snapshot = Snapshot(
            tenant=tenant,
            as_of=as_of,
            resources=resources,
            edges=compressed(NO_EDGES, resources.num_rows),
            tables={},
            rows_by_type=rows_by_type(resources),
            dangling=(),
            cycles=(),
            digest="",
            unproven=unproven,
        )
        self._view: GraphView | None = None
        self._order: NDArray[np.int64] | None = None
        self._take(Base(snapshot, (), np.empty(0, np.int32), np.empty(0, np.int32), None))
        self._as_of = as_of
        self._version = 0

    def __len__(self) -> int:
        return self._rows.size - len(self._rows.gone)

    @property
    def size_bytes(self) -> int:
        """About what they take in memory."""
        return self._base.size_bytes + _CHANGED_BYTES * self._pending

    def apply(self, changes: Sequence[Changed]) -> None:
        """Follow changes; of several of one resource the last counts."""
        for change in changes:
            self._as_of = max(self._as_of, change.at)
            if change.after is not None:
                self._rows.put(ResourceRow.of(change.after))
            elif (row := self._rows.find(resource_key(change.uid))) is not None:
                self._rows.remove(row)
        self._changed()
        if self._pending > max(FOLD_AT_LEAST, min(len(self._base) // FOLD_SHARE, FOLD_AT_MOST)):
            self._take(folded_view(self._base, self.view().overlay)[0])

    def mark_unproven(self, accounts: frozenset[str]) -> None:
        """Accounts in which something could not be read, in place of those known so far."""
        if accounts != self._base.snapshot.unproven:
            base = folded_view(self._base, self.view().overlay)[0]
            self._take(replace(base, snapshot=replace(base.snapshot, unproven=accounts)))

    def view(self) -> GraphView:
        """The resources as they are now, without edges; the same object while nothing has changed."""
        if self._view is None:
            self._view = GraphView(self._base, self._overlay())
        return self._view

    def order(self) -> NDArray[np.int64]:
        """The view's row of each resource, in order of `resource_key`: by the numbers that all parts know."""
        if self._order is None:
            self._order = order_of(self._base, self.view().overlay)
        return self._order

    def with_edges(self, edges: EdgeColumns) -> GraphView:
        """The resources as they are now with edges, circles of containment broken.

        Args:
            edges: in the order of `strongest`, by the numbers that all parts know.
        """
        base, size = folded_view(self._base, self.view().overlay)[0], len(self)
        circles = circles_of(edges.sources, edges.targets, edges.kinds, size)
        standing, broken = without_circles(edges, circles, size)
        uids = base.snapshot.resources.column("uid")
        cycles = tuple(tuple(ResourceId(uids[row].as_py()) for row in circle) for circle in circles)
        snapshot = replace(base.snapshot, edges=compressed(standing, size), cycles=cycles)
        whole = replace(base, snapshot=snapshot, groups=circles, broken=broken)
        return GraphView(
            whole,
            replace(
                _NOTHING,
                version=self._version,
                as_of=self._as_of,
                size=size,
                groups=circles,
                unproven=snapshot.unproven,
            ),
        )

    def _take(self, base: Base) -> None:
        self._base, self._rows = base, LiveRows(base)
        self._view = self._order = None

    def _changed(self) -> None:
        self._version += 1
        self._view = self._order = None

    @property
    def _pending(self) -> int:
        return len(self._rows.changed) + len(self._rows.gone)

    def _overlay(self) -> Overlay:
        return replace(
            _NOTHING,
            version=self._version,
            as_of=self._as_of,
            size=self._rows.size,
            changed=dict(self._rows.changed),
            gone=frozenset(self._rows.gone),
            new=dict(self._rows.new),
            unproven=self._base.snapshot.unproven,
        )
