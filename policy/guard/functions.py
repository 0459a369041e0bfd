"""Guard's functions on what a query found. A value that a function has no answer for is left out.

Source: https://docs.aws.amazon.com/cfn-guard/latest/ug/functions.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from policy.errors import DefinitionError
from policy.guard.comparison import LOST, Found, Result
from policy.guard.syntax import Constant
from policy.guard.values import Unanswerable, is_number
from policy.operators import instant
from policy.patterns import pattern


@dataclass(frozen=True, slots=True)
class Known:
    """A function: of each value (`each`, None leaves it out) or of all of them."""

    arity: int
    each: Callable[..., Constant] | None = None
    all: Callable[..., Constant] | None = None


def apply(name: str, arguments: Sequence[Sequence[Result]]) -> list[Result]:
    """Call a function.

    Raises:
        Unanswerable: an argument is not what the function takes.
    """
    known = FUNCTIONS[name]
    rest = [_single(argument, name) for argument in arguments[1:]]
    if known.all is not None:
        return [Found(known.all(arguments[0], *rest))]
    assert known.each is not None
    values = [result.value for result in arguments[0] if isinstance(result, Found)]
    found = [known.each(value, *rest) for value in values]
    return [Found(value) for value in found if value is not None]


def _single(argument: Sequence[Result], name: str) -> Constant:
    for result in argument:
        if isinstance(result, Found):
            return result.value
    raise Unanswerable(f"{name} got an argument without a value")


def _count(results: Sequence[Result]) -> Constant:
    return sum(isinstance(result, Found) for result in results)


def _join(results: Sequence[Result], delimiter: Constant) -> Constant:
    texts = []
    for result in results:
        if result is LOST or not isinstance(result.value, str):
            raise Unanswerable("join takes text only")
        texts.append(result.value)
    return _text(delimiter).join(texts)


def _text(value: Constant) -> str:
    if not isinstance(value, str):
        raise Unanswerable(f"expected text, got {type(value).__name__}")
    return value


def _whole(value: Constant) -> int:
    if not is_number(value):
        raise Unanswerable(f"expected a number, got {type(value).__name__}")
    return int(value)  # type: ignore[arg-type]


def _parsed(value: Constant) -> Constant:
    if not isinstance(value, str):
        return None
    try:
        found: Constant = json.loads(value)
    except (ValueError, RecursionError):
        raise Unanswerable("json_parse got text that is not JSON") from None
    return found


def _replaced(value: Constant, extract: Constant, replacement: Constant) -> Constant:
    """What is matched, rewritten with ``$1`` or ``${1}``; the rest of the text is dropped."""
    if not isinstance(value, str):
        return None
    template = re.sub(r"\$(?:\{(\d)\}|(\d))", lambda found: f"\\{found[1] or found[2]}", _text(replacement))
    try:
        checked = pattern(_text(extract), where="regex_replace")
        return "".join(checked.rewritten(value, template))
    except DefinitionError as failure:
        raise Unanswerable(str(failure)) from None


def _substring(value: Constant, start: Constant, end: Constant) -> Constant:
    low, high = _whole(start), _whole(end)
    if not isinstance(value, str) or not value or not 0 <= low < high <= len(value):
        return None
    return value[low:high]


def _integer(value: Constant) -> Constant:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"[+-]?\d{1,18}", value) else None
    return int(value) if is_number(value) else None  # type: ignore[arg-type]


def _float(value: Constant) -> Constant:
    if isinstance(value, str):
        return float(value) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", value, re.IGNORECASE) else None
    return float(value) if is_number(value) else None  # type: ignore[arg-type]


def _boolean(value: Constant) -> Constant:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _string(value: Constant) -> Constant:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _epoch(value: Constant) -> Constant:
    moment = instant(value) if isinstance(value, str) else None
    return None if moment is None else int(moment.timestamp())


def _of_text(change: Callable[[str], str]) -> Callable[[Constant], Constant]:
    return lambda value: change(value) if isinstance(value, str) else None


FUNCTIONS: Final[Mapping[str, Known]] = {
    "count": Known(1, all=_count),
    "join": Known(2, all=_join),
    "json_parse": Known(1, each=_parsed),
    "regex_replace": Known(3, each=_replaced),
    "substring": Known(3, each=_substring),
    "to_lower": Known(1, each=_of_text(str.lower)),
    "to_upper": Known(1, each=_of_text(str.upper)),
    "url_decode": Known(1, each=_of_text(unquote)),
    "parse_int": Known(1, each=_integer),
    "parse_float": Known(1, each=_float),
    "parse_boolean": Known(1, each=_boolean),
    "parse_string": Known(1, each=_string),
    "parse_epoch": Known(1, each=_epoch),
}
"""By lower-case name. ``now`` is left out: a rule's answer must follow from the document."""
