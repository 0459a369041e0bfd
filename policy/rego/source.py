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
    defined = [_WRITTEN[name] for name in sorted(called & _WRITTEN.keys()) if not _defines(source, name)]
    return "\n".join([text, *defined]) if defined else text


def _defines(source: str, name: str) -> bool:
    return re.search(rf"^{name}\(", source, re.MULTILINE) is not None
