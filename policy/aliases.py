"""Alias tables: where in the provider's document an Azure Policy alias points. Looked up, never guessed.

A row is ``{"provider", "resourceType", "apiVersions": [newest, …], "aliases": {alias: path}}``; our own rows for
AWS and GCP types have the same form. Rows as Azure's provider list writes them, ``{"namespace",
"resourceTypes": [{"resourceType", "aliases": [{"name", "defaultPath", "paths", "defaultMetadata"}]}]}``, are read
too: they say where an alias points in each API version and whether it can be modified. Where two tables name one
alias, the one given last wins; within one table two paths for one alias of one type are an error.

Source: https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-alias
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import orjson

from domain.errors import InputError
from domain.value import Json
from graph.path import fold

BUILTIN = Path(__file__).parent / "packs" / "aliases"


@dataclass(frozen=True, slots=True)
class Alias:
    """What an alias is on some types: its path in their documents. `owners` are folded.

    Args:
        versions: paths by API version, where they differ from `path`.
        is_modifiable: whether the effect modify may set it; None where the table does not say.
    """

    name: str
    owners: frozenset[str]
    path: str
    versions: tuple[tuple[str, str], ...] = ()
    is_modifiable: bool | None = None

    def path_at(self, version: object) -> str:
        """The path in documents of an API version; where the table does not know it, as in the newest."""
        return dict(self.versions).get(str(version), self.path)


@dataclass(frozen=True, slots=True, eq=False)
class AliasTable:
    """What each folded alias stands for, and the newest API version by folded type.

    Args:
        is_literal: there is no table: an alias is read as a path into the document, as it stands.
    """

    aliases: Mapping[str, tuple[Alias, ...]] = field(default_factory=dict)
    newest: Mapping[str, str] = field(default_factory=dict)
    is_literal: bool = False

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
            for plain in _plain_rows(row, f"{origin}:{at}"):
                _add_row(plain, f"{origin}:{at}", aliases, newest)
        return AliasTable(aliases, newest)

    def with_files(self, paths: Sequence[str | Path]) -> AliasTable:
        """This table and those files: JSON array, NDJSON, or either of them gzipped."""
        table = self
        for path in paths:
            added = AliasTable.of_rows(read_rows(Path(path)), origin=str(path))
            table = AliasTable({**table.aliases, **added.aliases}, {**table.newest, **added.newest})
        return table

    def find(self, alias: str) -> tuple[Alias, ...]:
        """What an alias stands for, by name compared without case; several where types differ, none if unknown.

        A name whose elements a table has (``rules[*]``) also names the array itself.
        """
        found = self.aliases.get(fold(alias))
        return tuple(map(_whole, self.aliases.get(f"{fold(alias)}[*]", ()))) if found is None else found

    def resolve(self, alias: str) -> str | None:
        """The path an alias points at, on the first type that has it, or None."""
        found = self.find(alias)
        return found[0].path if found else None


@lru_cache(maxsize=1)
def _builtin() -> AliasTable:
    return AliasTable().with_files(sorted(BUILTIN.glob("*.json")))


def _plain_rows(row: Json, where: str) -> Iterable[Json]:
    """A row of Azure's provider list as one row for each type; any other row as it is."""
    if not isinstance(row, dict) or "resourceTypes" not in row:
        yield row
        return
    for kind in _objects(row["resourceTypes"], f"{where} resourceTypes"):
        aliases: dict[str, Json] = {
            str(alias.get("name")): alias for alias in _objects(kind.get("aliases") or [], f"{where} aliases")
        }
        versions = kind.get("apiVersions")
        yield {
            "provider": row.get("namespace"),
            "resourceType": kind.get("resourceType"),
            "apiVersions": versions,
            "aliases": aliases,
        }


def _objects(document: Json, where: str) -> list[dict[str, Json]]:
    if not isinstance(document, list) or not all(isinstance(one, dict) for one in document):
        raise InputError(
            "alias row is not readable",
            where=where,
            expected="a list of objects",
            got=type(document).__name__,
            todo="Write the row as Azure's provider list has it",
        )
    return document  # type: ignore[return-value]


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
    for name, given in found.items():
        owners = frozenset({fold(owner), *_named_owner(name, fold(owner))})
        aliases[fold(name)] = _added(aliases.get(fold(name), ()), _alias(name, owners, given, where), where)
    versions = row.get("apiVersions")
    if isinstance(versions, list) and versions:
        newest[fold(owner)] = max(map(str, versions))


def _alias(name: str, owners: frozenset[str], given: Json, where: str) -> Alias:
    """One alias: its path, or the object that Azure's provider list has for it."""
    body = given if isinstance(given, dict) else {"defaultPath": given}
    path = body.get("defaultPath")
    if not isinstance(path, str):
        raise InputError("alias path is not text", where=where, alias=name, got=path, todo="Write one path")
    listed = body.get("paths")
    paths = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    versions: dict[str, str] = {}
    for one in paths:
        known = one.get("apiVersions")
        versions.update((str(version), str(one.get("path"))) for version in (known if isinstance(known, list) else ()))
    attributes = [_attributes(body.get("defaultMetadata")), *(_attributes(one.get("metadata")) for one in paths)]
    said = [one for one in attributes if one]
    differing = tuple((version, other) for version, other in versions.items() if other != path)
    return Alias(name, owners, path, differing, "modifiable" in said if said else None)


def _attributes(metadata: Json) -> str:
    return fold(str(metadata.get("attributes") or "")) if isinstance(metadata, dict) else ""


def _whole(elements: Alias) -> Alias:
    """The array whose elements an alias names."""
    versions = tuple((version, path.removesuffix("[*]")) for version, path in elements.versions)
    return replace(elements, path=elements.path.removesuffix("[*]"), versions=versions)


def _named_owner(alias: str, owner: str) -> Iterable[str]:
    """The child type that an alias names although its row stands under the parent."""
    named = fold(alias).partition("[")[0].rpartition("/")[0]
    return [named] if named.startswith(f"{owner}/") else []


def _added(known: tuple[Alias, ...], alias: Alias, where: str) -> tuple[Alias, ...]:
    """Types that share a path share an entry."""
    for at, one in enumerate(known):
        if replace(one, owners=alias.owners, name=alias.name) == alias:
            return (*known[:at], replace(alias, owners=one.owners | alias.owners), *known[at + 1 :])
        if one.owners & alias.owners:
            raise InputError(
                "alias has two meanings on one type",
                where=where,
                alias=alias.name,
                expected=one.path,
                got=alias.path,
                todo="Keep one of the two",
            )
    return (*known, alias)


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
