"""Rego modules as the interpreter reads them: names that it no longer has are given back to old templates.

The GCP policy library's templates use a library that its validator brings along. What they need of it is written here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

LIBRARY: Final = """package validator.gcp.lib

get_constraint_params(constraint) = params { params := constraint.spec.parameters }

get_constraint_info(constraint) = info { info := {"name": constraint.metadata.name, "kind": constraint.kind} }

get_default(object, field, otherwise) = value { has_field(object, field); value := object[field] }

get_default(object, field, otherwise) = value { not has_field(object, field); value := otherwise }

has_field(object, field) { object[field] }

has_field(object, field) { object[field] == false }

has_field(object, field) = false { not object[field]; not object[field] == false }
"""

_RENAMED: Final[Mapping[str, str]] = {"re_match": "regex.match"}
_WRITTEN: Final[Mapping[str, str]] = {
    "cast_array": "cast_array(values) = found { found := [value | value := values[_]] }",
    "cast_set": "cast_set(values) = found { found := {value | value := values[_]} }",
}
_QUIET = re.compile(r'"(?:\\.|[^"\\\n])*"|`[^`]*`|#[^\n]*')
_ITERATING = re.compile(r"[A-Za-z_]\w*(?:\.\w+|\[[^\[\]]*\])*\[_\](?:\.\w+|\[[^\[\]]*\])*")
_WORD = re.compile(r'"(?:\\.|[^"\\\n])*"|`[^`]*`|#[^\n]*|(?<![\w.])(?P<name>[a-z_]+)(?=\()')


def prepared(source: str) -> str:
    """A module with the built-in functions of old that it calls; its lines keep their numbers."""
    called: set[str] = set()

    def renamed(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return found[0]
        called.add(name)
        return _RENAMED.get(name, name)

    text = _WORD.sub(renamed, source)
    text = with_named_iterations(text)
    defined = [_WRITTEN[name] for name in sorted(called & _WRITTEN.keys()) if not _defines(source, name)]
    return "\n".join([text, *defined]) if defined else text


def with_named_iterations(source: str) -> str:
    """Calls whose arguments iterate, such as ``f(a[_])``, with the value named first: ``it0 := a[_]; f(it0)``.

    The interpreter does not read the former. Under *not* the two differ, so that there nothing is changed.
    """
    quiet = _QUIET.sub(lambda found: re.sub(r"[^\n]", "~", found[0]), source)
    edits: list[tuple[int, int, str]] = []
    for number, found in enumerate(_ITERATING.finditer(quiet)):
        start = _literal_start(quiet, found.start())
        if start is not None and not re.match(r"\s*(?:not|some|every)\b", quiet[start:]):
            name = f"iterated{number}"
            edits += [
                (found.start(), found.end(), name),
                (start, start, f" {name} := {source[found.start() : found.end()]};"),
            ]
    for begin, end, text in sorted(edits, reverse=True):
        source = source[:begin] + text + source[end:]
    return source


def _literal_start(quiet: str, at: int) -> int | None:
    """Where the literal begins in which a reference is an argument of a call; None where it is none."""
    depth, is_argument = 0, False
    for index in range(at - 1, -1, -1):
        character = quiet[index]
        if character in ")]}":
            depth += 1
        elif character in "([{" and depth:
            depth -= 1
        elif character == "(":
            is_argument = is_argument or quiet[index - 1 : index].isalnum() or quiet[index - 1 : index] == "_"
        elif character in "{|;\n" and not depth:
            is_head = character == "\n" and not quiet[index + 1 : index + 2].isspace()
            return index + 1 if is_argument and not is_head else None
    return None


def _defines(source: str, name: str) -> bool:
    return re.search(rf"^{name}\(", source, re.MULTILINE) is not None
