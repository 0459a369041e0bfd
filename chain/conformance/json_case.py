"""Vectors in JSON: objects of a known shape, wherever in a document they stand.

A shape looks at the names and kinds of an object's fields, so it does not matter whether a file holds one case, a list
of them, or a list below some heading. What is stated above a case (a hash function, for one) counts for it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from chain.conformance.outcome import Tally
from chain.conformance.source import Corpus, Source
from domain.errors import InputError

Fields: TypeAlias = Mapping[str, Any]

_REFUSED_FIELDS: Final = ("wantErr", "want_err", "wantError", "want_error", "expect_error", "shouldFail", "should_fail")
_ACCEPTED_FIELDS: Final = ("want_ok", "wantOk", "expect_ok", "ok", "valid", "accept", "accepted")
_NAME_FIELDS: Final = ("name", "desc", "description", "title", "comment", "id", "tcId")
_HEX_HASH: Final = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Case:
    """An object of a known shape.

    Args:
        label: where in the document it stands.
        above: the objects that hold it, the nearest first.
    """

    corpus: Corpus
    source: Source
    label: str
    fields: Fields
    above: tuple[Fields, ...] = ()

    @property
    def name(self) -> str:
        """The case's own name, if any, and its place."""
        own = next((str(self.fields[key]) for key in _NAME_FIELDS if key in self.fields), "")
        return f"{own} ({self.label})" if own and self.label else own or self.label

    @property
    def is_accepted(self) -> bool | None:
        """What the case itself says of acceptance."""
        return stated_acceptance(self.fields)

    def stated(self, *keys: str) -> Any:
        """The first of these fields, of the case or of what holds it."""
        for fields in (self.fields, *self.above):
            for key in keys:
                if key in fields:
                    return fields[key]
        return None


@dataclass(frozen=True, slots=True)
class Shape:
    """A family of JSON vectors.

    Args:
        judge: compares a case with the product; raises InputError where the case itself cannot be read.
    """

    family: str
    matches: Callable[[Fields], bool]
    judge: Callable[[Case, Tally], None]


def cases(corpus: Corpus, source: Source, document: Any, shapes: Sequence[Shape]) -> Iterator[tuple[Shape, Case]]:
    """Objects of a document that have one of the shapes, in order; what is inside such an object belongs to it."""
    pending: list[tuple[Any, str, tuple[Fields, ...]]] = [(document, "", ())]
    while pending:
        value, label, above = pending.pop()
        if isinstance(value, list):
            pending += reversed([(item, f"{label}[{at}]", above) for at, item in enumerate(value)])
        elif isinstance(value, dict):
            shape = next((shape for shape in shapes if shape.matches(value)), None)
            if shape is not None:
                yield shape, Case(corpus, source, label, value, above)
                continue
            inner = [(item, f"{label}.{key}" if label else str(key), (value, *above)) for key, item in value.items()]
            pending += reversed(inner)


def stated_acceptance(fields: Fields) -> bool | None:
    """Whether a case says that it is to be accepted; ``None`` where it says nothing."""
    for key in _REFUSED_FIELDS:
        if key in fields:
            return not fields[key]
    for key in _ACCEPTED_FIELDS:
        if isinstance(fields.get(key), bool):
            return bool(fields[key])
    result = fields.get("result")
    if result in {"valid", "acceptable", "pass", "accept", "invalid", "fail", "reject", "error"}:
        return result in {"valid", "acceptable", "pass", "accept"}
    return None


def decoded(text: object, *, what: str) -> bytes:
    """Bytes written in base64 or, where 64 digits are a hash, in hex; nothing is no bytes.

    Raises:
        InputError: neither.
    """
    if text is None:
        return b""
    if isinstance(text, str):
        if _HEX_HASH.fullmatch(text):
            return bytes.fromhex(text)
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            pass
    raise InputError("vector has a field that is not base64", field=what, got=ascii(text)[:80])


def number(value: object, *, what: str) -> int:
    """A whole number, which may be written as text.

    Raises:
        InputError: not one.
    """
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,30}", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise InputError("vector has a field that is not a number", field=what, got=ascii(value)[:80])


def text(value: object, *, what: str) -> str:
    """A text.

    Raises:
        InputError: not one.
    """
    if not isinstance(value, str):
        raise InputError("vector has a field that is not a text", field=what, got=ascii(value)[:80])
    return value
