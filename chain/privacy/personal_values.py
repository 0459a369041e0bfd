"""Finding values that are obviously personal, and refusing them where nobody declared them.

Finds e-mail addresses, also within longer text and in object keys. Names of accounts of machines look like addresses
and are none. What is not found is not thereby impersonal: a name in free text is for its author to leave out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from domain.errors import InputError
from domain.value import Json

_LOCAL: Final = re.compile(r"[\w.+'#%-]+\Z")
_LOCAL_LENGTH_MAX: Final = 64
_HOST: Final = re.compile(r"(?:@|%40)(?P<host>(?:[\w-]{1,63}\.){1,8}[^\W\d_][\w-]{1,62})(?![\w-])")
_VERSION: Final = re.compile(r"v?[0-9]+\.[0-9]+[.-]")
_MACHINE_HOSTS: Final = ("gserviceaccount.com",)
_MACHINE_NAMES: Final = frozenset({"git"})


def find_personal(value: Json, *, where: str = "body") -> Iterator[str]:
    """Paths at which a value, or a key, holds an e-mail address."""
    if isinstance(value, str):
        if has_address(value):
            yield where
    elif isinstance(value, dict):
        for key, item in value.items():
            if has_address(key):
                yield f"{where} (a key)"
            yield from find_personal(item, where=f"{where}.{key}" if not has_address(key) else f"{where}.…")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from find_personal(item, where=f"{where}[{index}]")


def require_impersonal(value: Json, *, where: str = "body") -> None:
    """Refuse what is obviously personal.

    Raises:
        InputError: with the path, and without the value.
    """
    found = next(find_personal(value, where=where), None)
    if found is not None:
        raise InputError(
            "an e-mail address stands in clear",
            path=found,
            expected="no personal data in an entry",
            todo="Leave it out, or put it into a field that is declared personal and is committed to",
        )


def has_address(text: str) -> bool:
    """Whether a text holds an e-mail address of a person."""
    if "@" not in text and "%40" not in text:
        return False
    return any(_is_person(text, match) for match in _HOST.finditer(text))


def _is_person(text: str, match: re.Match[str]) -> bool:
    local = _LOCAL.search(text[max(0, match.start() - _LOCAL_LENGTH_MAX) : match.start()])
    host = match["host"].lower()
    return (
        local is not None
        and local[0] not in _MACHINE_NAMES
        and not host.endswith(_MACHINE_HOSTS)
        and _VERSION.match(host) is None
    )
