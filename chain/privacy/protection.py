"""Making a body fit for an entry: declared personal values become commitments, and what else is personal is refused.

A pure function but for the store of keys, which is given. The same body gives the same bytes as long as the person is
not erased, so a repeated request is recognised. A value that is a commitment already is left as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from chain.privacy.commitment import commit, is_committed
from chain.privacy.fields import PersonalField, personal_fields
from chain.privacy.personal_values import require_impersonal
from domain.errors import InputError
from domain.evidence import EventType
from domain.tenancy import TenantId
from domain.value import Json

_ITEM: Final = "[]"


class PersonKeys(Protocol):
    """One tenant's keys of persons, made at first use."""

    tenant: TenantId

    def key_of(self, subject: str) -> bytes:
        """The person's key; raises `ConflictError` while the person is being erased."""


class _Place(NamedTuple):
    """Where a personal value stands: the steps to it, the value, and the object or list around it."""

    steps: tuple[str | int, ...]
    value: Json
    around: Json


def protect(body: Mapping[str, Json], event_type: EventType, keys: PersonKeys) -> dict[str, Json]:
    """The body with commitments in place of declared personal values.

    Raises:
        InputError: a personal value is not text, or an e-mail address stands where none is declared.
        ConflictError: a person is being erased.
    """
    protected = copy.deepcopy(dict(body))
    for declared in personal_fields(event_type):
        for place in _places(dict(body), declared.steps):
            subject = _subject(place, declared)
            field = f"{event_type}.{declared.path}"
            committed = commit(keys.key_of(subject), tenant=keys.tenant, field=field, value=place.value)
            _put(protected, place.steps, committed.as_json())
    require_impersonal(protected)
    return protected


def subjects_of(body: Mapping[str, Json], event_type: EventType) -> list[str]:
    """Whom a body names where persons are declared.

    Raises:
        InputError: a personal value is not text.
    """
    fields = personal_fields(event_type)
    return [_subject(place, field) for field in fields for place in _places(dict(body), field.steps)]


def is_protected(content: bytes, event_type: EventType) -> bool:
    """Whether a body in canonical JSON surely needs no protection: a quick look that spares most bodies the walk."""
    if b"@" in content or b"%40" in content:
        return False
    names = {next(step for step in reversed(field.steps) if step != _ITEM) for field in personal_fields(event_type)}
    return not any(f'"{name}":'.encode() in content for name in names)


def _places(value: Json, steps: tuple[str, ...]) -> Iterator[_Place]:
    """Values at a path that are not yet committed to."""
    return _below(value, steps, (), None)


def _below(value: Json, steps: tuple[str, ...], done: tuple[str | int, ...], around: Json) -> Iterator[_Place]:
    """Raises where another kind of value stands on the way: a name in it would be overlooked."""
    if value is None or is_committed(value):
        return
    if not steps:
        yield _Place(done, value, around)
    elif steps[0] == _ITEM and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _below(item, steps[1:], (*done, index), value)
    elif steps[0] != _ITEM and isinstance(value, dict):
        yield from _below(value.get(steps[0]), steps[1:], (*done, steps[0]), value)
    else:
        expected = "a list" if steps[0] == _ITEM else f"an object with {steps[0]}"
        raise InputError("personal data is not where it is declared", path=_shown(done), expected=expected)


def _subject(place: _Place, declared: PersonalField) -> str:
    """Who the value is about."""
    subject = place.value
    if declared.of:
        subject = place.around.get(declared.of) if isinstance(place.around, dict) else None
    if not isinstance(subject, str) or not isinstance(place.value, str):
        raise InputError(
            "personal value is not text, or not beside the text that names the person",
            path=_shown(place.steps),
            field=declared.path,
            of=declared.of,
            todo="Write the person as one text",
        )
    return subject


def _put(body: Json, steps: tuple[str | int, ...], value: Json) -> None:
    for step in steps[:-1]:
        body = body[step]  # type: ignore[index]
    body[steps[-1]] = value  # type: ignore[index]


def _shown(steps: tuple[str | int, ...]) -> str:
    return "body" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
