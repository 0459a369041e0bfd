"""Alias tables: where in the provider's document an Azure Policy alias points. Looked up, never guessed.

A row is ``{"provider", "resourceType", "apiVersions": [newest, …], "aliases": {alias: path}}``; our own rows for
AWS and GCP types have the same form. Where two tables name one alias, the one given last wins.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import orjson

from domain.errors import InputError
from domain.value import Json
from graph.path import fold

BUILTIN = Path(__file__).parent / "packs" / "aliases"


@dataclass(frozen=True, slots=True)
class Alias:
    """What an alias is on some types: its path in their documents. `owners` are folded."""

    name: str
    owners: frozenset[str]
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class AliasTable:
    """What each folded alias stands for, and the newest API version by folded type."""

    aliases: Mapping[str, tuple[Alias, ...]] = field(default_factory=dict)
    newest: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def builtin() -> AliasTable:
        """The rows that our own packs need."""
        return _builtin()

    @staticmethod
    def of_rows(rows: Iterable[Json], *, origin: str) -> AliasTable:
        """Read alias rows.

        Raises:
            InputError: a row is not of the form above.
        """
        aliases: dict[str, tuple[Alias, ...]] = {}
        newest: dict[str, str] = {}
        for at, row in enumerate(rows, start=1):
            _add_row(row, f"{origin}:{at}", aliases, newest)
        return AliasTable(aliases, newest)

    def with_files(self, paths: Sequence[str | Path]) -> AliasTable:
        """This table and those files: JSON array, NDJSON, or either of them gzipped."""
        table = self
        for path in paths:
            added = AliasTable.of_rows(read_rows(Path(path)), origin=str(path))
            table = AliasTable({**table.aliases, **added.aliases}, {**table.newest, **added.newest})
        return table

    def find(self, alias: str) -> tuple[Alias, ...]:
        """What an alias stands for, by name compared without case; several where types differ, none if unknown."""
        return self.aliases.get(fold(alias), ())

    def resolve(self, alias: str) -> str | None:
        """The path an alias points at, on the first type that has it, or None."""
        found = self.find(alias)
        return found[0].path if found else None


@lru_cache(maxsize=1)
def _builtin() -> AliasTable:
    return AliasTable().with_files(sorted(BUILTIN.glob("*.json")))


def _add_row(row: Json, where: str, aliases: dict[str, tuple[Alias, ...]], newest: dict[str, str]) -> None:
    if not isinstance(row, dict) or not isinstance(row.get("aliases"), dict):
        raise InputError(
            "alias row is not readable",
            where=where,
            expected='{"provider", "resourceType", "apiVersions", "aliases": {alias: path}}',
            got=type(row).__name__ if not isinstance(row, dict) else sorted(row),
            todo="Write the row in that form",
        )
    owner = _owner(str(row.get("provider") or ""), str(row.get("resourceType") or ""))
    found = row["aliases"]
    assert isinstance(found, dict)
    for name, path in found.items():
        if not isinstance(path, str):
            raise InputError("alias path is not text", where=where, alias=name, got=path, todo="Write one path")
        owners = frozenset({fold(owner), *_named_owner(name, fold(owner))})
        aliases[fold(name)] = _added(aliases.get(fold(name), ()), Alias(name, owners, path))
    versions = row.get("apiVersions")
    if isinstance(versions, list) and versions:
        newest[fold(owner)] = max(map(str, versions))


def _named_owner(alias: str, owner: str) -> Iterable[str]:
    """The child type that an alias names although its row stands under the parent."""
    named = fold(alias).partition("[")[0].rpartition("/")[0]
    return [named] if named.startswith(f"{owner}/") else []


def _added(known: tuple[Alias, ...], alias: Alias) -> tuple[Alias, ...]:
    """Types that share a path share an entry; of two paths for one type the last counts."""
    owners = alias.owners
    kept: list[Alias] = []
    for one in known:
        if one.path == alias.path:
            owners = owners | one.owners
        elif one.owners - alias.owners:
            kept.append(Alias(one.name, one.owners - alias.owners, one.path))
    return (*kept, Alias(alias.name, owners, alias.path))


def _owner(provider: str, kind: str) -> str:
    """A type's full name: Azure's rows split it in two, ours do not."""
    return kind if fold(kind).startswith(fold(provider)) else f"{provider}/{kind}"


def read_rows(path: Path) -> list[Json]:
    """JSON array, one object, or NDJSON; gzip by content.

    Raises:
        InputError: the file is not there, or a line is not JSON; names the line.
    """
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError) as failure:
        raise InputError(
            "file is not readable", where=str(path), got=str(failure), todo="Give a file that can be read"
        ) from None
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError as failure:
        lines = [(at, line) for at, line in enumerate(data.split(b"\n"), start=1) if line.strip()]
        if len(lines) < 2 or not _is_json(lines[0][1]):
            raise _broken(path, failure.lineno, failure) from None
        return [_line(path, at, line) for at, line in lines]
    return whole if isinstance(whole, list) else [whole]


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _line(path: Path, at: int, line: bytes) -> Json:
    try:
        found: Json = orjson.loads(line)
    except orjson.JSONDecodeError as failure:
        raise _broken(path, at, failure) from None
    return found


def _broken(path: Path, line: int, failure: orjson.JSONDecodeError) -> InputError:
    return InputError(
        "not JSON",
        where=f"{path}:{line}",
        expected="a JSON object, a JSON array, or one JSON object a line",
        got=failure.msg,
        todo="Correct that line",
    )
