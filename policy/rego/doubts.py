"""Rego that the interpreter reads but answers wrongly: refused, because its silence would look like compliance.

Found by asking OPA the same: two references that both iterate joined by one operator find nothing, and so does
iterating over a set that a rule of the module makes. Everything else that the interpreter cannot do is an error there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_QUIET = re.compile(r'"(?:\\.|[^"\\\n])*"|`[^`]*`|#[^\n]*')
_STEP = re.compile(r"\[\s*([A-Za-z_]\w*)\s*\]")
_REFERENCE = re.compile(r"[A-Za-z_]\w*(?:\.\w+|\[[^\[\]]*\])+")
_JOINED = re.compile(r"==|!=|<=|>=|[<>+*/&]|(?<![\w\"'])-|-(?![\w\"'])|\s-\s")
_SET = re.compile(r"(?m)^([A-Za-z_]\w*)\s*\[[^\]\n]*\]\s*\{|^([A-Za-z_]\w*)\s+contains\s")
_RULE = re.compile(r"(?m)^(?=[A-Za-z_])")
_KNOWN: Final = frozenset({"deny", "violation"})


def doubts(source: str) -> list[str]:
    """What the interpreter would answer wrongly, each with its line."""
    text = _QUIET.sub(lambda found: re.sub(r"[^\n]", " ", found[0]) if found[0][0] != '"' else '""', source)
    return [*_joined_iterations(text), *_iterated_sets(text)]


def _joined_iterations(text: str) -> Iterator[str]:
    line = 1
    for rule in _RULE.split(text):
        bound = _bound(rule)
        for at, row in enumerate(rule.split("\n")):
            for literal in row.split(";"):
                iterating = [found for found in _REFERENCE.findall(literal) if _iterates(found, bound)]
                if len(iterating) > 1 and _JOINED.search(_without_definition(literal)) is not None:
                    yield f"line {line + at}: two iterations joined by an operator: {' '.join(literal.split())[:80]}"
        line += rule.count("\n")


def _iterates(reference: str, bound: frozenset[str]) -> bool:
    return any(name == "_" or name not in bound for name in _STEP.findall(reference))


def _without_definition(literal: str) -> str:
    return re.sub(r"^\s*[A-Za-z_]\w*\s*:?=(?!=)", "", literal)


def _bound(rule: str) -> frozenset[str]:
    """Variables of a rule that have a value before they are used as a step."""
    head = re.match(r"[A-Za-z_]\w*\(([^)]*)\)", rule)
    arguments = re.findall(r"[A-Za-z_]\w*", head[1]) if head is not None else []
    return frozenset(arguments) | frozenset(re.findall(r"([A-Za-z_]\w*)\s*:?=(?!=)", rule))


def _iterated_sets(text: str) -> Iterator[str]:
    """Uses of a set that are neither a look-up by name nor a count; its own rules begin a line."""
    for name in sorted({one or two for one, two in _SET.findall(text)} - _KNOWN):
        for found in re.finditer(rf"(?m)(?<!^)(?<![\w.]){name}\b(?!\s*\[\s*(?:[A-Za-z]\w*|\"\")[^\]\n]*\])", text):
            if not text[: found.start()].endswith("count("):
                line = text.count("\n", 0, found.start()) + 1
                yield f"line {line}: uses the set {name} of a rule otherwise than by name or count"
