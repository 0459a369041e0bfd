"""Instants: aware UTC datetimes, read and written in one form."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Protocol

from domain.errors import InputError


class Clock(Protocol):
    """Something that knows what time it is."""

    def now(self) -> datetime:
        """The present, aware and in UTC."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 date or date-time; without an offset it is UTC, a bare date is midnight.

    Raises:
        InputError: the text is neither.
    """
    try:
        if len(text) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            "not a date or time",
            got=text,
            expected="2026-01-31 or 2026-01-31T12:00:00Z",
            todo="Write the time in ISO 8601",
        ) from None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def format_instant(instant: datetime) -> str:
    """Write an instant as ``2026-01-31T12:00:00Z``, with microseconds only where they are not zero."""
    in_utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return in_utc.isoformat().removesuffix("+00:00") + "Z"
