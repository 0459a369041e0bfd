"""Options that several commands share, and how their values become ours."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from domain.clock import SystemClock, parse_instant
from domain.errors import InputError
from domain.finding import Severity

if TYPE_CHECKING:
    from serve.settings import Settings

Word = TypeVar("Word", bound=StrEnum)

Tenant = Annotated[str | None, typer.Option("--tenant", metavar="T", help="Tenant to work for.", show_default=False)]
Store = Annotated[
    Path | None,
    typer.Option(
        "--store", metavar="DIR", help="Where scans, definitions and history are kept.  [.pcg]", show_default=False
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option("--cluster", metavar="ADDRESS", help="Ask the platform that runs there.", show_default=False),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="The only clock of the command, ISO 8601.  [now]", show_default=False),
]
JsonOut = Annotated[
    str | None,
    typer.Option("--json", metavar="OUT|-", help="Write JSON to a file, or to standard output.", show_default=False),
]


def settings_of(context: typer.Context, **flags: object) -> Settings:
    """The settings in force: flags that were given win over environment, file and defaults."""
    from serve.settings import load_settings  # noqa: PLC0415 (costs a third of a second)

    return load_settings(flags, config=context.obj)


def instant(text: str | None) -> datetime:
    """The time that `--as-of` names, or the present to the second."""
    return SystemClock().now().astimezone(UTC).replace(microsecond=0) if text is None else parse_instant(text)


def choice(kind: type[Word], text: str, flag: str, *, what: str, example: Word) -> Word:
    """The one of a set of words that a flag names.

    Args:
        what: what the words are, for the refusal.

    Raises:
        InputError: it is none of them.
    """
    if text not in set(kind):
        raise InputError(f"unknown {what}", where=flag, got=text, expected=", ".join(kind), todo=f"Write: {example}")
    return kind(text)


def severity(text: str | None, flag: str) -> Severity | None:
    """The severity that a flag names.

    Raises:
        InputError: there is no such severity.
    """
    if text is None:
        return None
    try:
        return Severity(text.lower())
    except ValueError:
        raise InputError(
            "unknown severity",
            where=flag,
            got=text,
            expected=", ".join(Severity),
            todo=f"Write {flag} high, for example",
        ) from None
