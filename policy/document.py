"""Policy definitions as text: JSON in which no object says one thing twice.

JSON readers keep the last of two equal keys, so that a rule could hide behind another one. Azure refuses such a
definition, and so does this one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from domain.value import Json
from policy.errors import InvalidDefinition

_SIZE_MAX: Final = 4 * 1024 * 1024
"""Azure takes definitions of 1 MiB; ours may be generated and wordier."""


class _Repeated(dict[str, Json]):
    """An object with a key that was given twice."""

    def __init__(self, pairs: list[tuple[str, Json]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.key = next(name for at, name in enumerate(names) if name in names[:at])


def read_document(text: str, *, origin: str) -> Json:
    """Read JSON text.

    Raises:
        InvalidDefinition: too long, not JSON, nested without end, or with a key given twice; says where.
    """
    if len(text) > _SIZE_MAX:
        raise _invalid("definition is too long", origin, "$", expected=f"at most {_SIZE_MAX} characters", got=len(text))
    try:
        found: Json = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as failure:
        where = f"line {failure.lineno}, column {failure.colno}"
        raise _invalid("definition is not JSON", origin, where, expected="a JSON object", got=failure.msg) from None
    except RecursionError:
        raise _invalid("definition is nested without end", origin, "$", expected="a definition", got="deep") from None
    for path, key in _repeated(found):
        raise _invalid("key is given twice", origin, path, expected="every key once", got=key)
    return found


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeated(pairs)


def _repeated(document: Json) -> Iterator[tuple[str, str]]:
    waiting: list[tuple[str, Json]] = [("$", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, _Repeated):
            yield path, value.key
        if isinstance(value, dict):
            waiting.extend((f"{path}.{key}", below) for key, below in value.items())
        elif isinstance(value, list):
            waiting.extend((f"{path}[{at}]", below) for at, below in enumerate(value))


def _invalid(summary: str, origin: str, path: str, **facts: object) -> InvalidDefinition:
    return InvalidDefinition(summary, where=origin, path=path, todo="Correct the definition", **facts)
