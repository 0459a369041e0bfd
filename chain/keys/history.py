"""Which keys were a tree's at which size, as its entries say.

Sizes decide, not dates. A key that entry ``a`` adds may sign trees of more than ``a`` entries; a key that entry ``r``
retires may sign trees of at most ``r``. A reader's key vouches for the keys that were added after it, each endorsed by
the one before; never for those before it, whose holders may have lost them since.

Limit: whoever steals a former key can endorse a key of their own in a forged log. A reader who names the newest key, or
asks for witnesses, does not follow them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from chain.keys.key_event import KeyAdded, KeyRetired, read_key_event
from chain.keys.ring import KeyRing, add_key, first_ring, retire_key
from chain.note import VerifierKey
from domain.errors import ConflictError, InputError, IntegrityError

_UNENDING: Final = 2**63


@dataclass(frozen=True, slots=True)
class KeySpan:
    """A key, and the smallest and largest tree that it may sign; ``None`` while it still signs."""

    key: VerifierKey
    first_size: int
    last_size: int | None = None

    def covers(self, size: int) -> bool:
        return self.first_size <= size <= (_UNENDING if self.last_size is None else self.last_size)


@dataclass(frozen=True, slots=True)
class KeyHistory:
    """The keys of one tree; nothing where no entry ever changed its first key.

    Args:
        spans: by key, in the order in which the keys came; each was endorsed by an earlier one.
        parents: for each key but the first, the key that endorsed it.
    """

    origin: str
    ring: KeyRing | None = None
    spans: tuple[KeySpan, ...] = ()
    parents: tuple[tuple[VerifierKey, VerifierKey], ...] = ()

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """All keys that the tree has or had."""
        return tuple(span.key for span in self.spans)

    def valid_at(self, size: int) -> tuple[VerifierKey, ...]:
        """The keys that may sign a tree of that size."""
        return tuple(span.key for span in self.spans if span.covers(size))

    def vouched(self, trusted: Sequence[VerifierKey]) -> frozenset[VerifierKey]:
        """The trusted keys, and those that were added after them."""
        known = set(trusted)
        for key, parent in self.parents:
            if parent in known:
                known.add(key)
        return frozenset(known)


@dataclass(slots=True)
class HistoryReader:
    """Takes a log's entries in order; made for one tree."""

    origin: str
    history: KeyHistory = field(init=False)

    def __post_init__(self) -> None:
        self.history = KeyHistory(self.origin)

    def take(self, index: int, entry: bytes) -> None:
        """Read the next entry.

        Raises:
            IntegrityError: an entry about this tree's keys is malformed, wrongly signed, or out of place.
        """
        try:
            event = read_key_event(entry)
        except InputError as error:
            raise _refusal(index, self.origin, str(error)) from error
        if event is None or event.key.name != self.origin:
            return
        if event.faults:
            raise _refusal(index, self.origin, f"body.{event.faults[0]} is not the signature of its key")
        try:
            self.history = (
                _added(self.history, event, index)
                if isinstance(event, KeyAdded)
                else _retired(self.history, event, index)
            )
        except ConflictError as error:
            raise _refusal(index, self.origin, str(error)) from error


def read_history(origin: str, entries: Iterable[bytes]) -> KeyHistory:
    """The keys of a tree, by all entries of its log in order.

    Raises:
        IntegrityError: an entry about the tree's keys is malformed, wrongly signed, or out of place.
    """
    reader = HistoryReader(origin)
    for index, entry in enumerate(entries):
        reader.take(index, entry)
    return reader.history


def check_signers(
    history: KeyHistory, size: int, signers: Sequence[VerifierKey], trusted: Sequence[VerifierKey] | None
) -> None:
    """Check who signed a checkpoint.

    Args:
        history: by the entries that the checkpoint covers.
        signers: keys whose signatures the checkpoint carries, all of them verified.
        trusted: the reader's keys of this origin; None where the reader has none and the log's own are believed.

    Raises:
        IntegrityError: a key was not the tree's at that size, or the reader's keys vouch for none of them.
    """
    valid = history.valid_at(size) or tuple(signers[:1])
    strangers = [key.text for key in signers if key not in valid]
    if strangers:
        raise IntegrityError(
            "checkpoint is signed by a key that was not the log's at this size",
            size=size,
            expected=[key.text for key in valid],
            got=strangers,
        )
    if trusted is not None and not history.vouched(trusted).intersection(signers):
        raise IntegrityError(
            "checkpoint is signed by no key that the reader's keys vouch for",
            size=size,
            expected=[key.text for key in trusted],
            got=[key.text for key in signers],
            todo="Get the log's newest key from its owner on a way that you trust, and name it in the policy file",
        )


def _added(history: KeyHistory, event: KeyAdded, index: int) -> KeyHistory:
    ring = history.ring or first_ring(event.replaces)
    if event.replaces != ring.active:
        raise ConflictError("key replaces another than the active one", expected=ring.active.text)
    spans = history.spans or (KeySpan(event.replaces, 0),)
    return KeyHistory(
        history.origin,
        add_key(ring, event.key),
        (*spans, KeySpan(event.key, index + 1)),
        (*history.parents, (event.key, event.replaces)),
    )


def _retired(history: KeyHistory, event: KeyRetired, index: int) -> KeyHistory:
    if history.ring is None or event.authorised_by not in history.ring.signing or event.authorised_by == event.key:
        raise ConflictError("key is not retired by the other one that signs", authorised_by=event.authorised_by.text)
    spans = tuple(
        KeySpan(span.key, span.first_size, index) if span.key == event.key else span for span in history.spans
    )
    return KeyHistory(history.origin, retire_key(history.ring, event.key), spans, history.parents)


def _refusal(index: int, origin: str, reason: str) -> IntegrityError:
    return IntegrityError("an entry about the log's keys is refuted", entry_index=index, origin=origin, reason=reason)
