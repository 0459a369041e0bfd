"""Who is told of a tenant's drift: webhooks with their secrets, how far each was told, and what could not be told.

Definitions are written by the interface, progress by the one courier; each has a file of its own that the other never
writes. The files are readable by their owner alone, since they hold the secrets that messages are signed with.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from chain.durable import make_private_directory, replace_file
from connectors.webhook.signature import new_secret
from domain.clock import format_instant
from domain.drift import DriftKind, DriftTrigger
from domain.durable import locked
from domain.errors import InputError, NotFound
from domain.finding import Severity

SUBSCRIPTIONS_MAX: Final = 100
DEAD_MAX: Final = 1_000
_DEFINITIONS: Final = "subscriptions.json"
_PROGRESS: Final = "progress.json"
_DEAD: Final = "dead.json"
_LOCK: Final = "subscriptions.lock"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One webhook.

    Args:
        severity: this and worse; None for all.
        kinds, events: which; empty for all.
        start: the feed's id behind which it begins.
    """

    subscription_id: str
    url: str
    secret: str = field(repr=False)
    created_at: str
    severity: str | None = None
    kinds: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    start: str = ""

    def wants(self, row: dict[str, Any]) -> bool:
        """Whether it asked for an event."""
        drift = row["drift"]
        return (
            (self.severity is None or Severity(drift["severity"]).rank <= Severity(self.severity).rank)
            and (not self.kinds or drift["kind"] in self.kinds)
            and (not self.events or row["event"] in self.events)
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one webhook was told.

    Args:
        position: the feed's id up to which everything was told or put aside.
        attempt: how often the next message was tried in vain.
        next_at_s: when it is tried again, in seconds since 1970.
        ended: why nothing is sent any more; empty while something is.
    """

    position: str = ""
    attempt: int = 0
    next_at_s: float = 0.0
    delivered: int = 0
    dead: int = 0
    reason: str = ""
    ended: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be told, with the reason."""

    letter_id: str
    subscription_id: str
    at: str
    reason: str
    attempts: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a webhook asks for."""

    url: str
    severity: Severity | None = None
    kinds: tuple[DriftKind, ...] = ()
    events: tuple[DriftTrigger, ...] = ()


class Subscriptions:
    """The webhooks of one tenant."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> tuple[Subscription, ...]:
        """Every webhook, the oldest first."""
        return tuple(
            Subscription(**{**row, "kinds": tuple(row["kinds"]), "events": tuple(row["events"])})
            for row in self._read(_DEFINITIONS, [])
        )

    def add(self, wanted: Wanted, at: datetime, start: str) -> Subscription:
        """A new webhook with a secret of its own.

        Raises:
            InputError: there are too many.
        """
        added = Subscription(
            subscription_id=f"sub-{secrets.token_hex(8)}",
            url=wanted.url,
            secret=new_secret(),
            created_at=format_instant(at),
            severity=None if wanted.severity is None else wanted.severity.value,
            kinds=tuple(kind.value for kind in wanted.kinds),
            events=tuple(event.value for event in wanted.events),
            start=start,
        )
        with self._locked():
            known = self.all()
            if len(known) >= SUBSCRIPTIONS_MAX:
                todo = "Delete one that is no longer needed"
                raise InputError("too many subscriptions", got=len(known), limit=SUBSCRIPTIONS_MAX, todo=todo)
            self._write(_DEFINITIONS, [asdict(each) for each in (*known, added)])
        return added

    def remove(self, subscription_id: str) -> None:
        """End a webhook, and forget what could not be told to it.

        Raises:
            NotFound: this tenant has none with that id.
        """
        with self._locked():
            known = self.all()
            kept = [each for each in known if each.subscription_id != subscription_id]
            if len(kept) == len(known):
                raise _unknown(subscription_id)
            self._write(_DEFINITIONS, [asdict(each) for each in kept])
            letters = [each for each in self.dead() if each.subscription_id != subscription_id]
            self._write(_DEAD, [asdict(each) for each in letters])

    def get(self, subscription_id: str) -> Subscription:
        """One webhook.

        Raises:
            NotFound: this tenant has none with that id.
        """
        found = next((each for each in self.all() if each.subscription_id == subscription_id), None)
        if found is None:
            raise _unknown(subscription_id)
        return found

    def progress(self) -> dict[str, Progress]:
        """How far each was told, by id."""
        return {key: Progress(**row) for key, row in self._read(_PROGRESS, {}).items()}

    def advance(self, subscription_id: str, change: Callable[[Progress], Progress]) -> Progress:
        """Change how far one was told; only the courier does."""
        with self._locked():
            known = {each.subscription_id: each.start for each in self.all()}
            rows = {key: each for key, each in self.progress().items() if key in known}
            before = rows.get(subscription_id, Progress(known.get(subscription_id, "")))
            rows[subscription_id] = change(before)
            self._write(_PROGRESS, {key: asdict(each) for key, each in rows.items()})
            return rows[subscription_id]

    def dead(self) -> tuple[DeadLetter, ...]:
        """What could not be told, the oldest first."""
        return tuple(DeadLetter(**row) for row in self._read(_DEAD, []))

    def bury(self, letter: DeadLetter) -> None:
        """Put a message aside; the oldest goes where there are too many."""
        with self._locked():
            letters = [*self.dead(), letter][-DEAD_MAX:]
            self._write(_DEAD, [asdict(each) for each in letters])

    def dig_up(self, letter_ids: Sequence[str]) -> None:
        """Forget messages that were told after all."""
        with self._locked():
            self._write(_DEAD, [asdict(each) for each in self.dead() if each.letter_id not in letter_ids])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_private_directory(self._folder)
        with locked(self._folder / _LOCK):
            yield

    def _read(self, name: str, otherwise: Any) -> Any:
        path = self._folder / name
        return orjson.loads(path.read_bytes()) if path.exists() else otherwise

    def _write(self, name: str, rows: object) -> None:
        replace_file(self._folder / name, orjson.dumps(rows, option=orjson.OPT_INDENT_2), mode=0o600)


def subscription_row(found: Subscription, progress: Progress | None) -> dict[str, Any]:
    """A webhook as people may see it: without its secret."""
    told = progress or Progress(found.start)
    return {
        "subscription_id": found.subscription_id,
        "url": found.url,
        "created_at": found.created_at,
        "severity": found.severity,
        "kinds": list(found.kinds),
        "events": list(found.events),
        "state": "ended" if told.ended else "failing" if told.attempt else "active",
        "delivered": told.delivered,
        "dead": told.dead,
        "attempt": told.attempt,
        "reason": told.ended or told.reason or None,
    }


def buried(progress: Progress, reason: str) -> Progress:
    """After a message was put aside: the next one is tried at once."""
    return replace(progress, attempt=0, next_at_s=0.0, dead=progress.dead + 1, reason=reason)


def _unknown(subscription_id: str) -> NotFound:
    todo = "List them with GET /api/v2/drift/subscriptions"
    return NotFound("no such subscription", subscription_id=subscription_id, todo=todo)
