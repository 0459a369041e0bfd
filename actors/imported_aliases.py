"""Aliases that imported definitions need, kept beside them, so that a later scan compiles them without the files.

Of a table of a hundred thousand rows only the names that a definition mentions are kept. A name is looked for in every
text of the document, also inside quotes of a template expression.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import orjson

from domain.value import Json
from graph.path import fold
from policy.aliases import Alias, AliasTable

_QUOTED: Final = re.compile(r"'([^']*)'")


class ImportedAliases:
    """The aliases of one tenant's imported definitions, in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def table(self) -> AliasTable:
        """Our own rows and those kept here."""
        builtin = AliasTable.builtin()
        return builtin.with_files([self._path]) if self._path.is_file() else builtin

    def keep(self, documents: Iterable[Json], table: AliasTable) -> None:
        """Keep what these documents mention of `table`, beside what was kept before."""
        known = self.table()
        rows = _rows(self._path)
        for name in sorted({fold(text) for document in documents for text in _texts(document)}):
            if table.find(name) != known.find(name):
                for alias in table.find(name):
                    _add(rows, alias, table)
        if rows:
            self._write([rows[owner] for owner in sorted(rows)])

    def _write(self, rows: list[dict[str, Json]]) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
        part.replace(self._path)


def _add(rows: dict[str, dict[str, Json]], alias: Alias, table: AliasTable) -> None:
    for owner in sorted(alias.owners):
        row = rows.setdefault(owner, _row(owner, table.newest.get(owner)))
        aliases = row["aliases"]
        assert isinstance(aliases, dict)
        aliases[alias.name] = alias.path


def _rows(path: Path) -> dict[str, dict[str, Json]]:
    if not path.is_file():
        return {}
    return {_owner(row): row for row in orjson.loads(path.read_bytes())}


def _owner(row: dict[str, Json]) -> str:
    provider, kind = str(row["provider"]), str(row["resourceType"])
    return kind if not provider else f"{provider}/{kind}"


def _row(owner: str, newest: str | None) -> dict[str, Json]:
    provider, _, kind = owner.partition("/")
    if not kind or "::" in owner:
        provider, kind = "", owner
    return {"provider": provider, "resourceType": kind, "apiVersions": [newest] if newest else [], "aliases": {}}


def _texts(document: Json) -> Iterator[str]:
    """Every text in a document, and what stands in quotes inside it."""
    if isinstance(document, str):
        yield document
        yield from _QUOTED.findall(document)
    elif isinstance(document, dict):
        for key, value in document.items():
            yield key
            yield from _texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from _texts(value)
