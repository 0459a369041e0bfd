"""The frameworks that we know, read from the data files beside this module.

A file is a framework, or a family of benchmark versions: then each recommendation stands once, in our words, with its
number in each version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson

from domain.errors import InputError
from domain.finding import Control
from policy.controls.framework import ControlKind, ControlText, Framework, Style

DATA: Final = Path(__file__).parent / "data"


@lru_cache(maxsize=1)
def frameworks() -> Mapping[str, Framework]:
    """All of them, by id, in order of id."""
    found = [framework for document in _documents() for framework in _read(document)]
    return {framework.id: framework for framework in sorted(found, key=lambda each: each.id)}


def framework(name: str) -> Framework:
    """A framework by id or another name of it, without case.

    Raises:
        InputError: there is none of this name.
    """
    found = _names().get(_folded(name))
    if found is None:
        raise InputError(
            "unknown framework", got=name[:80], expected=", ".join(frameworks()), todo="Write SOC2, for example"
        )
    return found


def other_editions(control: Control) -> tuple[Control, ...]:
    """The same recommendation of a benchmark in its other versions, where it stands in any."""
    return tuple(each for each in _editions().get(control, ()) if each != control)


@lru_cache(maxsize=1)
def _editions() -> Mapping[Control, tuple[Control, ...]]:
    families = [document for document in _documents() if "family" in document]
    rows = [
        tuple(Control(f"{family['family']}-{version}", number) for version, number in row["ids"].items())
        for family in families
        for row in family["recommendations"]
    ]
    return {control: row for row in rows for control in row}


@lru_cache(maxsize=1)
def _names() -> Mapping[str, Framework]:
    return {_folded(name): each for each in frameworks().values() for name in (each.id, *each.aliases)}


def _documents() -> Iterator[Mapping[str, Any]]:
    return (orjson.loads(file.read_bytes()) for file in sorted(DATA.glob("*.json")))


def _folded(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum() or char == ".")


def _read(document: Mapping[str, Any]) -> Iterator[Framework]:
    if "family" in document:
        yield from _benchmarks(document)
        return
    yield Framework(
        id=document["framework"],
        title=document["title"],
        publisher=document["publisher"],
        edition=document["edition"],
        style=Style.PRINCIPLES,
        controls=tuple(
            ControlText(row["id"], row["text"], ControlKind(row["kind"]), row.get("parent"))
            for row in document["controls"]
        ),
        aliases=tuple(document["aliases"]),
    )


def _benchmarks(family: Mapping[str, Any]) -> Iterator[Framework]:
    for version in family["versions"]:
        rows = [(row["ids"][version], row) for row in family["recommendations"] if version in row["ids"]]
        rows.sort(key=lambda pair: _number(pair[0]))
        yield Framework(
            id=f"{family['family']}-{version}",
            title=f"{family['title']} {version}",
            publisher=family["publisher"],
            edition=version,
            style=Style.BENCHMARK,
            controls=(
                *_sections([number for number, _ in rows]),
                *(ControlText(number, row["text"], ControlKind(row["kind"]), _parent(number)) for number, row in rows),
            ),
        )


def _sections(numbers: Sequence[str]) -> Iterator[ControlText]:
    """The sections that the numbers imply, without words of their own."""
    parts = {".".join(pieces[:end]) for pieces in (n.split(".") for n in numbers) for end in range(1, len(pieces))}
    for number in sorted(parts - set(numbers), key=_number):
        yield ControlText(number, f"Section {number}", ControlKind.GROUP, _parent(number))


def _parent(number: str) -> str | None:
    return number.rpartition(".")[0] or None


def _number(number: str) -> list[int]:
    return [int(piece) for piece in number.split(".")]
