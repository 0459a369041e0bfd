"""The ledger: what was observed when, as compressed columns beside the graph.

A collection run sees everything again and changes a little. Nodes are written for what changed; when the rest was seen
last, by which collections, and with which digest it will be compared next time, stands here, a hundred times smaller.
A node that was written after the ledger knows better than the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple
from zlib import crc32

import pyarrow as pa

from domain.errors import IntegrityError
from graph.stores.instants import instant_from_us
from graph.stores.known import Known

ENTRIES_OF_A_PART: Final = 1_024
NO_STATE: Final = -1
"""`Entry.number` of what has relationships and was never seen."""
_BETWEEN: Final = "\x1f"
_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="zstd")
_SCHEMA: Final = pa.schema(
    [
        ("key", pa.string()),
        ("number", pa.int64()),
        ("fingerprint", pa.binary()),
        ("valid_from", pa.int64()),
        ("seen_at", pa.int64()),
        ("captured_at", pa.int64()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("retired", pa.bool_()),
        ("told", pa.bool_()),
        ("collections", pa.string()),
        ("edges", pa.binary()),
    ]
)


class Entry(NamedTuple):
    """What is kept of one entity; times in microseconds, digests as bytes."""

    number: int
    fingerprint: bytes
    valid_from: int
    seen_at: int
    captured_at: int | None
    file: str
    line: int
    retired: bool
    told: bool
    collections: str
    edges: bytes

    @property
    def collection_names(self) -> frozenset[str]:
        """The collections that hold it."""
        return frozenset(self.collections.split(_BETWEEN)) if self.collections else frozenset()


NO_ENTRY: Final = Entry(NO_STATE, b"", 0, 0, None, "", 0, retired=True, told=True, collections="", edges=b"")
"""What is known of something that only has relationships, before it has them."""


def joined(names: Collection[str]) -> str:
    """`Entry.collections` of some names."""
    return _BETWEEN.join(sorted(names))


def known_from(entries: Mapping[str, Entry]) -> dict[str, Known]:
    """Entries with a state, as the merge wants them."""
    times = {time for entry in entries.values() for time in (entry.valid_from, entry.seen_at, entry.captured_at)}
    instants = {us: instant_from_us(us) for us in times if us is not None}
    return {
        key: Known(
            entry.number,
            entry.fingerprint.hex(),
            instants[entry.valid_from],
            (None if entry.captured_at is None else instants[entry.captured_at], entry.file, entry.line),
            instants[entry.seen_at],
            entry.retired,
            entry.told,
        )
        for key, entry in entries.items()
        if entry.number != NO_STATE
    }


def part_count(entries: int) -> int:
    """How many parts a ledger of so many entries has: a power of two, so that it changes seldom."""
    count = 1
    while count * ENTRIES_OF_A_PART < entries:
        count *= 2
    return count


def part_of(key: str, parts: int) -> int:
    """Which part has a key."""
    return crc32(key.encode()) % parts


def encoded(entries: Mapping[str, Entry], parts: int) -> list[bytes]:
    """The bytes of every part; equal entries give equal bytes."""
    grouped: list[list[tuple[str, Entry]]] = [[] for _ in range(parts)]
    for key, entry in entries.items():
        grouped[part_of(key, parts)].append((key, entry))
    return [_body(sorted(group)) for group in grouped]


def decoded(bodies: Iterable[bytes]) -> dict[str, Entry]:
    """The entries of some parts.

    Raises:
        IntegrityError: the bytes are not what was written.
    """
    entries: dict[str, Entry] = {}
    for body in bodies:
        try:
            with pa.ipc.open_stream(body) as stream:
                table = stream.read_all()
        except (pa.ArrowInvalid, OSError) as error:
            raise IntegrityError("the ledger of the graph cannot be read", reason=str(error)) from None
        columns = [table.column(name).to_pylist() for name in _SCHEMA.names]
        entries.update(zip(columns[0], map(Entry._make, zip(*columns[1:], strict=True)), strict=True))
    return entries


def _body(group: list[tuple[str, Entry]]) -> bytes:
    columns = list(zip(*((key, *entry) for key, entry in group), strict=True)) or [()] * len(_SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _SCHEMA, options=_OPTIONS) as stream:
        stream.write_table(pa.Table.from_arrays(arrays, schema=_SCHEMA))
    return bytes(sink.getvalue())
