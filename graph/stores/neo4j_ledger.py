"""The ledger: what was observed when, as compressed columns beside the graph.

A collection run sees everything again and changes a little. Nodes are written for what changed; what the next run is
compared with stands in columns, so that reading it costs a hundredth of reading the nodes. They are of two kinds. The
*base* says what the nodes said when it was written; nodes that were written after it know better and are few, or it is
written anew. *Sightings* say when and where an unchanged state was seen last, which its node does not; every run writes
them anew, and they hold only what differs from the nodes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domain.errors import IntegrityError
from graph.stores.instants import NEVER_US, instant_from_us
from graph.stores.known import MARK, NO_MARK, Known, KnownColumns, known_columns, marks_of
from graph.stores.neo4j_kept import Sight
from graph.stores.sightings import Sightings

State: TypeAlias = tuple[Any, ...]
"""A row of `BASE` as a tuple, but for its key and relationships."""
ROWS_OF_A_PART: Final = 16_384
FRESH_MIN: Final = 1_024
FRESH_SHARE: Final = 10
NO_STATE: Final = -1
"""Number of what has relationships and was never seen."""
_BETWEEN: Final = "\x1f"
_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="zstd")
BASE: Final = pa.schema(
    [
        ("key", pa.string()),
        ("number", pa.int64()),
        ("fingerprint", pa.string()),
        ("valid_from", pa.int64()),
        ("seen_at", pa.int64()),
        ("captured_at", pa.int64()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("retired", pa.bool_()),
        ("told", pa.bool_()),
        ("collections", pa.string()),
        ("edges", pa.string()),
    ]
)
_SIGHTINGS: Final = pa.schema(
    [
        ("number", pa.int64()),
        ("captured_at", pa.int64()),
        ("file", pa.dictionary(pa.int32(), pa.string())),
        ("line", pa.int64()),
        ("seen_at", pa.int64()),
    ]
)


def joined(names: Collection[str]) -> str:
    """Names of collections as one text."""
    return _BETWEEN.join(sorted(names))


def names_from(text: str | None) -> frozenset[str]:
    """The names in a text of `joined`."""
    return frozenset(text.split(_BETWEEN)) if text else frozenset()


class Seen:
    """When and where states were seen last, where their nodes do not say.

    Args:
        table: of `_SIGHTINGS`.
        write: the store's write that they belong to; a state that an event saw again later knows better.
    """

    def __init__(self, table: pa.Table, write: int) -> None:
        self.table, self.write = table, write

    @cached_property
    def _rows(self) -> dict[int, int]:
        return {number: row for row, number in enumerate(self.table.column("number").to_pylist())}

    def of(self, number: int, sighted: int) -> tuple[int | None, str, int, int] | None:
        """captured_at, file, line and seen_at of a state; None where its node says so itself."""
        row = self._rows.get(number) if sighted <= self.write else None
        if row is None:
            return None
        captured_at, file, line, seen_at = (self.table.column(at)[row].as_py() for at in range(1, 5))
        return captured_at, file, line, seen_at


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """The ledger's base, with the row of each key."""

    table: pa.Table
    rows: Mapping[str, int]

    @classmethod
    def of(cls, table: pa.Table) -> Base:
        """Number its rows."""
        keys = table.column("key").to_pylist()
        return cls(table, dict(zip(keys, range(len(keys)), strict=True)))


@dataclass(frozen=True, slots=True, eq=False)
class _Said:
    """What nodes say of when and where their states were seen; see `KnownColumns`."""

    captured_us: NDArray[np.int64]
    seen_us: NDArray[np.int64]
    lines: NDArray[np.int64]
    files: NDArray[np.int32]


@dataclass(slots=True, eq=False)
class Ledger:
    """Everything that the next collection is compared with.

    Args:
        own: a row of `BASE` for each entity, as its node says it.
        rows: row of each entity.
        known: the same rows, with what the sightings say.
        said: what the nodes alone say.
        fresh: how many rows do not stand in the base.
    """

    own: pa.Table
    rows: Mapping[str, int]
    known: KnownColumns
    said: _Said
    fresh: int

    @property
    def keys(self) -> list[str]:
        """Of every entity, by row."""
        return list(self.rows)

    def holders(self, collection: str) -> tuple[set[str], set[str]]:
        """Keys that a collection holds, and keys that others hold."""
        encoded = self.own.column("collections").combine_chunks().dictionary_encode()
        groups = [names_from(text) for text in encoded.dictionary.to_pylist()]
        codes = np.asarray(encoded.indices.fill_null(len(groups)).to_numpy(zero_copy_only=False))
        is_mine = np.array([collection in names for names in groups] + [False], np.bool_)[codes]
        is_others = np.array([bool(names - {collection}) for names in groups] + [False], np.bool_)[codes]
        keys = self.keys
        mine, others = np.flatnonzero(is_mine).tolist(), np.flatnonzero(is_others).tolist()
        return {keys[row] for row in mine}, {keys[row] for row in others}

    def names_of(self, key: str) -> frozenset[str]:
        """The collections that hold a key."""
        row = self.rows.get(key)
        return frozenset() if row is None else names_from(self.own.column("collections")[row].as_py())

    def edges(self) -> dict[str, str]:
        """Digest of the relationships of each source that has any."""
        texts = self.own.column("edges").to_pylist()
        return {key: text for key, text in zip(self.rows, texts, strict=True) if text}

    def others(self, keys: Sequence[str], marks: NDArray[np.bytes_]) -> tuple[set[str], set[str]]:
        """Sources whose relationships are others now, and those of them that have some as it is.

        Args:
            keys: every source from now on.
            marks: digest of each one's relationships.
        """
        had = marks_of(self.own.column("edges"))
        get = self.rows.get
        rows = np.fromiter((get(key, -1) for key in keys), np.int64, len(keys))
        known, before = rows[rows >= 0], np.full(len(keys), NO_MARK, MARK)
        before[rows >= 0] = had[known]
        is_left = had != NO_MARK
        is_left[known] = False
        stored, (other,) = self.own.column("key"), np.nonzero(before != marks)
        gone = set(stored.take(pa.array(np.flatnonzero(is_left))).to_pylist())
        has_some = {keys[place] for place in other.tolist() if before[place] != NO_MARK}
        return {keys[place] for place in other.tolist()} | gone, has_some | gone

    def sighted(self, touched: Sightings, rewritten: Collection[str]) -> pa.Table:
        """The sightings after a run: what differs from the nodes, but for nodes that the run writes."""
        captured_us, seen_us, lines = self.known.captured_us.copy(), self.known.seen_us.copy(), self.known.lines.copy()
        files, names = self.known.files.copy(), [*self.known.file_names]
        if len(touched):
            rows = np.fromiter(map(self.rows.__getitem__, touched.keys), np.int64, len(touched))
            codes = {name: code for code, name in enumerate(names)}
            files[rows] = [codes.setdefault(file, len(codes)) for file in touched.files]
            names = list(codes)
            captured_us[rows], seen_us[rows], lines[rows] = touched.captured_us, touched.seen_us, touched.lines
        said = self.said
        is_other = (
            (captured_us != said.captured_us)
            | (seen_us != said.seen_us)
            | (lines != said.lines)
            | (files != said.files)
        )
        is_other[np.array([self.rows[key] for key in rewritten if key in self.rows], np.int64)] = False
        (rows,) = np.nonzero(is_other)
        file = pa.DictionaryArray.from_arrays(pa.array(files[rows], pa.int32()), pa.array(names, pa.string()))
        chosen = captured_us[rows]
        captured = pa.array(chosen, mask=chosen == NEVER_US)
        columns = [self.known.numbers[rows], captured, file, lines[rows], seen_us[rows]]
        return pa.Table.from_arrays([pa.array(column) for column in columns], schema=_SIGHTINGS)

    def with_rows(self, fresh: pa.Table) -> pa.Table:
        """`own` with other rows for some entities."""
        kept = _without(self.own, fresh.column("key"))
        return pa.concat_tables([kept, fresh]).sort_by("key")

    def wants_base(self, more: int) -> bool:
        """Whether so much stands beside the base, with what a write adds, that it had better be written anew."""
        return bool(self.fresh + more > max(FRESH_MIN, self.own.num_rows // FRESH_SHARE))


def table_of(rows: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    """Rows of `BASE` by key as a table."""
    given = list(rows.values())
    columns = [pa.array([row[each.name] for row in given], each.type) for each in list(BASE)[1:]]
    return pa.Table.from_arrays([pa.array(list(rows), pa.string()), *columns], schema=BASE)


def states_table(states: Mapping[str, State], edges: Mapping[str, str]) -> pa.Table:
    """Rows of `BASE` for states by key.

    Args:
        edges: digest of the relationships of each source that has any.
    """
    columns = list(zip(*states.values(), strict=True)) or [()] * (len(BASE) - 2)
    told = [pa.array(column, each.type) for column, each in zip(columns, list(BASE)[1:-1], strict=True)]
    related = pa.array(map(edges.get, states), pa.string())
    return pa.Table.from_arrays([pa.array(states, pa.string()), *told, related], schema=BASE)


def with_texts(table: pa.Table, name: str, texts: Mapping[str, str | None]) -> pa.Table:
    """A table of the base's form with one column changed for some keys."""
    if not texts:
        return table
    column = table.column(name).to_pylist()
    for row, key in enumerate(table.column("key").to_pylist()):
        if key in texts:
            column[row] = texts[key]
    return table.set_column(table.schema.get_field_index(name), name, pa.array(column, pa.string()))


def without_strangers(table: pa.Table) -> pa.Table:
    """A table of the base's form without what has neither a state nor relationships."""
    has_edges = pc.is_valid(table.column("edges"))
    return table.filter(pc.or_(pc.not_equal(table.column("number"), NO_STATE), has_edges))


def ledger(base: Base, fresh: pa.Table, sighted: Sequence[int], seen: Seen) -> Ledger:
    """The ledger as of now.

    Args:
        fresh: rows of nodes that were written after the base, which take the place of the base's.
        sighted: the write by which an event saw each of these again; 0 where none did.
    """
    count, rows = base.table.num_rows, dict(base.rows)
    taken = np.arange(count + fresh.num_rows)
    at = [rows.setdefault(key, len(rows)) for key in fresh.column("key").to_pylist()]
    taken[at] = np.arange(count, count + len(at))
    own = base.table
    if at:
        own = pa.concat_tables([own, fresh]).combine_chunks().take(pa.array(taken[: len(rows)]))
    since = np.zeros(len(rows), np.int64)
    since[at] = sighted
    known = known_columns(own, {}, rows)
    if (known.numbers == NO_STATE).any():
        known.rows = {key: row for key, row in rows.items() if known.numbers[row] != NO_STATE}
    said = _Said(known.captured_us, known.seen_us, known.lines, known.files)
    _see(known, since, seen)
    return Ledger(own, rows, known, said, fresh.num_rows)


def _see(known: KnownColumns, sighted: NDArray[np.int64], seen: Seen) -> None:
    """Let the columns say what the sightings do, but for states that an event saw again after these."""
    numbers = np.asarray(seen.table.column("number").to_numpy())
    if not len(numbers) or not len(known.numbers):
        return
    order = np.argsort(numbers)
    at = np.minimum(np.searchsorted(numbers, known.numbers, sorter=order), len(numbers) - 1)
    places = order[at]
    (rows,) = np.nonzero((numbers[places] == known.numbers) & (sighted <= seen.write))
    if not len(rows):
        return
    chosen = seen.table.take(pa.array(places[rows])).combine_chunks()
    file = chosen.column("file").combine_chunks()
    codes = {name: code for code, name in enumerate(known.file_names)}
    new_codes = [codes.setdefault(name, len(codes)) for name in file.dictionary.to_pylist()]
    known.file_names = list(codes)

    def told(column: NDArray[np.int64], name: str) -> NDArray[np.int64]:
        column = column.copy()
        column[rows] = chosen.column(name).fill_null(NEVER_US).to_numpy()
        return column

    known.captured_us, known.seen_us = told(known.captured_us, "captured_at"), told(known.seen_us, "seen_at")
    known.lines, known.files = told(known.lines, "line"), known.files.copy()
    known.files[rows] = np.array(new_codes, np.int32)[file.indices.to_numpy(zero_copy_only=False)]


def state_of(sight: Sight, number: int, collections: str) -> State:
    """A state that a node has now.

    Args:
        collections: a text of `joined`.
    """
    return (number, *sight[:-1], collections)


def row_of(sight: Sight, number: int, collections: Collection[str]) -> dict[str, Any]:
    """A row of `BASE`, but for its key and relationships, of a state that a node has now."""
    return {**sight._asdict(), "number": number, "collections": joined(collections)}


NO_ROW: Final[Mapping[str, Any]] = {
    "number": NO_STATE,
    "fingerprint": "",
    "valid_from": 0,
    "seen_at": 0,
    "captured_at": None,
    "file": "",
    "line": 0,
    "retired": True,
    "told": True,
    "collections": "",
    "edges": None,
}
"""What is known of something that only has relationships."""


def encoded(table: pa.Table) -> list[bytes]:
    """A table's bytes, in parts."""
    parts = []
    for start in range(0, table.num_rows, ROWS_OF_A_PART):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=_OPTIONS) as stream:
            stream.write_table(table.slice(start, ROWS_OF_A_PART))
        parts.append(bytes(sink.getvalue()))
    return parts


def base_from(parts: Iterable[bytes]) -> pa.Table:
    """The base from its parts.

    Raises:
        IntegrityError: the bytes are not what was written.
    """
    return _decoded(parts, BASE)


def seen_from(parts: Iterable[bytes], write: int) -> Seen:
    """The sightings from their parts.

    Raises:
        IntegrityError: the bytes are not what was written.
    """
    return Seen(_decoded(parts, _SIGHTINGS).unify_dictionaries(), write)


def instant_or_none(us: int | None) -> datetime | None:
    """An instant of a column."""
    return None if us is None else instant_from_us(us)


def known_of(row: Mapping[str, Any]) -> Known:
    """What a row of `BASE` with a state says."""
    return Known(
        row["number"],
        row["fingerprint"],
        instant_from_us(row["valid_from"]),
        (instant_or_none(row["captured_at"]), row["file"], row["line"]),
        instant_from_us(row["seen_at"]),
        row["retired"],
        row["told"],
    )


def _decoded(parts: Iterable[bytes], schema: pa.Schema) -> pa.Table:
    tables = [schema.empty_table()]
    for part in parts:
        try:
            with pa.ipc.open_stream(part) as stream:
                tables.append(stream.read_all().cast(schema))
        except (pa.ArrowInvalid, OSError, ValueError) as error:
            raise IntegrityError("the ledger of the graph cannot be read", reason=str(error)) from None
    return pa.concat_tables(tables)


def _without(table: pa.Table, keys: pa.ChunkedArray) -> pa.Table:
    if not len(keys):
        return table
    return table.filter(pc.invert(pc.is_in(table.column("key"), value_set=keys.combine_chunks())))


NOTHING_SEEN: Final = Seen(_SIGHTINGS.empty_table(), 0)
EMPTY: Final = ledger(Base.of(BASE.empty_table()), BASE.empty_table(), (), NOTHING_SEEN)
