"""How the commands end: figures as JSON and on standard output, or the reason why the input cannot be used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

from domain.errors import InputError
from domain.value import Json

Figures = Mapping[str, Json]


def indented(found: Figures) -> str:
    """Figures as JSON for people."""
    return orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n"


def answer(find: Callable[[], Figures], out: Path | None, *, shown: Callable[[Figures], str] = indented) -> int:
    """Find figures and tell them; the exit status, 2 where the input cannot be used.

    Args:
        out: file that the figures are also written to, as JSON.
        shown: the figures as standard output gets them.
    """
    try:
        found = find()
    except InputError as failure:
        sys.stderr.write(f"{failure}\n")
        return 2
    if out is not None:
        out.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    sys.stdout.write(shown(found))
    return 0
