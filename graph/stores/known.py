"""What a store knows of the latest versions, as columns: a hundred thousand of them without as many objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.stores.instants import NEVER_US, instant_from_us


@dataclass(frozen=True, slots=True)
class Known:
    """What a store knows about the latest version of one resource.

    Args:
        version: the store's own number of the version; None where only a deletion was told of, and no state.
        seen: captured_at, file and line of the latest observation of this state.
        seen_at: when this state was seen last; `valid_from` or later.
        is_told: whether an event brought this version, not an inventory.
    """

    version: int | None
    fingerprint: str
    valid_from: datetime
    seen: tuple[datetime | None, str, int]
    seen_at: datetime
    is_retired: bool = False
    is_told: bool = False


def unknown_gone(at: datetime) -> Known:
    """What is known of something that was deleted before it was ever seen."""
    return Known(None, "", at, (None, "", 0), at, is_retired=True, is_told=True)


MARK: Final = "S32"
"""A digest in an array."""
NO_MARK: Final = b"0" * 32


@dataclass(slots=True, eq=False)
class KnownColumns(Mapping[str, Known]):
    """The latest versions by key.

    Args:
        rows: row of each key in the columns.
        marks: fingerprints.
        captured_us: `NEVER_US` where the record does not say.
        files: codes into `file_names`.
        extra: what is known in place of the columns, or beside them.

    Shapes:
        numbers, since_us, seen_us, captured_us, lines: int64 (n,). marks: S32 (n,). files: int32 (n,).
        retired, told: bool (n,).
    """

    rows: Mapping[str, int]
    numbers: NDArray[np.int64]
    marks: NDArray[np.bytes_]
    since_us: NDArray[np.int64]
    seen_us: NDArray[np.int64]
    captured_us: NDArray[np.int64]
    files: NDArray[np.int32]
    file_names: Sequence[str]
    lines: NDArray[np.int64]
    retired: NDArray[np.bool_]
    told: NDArray[np.bool_]
    extra: dict[str, Known] = field(default_factory=dict)

    @classmethod
    def of(cls, known: Mapping[str, Known]) -> KnownColumns:
        """Columns without rows: everything stands beside them."""
        none = np.empty(0, np.int64)
        nothing = none.astype(np.bool_)
        marks, files = none.astype(MARK), none.astype(np.int32)
        return cls({}, none, marks, none, none, none, files, (), none, nothing, nothing, dict(known))

    def __getitem__(self, key: str) -> Known:
        found = self.extra.get(key)
        return self.at(self.rows[key]) if found is None else found

    def __iter__(self) -> Iterator[str]:
        yield from self.rows
        yield from (key for key in self.extra if key not in self.rows)

    def __len__(self) -> int:
        return len(self.rows) + sum(key not in self.rows for key in self.extra)

    def __contains__(self, key: object) -> bool:
        return key in self.extra or key in self.rows

    @property
    def is_worn(self) -> bool:
        """Whether so much stands beside the columns that they had better be read again."""
        return len(self.extra) > max(4_096, len(self.rows) // 8)

    def at(self, row: int) -> Known:
        """What a row says."""
        captured_us = int(self.captured_us[row])
        return Known(
            int(self.numbers[row]),
            self.marks[row].decode(),
            instant_from_us(int(self.since_us[row])),
            (
                None if captured_us == NEVER_US else instant_from_us(captured_us),
                self.file_names[self.files[row]],
                int(self.lines[row]),
            ),
            instant_from_us(int(self.seen_us[row])),
            bool(self.retired[row]),
            bool(self.told[row]),
        )

    def places(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """Row of each key; -1 where the columns do not have it, or not the last word."""
        get = self.rows.get
        found = np.array([get(key, -1) for key in keys], np.int64)
        if self.extra and self.rows:
            found[[key in self.extra for key in keys]] = -1
        return found

    def are_present(self, rows: NDArray[np.int64], marks: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each row has this fingerprint, and is not of something that is gone; False for row -1."""
        if not len(self.numbers):
            return np.zeros(len(rows), np.bool_)
        is_same: NDArray[np.bool_] = (rows >= 0) & (self.marks[rows] == np.array(marks, MARK)) & ~self.retired[rows]
        return is_same

    def codes_of(self, files: Sequence[str]) -> NDArray[np.int32]:
        """Code of each file; -1 where no row has it."""
        codes = {name: code for code, name in enumerate(self.file_names)}
        return np.array([codes.get(file, -1) for file in files], np.int32)


def known_columns(table: pa.Table, extra: Mapping[str, Known], rows: Mapping[str, int] | None = None) -> KnownColumns:
    """What a table with a row for each resource says.

    Args:
        table: key, number, fingerprint (hexadecimal text), valid_from, seen_at, captured_at (microseconds), file,
            line, retired, told.
        rows: row of each key, where that is known already.
    """
    if rows is None:
        rows = {key: row for row, key in enumerate(table.column("key").to_pylist())}
    files = table.column("file").combine_chunks().dictionary_encode()
    files = files.combine_chunks() if isinstance(files, pa.ChunkedArray) else files
    return KnownColumns(
        rows=rows,
        numbers=_array(table, "number"),
        marks=marks_of(table.column("fingerprint")),
        since_us=_array(table, "valid_from"),
        seen_us=_array(table, "seen_at"),
        captured_us=_array(table, "captured_at"),
        files=files.indices.to_numpy(zero_copy_only=False).astype(np.int32),
        file_names=files.dictionary.to_pylist(),
        lines=_array(table, "line"),
        retired=_array(table, "retired").astype(np.bool_),
        told=_array(table, "told").astype(np.bool_),
        extra=dict(extra),
    )


def marks_of(column: pa.ChunkedArray) -> NDArray[np.bytes_]:
    """Digests in hexadecimal as an array, `NO_MARK` where there is none."""
    is_there = pc.fill_null(pc.equal(pc.binary_length(column), len(NO_MARK)), fill_value=False)
    fixed = pc.if_else(is_there, column, NO_MARK.decode()).cast(pa.binary()).cast(pa.binary(len(NO_MARK)))
    chunks = [np.frombuffer(chunk.buffers()[1], MARK, len(chunk)) for chunk in fixed.chunks if len(chunk)]
    return np.concatenate([np.empty(0, MARK), *chunks])


def _array(table: pa.Table, name: str) -> NDArray[Any]:
    column = table.column(name)
    if column.null_count:
        column = column.fill_null(NEVER_US)
    return np.asarray(column.to_numpy())
