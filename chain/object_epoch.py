"""Which opening of a journal in object storage is the newest, and where what is kept of it begins.

Both are small objects that only change under the version that was read, so that of two who change one, one loses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from chain.frame import DIGEST_SIZE_BYTES
from chain.storage.contract import BlobStore, Version
from domain.errors import ConflictError, InputError, IntegrityError, NotFound, UnavailableError

EPOCH: Final = "epoch"
START: Final = "start"
ATTEMPTS_MAX: Final = 20

_OPENER = re.compile(r"[A-Za-z0-9-]{8,64}")
_EPOCH = re.compile(rb"([1-9][0-9]{0,17}) [A-Za-z0-9-]{8,64}\n")
_START = re.compile(rb"(0|[1-9][0-9]{0,11}) ([0-9a-f]{64})\n")


class ObjectEpoch:
    """One opening's number; taking it makes every earlier one void.

    Args:
        opener: never twice the same, so that an opener whose answer was lost knows its own.
    """

    def __init__(self, store: BlobStore, opener: str) -> None:
        if _OPENER.fullmatch(opener) is None:
            raise InputError("not an opener's name", got=opener[:80], expected="8 to 64 letters, digits or hyphens")
        self._store = store
        self.number, self._content = self._take(opener)

    def require_held(self) -> None:
        """Raise unless this is still the newest opening.

        Raises:
            ConflictError: another writer has taken over.
        """
        stored = self._store.get(EPOCH).content
        if stored != self._content:
            raise taken_over(self._store, self.number, newest=_number(stored, self._store))

    def _take(self, opener: str) -> tuple[int, bytes]:
        for _ in range(ATTEMPTS_MAX):
            try:
                return self._raise(opener)
            except ConflictError:
                continue
        raise UnavailableError(
            "too many writers open this evidence log at once", store=self._store.location, todo="Leave one running"
        )

    def _raise(self, opener: str) -> tuple[int, bytes]:
        try:
            former = self._store.get(EPOCH)
        except NotFound:
            content = b"1 %s\n" % opener.encode()
            self._store.put_new(EPOCH, content)
            return 1, content
        number = _number(former.content, self._store) + 1
        content = b"%d %s\n" % (number, opener.encode())
        self._store.put_if_match(EPOCH, content, former.version)
        return number, content


@dataclass(frozen=True, slots=True)
class JournalStart:
    """The first frame that is kept, and the digest that it continues."""

    sequence: int = 0
    former: bytes = bytes(DIGEST_SIZE_BYTES)
    version: Version | None = None

    @classmethod
    def read(cls, store: BlobStore) -> JournalStart:
        """As stored; the first frame of all where nothing was ever deleted."""
        try:
            blob = store.get(START)
        except NotFound:
            return cls()
        matched = _START.fullmatch(blob.content)
        if matched is None:
            raise _damaged(store, START, blob.content)
        return cls(int(matched[1]), bytes.fromhex(matched[2].decode()), blob.version)

    def moved(self, store: BlobStore, *, sequence: int, former: bytes) -> JournalStart:
        """Store a later start in the place of this one.

        Raises:
            ConflictError: somebody else has moved it.
        """
        content = b"%d %s\n" % (sequence, former.hex().encode())
        if self.version is None:
            return JournalStart(sequence, former, store.put_new(START, content))
        return JournalStart(sequence, former, store.put_if_match(START, content, self.version))


def taken_over(store: BlobStore, epoch: int, *, newest: int | None = None) -> ConflictError:
    """What a writer is told that is not the newest any more."""
    return ConflictError(
        "another writer has taken over this evidence log",
        store=store.location,
        epoch=epoch,
        newest=newest,
        todo="Stop this writer; repeat the request, it goes to the new one",
    )


def _number(content: bytes, store: BlobStore) -> int:
    matched = _EPOCH.fullmatch(content)
    if matched is None:
        raise _damaged(store, EPOCH, content)
    return int(matched[1])


def _damaged(store: BlobStore, name: str, content: bytes) -> IntegrityError:
    return IntegrityError(
        "journal's object is damaged",
        store=store.location,
        name=name,
        got=content[:80],
        todo="Restore that object from its former version",
    )
