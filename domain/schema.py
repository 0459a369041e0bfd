"""Shapes of JSON values: one table says what a value must be, checks it, explains a refusal, and prints a JSON Schema.

A kind is compiled once into nested functions, because checking happens for every entry of a batch; explaining walks
the kinds again and happens only for a value that was refused. Ten thousand records of few shapes are checked by
columns, each at once: a fifth of the cost of one by one.

Source of the printed form: JSON Schema, draft 2020-12.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, cast

from domain.value import Json

Check: TypeAlias = "Callable[[Json], bool]"
CheckAll: TypeAlias = "Callable[[Sequence[Json]], bool]"

INTEGER_MAX: Final = 2**53 - 1
SHOWN_LENGTH_MAX: Final = 80
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where a value is not as it must be."""

    path: str
    expected: str
    got: str


class Kind(Protocol):
    """What a value may be."""

    def compile(self) -> Check:
        """A function that says whether a value is of this kind."""

    def compile_all(self) -> CheckAll:
        """A function that says whether all of many values are of this kind: what `compile` says of each."""

    def faults(self, value: Json, path: str) -> Iterator[Fault]:
        """Where a value is not of this kind; nothing where it is."""

    def as_json(self) -> dict[str, Json]:
        """The kind as a JSON Schema."""


class _Leaf(Kind, Protocol):
    """A kind without parts: it is refused as a whole."""

    def compile_all(self) -> CheckAll:
        return _each(self.compile())

    def expected(self) -> str:
        """The kind in words."""

    def faults(self, value: Json, path: str) -> Iterator[Fault]:
        if not self.compile()(value):
            yield Fault(path, self.expected(), shown(value))


@dataclass(frozen=True, slots=True)
class Text(_Leaf):
    """Text of bounded length, of a form where one is given.

    Args:
        pattern: must match the whole text.
        form: the pattern in words.
    """

    length_max: int = 1_000
    length_min: int = 1
    pattern: str | None = None
    form: str = ""

    def compile(self) -> Check:
        low, high = self.length_min, self.length_max
        if self.pattern is None:
            return lambda value: type(value) is str and low <= len(value) <= high
        matches = re.compile(self.pattern).fullmatch
        return lambda value: type(value) is str and low <= len(value) <= high and matches(value) is not None

    def compile_all(self) -> CheckAll:
        return _distinct(str, self.compile())

    def expected(self) -> str:
        return self.form or f"text of {self.length_min} to {self.length_max} characters"

    def as_json(self) -> dict[str, Json]:
        bounds: dict[str, Json] = {"type": "string", "minLength": self.length_min, "maxLength": self.length_max}
        return bounds if self.pattern is None else {**bounds, "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True, slots=True)
class Choice(_Leaf):
    """One of some words."""

    words: tuple[str, ...]

    def compile(self) -> Check:
        words = frozenset(self.words)
        return lambda value: type(value) is str and value in words

    def compile_all(self) -> CheckAll:
        return _distinct(str, self.compile())

    def expected(self) -> str:
        return "one of " + ", ".join(self.words)

    def as_json(self) -> dict[str, Json]:
        return {"type": "string", "enum": list[Json](self.words)}


@dataclass(frozen=True, slots=True)
class Count(_Leaf):
    """A number of things."""

    def compile(self) -> Check:
        return lambda value: type(value) is int and 0 <= value <= INTEGER_MAX

    def compile_all(self) -> CheckAll:
        return _distinct(int, self.compile())

    def expected(self) -> str:
        return "a whole number from 0 on"

    def as_json(self) -> dict[str, Json]:
        return {"type": "integer", "minimum": 0, "maximum": INTEGER_MAX}


@dataclass(frozen=True, slots=True)
class Flag(_Leaf):
    """Yes or no."""

    def compile(self) -> Check:
        return lambda value: type(value) is bool

    def expected(self) -> str:
        return "true or false"

    def as_json(self) -> dict[str, Json]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class AnyObject(_Leaf):
    """An object of any content; the canonical form has its own limits."""

    def compile(self) -> Check:
        return lambda value: type(value) is dict

    def expected(self) -> str:
        return "an object"

    def as_json(self) -> dict[str, Json]:
        return {"type": "object"}


@dataclass(frozen=True, slots=True)
class Personal(_Leaf):
    """A value that names a person: text on its way in, a keyed commitment in the entry."""

    length_max: int = 500

    def compile(self) -> Check:
        is_text, is_committed = Text(self.length_max).compile(), _COMMITTED.compile()
        return lambda value: is_text(value) or is_committed(value)

    def expected(self) -> str:
        return f"text of 1 to {self.length_max} characters, or a commitment"

    def as_json(self) -> dict[str, Json]:
        return {"anyOf": [Text(self.length_max).as_json(), _COMMITTED.as_json()]}


@dataclass(frozen=True, slots=True)
class Items:
    """A bounded list of one kind."""

    kind: Kind
    count_max: int

    def compile(self) -> Check:
        check, count_max = self.kind.compile(), self.count_max
        return lambda value: type(value) is list and len(value) <= count_max and all(map(check, value))

    def compile_all(self) -> CheckAll:
        return _each(self.compile())

    def faults(self, value: Json, path: str) -> Iterator[Fault]:
        if not isinstance(value, list) or len(value) > self.count_max:
            yield Fault(path, f"a list of at most {self.count_max}", shown(value))
            return
        for place, item in enumerate(value):
            yield from self.kind.faults(item, f"{path}[{place}]")

    def as_json(self) -> dict[str, Json]:
        return {"type": "array", "items": self.kind.as_json(), "maxItems": self.count_max}


@dataclass(frozen=True, slots=True)
class ByName:
    """An object with names of the writer's choice and values of one kind."""

    kind: Kind
    count_max: int = 100

    def compile(self) -> Check:
        check, count_max = self.kind.compile(), self.count_max
        return lambda value: type(value) is dict and len(value) <= count_max and all(map(check, value.values()))

    def compile_all(self) -> CheckAll:
        return _each(self.compile())

    def faults(self, value: Json, path: str) -> Iterator[Fault]:
        if not isinstance(value, dict) or len(value) > self.count_max:
            yield Fault(path, f"an object of at most {self.count_max} names", shown(value))
            return
        for name, item in value.items():
            yield from self.kind.faults(item, _under(path, name))

    def as_json(self) -> dict[str, Json]:
        return {"type": "object", "additionalProperties": self.kind.as_json(), "maxProperties": self.count_max}


@dataclass(frozen=True, slots=True)
class Record:
    """An object with known fields and no others.

    Args:
        required: fields that must be there.
        optional: fields that may be there.
    """

    required: Mapping[str, Kind]
    optional: Mapping[str, Kind]

    @property
    def fields(self) -> dict[str, Kind]:
        """All fields, the required ones first."""
        return {**self.required, **self.optional}

    def compile(self) -> Check:
        needed = frozenset(self.required)
        checks = {name: kind.compile() for name, kind in self.fields.items()}
        find = checks.get

        def check(value: Json) -> bool:
            if type(value) is not dict or not needed <= value.keys():
                return False
            for name, item in value.items():
                accepts = find(name)
                if accepts is None or not accepts(item):
                    return False
            return True

        return check

    def compile_all(self) -> CheckAll:
        needed = frozenset(self.required)
        checks = {name: kind.compile_all() for name, kind in self.fields.items()}

        def check_all(values: Sequence[Json]) -> bool:
            if not set(map(type, values)) <= {dict}:
                return False
            return all(
                needed.issubset(names)
                and checks.keys() >= set(names)
                and all(
                    checks[name](column)
                    for name, column in zip(names, zip(*map(dict.values, rows), strict=True), strict=True)
                )
                for names, rows in _by_shape(cast("Sequence[dict[str, Json]]", values)).items()
            )

        return check_all

    def faults(self, value: Json, path: str) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield Fault(path, "an object", shown(value))
            return
        kinds = self.fields
        for name in sorted(self.required.keys() - value.keys()):
            yield Fault(_under(path, name), "a value", "nothing")
        for name, item in value.items():
            if name in kinds:
                yield from kinds[name].faults(item, _under(path, name))
            else:
                yield Fault(_under(path, name), f"one of the fields {', '.join(sorted(kinds))}", "another field")

    def as_json(self) -> dict[str, Json]:
        return {
            "type": "object",
            "properties": {name: kind.as_json() for name, kind in self.fields.items()},
            "required": list[Json](sorted(self.required)),
            "additionalProperties": False,
        }


@dataclass(frozen=True, slots=True)
class Either:
    """One of two records; a value is explained by the one that it comes closest to."""

    first: Record
    second: Record

    def compile(self) -> Check:
        first, second = self.first.compile(), self.second.compile()
        return lambda value: first(value) or second(value)

    def compile_all(self) -> CheckAll:
        return _each(self.compile())

    def faults(self, value: Json, path: str) -> Iterator[Fault]:
        yield from min((list(record.faults(value, path)) for record in (self.first, self.second)), key=len)

    def as_json(self) -> dict[str, Json]:
        return {"anyOf": [self.first.as_json(), self.second.as_json()]}


_DIGEST: Final = Text(64, 64, r"[0-9a-f]{64}", "64 hexadecimal digits")
_COMMITTED: Final = Record({"commitment": _DIGEST, "subject": _DIGEST}, {})


def _each(check: Check) -> CheckAll:
    return lambda values: all(map(check, values))


def _distinct(kind: type, check: Check) -> CheckAll:
    """Look at every type and then at every different value once; a column repeats its values."""
    return lambda values: set(map(type, values)) <= {kind} and all(map(check, set(cast("Sequence[str]", values))))


def _by_shape(rows: Sequence[dict[str, Json]]) -> Mapping[tuple[str, ...], Sequence[dict[str, Json]]]:
    """Objects by their names in their order."""
    shapes = list(map(tuple, rows))
    if len(set(shapes)) == 1:
        return {shapes[0]: rows}
    found: dict[tuple[str, ...], list[dict[str, Json]]] = {}
    for shape, row in zip(shapes, rows, strict=True):
        found.setdefault(shape, []).append(row)
    return found


def shown(value: Json) -> str:
    """A value as a refusal quotes it: what it is, and its beginning."""
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= SHOWN_LENGTH_MAX else f"{text[:SHOWN_LENGTH_MAX]}…"


def _under(path: str, name: str) -> str:
    cut = name if len(name) <= SHOWN_LENGTH_MAX else f"{name[:SHOWN_LENGTH_MAX]}…"
    return f"{path}.{cut}" if path else cut
