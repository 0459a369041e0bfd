"""What a policy, a check or a piece of evidence says of itself, in words: what mapping by likeness compares.

Names are broken into words where case or punctuation does, so that ``minimumTlsVersion`` meets "minimum TLS version".
Numbers, and words that nearly every policy has, say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain.value import Json

TEXT_MAX: Final = 20_000
_DEEP_MAX: Final = 40
_DOUBLED: Final = re.compile(r"([bdgklmnprt])\1$")
_PIECES: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ENDINGS: Final = (("ies", "y", 3), ("sses", "ss", 3), ("ing", "", 4), ("ed", "", 4), ("ss", "ss", 1), ("s", "", 3))
"""An ending, what stands instead of it, and how much must be left before it."""
_EMPTY: Final = frozenset(
    word
    for line in (
        "a an and any are as at be been but by can do does for from has have if in into is it its more no not of on",
        "only or other should so such than that the their them then there these they this to use used uses using via",
        "was when where which will with you your azure microsoft aws amazon google gcp cloud resource resources policy",
        "policies ensure set enabled enable disabled disable type properties deprecated preview audit",
    )
    for word in line.split()
)


def described(document: Json) -> tuple[str, str] | None:
    """Id and words of an Azure definition, of a policy of a pack, or of Prowler's metadata; None for anything else."""
    if not isinstance(document, dict):
        return None
    check = document.get("CheckID")
    if isinstance(check, str):
        return check, _joined(document, ("CheckTitle", "Description", "Risk", "ResourceType", "ServiceName"), check)
    properties = document.get("properties", document)
    if not isinstance(properties, dict) or not isinstance(properties.get("policyRule"), dict):
        return None
    name = document.get("id") if isinstance(document.get("examples"), dict) else document.get("name")
    identity = name if isinstance(name, str) else str(document.get("id") or "")
    metadata = properties.get("metadata")
    beside = metadata if isinstance(metadata, dict) else {}
    said = (
        _joined(properties, ("displayName", "description"), ""),
        _joined(beside, ("category", "rationale"), ""),
        *_fields(properties["policyRule"], 0),
    )
    return identity.rpartition("/")[2], " ".join(said)[:TEXT_MAX]


def evidence_words(body: Json) -> str:
    """All that a piece of evidence says, names and texts, in order."""
    return " ".join(_leaves(body, 0))[:TEXT_MAX]


def words(text: str) -> list[str]:
    """The words of a text, in one form each."""
    found = (_stem(piece.lower()) for piece in _PIECES.findall(text))
    return [word for word in found if len(word) > 1 and word not in _EMPTY]


def _stem(word: str) -> str:
    if word in _EMPTY:
        return word
    for ending, instead, left_min in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= left_min:
            return (
                _DOUBLED.sub(r"\1", word[: -len(ending)]) if ending in {"ing", "ed"} else word[: -len(ending)] + instead
            )
    return word


def _joined(document: Mapping[str, Any], names: tuple[str, ...], last: str) -> str:
    return " ".join([*(text for name in names if isinstance(text := document.get(name), str)), last])[:TEXT_MAX]


def _fields(rule: Json, depth: int) -> Iterator[str]:
    """The aliases and types that a rule names."""
    if depth > _DEEP_MAX:
        return
    if isinstance(rule, dict):
        for key, value in rule.items():
            if key in {"field", "type"} and isinstance(value, str):
                yield value
            elif rule.get("field") == "type" and key in {"equals", "in"}:
                yield from _leaves(value, depth)
            else:
                yield from _fields(value, depth + 1)
    elif isinstance(rule, list):
        for each in rule:
            yield from _fields(each, depth + 1)


def _leaves(value: Json, depth: int) -> Iterator[str]:
    if depth > _DEEP_MAX:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _leaves(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, depth + 1)
