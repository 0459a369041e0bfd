"""Read models: what a log comes to, folded entry by entry, kept so that a restart reads only what is new.

A model is a mapping of keys to JSON values, and a projection says which keys an entry changes. The saved form is a
file of lines, each with the changes of at most `SAVE_EVENTS` entries, the size of the log that it covers and the log's
root at that size. Nothing is lost when the file is: the log is the truth. A file that is torn, altered, of another
version, ahead of the log or of another log is dropped from the first line that does not fit, and the entries are read
again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, cast

import orjson

from chain.canonical import encode
from chain.durable import replace_file
from chain.tree_hash import Twin
from domain.value import Json

SAVE_EVENTS: Final = 100
CHANGES_BYTES_MIN: Final = 64 * 1024

Entry = Mapping[str, Json]
State = Mapping[str, Json]


class Projection(Protocol):
    """A fold over a log. `changes` depends on its arguments alone."""

    @property
    def name(self) -> str:
        """Name of the model; its version is part of it, so that another version starts anew."""

    def changes(self, state: State, index: int, entry: Entry) -> Mapping[str, Json]:
        """The keys that an entry changes, with their new values."""


class FoldedLog(Protocol):
    """What is read of a log."""

    @property
    def origin(self) -> str: ...

    @property
    def size(self) -> int: ...

    def entry(self, index: int) -> bytes: ...

    def root(self, size: int) -> Twin[bytes]: ...


@dataclass
class ReadModel:
    """A projection of one log, as far as it was folded. Not for several threads at once.

    Args:
        path: where the state is kept; the folder must exist.
    """

    projection: Projection
    log: FoldedLog
    path: Path
    _state: dict[str, Json] = field(default_factory=dict, init=False)
    _covered: int = field(default=0, init=False)
    _link: str = field(default="", init=False)
    _snapshot_bytes: int = field(default=0, init=False)
    _changes_bytes: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._load()

    @property
    def covered(self) -> int:
        """Number of entries that the state is made of."""
        return self._covered

    def step(self) -> bool:
        """Fold the next entries, at most `SAVE_EVENTS`, and save.

        Returns:
            Whether there were any.
        """
        end = min(self.log.size, self._covered + SAVE_EVENTS)
        if end == self._covered:
            return False
        self._fold(end)
        return True

    def state(self) -> State:
        """The state over every entry that the log has now. Not to be changed; later steps change it."""
        while self.step():
            pass
        return self._state

    def content(self) -> bytes:
        """The state in canonical form: equal logs give equal bytes."""
        return encode(dict(self.state()))

    def _fold(self, end: int) -> None:
        changed: dict[str, Json] = {}
        for index in range(self._covered, end):
            changes = self.projection.changes(self._state, index, cast("Entry", orjson.loads(self.log.entry(index))))
            self._state.update(changes)
            changed.update(changes)
        self._covered = end
        self._save(changed)

    def _save(self, changed: Mapping[str, Json]) -> None:
        if self._covered <= SAVE_EVENTS or self._changes_bytes > max(self._snapshot_bytes, CHANGES_BYTES_MIN):
            self._link = self._name()
            line = self._line(self._state)
            replace_file(self.path, line, mode=0o600)
            self._snapshot_bytes, self._changes_bytes = len(line), 0
            return
        line = self._line(changed)
        with self.path.open("ab") as file:
            file.write(line)
        self._changes_bytes += len(line)

    def _line(self, values: Mapping[str, Json]) -> bytes:
        """A line begins with a digest of the former line's digest and its own content."""
        root = self.log.root(self._covered).sha256.hex()
        content = encode({"size": self._covered, "root": root, "set": dict(values)})
        self._link = _linked(self._link, content)
        return b"%s %s\n" % (self._link.encode(), content)

    def _load(self) -> None:
        """Take what was saved as far as it fits the log; the rest of the file goes away with the next whole state."""
        self._link = self._name()
        kept = 0
        for line, content in self._saved_lines():
            record = cast("dict[str, Json]", orjson.loads(content))
            if not self._fits(record):
                break
            self._state.update(cast("dict[str, Json]", record["set"]))
            self._covered, self._link = cast("int", record["size"]), _linked(self._link, content)
            kept += len(line)
        if self.path.exists() and kept != self.path.stat().st_size:
            with self.path.open("r+b") as file:
                file.truncate(kept)
        self._snapshot_bytes, self._changes_bytes = kept, 0

    def _saved_lines(self) -> Iterator[tuple[bytes, bytes]]:
        """Whole lines whose digests follow from one another."""
        if not self.path.exists():
            return
        link = self._link
        for line in self.path.read_bytes().splitlines(keepends=True):
            digest, _, content = line.removesuffix(b"\n").partition(b" ")
            link = _linked(link, content)
            if not line.endswith(b"\n") or digest != link.encode():
                return
            yield line, content

    def _fits(self, record: Mapping[str, Json]) -> bool:
        size = cast("int", record["size"])
        return self._covered < size <= self.log.size and self.log.root(size).sha256.hex() == record["root"]

    def _name(self) -> str:
        return f"policycortex/projection/v1\n{self.projection.name}\n{self.log.origin}\n"


def _linked(former: str, content: bytes) -> str:
    return hashlib.sha3_256(former.encode() + b"\n" + content).hexdigest()
