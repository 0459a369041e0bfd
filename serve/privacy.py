"""Persons in callers' evidence: named to the platform, never to the log.

What is declared personal becomes a commitment under the person's own key before an entry is made, an e-mail address
anywhere else is refused, and an erasure destroys the key. See docs/privacy.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final, Protocol, cast

import orjson

from actors.folders import Folders
from chain.canonical import encode_readable
from chain.privacy.erasure import ErasureOrder, erase, finish_erasures
from chain.privacy.fields import PERSONAL_FIELDS
from chain.privacy.protection import protect, subjects_of
from chain.privacy.subject_keys import SubjectKeys
from domain.errors import NotFound
from domain.evidence import EventType, EvidenceEvent, Receipt
from domain.tenancy import TenantId
from domain.value import Json
from serve.api.submission import CALLERS_TYPES, Submission


class Recorder(Protocol):
    """What of a platform is needed to erase."""

    def collect(self, events: Sequence[EvidenceEvent]) -> tuple[Receipt, ...]: ...

    def commitments(self, tenant: TenantId, pseudonym: str) -> int: ...


class Protection:
    """Keeps persons out of entries, for all tenants. Safe for several threads."""

    def __init__(self, folders: Folders, recorder: Recorder) -> None:
        self._folders = folders
        self._recorder = recorder
        self._keys: dict[TenantId, SubjectKeys] = {}
        self._lock = Lock()

    def needs(self, submission: Submission) -> bool:
        """Whether a body may speak of a person: most do not, and one look at the bytes says so."""
        return any(word in submission.body for word in _WORDS[submission.type])

    def needed(self, submissions: Sequence[Submission]) -> bool:
        """Whether any of many bodies may speak of a person; looked for in all of them at once."""
        whole, kinds = b"".join([each.body for each in submissions]), {each.type for each in submissions}
        return any(word in whole for kind in kinds for word in _WORDS[kind])

    def protected(self, tenant: TenantId, submissions: Sequence[Submission]) -> list[Submission]:
        """The same evidence with commitments in place of persons.

        Raises:
            InputError: an e-mail address stands where no person is declared.
            ConflictError: a person is being erased.
        """
        bodies = {
            place: cast("dict[str, Json]", orjson.loads(each.body))
            for place, each in enumerate(submissions)
            if self.needs(each)
        }
        if not bodies:
            return list(submissions)
        keys = self._keys_of(tenant)
        keys.make(name for place, body in bodies.items() for name in subjects_of(body, submissions[place].type))
        found = list(submissions)
        for place, body in bodies.items():
            each = submissions[place]
            found[place] = each._replace(body=encode_readable(protect(body, each.type, keys)))
        return found

    def erase(self, tenant: TenantId, subject: str, order: ErasureOrder) -> EvidenceEvent:
        """Destroy a person's key and record that it was; safe to repeat.

        Raises:
            InputError: the basis or the role is not a line of text, or names a person.
            NotFound: the tenant's evidence knows no such person.
        """
        keys = self._keys_of(tenant)
        done = erase(
            keys,
            subject,
            order,
            count=lambda pseudonym: self._recorder.commitments(tenant, pseudonym),
            record=self._record,
        )
        if done is None:
            raise NotFound(
                "nothing is kept of this person", todo="Check the spelling; an erased person is gone for good"
            )
        return done

    def _record(self, event: EvidenceEvent) -> object:
        return self._recorder.collect([event])

    def _keys_of(self, tenant: TenantId) -> SubjectKeys:
        """The tenant's keys; what a crash interrupted is finished before they are used."""
        with self._lock:
            keys = self._keys.get(tenant)
            if keys is None:
                keys = SubjectKeys(self._folders.privacy(tenant), tenant)
                finish_erasures(keys, cast("Callable[[EvidenceEvent], object]", self._record))
                self._keys[tenant] = keys
            return keys


def _words(kind: EventType) -> tuple[bytes, ...]:
    """What a body of this type that speaks of a person holds: an address, or the name of a personal field."""
    fields = PERSONAL_FIELDS.get(kind, ())
    names = {next(step for step in reversed(field.steps) if step != "[]") for field in fields}
    return (b"@", b"%40", *(f'"{name}":'.encode() for name in sorted(names)))


_WORDS: Final = {kind: _words(kind) for kind in CALLERS_TYPES}
