"""The template language inside ``"[…]"`` strings, parsed to a small syntax tree.

Decided here: what is a literal and what an expression, and the grammar. Not decided here: what functions
exist and what names mean (`policy.compile`).

Source: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from policy.errors import InvalidDefinition

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*)|(?P<mark>[()\[\],.]))"
)
_DEPTH_MAX = 100
_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Text:
    """``'text'``."""

    value: str


@dataclass(frozen=True, slots=True)
class Number:
    """``5`` or ``-1.5``."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Invoke:
    """``name(arguments…)``; `name` is lower-cased."""

    name: str
    arguments: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """``subject.name`` or ``subject[index]``."""

    subject: Syntax
    name: Syntax


@dataclass(frozen=True, slots=True)
class Word:
    """A bare name, such as ``true``."""

    value: str


Syntax: TypeAlias = Text | Number | Invoke | Access | Word


def is_expression(text: str) -> bool:
    """Whether a string is ``[…]``; ``[[`` at the start escapes it."""
    return text.startswith("[") and text.endswith("]") and not text.startswith("[[")


def unescaped(text: str) -> str:
    """A literal string without the escape."""
    return text[1:] if text.startswith("[[") else text


def parse_expression(text: str, *, where: str, origin: str = "") -> Syntax:
    """Parse ``[…]``.

    Args:
        where: JSON path of the text, and `origin` the file, for messages.

    Raises:
        InvalidDefinition: not in the grammar; names the position.
    """
    parser = _Parser(text[1:-1], where, origin)
    found = parser.expression(0)
    if parser.kind:
        raise parser.failure("end of expression")
    return found


class _Parser:
    """One lexeme of look-ahead over the text."""

    def __init__(self, text: str, where: str, origin: str) -> None:
        self.text = text
        self.where = where
        self.origin = origin
        self.at = 0
        self.next()

    def next(self) -> None:
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            self.kind, self.lexeme = "", ""
            if self.text[self.at :].strip():
                raise self.failure("a name, a number, 'text' or punctuation")
            return
        self.kind = str(found.lastgroup)
        self.lexeme = found.group(self.kind)
        self.at = found.end()

    def failure(self, expected: str) -> InvalidDefinition:
        return InvalidDefinition(
            "template expression is not readable",
            where=self.origin,
            path=self.where,
            expression=self.text[: self.at + 20][-_SHOWN_MAX:],
            at=self.at,
            expected=expected,
            got=self.lexeme or self.text[self.at : self.at + 20] or "the end",
            todo="Correct the expression",
        )

    def take(self, mark: str) -> None:
        if self.lexeme != mark or self.kind != "mark":
            raise self.failure(mark)
        self.next()

    def expression(self, depth: int) -> Syntax:
        if depth > _DEPTH_MAX:
            raise self.failure(f"at most {_DEPTH_MAX} levels of nesting")
        found = self.primary(depth)
        while self.kind == "mark" and self.lexeme in {".", "["}:
            depth += 1
            if depth > _DEPTH_MAX:
                raise self.failure(f"at most {_DEPTH_MAX} levels of nesting")
            found = self.access(found, depth)
        return found

    def access(self, subject: Syntax, depth: int) -> Syntax:
        if self.lexeme == ".":
            self.next()
            if self.kind != "name":
                raise self.failure("a property name")
            name: Syntax = Text(self.lexeme)
            self.next()
            return Access(subject, name)
        self.next()
        name = self.expression(depth + 1)
        self.take("]")
        return Access(subject, name)

    def primary(self, depth: int) -> Syntax:
        kind, lexeme = self.kind, self.lexeme
        if kind not in {"text", "number", "name"}:
            raise self.failure("a name, a number or 'text'")
        self.next()
        if kind == "text":
            return Text(lexeme[1:-1].replace("''", "'"))
        if kind == "number":
            return Number(float(lexeme) if "." in lexeme else int(lexeme))
        if self.kind == "mark" and self.lexeme == "(":
            return Invoke(lexeme.lower(), self.arguments(depth))
        return Word(lexeme)

    def arguments(self, depth: int) -> tuple[Syntax, ...]:
        self.take("(")
        found: list[Syntax] = []
        while self.lexeme != ")" or self.kind != "mark":
            if found:
                self.take(",")
            found.append(self.expression(depth + 1))
        self.take(")")
        return tuple(found)
