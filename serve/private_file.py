"""Small files that only their owner may read: tokens and the run file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import orjson

from domain.errors import InputError, IntegrityError
from domain.value import Json

_FORM = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def write_private(path: Path, document: Json) -> None:
    """Replace a file in one step; nobody but the owner can read it at any moment."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(path.name + f".{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(
            orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
        )
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read_private(path: Path) -> dict[str, Json] | None:
    """Read such a file; None where there is none.

    Raises:
        InputError: others may read it.
        IntegrityError: it is not what `write_private` wrote.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if mode & 0o077:
        raise InputError(
            "a file with secrets can be read by others",
            where=str(path),
            expected="0600",
            got=f"{mode:04o}",
            todo=f"Run: chmod 600 {path}",
        )
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise IntegrityError("a private file is damaged", where=str(path), todo="Remove it; it is made again")
    return document
