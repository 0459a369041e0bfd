"""Regular expressions of other languages, matched so that none can take exponential time.

A pattern with at most one long repetition, and nothing to choose inside any repetition, goes to Python's own matcher,
which needs at most quadratic time for it. Every other one goes to RE2, which needs linear time for all; what RE2 does
not know (look-around, back-references) is refused then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from policy.errors import InvalidDefinition, UnsupportedDefinition

SIZE_MAX: Final = 10_000
"""Characters of a pattern."""

_REPEATS_MAX: Final = 16
"""A bounded repetition beyond this counts as long."""

_START, _END = "\x01", "\x02"

_REPEATS = frozenset({codes.MAX_REPEAT, codes.MIN_REPEAT})
_CHOICES = frozenset({codes.BRANCH, codes.GROUPREF, codes.GROUPREF_EXISTS})


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression, compiled when it is first used."""

    text: str
    ignores_case: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether Python's own matcher may run it."""
        return is_linear(self.text)

    def found_in(self, text: str) -> bool:
        """Whether some part of the text fits."""
        return self._search(self.text, text)

    def fits_start(self, text: str) -> bool:
        """Whether a part that begins where the text does fits."""
        return self._search(rf"\A(?:{self.text})", text)

    def rewritten(self, text: str, template: str) -> list[str]:
        """Every match, rewritten by a template in which a backslash and a digit stand for a group.

        Raises:
            UnsupportedDefinition: the linear matcher does not know the pattern or template.
        """
        try:
            marked = pc.replace_substring_regex(
                pa.array([text.replace(_START, "")]), self.text, f"{_START}{template}{_END}"
            )
        except pa.ArrowInvalid as failure:
            raise UnsupportedDefinition(
                "matches cannot be rewritten", got=self.text[:100], reason=str(failure)
            ) from None
        return re.findall(f"{_START}([^{_END}]*){_END}", marked[0].as_py())

    def _search(self, pattern: str, text: str) -> bool:
        if self.is_plain:
            return _compiled(pattern, self.ignores_case).search(text) is not None
        prefixed = f"(?i){pattern}" if self.ignores_case else pattern
        found: bool = pc.match_substring_regex(pa.array([text]), prefixed)[0].as_py()
        return found


def pattern(text: str, *, where: str, ignores_case: bool = False) -> Pattern:
    """Read a regular expression.

    Raises:
        InvalidDefinition: it is none, or too long.
        UnsupportedDefinition: it could take unbounded time, and the linear matcher does not know it.
    """
    if len(text) > SIZE_MAX:
        raise InvalidDefinition(
            "regular expression is too long", where=where, expected=f"at most {SIZE_MAX} characters", got=len(text)
        )
    try:
        linear = is_linear(text)
    except (re.error, RecursionError, OverflowError) as failure:
        raise InvalidDefinition(
            "not a regular expression", where=where, got=text[:100], reason=str(failure), todo="Correct the pattern"
        ) from None
    if not linear:
        try:
            pc.match_substring_regex(pa.array([""]), rf"\A(?:{text})")
        except pa.ArrowInvalid as failure:
            raise UnsupportedDefinition(
                "regular expression could take unbounded time",
                where=where,
                got=text[:100],
                reason=str(failure),
                todo="Write it without look-around and back-references, or with one repetition",
            ) from None
    return Pattern(text, ignores_case)


@lru_cache(maxsize=4096)
def is_linear(text: str) -> bool:
    """Whether backtracking stays cheap: one long repetition, and nothing to choose inside a repetition."""
    long, has_choice = _counted(parser.parse(text), is_inside=False)
    return long <= 1 and not has_choice


def _counted(parsed: Any, *, is_inside: bool) -> tuple[int, bool]:
    """How many long repetitions there are, and whether a repetition has a choice or another one inside."""
    long, has_choice = 0, False
    for code, argument in parsed:
        if code in _REPEATS:
            least, most, inner = argument
            below = _counted(inner, is_inside=is_inside or most > 1)
            long += below[0] + (most > _REPEATS_MAX)
            has_choice = has_choice or below[1] or (is_inside and most != least)
            continue
        has_choice = has_choice or (is_inside and code in _CHOICES)
        for part in _parts(argument):
            below = _counted(part, is_inside=is_inside)
            long, has_choice = long + below[0], has_choice or below[1]
    return long, has_choice


def _parts(argument: Any) -> list[Any]:
    """Patterns inside a pattern's operand, however it nests them."""
    if isinstance(argument, parser.SubPattern):
        return [argument]
    if isinstance(argument, tuple | list):
        return [part for each in argument for part in _parts(each)]
    return []


@lru_cache(maxsize=4096)
def _compiled(text: str, ignores_case: bool) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE if ignores_case else 0)
