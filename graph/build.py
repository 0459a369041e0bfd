"""From configuration items to a snapshot.

Deterministic: the same items in any order give the same snapshot and digest. A circle of containment is found
here, reported, and broken by keeping its edges as mere references.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domain.clock import format_instant
from domain.errors import InputError
from domain.resource import ConfigurationItem, resource_key
from domain.tenancy import TenantId
from graph.base import ResourceState
from graph.columns import Table
from graph.edge_columns import EdgeColumns, circles_of, coded, compressed, without_circles
from graph.nested import nested_children
from graph.references import References, find_references
from graph.shred import shred
from graph.snapshot import Edges, Rows, Snapshot, account_of


def build_snapshot(
    tenant: TenantId,
    items: Iterable[ConfigurationItem],
    *,
    as_of: datetime,
    paths_by_type: Mapping[str, frozenset[str]],
    gapped_files: Collection[str] = (),
    unproven: frozenset[str] = frozenset(),
) -> Snapshot:
    """Connect and columnise the items.

    Args:
        items: one per id.
        paths_by_type: the paths to shred, by lower-case type; a type that is not named gets no table.
        gapped_files: files that were not read whole, as the items' origins name them.
        unproven: further accounts that were not read whole.

    Raises:
        InputError: an item belongs to another tenant, or an id stands twice.
    """
    ordered = sorted(items, key=lambda item: resource_key(item.uid))
    require_one_each(tenant, ordered)
    references = find_references(ordered)
    size = len(ordered)
    cycles = circles_of(references.sources, references.targets, references.kinds, size)
    columns, _ = without_circles(_columns(references), cycles, size)
    edges = compressed(columns, size)
    rows_by_type = _rows_by_type(ordered)
    nested = {kind: nested_children(ordered, rows_by_type, kind) for kind in sorted(paths_by_type) if "/" in kind}
    resources = resource_table(ordered)
    return Snapshot(
        tenant=tenant,
        as_of=as_of,
        resources=resources,
        edges=edges,
        tables=_tables(ordered, rows_by_type, paths_by_type),
        rows_by_type=rows_by_type,
        dangling=references.dangling,
        cycles=tuple(tuple(references.uids[row] for row in cycle) for cycle in cycles),
        digest=digest_of(tenant, as_of, resources, edges),
        nested={kind: shred(each.items, paths_by_type[kind]) for kind, each in nested.items() if each.items},
        listed={kind: np.array(each.listed, np.int32) for kind, each in nested.items() if each.listed},
        unproven=unproven | {account_of(item.scope) for item in ordered if item.origin.file in gapped_files},
    )


def edges_from(references: References, size: int) -> Edges:
    """Compressed rows both ways; edges are in order of source, target and kind."""
    return compressed(_columns(references), size)


def _columns(references: References) -> EdgeColumns:
    found = references
    return EdgeColumns(found.sources, found.targets, found.kinds, found.strengths, coded(found.paths))


def require_one_each(tenant: TenantId, ordered: Sequence[ConfigurationItem]) -> None:
    """Refuse items that are not one tenant's, or not one for each id; they are in order of `resource_key`."""
    before = None
    for item in ordered:
        if item.tenant != tenant:
            raise InputError("an item belongs to another tenant", uid=item.uid, expected=tenant, got=item.tenant)
        key = resource_key(item.uid)
        if key == before:
            raise InputError("an id stands twice", uid=item.uid, todo="Keep the newest observation of each id")
        before = key


def _rows_by_type(ordered: Sequence[ConfigurationItem]) -> dict[str, Rows]:
    rows: dict[str, list[int]] = {}
    for row, item in enumerate(ordered):
        rows.setdefault(item.type.lower(), []).append(row)
    return {kind: np.array(rows[kind], np.int32) for kind in sorted(rows)}


def _tables(
    ordered: Sequence[ConfigurationItem],
    rows_by_type: Mapping[str, Rows],
    paths_by_type: Mapping[str, frozenset[str]],
) -> dict[str, Table]:
    return {
        kind: shred([ordered[row] for row in rows.tolist()], paths_by_type[kind])
        for kind, rows in rows_by_type.items()
        if kind in paths_by_type
    }


def resource_table(ordered: Sequence[ResourceState]) -> pa.Table:
    """The columns of `Snapshot.resources`, a row for each."""
    text = pa.string()
    return pa.table(
        {
            "uid": pa.array([item.uid for item in ordered], text),
            "name": pa.array([item.name for item in ordered], text),
            "type": pa.array([item.type for item in ordered], text).dictionary_encode(),
            "scope": pa.array([item.scope for item in ordered], text).dictionary_encode(),
            "region": pa.array([item.region for item in ordered], text).dictionary_encode(),
            "provider": pa.array([item.provider.value for item in ordered], text).dictionary_encode(),
            "digest": pa.array([item.digest for item in ordered], text),
            "synthetic": pa.array([item.synthetic for item in ordered], pa.bool_()),
        }
    )


def digest_of(tenant: TenantId, as_of: datetime, resources: pa.Table, edges: Edges) -> str:
    """What names a snapshot: equal for equal items and edges.

    Args:
        resources: in their order, as `resource_table` makes them.
    """
    state = sha256(f"{tenant}\n{format_instant(as_of)}\n".encode())
    for lines in _state_lines(resources).chunks:
        if len(lines):
            _, offsets, content = lines.buffers()
            ends = np.frombuffer(offsets, np.int64)
            state.update(memoryview(content)[ends[lines.offset] : ends[lines.offset + len(lines)]])
    columns: tuple[NDArray[np.generic], ...] = (edges.starts, edges.targets, edges.kinds, edges.strengths)
    for column in columns:
        state.update(column.tobytes())
    return state.hexdigest()


def _state_lines(resources: pa.Table) -> pa.ChunkedArray:
    """Id, type and digest of each resource, a line for each."""
    text = pa.large_string()
    columns = [resources.column(name).cast(text) for name in ("uid", "type", "digest")]
    return pc.binary_join_element_wise(*columns, pa.scalar("", text), pa.scalar("\n", text))
