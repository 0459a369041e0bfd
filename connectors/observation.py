"""What a reader makes of one record: the vocabulary that files and providers' normalisers share.

An envelope is a record without its wrapper; a classification says what it is; observations are the resources in it.
Nothing here knows a provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.inventory import RecordClass
from domain.resource import Provider
from domain.value import Json

Document = dict[str, Json]
"""A JSON object that the reader owns and may change in place."""

EVERYTHING = ("*",)
"""`ConfigurationItem.unread` of a summary: every absent path is unknown."""

FULL = ""
SUMMARY = "~summary"
TAGS = "~tags"
"""Facets that are not attributes: the whole document, what a list call tells of it, and its tags alone."""


@dataclass(slots=True)
class Envelope:
    """One record without its wrapper. Not frozen, since one is made per line and freezing costs more than reading it.

    Args:
        body: the object, array or answer itself.
        hint: the name under which the answer was recorded; it may name the call and the resource asked for.
        parameters: the request's parameters, where they were recorded.
    """

    body: Json
    captured_at: datetime | None = None
    api_version: str = ""
    service: str = ""
    operation: str = ""
    hint: str = ""
    parameters: Mapping[str, Json] = field(default_factory=dict)
    account: str = ""
    region: str = ""
    synthetic: bool = False


@dataclass(slots=True)
class Observation:
    """One resource, or one facet of it, as one record shows it. Changed only by the reader that owns it.

    Args:
        facet: `FULL`, `SUMMARY`, `TAGS`, or the top-level key under which `document` belongs.
        absent: the facet was asked for and is not set, so `document` is empty.
        captured_at: what the object itself says; None leaves it to the envelope.
    """

    provider: Provider
    uid: str
    type: str
    name: str
    document: Json
    scope: str = ""
    region: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    facet: str = FULL
    absent: bool = False
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Classified:
    """What one record turned out to be.

    Args:
        format: the shape it has, such as ``arm`` or ``aws-config``.
        reason: why it is a gap; empty otherwise.
        gaps: members of a list answer that could not be read, as (1-based member, reason).
    """

    kind: RecordClass
    format: str
    observations: tuple[Observation, ...] = ()
    reason: str = ""
    todo: str = ""
    gaps: tuple[tuple[int, str], ...] = ()


def gap(format_: str, reason: str, todo: str = "") -> Classified:
    """A record that could not be read, and why."""
    return Classified(RecordClass.GAP, format_, reason=reason, todo=todo)


def one(format_: str, observation: Observation) -> Classified:
    """A record that shows one resource."""
    return Classified(RecordClass.RESOURCE, format_, (observation,))


def text(value: Json, otherwise: str = "") -> str:
    """The value where it is text, else the fallback."""
    return value if isinstance(value, str) else otherwise


def member(document: Mapping[str, Json], *keys: str) -> Json:
    """The value of the first of the keys that is there and not null."""
    for key in keys:
        value = document.get(key)
        if value is not None:
            return value
    return None


def tag_map(value: Json) -> dict[str, str]:
    """Tags in any provider's form: an object, or a list of pairs of key and value."""
    if isinstance(value, dict):
        return {key: _tag_value(each) for key, each in value.items()}
    if not isinstance(value, list):
        return {}
    pairs = (each for each in value if isinstance(each, dict))
    return {
        text(member(pair, "Key", "key", "TagKey", "tagKey")): _tag_value(
            member(pair, "Value", "value", "TagValue", "tagValue")
        )
        for pair in pairs
        if isinstance(member(pair, "Key", "key", "TagKey", "tagKey"), str)
    }


def _tag_value(value: Json) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else str(value)
