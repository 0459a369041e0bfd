"""Positions in a log: an instant and a consecutive number, written so that text compares as positions do.

The number shows a hole: what follows number 7 is number 8, or something was lost. The instant keeps positions growing
when a log is made anew or comes back from an older copy and counts some numbers a second time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from domain.errors import ConflictError, InputError

START: Final = ""
"""Before everything."""

_TEXT: Final = re.compile(r"([0-9]{14})-([0-9]{14})")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where an entry is.

    Args:
        at_ms: milliseconds since 1970 by the log's clock, never less than those of the entry before.
        number: 1 for the first entry.
    """

    at_ms: int
    number: int

    def __str__(self) -> str:
        return f"{self.at_ms:014d}-{self.number:014d}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a position; `START` is number 0 of 1970.

        Raises:
            InputError: the text is not a position.
        """
        if text == START:
            return cls(0, 0)
        found = _TEXT.fullmatch(text)
        if found is None:
            raise InputError("not a position", got=text[:60], todo="Give a position that the stream has given")
        return cls(int(found[1]), int(found[2]))

    def before(self) -> Position:
        """A position from which reading gives this entry first."""
        return Position(self.at_ms, self.number - 1)

    def following(self, now_ms: int) -> Position:
        """Where the next entry goes."""
        return Position(max(self.at_ms, now_ms), self.number + 1)


def require_next(after: Position, first: Position) -> None:
    """Raise unless an entry is the one behind a position.

    Raises:
        ConflictError: entries between them are no longer held, or the log was made anew; `resume` is the position from
            which what is held can be read.
    """
    if first.number != after.number + 1:
        raise _lost(after, first.before())


def require_nothing_lost(after: Position, lost: Position) -> None:
    """Raise unless every entry behind a position is held, where nothing is held at all.

    Raises:
        ConflictError: some were let go.
    """
    if after.number < lost.number:
        raise _lost(after, lost)


def _lost(after: Position, resume: Position) -> ConflictError:
    return ConflictError(
        "entries behind this position are no longer held",
        after=str(after) if after.number else START,
        resume=text_of(resume),
        todo="Read the state again, then go on from `resume`",
    )


def text_of(position: Position) -> str:
    """A position as text; before the first entry it is `START`."""
    return str(position) if position.number else START
