"""From documents to a base: every document is read once and none is kept.

The answer is what `graph.build.build_snapshot` over the same items gives, and beside it what later changes are worked
out from. A resource whose document is not given stays, without edges of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from domain.errors import InputError
from domain.resource import ConfigurationItem, Provider, ResourceId
from domain.tenancy import TenantId
from graph.base import Base, Claims, Knowledge, ResourceRow
from graph.columns import Column
from graph.directory import offers_of
from graph.edge_columns import EdgeColumns, circles_of, compressed, starts_of, strongest, without_circles
from graph.identifiers import IdentifierIndex
from graph.noting import NotedDirectory
from graph.postings import Packed, Postings, code_of, packed, postings
from graph.reading import Reader, Reading
from graph.references import Dangling
from graph.snapshot import Rows, Snapshot


def learn(
    tenant: TenantId,
    resources: pa.Table,
    documents: Iterable[Sequence[tuple[int, ConfigurationItem]]],
    *,
    as_of: datetime,
    unproven: frozenset[str] = frozenset(),
    breaks_circles: bool = True,
) -> Base:
    """Read every document.

    Args:
        resources: the columns of `Snapshot.resources`, in order of `resource_key`.
        documents: rows and their items, ascending, in batches; a batch is let go before the next.
        breaks_circles: whether edges on a circle of containment become references; not in a part of a graph, where a
            circle is seen only together with the other parts.

    Raises:
        InputError: an item belongs to another tenant.
    """
    learning = Learning(tenant, resources, as_of=as_of, unproven=unproven, breaks_circles=breaks_circles)
    for batch in documents:
        learning.read(batch)
    return learning.base()


class Learning:
    """A base that is being learnt from documents, as they come; for `learn`, and for who gets them in messages.

    Args:
        resources: the columns of `Snapshot.resources`, in order of `resource_key`.
    """

    def __init__(
        self,
        tenant: TenantId,
        resources: pa.Table,
        *,
        as_of: datetime,
        unproven: frozenset[str] = frozenset(),
        breaks_circles: bool = True,
    ) -> None:
        self._tenant = tenant
        self._resources = resources
        self._as_of = as_of
        self._unproven = unproven
        self._breaks_circles = breaks_circles
        index = IdentifierIndex(rows_of(resources))
        self._offers = postings(entry for row, each in enumerate(rows_of(resources)) for entry in _offered(row, each))
        self._directory = NotedDirectory(index)
        self._reader = Reader(self._directory)
        self._notes = _Notes()

    def read(self, batch: Sequence[tuple[int, ConfigurationItem]]) -> None:
        """Read some documents; their rows ascend from batch to batch, and none of them is kept.

        Raises:
            InputError: an item belongs to another tenant.
        """
        for row, item in batch:
            require_tenant(self._tenant, item)
            self._notes.add(row, item.uid, self._reader.read(row, item), self._directory.taken())
        self._notes.flush()

    def base(self) -> Base:
        """What the documents say together."""
        resources, notes, size = self._resources, self._notes, self._resources.num_rows
        claims = notes.claims(size)
        edges = strongest(notes.edges())
        circles = circles_of(edges.sources, edges.targets, edges.kinds, size) if self._breaks_circles else ()
        standing, broken = without_circles(edges, circles, size)
        uids = resources.column("uid").combine_chunks()
        snapshot = Snapshot(
            tenant=self._tenant,
            as_of=self._as_of,
            resources=resources,
            edges=compressed(standing, size),
            tables={},
            rows_by_type=rows_by_type(resources),
            dangling=tuple(notes.dangling),
            cycles=tuple(tuple(ResourceId(uids[row].as_py()) for row in circle) for circle in circles),
            digest="",
            unproven=self._unproven,
        )
        dangling_rows = np.array(notes.dangling_rows, np.int32)
        return Base(snapshot, circles, dangling_rows, broken, Knowledge(claims, self._offers, notes.watches()))


def rows_of(resources: pa.Table) -> Iterator[ResourceRow]:
    """Every row of a table of resources."""
    providers = {provider.value: provider for provider in Provider}
    for batch in resources.to_batches(max_chunksize=4096):
        columns = {name: batch.column(name).to_pylist() for name in ResourceRow.__slots__}
        columns["provider"] = [providers[name] for name in columns["provider"]]
        for values in zip(*columns.values(), strict=True):
            yield ResourceRow(*values)


def rows_by_type(resources: pa.Table) -> dict[str, Rows]:
    """Rows of each lower-case type, ascending."""
    column = resources.column("type").combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    names = [str(name).lower() for name in column.dictionary.to_pylist()]
    folded = sorted(set(names))
    at = {name: number for number, name in enumerate(folded)}
    renumbered = np.array([at[name] for name in names], np.int64)
    codes = renumbered[np.asarray(column.indices, dtype=np.int64)] if names else np.empty(0, np.int64)
    order = np.argsort(codes, kind="stable").astype(np.int32)
    ends = np.cumsum(np.bincount(codes, minlength=len(folded)))
    pieces = np.split(order, ends[:-1]) if folded else []
    return {name: rows for name, rows in zip(folded, pieces, strict=True) if len(rows)}


@dataclass(slots=True)
class _Notes:
    """What was read so far, as columns."""

    owners: list[int] = field(default_factory=list)
    others: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    strengths: list[int] = field(default_factory=list)
    reversed: list[bool] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    dangling: list[Dangling] = field(default_factory=list)
    dangling_rows: list[int] = field(default_factory=list)
    _entries: list[int] = field(default_factory=list)
    _runs: list[Packed] = field(default_factory=list)
    _pieces: list[tuple[Rows, Rows, Rows, Rows, Rows, Rows]] = field(default_factory=list)

    def add(self, row: int, uid: ResourceId, reading: Reading, watched: set[int]) -> None:
        """One document."""
        for (source, target, kind), (strength, path) in reading.claims.items():
            self.owners.append(row)
            self.others.append(target if source == row else source)
            self.kinds.append(kind)
            self.strengths.append(strength)
            self.reversed.append(source != row)
            self.places.append(self.codes.setdefault(path, len(self.codes)))
        for path, value in reading.dangling:
            self.dangling.append(Dangling(uid, path, value))
            self.dangling_rows.append(row)
        self._entries += packed(watched, row)

    def flush(self) -> None:
        """Pack what was added."""
        lists = (self.owners, self.others, self.kinds, self.strengths, self.reversed, self.places)
        first, *rest = (np.array(each, np.int32) for each in lists)
        self._pieces.append((first, rest[0], rest[1], rest[2], rest[3], rest[4]))
        self._runs.append(np.array(self._entries, np.uint64))
        for each in (*lists, self._entries):
            each.clear()

    def claims(self, size: int) -> Claims:
        """By owner; owners came in order."""
        owners, others, kinds, strengths, is_reversed, _ = self._columns()
        return Claims(
            starts=starts_of(owners, size),
            others=others,
            kinds=kinds.astype(np.uint8),
            strengths=strengths.astype(np.uint8),
            reversed=is_reversed.astype(bool),
            paths=self._paths(),
        )

    def edges(self) -> EdgeColumns:
        """The same with their ends in the direction of the edge."""
        owners, others, kinds, strengths, is_reversed, _ = self._columns()
        turned = is_reversed.astype(bool)
        return EdgeColumns(
            sources=np.where(turned, others, owners),
            targets=np.where(turned, owners, others),
            kinds=kinds.astype(np.uint8),
            strengths=strengths.astype(np.uint8),
            paths=self._paths(),
        )

    def watches(self) -> Postings:
        """What the documents were looked up by."""
        runs, self._runs = self._runs, []
        return Postings(np.unique(np.concatenate([np.empty(0, np.uint64), *runs])))

    def _paths(self) -> Column:
        return Column(self._columns()[5], tuple(self.codes))

    def _columns(self) -> tuple[Rows, Rows, Rows, Rows, Rows, Rows]:
        if len(self._pieces) != 1:
            empty = np.empty(0, np.int32)
            columns = [np.concatenate([empty, *(piece[at] for piece in self._pieces)]) for at in range(6)]
            self._pieces = [(columns[0], columns[1], columns[2], columns[3], columns[4], columns[5])]
        return self._pieces[0]


def _offered(row: int, each: ResourceRow) -> list[int]:
    return packed(map(code_of, offers_of(each)), row)


def require_tenant(tenant: TenantId, item: ConfigurationItem) -> None:
    """Refuse another tenant's item."""
    if item.tenant != tenant:
        raise InputError("an item belongs to another tenant", uid=item.uid, expected=tenant, got=item.tenant)
