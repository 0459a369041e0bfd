"""The immutable part of a live graph: a snapshot, and what is known of how its edges came about.

Everything is a buffer, so that it is written to a file, mapped back, and shared between processes as it is. What is
known beside the snapshot lets a change be worked out at its own size: which document claims which edge, and which texts
each document was looked up by. A base that was read out of a store has only the snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.resource import Provider, ResourceId, resource_key
from graph.columns import Column
from graph.postings import Postings
from graph.reading import Bearing, EdgeKey
from graph.snapshot import Snapshot
from graph.whole import Named

Rows = NDArray[np.int32]


class ResourceState(Named, Protocol):
    """What a graph holds of a resource beside its document."""

    @property
    def provider(self) -> Provider: ...
    @property
    def synthetic(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """One resource of a graph, without its document."""

    uid: ResourceId
    name: str
    type: str
    scope: str
    region: str
    provider: Provider
    digest: str
    synthetic: bool

    @staticmethod
    def of(state: ResourceState) -> ResourceRow:
        """What a graph keeps of an item."""
        return ResourceRow(
            uid=state.uid,
            name=state.name,
            type=state.type,
            scope=state.scope,
            region=state.region,
            provider=state.provider,
            digest=state.digest,
            synthetic=state.synthetic,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """The edges that each row's document claims, by that row.

    Shapes:
        starts: int32 (n + 1,); claims of row r are numbers starts[r] to starts[r + 1].
        others: int32 (c,), the row at the other end.
        kinds, strengths: uint8 (c,). reversed: bool (c,), whether the other end is the source.
        paths: where each was found.
    """

    starts: Rows
    others: Rows
    kinds: NDArray[np.uint8]
    strengths: NDArray[np.uint8]
    reversed: NDArray[np.bool_]
    paths: Column

    def of(self, row: int) -> dict[EdgeKey, Bearing]:
        """Everything that one row's document claims."""
        start, end = int(self.starts[row]), int(self.starts[row + 1])
        columns = (self.others, self.reversed, self.kinds, self.strengths, self.paths.codes)
        found: dict[EdgeKey, Bearing] = {}
        for other, is_reversed, kind, strength, path in zip(*(c[start:end].tolist() for c in columns), strict=True):
            key = (other, row, kind) if is_reversed else (row, other, kind)
            found[key] = (strength, str(self.paths.values[path]))
        return found

    def bearing(self, row: int, key: EdgeKey) -> Bearing | None:
        """What one row's document says of one edge that has the row at an end."""
        start, end = int(self.starts[row]), int(self.starts[row + 1])
        is_reversed = key[0] != row
        other = key[0] if is_reversed else key[1]
        hit = (
            (self.others[start:end] == other)
            & (self.kinds[start:end] == key[2])
            & (self.reversed[start:end] == is_reversed)
        )
        at = np.flatnonzero(hit)
        if not len(at):
            return None
        number = start + int(at[0])
        return int(self.strengths[number]), str(self.paths.value(number))


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """How the edges of a base came about.

    Args:
        offers: rows by the spellings of their ids.
        watches: rows by the texts that their documents were looked up by.
    """

    claims: Claims
    offers: Postings
    watches: Postings

    @property
    def size_bytes(self) -> int:
        """What its buffers take."""
        claims = self.claims
        arrays: list[NDArray[Any]] = [claims.starts, claims.others, claims.kinds, claims.strengths, claims.reversed]
        arrays += [claims.paths.codes, self.offers.entries, self.watches.entries]
        return sum(array.nbytes for array in arrays)


class ResourceColumns:
    """The columns of `Snapshot.resources`, ready to be asked for one row."""

    __slots__ = ("_coded", "_flags", "_texts", "uids")

    def __init__(self, resources: pa.Table) -> None:
        self.uids: pa.StringArray = _whole(resources, "uid")
        self._texts = [_whole(resources, name) for name in ("name", "digest")]
        self._coded = [_decoded(resources, name) for name in ("type", "scope", "region", "provider")]
        self._flags = _whole(resources, "synthetic")

    def row(self, row: int) -> ResourceRow:
        """One resource."""
        name, digest = [texts[row].as_py() for texts in self._texts]
        kind, scope, region, provider = [values[codes.item(row)] for codes, values in self._coded]
        return ResourceRow(
            uid=ResourceId(self.uids[row].as_py()),
            name=name,
            type=kind,
            scope=scope,
            region=region,
            provider=Provider(provider),
            digest=digest,
            synthetic=self._flags[row].as_py(),
        )

    def type(self, row: int) -> str:
        """One resource's type."""
        codes, values = self._coded[0]
        return values[codes.item(row)]

    def scope(self, row: int) -> str:
        """Where one resource lives."""
        codes, values = self._coded[1]
        return values[codes.item(row)]


def _whole(resources: pa.Table, name: str) -> Any:
    column = resources.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _decoded(resources: pa.Table, name: str) -> tuple[Rows, tuple[str, ...]]:
    column = resources.column(name)
    whole = column.chunk(0) if column.num_chunks == 1 else column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        return np.empty(0, np.int32), ()
    return np.asarray(whole.indices, dtype=np.int32), tuple(whole.dictionary.to_pylist())


@dataclass(slots=True)
class _Memory:
    """What a base works out once; left behind when it travels."""

    columns: ResourceColumns | None = None
    bytes: int | None = None

    def __reduce__(self) -> tuple[type[_Memory], tuple[()]]:
        return (_Memory, ())


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A snapshot without tables, with what a change is worked out from.

    Args:
        groups: rows that contain each other in a circle.
        dangling_rows: the row of each dangling reference's source, ascending.
        broken: numbers of the edges of containment that stand as references because they lie on a circle, ascending.
        knowledge: None where the snapshot was read out of a store, until the documents were read.
    """

    snapshot: Snapshot
    groups: tuple[tuple[int, ...], ...]
    dangling_rows: Rows
    broken: Rows
    knowledge: Knowledge | None
    _memory: _Memory = field(default_factory=_Memory, repr=False)

    def __len__(self) -> int:
        return len(self.snapshot)

    @property
    def columns(self) -> ResourceColumns:
        """The resources by row."""
        if self._memory.columns is None:
            self._memory.columns = ResourceColumns(self.snapshot.resources)
        return self._memory.columns

    def find(self, key: str) -> int | None:
        """The row of a `resource_key`."""
        row = self.place(key)
        return row if row < len(self) and resource_key(self.columns.uids[row].as_py()) == key else None

    def place(self, key: str) -> int:
        """The row of a `resource_key`, or where it would stand: rows are in its order."""
        uids, low, high = self.columns.uids, 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if resource_key(uids[middle].as_py()) < key:
                low = middle + 1
            else:
                high = middle
        return low

    def without_knowledge(self) -> Base:
        """What readers need."""
        return Base(self.snapshot, self.groups, self.dangling_rows, self.broken, None, self._memory)

    @property
    def size_bytes(self) -> int:
        """What its buffers take."""
        if self._memory.bytes is None:
            self._memory.bytes = self._sized()
        return self._memory.bytes + (0 if self.knowledge is None else self.knowledge.size_bytes)

    def _sized(self) -> int:
        """The same without what is known of how edges came about."""
        edges = self.snapshot.edges
        arrays: list[NDArray[Any]] = [edges.starts, edges.targets, edges.kinds, edges.strengths, edges.paths.codes]
        arrays += [edges.starts_in, edges.sources_in, edges.numbers_in, self.dangling_rows, self.broken]
        arrays += list(self.snapshot.rows_by_type.values())
        return sum(array.nbytes for array in arrays) + int(self.snapshot.resources.nbytes)
