"""Reading characters of a rules file: space, comments, words, strings, and errors that name the line."""

from __future__ import annotations

import re
from functools import lru_cache

from policy.errors import InvalidDefinition

_SPACE = re.compile(r"(?:\s|#[^\n]*)*")
_SHOWN = 40


class Scanner:
    """A position in the text of a rules file."""

    def __init__(self, text: str, origin: str) -> None:
        self.text = text
        self.origin = origin
        self.at = 0

    @property
    def line(self) -> int:
        """The line of the position, from 1."""
        return self.text.count("\n", 0, self.at) + 1

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.origin}:{self.line}"

    def skip(self) -> None:
        """Pass over space and comments."""
        found = _SPACE.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def peek(self, expression: str) -> re.Match[str] | None:
        """What an expression matches after space; the position stays."""
        self.skip()
        return _compiled(expression).match(self.text, self.at)

    def take(self, expression: str) -> re.Match[str] | None:
        """What an expression matches after space; the position goes behind it."""
        found = self.peek(expression)
        if found is not None:
            self.at = found.end()
        return found

    def take_here(self, expression: str) -> re.Match[str] | None:
        """As `take`, without passing over space."""
        found = _compiled(expression).match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def need(self, expression: str, expected: str) -> re.Match[str]:
        """What an expression matches, or an error that says what was expected."""
        found = self.take(expression)
        if found is None:
            raise self.wrong(expected)
        return found

    def is_done(self) -> bool:
        """Whether nothing is left but space."""
        self.skip()
        return self.at == len(self.text)

    def wrong(self, expected: str) -> InvalidDefinition:
        """The error for what stands at the position."""
        got = self.text[self.at : self.at + _SHOWN].partition("\n")[0] or "end of file"
        return InvalidDefinition(
            "rules file is not readable", where=self.where, expected=expected, got=got, todo="Correct that line"
        )


@lru_cache(maxsize=256)
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.IGNORECASE)
