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
from numpy.typing import NDArray

from domain.clock import format_instant
from domain.errors import InputError
from domain.resource import ConfigurationItem, RelationshipKind, Strength, resource_key
from domain.tenancy import TenantId
from graph.columns import Column, Table
from graph.components import components
from graph.nested import nested_children
from graph.references import KINDS, STRENGTHS, References, find_references
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
    _require_one_each(tenant, ordered)
    references = find_references(ordered)
    cycles = containment_cycles(references)
    edges = edges_from(_broken(references, cycles), len(ordered))
    rows_by_type = _rows_by_type(ordered)
    nested = {kind: nested_children(ordered, rows_by_type, kind) for kind in sorted(paths_by_type) if "/" in kind}
    return Snapshot(
        tenant=tenant,
        as_of=as_of,
        resources=resource_table(ordered),
        edges=edges,
        tables=_tables(ordered, rows_by_type, paths_by_type),
        rows_by_type=rows_by_type,
        dangling=references.dangling,
        cycles=tuple(tuple(references.uids[row] for row in cycle) for cycle in cycles),
        digest=_digest(tenant, as_of, ordered, edges),
        nested={kind: shred(each.items, paths_by_type[kind]) for kind, each in nested.items() if each.items},
        listed={kind: np.array(each.listed, np.int32) for kind, each in nested.items() if each.listed},
        unproven=unproven | {account_of(item.scope) for item in ordered if item.origin.file in gapped_files},
    )


def containment_cycles(references: References) -> tuple[tuple[int, ...], ...]:
    """Groups of rows that contain each other, each in ascending order."""
    contains = references.kinds == _CONTAINS
    labels = components(references.sources[contains], references.targets[contains], len(references.uids))
    sizes = np.bincount(labels, minlength=1)
    members = np.flatnonzero(sizes[labels] > 1) if len(labels) else np.empty(0, np.int64)
    groups: dict[int, list[int]] = {}
    for row in members.tolist():
        groups.setdefault(int(labels[row]), []).append(row)
    return tuple(sorted(tuple(group) for group in groups.values()))


def edges_from(references: References, size: int) -> Edges:
    """Compressed rows both ways; edges are in order of source, target and kind."""
    by_target = np.argsort(references.targets, kind="stable").astype(np.int32)
    return Edges(
        starts=_starts(references.sources, size),
        targets=references.targets,
        kinds=references.kinds,
        strengths=references.strengths,
        starts_in=_starts(references.targets, size),
        sources_in=references.sources[by_target],
        numbers_in=by_target,
        paths=_coded(references.paths),
    )


_CONTAINS = KINDS.index(RelationshipKind.CONTAINS)


def _require_one_each(tenant: TenantId, ordered: Sequence[ConfigurationItem]) -> None:
    before = None
    for item in ordered:
        if item.tenant != tenant:
            raise InputError("an item belongs to another tenant", uid=item.uid, expected=tenant, got=item.tenant)
        key = resource_key(item.uid)
        if key == before:
            raise InputError("an id stands twice", uid=item.uid, todo="Keep the newest observation of each id")
        before = key


def _broken(references: References, cycles: Sequence[Sequence[int]]) -> References:
    """The same edges, with those inside a circle of containment as soft references."""
    if not cycles:
        return references
    group = np.full(len(references.uids), -1, np.int32)
    for number, cycle in enumerate(cycles):
        group[list(cycle)] = number
    source, target = group[references.sources], group[references.targets]
    inside = (references.kinds == _CONTAINS) & (source == target) & (source >= 0)
    kinds, strengths = references.kinds.copy(), references.strengths.copy()
    kinds[inside] = KINDS.index(RelationshipKind.REFERENCES)
    strengths[inside] = STRENGTHS.index(Strength.SOFT)
    return References(
        references.uids,
        references.sources,
        references.targets,
        kinds,
        strengths,
        references.paths,
        references.dangling,
    )


def _starts(ends: Rows, size: int) -> Rows:
    starts = np.zeros(size + 1, np.int32)
    np.cumsum(np.bincount(ends, minlength=size)[:size], out=starts[1:])
    return starts


def _coded(texts: Sequence[str]) -> Column:
    codes: dict[str, int] = {}
    numbers = np.array([codes.setdefault(text, len(codes)) for text in texts], np.int32)
    return Column(numbers, tuple(codes))


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


def resource_table(ordered: Sequence[ConfigurationItem]) -> pa.Table:
    """The items as `Snapshot.resources`, in the order given."""
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


def _digest(tenant: TenantId, as_of: datetime, ordered: Sequence[ConfigurationItem], edges: Edges) -> str:
    state = sha256(f"{tenant}\n{format_instant(as_of)}\n".encode())
    lines = [f"{item.uid}\n{item.type}\n{item.digest}\n" for item in ordered]
    state.update("".join(lines).encode("utf-8", "surrogatepass"))
    columns: tuple[NDArray[np.generic], ...] = (edges.starts, edges.targets, edges.kinds, edges.strengths)
    for column in columns:
        state.update(column.tobytes())
    return state.hexdigest()
