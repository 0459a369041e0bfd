"""A graph as a store reads it out, as a base; and where it differs from what its documents say."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.resource import ResourceId, resource_key
from domain.tenancy import TenantId
from graph.base import Base
from graph.columns import Column
from graph.edge_columns import EdgeColumns, circles_of, compressed
from graph.learn import rows_by_type
from graph.references import Dangling
from graph.snapshot import Rows, Snapshot


class ReadOut(Protocol):
    """A whole graph as a store gives it; a store's `Readout` is one."""

    @property
    def version(self) -> int: ...
    @property
    def resources(self) -> pa.Table: ...
    @property
    def edges(self) -> pa.Table: ...
    @property
    def dangling(self) -> tuple[Dangling, ...]: ...


def base_of(tenant: TenantId, readout: ReadOut, as_of: datetime, unproven: frozenset[str]) -> Base:
    """A base of what can be seen; nothing is known of how it came about."""
    resources, size = readout.resources, readout.resources.num_rows
    columns = _edge_columns(readout.edges)
    groups = circles_of(columns.sources, columns.targets, columns.kinds, size)
    uids = resources.column("uid").combine_chunks()
    rows = {resource_key(uid): row for row, uid in enumerate(uids.to_pylist())} if readout.dangling else {}
    dangling = sorted((rows[resource_key(each.source)], at) for at, each in enumerate(readout.dangling))
    snapshot = Snapshot(
        tenant=tenant,
        as_of=as_of,
        resources=resources,
        edges=compressed(columns, size),
        tables={},
        rows_by_type=rows_by_type(resources),
        dangling=tuple(readout.dangling[at] for _, at in dangling),
        cycles=tuple(tuple(ResourceId(uids[row].as_py()) for row in group) for group in groups),
        digest="",
        unproven=unproven,
    )
    return Base(snapshot, groups, np.array([row for row, _ in dangling], np.int32), np.empty(0, np.int32), None)


def differing(before: Snapshot, after: Snapshot, rows: Rows | None = None) -> set[int]:
    """Rows of `after` of which edges or dangling references are not as they were.

    Args:
        rows: the row in `after` of each row of `before`, below zero where it is gone; None where they are the same.
    """
    edges = _described(before, rows) ^ _described(after, None)
    found = {row for row, *_ in edges if row >= 0}
    dangling = set(map(_missing, before.dangling)) ^ set(map(_missing, after.dangling))
    return found | {row for uid, *_ in dangling if (row := after.find(uid)) is not None}


def _described(snapshot: Snapshot, rows: Rows | None) -> set[tuple[int, int, int, int, str]]:
    edges = snapshot.edges
    sources, targets = edges.sources, edges.targets
    if rows is not None:
        sources, targets = rows[sources], rows[targets]
    paths = [str(edges.paths.values[code]) for code in edges.paths.codes.tolist()]
    columns = (sources.tolist(), targets.tolist(), edges.kinds.tolist(), edges.strengths.tolist())
    return set(zip(*columns, paths, strict=True))


def _missing(each: Dangling) -> tuple[str, str, str]:
    return (resource_key(each.source), each.path, each.value)


def _edge_columns(edges: pa.Table) -> EdgeColumns:
    path = edges.column("path").unify_dictionaries().combine_chunks()
    return EdgeColumns(
        sources=_numbers(edges, "source").astype(np.int32),
        targets=_numbers(edges, "target").astype(np.int32),
        kinds=_numbers(edges, "kind").astype(np.uint8),
        strengths=_numbers(edges, "strength").astype(np.uint8),
        paths=Column(np.asarray(path.indices, dtype=np.int32), tuple(path.dictionary.to_pylist())),
    )


def _numbers(edges: pa.Table, name: str) -> NDArray[np.int64]:
    return np.asarray(edges.column(name).combine_chunks(), dtype=np.int64)
