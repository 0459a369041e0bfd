"""Values written in rules: text, numbers, patterns, ranges, lists, maps."""

from __future__ import annotations

import re
from typing import Final

from policy.guard.functions import FUNCTIONS
from policy.guard.scanner import Scanner
from policy.guard.syntax import Constant, Function, Literal, Operand, Range
from policy.patterns import pattern

_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.:])"
_RANGE = rf"r(?P<low>[\[(])\s*(?P<from>{_NUMBER[:-10]})\s*,\s*(?P<to>{_NUMBER[:-10]})\s*(?P<high>[\])])"
_WORDS: Final = {"true": True, "false": False, "null": None}
_DEPTH_MAX: Final = 40


def literal(scanner: Scanner) -> Literal | None:
    """A written value, or None where something else stands."""
    is_found, value = _constant(scanner, 0)
    return Literal(value) if is_found else None


def function(name: str, arguments: tuple[Operand, ...], scanner: Scanner) -> Function:
    """A call, with a name and a number of arguments that are known."""
    known = FUNCTIONS.get(name.lower())
    if known is None:
        raise scanner.wrong(f"one of the functions {', '.join(sorted(FUNCTIONS))} instead of {name}")
    if len(arguments) != known.arity:
        raise scanner.wrong(f"{known.arity} arguments of {name} instead of {len(arguments)}")
    return Function(name.lower(), arguments, scanner.line)


def string(scanner: Scanner) -> str | None:
    """Quoted text."""
    found = scanner.take(r"""(?s)'((?:\\'|[^'])*)'|"((?:\\"|[^"])*)\"""")
    if found is None:
        return None
    return found[1].replace("\\'", "'") if found[1] is not None else found[2].replace('\\"', '"')


def _constant(scanner: Scanner, depth: int) -> tuple[bool, Constant]:
    if depth > _DEPTH_MAX:
        raise scanner.wrong(f"values at most {_DEPTH_MAX} deep")
    text = string(scanner)
    if text is not None:
        return True, text
    if (expression := scanner.take(r"/((?:\\/|[^/\n])*)/")) is not None:
        return True, pattern(expression[1].replace("\\/", "/"), where=scanner.where)
    if (numbers := scanner.take(_RANGE)) is not None:
        return True, _range(numbers)
    if (word := scanner.take(r"(?:true|false|null)\b(?!\s*[(.])")) is not None:
        return True, _WORDS[word[0].lower()]
    return _number_or_nested(scanner, depth)


def _number_or_nested(scanner: Scanner, depth: int) -> tuple[bool, Constant]:
    if (number := scanner.take(_NUMBER)) is not None:
        return True, _number(number[0])
    if scanner.take(r"\["):
        return True, _list(scanner, depth)
    if scanner.take(r"\{"):
        return True, _map(scanner, depth)
    return False, None


def _list(scanner: Scanner, depth: int) -> list[Constant]:
    found: list[Constant] = []
    while not scanner.take(r"\]"):
        found.append(_need(scanner, depth))
        if not scanner.peek(r"\]"):
            scanner.need(",", ", or ]")
    return found


def _map(scanner: Scanner, depth: int) -> dict[str, Constant]:
    found: dict[str, Constant] = {}
    while not scanner.take(r"\}"):
        text = string(scanner)
        key = text if text is not None else scanner.need(r"\w+", "a key")[0]
        scanner.need(":", ":")
        found[key] = _need(scanner, depth)
        if not scanner.peek(r"\}"):
            scanner.need(",", ", or }")
    return found


def _need(scanner: Scanner, depth: int) -> Constant:
    is_found, value = _constant(scanner, depth + 1)
    if not is_found:
        raise scanner.wrong("a value")
    return value


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _range(found: re.Match[str]) -> Range:
    return Range(_number(found["from"]), _number(found["to"]), found["low"] == "[", found["high"] == "]")
