"""Which resource of a live graph a string names: the directory of a base, and what has moved since."""

from __future__ import annotations

from collections.abc import Iterator

from domain.resource import resource_key
from graph.base import ResourceRow
from graph.identifiers import NAME_MARK, NAMED_TYPES, Named, name_spelling, resolve, spellings_of
from graph.postings import Postings, code_of, packed
from graph.rows import LiveRows


def offers_of(row: ResourceRow) -> set[str]:
    """Every text that leads to a resource, its plain name among its kind included."""
    found = set(spellings_of(row, resource_key(row.uid)))
    kind = row.type.lower()
    if kind in NAMED_TYPES:
        found.add(name_spelling(row.scope, kind, row.name.lower()))
    return found


def concerned_by(before: ResourceRow | None, after: ResourceRow | None) -> set[int]:
    """The codes of the texts that mean something else after a change of a resource."""
    return _codes(before, after, *_lost_and_gained(before, after))


def _codes(before: ResourceRow | None, after: ResourceRow | None, lost: set[str], gained: set[str]) -> set[int]:
    is_same = before is not None and after is not None and _meaning(before) == _meaning(after)
    return {code_of(text) for text in (lost ^ gained if is_same else lost | gained)}


def _lost_and_gained(before: ResourceRow | None, after: ResourceRow | None) -> tuple[set[str], set[str]]:
    """The texts that led to a resource, and those that do now; none where they are the same for certain."""
    if before is not None and after is not None and _identity(before) == _identity(after):
        return set(), set()
    return (set() if before is None else offers_of(before)), (set() if after is None else offers_of(after))


class LiveDirectory:
    """Resources by the texts that lead to them.

    Args:
        rows: the resources; the directory follows their changes when told of them.
        known: rows of the base by the codes of their texts.
    """

    def __init__(self, rows: LiveRows, known: Postings) -> None:
        self._rows = rows
        self._known = known
        self._offered: dict[str, set[int]] = {}
        self.moved: dict[int, set[str]] = {}
        self._found: dict[str, tuple[int, ...]] = {}
        self._seen: dict[int, ResourceRow] = {}
        self.spellings = _Spellings(self)

    def resolve(self, text: str) -> Named:
        return resolve(self.spellings, text)

    def named(self, scope: str, kind: str, name: str) -> int | None:
        rows = self.rows(name_spelling(scope, kind, name))
        return max(rows, key=self.key) if rows else None

    def key(self, row: int) -> str:
        return resource_key(self._row(row).uid)

    def kind(self, row: int) -> str:
        return self._row(row).type.lower()

    def scope(self, row: int) -> str:
        return self._row(row).scope

    def move(self, row: int, before: ResourceRow | None, after: ResourceRow | None) -> set[int]:
        """Follow a change of a resource, and tell the codes of the texts that now mean something else."""
        lost, gained = _lost_and_gained(before, after)
        if not lost and not gained:
            return set()
        for text in self.moved.get(row, ()):
            self._offered[text].discard(row)
        self.moved[row] = gained
        for text in gained:
            self._offered.setdefault(text, set()).add(row)
        self._found.clear()
        self._seen.clear()
        return _codes(before, after, lost, gained)

    def rows(self, text: str) -> tuple[int, ...]:
        """Every row that a text leads to, ascending."""
        known = self._found.get(text)
        if known is None:
            known = tuple(sorted({*self._in_base(text), *self._offered.get(text, ())}))
            if len(self._found) >= _FOUND_MAX:
                self._found.clear()
            self._found[text] = known
        return known

    def entries(self) -> Iterator[int]:
        """Entries of the texts of rows that have moved, for postings."""
        for row, texts in self.moved.items():
            yield from packed(map(code_of, texts), row)

    def _in_base(self, text: str) -> Iterator[int]:
        for row in self._known.rows(code_of(text)):
            if row not in self.moved and text in offers_of(self._row(row)):
                yield row

    def _row(self, row: int) -> ResourceRow:
        known = self._seen.get(row)
        if known is None:
            known = self._rows.get(row)
            assert known is not None, f"row {row} is gone"
            if len(self._seen) >= _FOUND_MAX:
                self._seen.clear()
            self._seen[row] = known
        return known


_FOUND_MAX = 65_536


class _Spellings:
    def __init__(self, directory: LiveDirectory) -> None:
        self._directory = directory

    def get(self, text: str, /) -> int | tuple[int, ...] | None:
        rows = () if text.startswith(NAME_MARK) else self._directory.rows(text)
        return rows[0] if len(rows) == 1 else rows or None

    def __contains__(self, text: object, /) -> bool:
        return self.get(text) is not None  # type: ignore[arg-type]


def _identity(row: ResourceRow) -> tuple[str, ...]:
    return (row.uid, row.type, row.name, row.scope, row.provider)


def _meaning(row: ResourceRow) -> tuple[str, str, str]:
    """What others read of a resource that they name."""
    return (resource_key(row.uid), row.type.lower(), row.scope)
