"""Where output goes: a terminal gets colour and its width, a pipe gets plain whole lines, a file gets bytes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import InputError

if TYPE_CHECKING:
    from rich.text import Text

STANDARD_OUTPUT = "-"


def width() -> int | None:
    """Columns of the terminal, or None where the output is no terminal and nothing may be cut."""
    return shutil.get_terminal_size((100, 40)).columns if sys.stdout.isatty() else None


def show(lines: Iterable[Text]) -> None:
    """Print styled lines: with colour on a terminal, unless NO_COLOR is set; plain in a pipe."""
    if not sys.stdout.isatty():
        sys.stdout.writelines(f"{line.plain.rstrip()}\n" for line in lines)
        return
    from rich.console import Console  # noqa: PLC0415 (a pipe needs none of it)

    console = Console(highlight=False, soft_wrap=True, emoji=False, markup=False)
    for line in lines:
        console.print(line, no_wrap=True, overflow="ignore", crop=False)


def say(text: str) -> None:
    """Print one plain line."""
    sys.stdout.write(f"{text}\n")


def put(content: bytes, place: str) -> None:
    """Write a document to a file, or to standard output where the place is ``-``.

    Raises:
        InputError: the file cannot be written.
    """
    if place == STANDARD_OUTPUT:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    path = Path(place)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise InputError(
            "the output cannot be written", where=place, got=error.strerror, todo="Give another place for it"
        ) from error


def answer(document: Mapping[str, object], lines: Iterable[str], json: str | None) -> None:
    """Write the document where JSON was asked for, or else print the lines."""
    if not is_written(document, json):
        for line in lines:
            say(line)


def is_written(document: Mapping[str, object], json: str | None) -> bool:
    """Write the document where JSON was asked for; whether it was."""
    if json is None:
        return False
    put(json_bytes(dict(document)), json)
    return True


def json_bytes(document: object) -> bytes:
    """A document as indented JSON; equal documents give equal bytes."""
    import orjson  # noqa: PLC0415 (only commands that write JSON need it)

    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
