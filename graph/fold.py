"""What differs from a base, folded into a new one: linear in its size and done by size, never for each change.

Rows are in order of `resource_key` again; those that stay keep their order, so that everything sorted is merged rather
than sorted again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.resource import ResourceId
from graph.base import Base, Claims, Knowledge, ResourceRow
from graph.build import resource_table
from graph.columns import Column
from graph.edge_columns import EdgeColumns, compressed, keys_of, starts_of
from graph.learn import rows_by_type
from graph.postings import Packed
from graph.reading import CONTAINS, Reading
from graph.references import Dangling
from graph.snapshot import Rows, Snapshot
from graph.view import Overlay

_ROW_MASK = np.uint64(0xFFFF_FFFF)
_HALF = np.uint64(32)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What was learnt since the base, beside what can be seen.

    Args:
        readings: what documents say that were read again.
        moved: rows whose texts in the base count no longer.
        offers: entries of the texts of these rows now.
        watches: entries of what documents were looked up by that were read again.
    """

    readings: Mapping[int, Reading]
    moved: frozenset[int]
    offers: Packed
    watches: Sequence[Packed]


def fold(base: Base, overlay: Overlay, learned: Learned) -> Base:
    """The base that an overlay leads to.

    Args:
        base: one with knowledge.
    """
    assert base.knowledge is not None, "what was read out of a store is learnt before anything changes"
    folded, rows = folded_view(base, overlay)
    return replace(folded, knowledge=_knowledge(base.knowledge, learned, rows, len(folded)))


def folded_view(base: Base, overlay: Overlay) -> tuple[Base, Rows]:
    """What can be seen of the base that an overlay leads to, and the number there of each row, below zero if gone."""
    order = order_of(base, overlay)
    rows = numbers_of(order, overlay.size)
    resources = resources_of(base, overlay, order)
    edges, broken = _edges(base, overlay, rows)
    dangling_rows, dangling = _dangling(base, overlay, rows)
    groups = tuple(sorted(tuple(sorted(rows[list(group)].tolist())) for group in overlay.groups))
    uids = resources.column("uid").combine_chunks()
    snapshot = Snapshot(
        tenant=base.snapshot.tenant,
        as_of=overlay.as_of,
        resources=resources,
        edges=compressed(edges, len(order)),
        tables={},
        rows_by_type=rows_by_type(resources),
        dangling=dangling,
        cycles=tuple(tuple(ResourceId(uids[row].as_py()) for row in group) for group in groups),
        digest="",
        unproven=overlay.unproven,
    )
    return Base(snapshot, groups, dangling_rows, broken, None), rows


def order_of(base: Base, overlay: Overlay) -> NDArray[np.int64]:
    """Row numbers in order of `resource_key`, those of resources that are gone left out."""
    is_there = np.ones(len(base), bool)
    is_there[[row for row in overlay.gone if row < len(base)]] = False
    kept = np.flatnonzero(is_there)
    new = sorted((key, row) for key, row in overlay.new.items() if row not in overlay.gone)
    places = np.array([base.place(key) for key, _ in new], np.int64)
    rows = np.array([row for _, row in new], np.int64)
    return np.insert(kept, np.searchsorted(kept, places), rows)


def numbers_of(order: NDArray[np.int64], size: int) -> Rows:
    """The inverse of an order of rows: the place of each of so many rows in it, below zero where it is not there."""
    numbers = np.full(size, -1, np.int32)
    numbers[order] = np.arange(len(order), dtype=np.int32)
    return numbers


def resources_of(base: Base, overlay: Overlay, order: NDArray[np.int64]) -> pa.Table:
    """The resources of some rows, in the order given."""
    states: list[ResourceRow] = list(overlay.changed.values())
    at = np.arange(overlay.size, dtype=np.int64)
    at[list(overlay.changed)] = len(base) + np.arange(len(states))
    both = pa.concat_tables([base.snapshot.resources, resource_table(states)]).unify_dictionaries()
    return both.combine_chunks().take(pa.array(at[order])).combine_chunks()


def _edges(base: Base, overlay: Overlay, rows: Rows) -> tuple[EdgeColumns, Rows]:
    edges = base.snapshot.edges
    is_broken = np.zeros(len(edges), bool)
    is_broken[base.broken] = True
    stays = np.ones(len(edges), bool)
    stays[list(overlay.edges_gone)] = False
    claimed = np.where(is_broken, np.uint8(CONTAINS), edges.kinds)[stays]
    sources, targets = rows[edges.sources[stays]], rows[edges.targets[stays]]
    added = sorted(
        (int(rows[source]), int(rows[target]), kind, *standing)
        for (source, target, kind), standing in overlay.edges.items()
    )
    columns = np.array([each[:5] for each in added], np.int32).reshape(-1, 5)
    new_sources, new_targets, new_claimed = columns[:, 0], columns[:, 1], columns[:, 2].astype(np.uint8)
    places = np.searchsorted(keys_of(sources, targets, claimed), keys_of(new_sources, new_targets, new_claimed))
    paths = _extended(edges.paths, stays, places, [each[5] for each in added])
    new_kinds = columns[:, 3].astype(np.uint8)
    merged = EdgeColumns(
        sources=np.insert(sources, places, new_sources),
        targets=np.insert(targets, places, new_targets),
        kinds=np.insert(edges.kinds[stays], places, new_kinds),
        strengths=np.insert(edges.strengths[stays], places, columns[:, 4].astype(np.uint8)),
        paths=paths,
    )
    broken = np.insert(is_broken[stays], places, new_kinds != new_claimed)
    return merged, np.flatnonzero(broken).astype(np.int32)


def _extended(paths: Column, stays: NDArray[np.bool_], places: NDArray[np.int64], added: Sequence[str]) -> Column:
    codes = {str(value): code for code, value in enumerate(paths.values)}
    new = np.array([codes.setdefault(path, len(codes)) for path in added], np.int32)
    return Column(np.insert(paths.codes[stays], places, new), tuple(codes))


def _dangling(base: Base, overlay: Overlay, rows: Rows) -> tuple[Rows, tuple[Dangling, ...]]:
    apart = np.fromiter(overlay.dangling.keys() | overlay.gone, np.int32)
    stays = np.isin(base.dangling_rows, apart, invert=True)
    new = [(int(rows[row]), each) for row, read in overlay.dangling.items() if row not in overlay.gone for each in read]
    new.sort(key=lambda pair: pair[0])
    known, added = rows[base.dangling_rows[stays]], np.array([row for row, _ in new], np.int32)
    found = [*compress(base.snapshot.dangling, stays.tolist()), *(each for _, each in new)]
    order = np.argsort(np.concatenate([known, added]), kind="stable")
    return np.concatenate([known, added])[order], tuple(map(found.__getitem__, order.tolist()))


def _knowledge(known: Knowledge, learned: Learned, rows: Rows, size: int) -> Knowledge:
    unread = rows.copy()
    unread[list(learned.readings)] = -1
    unmoved = rows.copy()
    unmoved[list(learned.moved)] = -1
    watches = [_renumbered(run, rows) for run in learned.watches]
    return Knowledge(
        claims=_claims(known.claims, learned.readings, rows, size),
        offers=known.offers.renumbered(unmoved, _renumbered(learned.offers, rows)),
        watches=known.watches.renumbered(unread, np.concatenate([np.empty(0, np.uint64), *watches])),
    )


def _renumbered(entries: Packed, rows: Rows) -> Packed:
    moved = rows[(entries & _ROW_MASK).astype(np.int64)]
    kept = moved >= 0
    return (entries[kept] >> _HALF << _HALF) | moved[kept].astype(np.uint64)


def _claims(claims: Claims, readings: Mapping[int, Reading], rows: Rows, size: int) -> Claims:
    owners = np.repeat(np.arange(len(claims.starts) - 1), np.diff(claims.starts))
    unread = rows[: len(claims.starts) - 1].copy()
    unread[[row for row in readings if row < len(unread)]] = -1
    stays = unread[owners] >= 0
    added = sorted(
        (int(rows[row]), int(rows[key[1] if key[0] == row else key[0]]), key[2], bearing[0], key[0] != row, bearing[1])
        for row, reading in readings.items()
        if rows[row] >= 0
        for key, bearing in reading.claims.items()
    )
    columns = np.array([each[:5] for each in added], np.int32).reshape(-1, 5)
    kept_owners = unread[owners[stays]]
    places = np.searchsorted(kept_owners, columns[:, 0])
    return Claims(
        starts=starts_of(np.insert(kept_owners, places, columns[:, 0]), size),
        others=np.insert(rows[claims.others[stays]], places, columns[:, 1]),
        kinds=np.insert(claims.kinds[stays], places, columns[:, 2].astype(np.uint8)),
        strengths=np.insert(claims.strengths[stays], places, columns[:, 3].astype(np.uint8)),
        reversed=np.insert(claims.reversed[stays], places, columns[:, 4].astype(bool)),
        paths=_extended(claims.paths, stays, places, [each[5] for each in added]),
    )
