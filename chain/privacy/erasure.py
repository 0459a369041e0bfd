"""Erasing a person: the key is destroyed, the entries stay, and every proof still holds.

    1. the order is kept: nothing new is said of the person, and what the entry will say is settled
    2. the erasure is an entry of the log, once, whatever is repeated
    3. the key is destroyed, and then the order

The entry comes before the key goes, because the person's pseudonym comes from the key: after it nobody could say which
commitments are void. A crash in between leaves the order, and `finish_erasures` at the next start goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chain.privacy.commitment import pseudonym
from chain.privacy.personal_values import require_impersonal
from chain.privacy.subject_keys import SubjectKeys
from domain.clock import format_instant, parse_instant
from domain.errors import InputError
from domain.evidence import EventType, EvidenceEvent
from domain.value import Json

Record = Callable[[EvidenceEvent], object]
"""Records an event durably, or its repetition; returns when it is acknowledged."""

_WORDS: Final = re.compile(r"[!-~][ -~]{0,199}")


@dataclass(frozen=True, slots=True)
class ErasureOrder:
    """Why a person is erased.

    Args:
        basis: the ground, such as `GDPR article 17(1)(a)`.
        by: role or pseudonym of who decided.
    """

    at: datetime
    basis: str
    by: str


def erase(
    keys: SubjectKeys, subject: str, order: ErasureOrder, *, count: Callable[[str], int], record: Record
) -> EvidenceEvent | None:
    """Erase a person; safe to repeat. ``None`` where nothing is kept of the person, so also after it is done.

    Args:
        count: how many commitments entries hold under a pseudonym; see `count_commitments`.

    Raises:
        InputError: the basis or the role is not a line of text, or names a person.
    """
    name = keys.name_of(subject)
    if not keys.is_ordered(name):
        key = keys.find(name)
        if key is None:
            return None
        known = pseudonym(key, tenant=keys.tenant)
        keys.order_erasure(name, _body(order, known, count(known)))
    return _carry_out(keys, name, record)


def finish_erasures(keys: SubjectKeys, record: Record) -> int:
    """Finish what a crash interrupted; before the store is used. Returns how many there were."""
    names = keys.ordered()
    for name in names:
        _carry_out(keys, name, record)
    keys.sweep()
    return len(names)


def count_commitments(entries: Iterable[bytes], known: str) -> int:
    """How many commitments entries hold under a pseudonym."""
    mark = f'","subject":"{known}"}}'.encode("ascii")
    return sum(entry.count(mark) for entry in entries)


def _carry_out(keys: SubjectKeys, name: str, record: Record) -> EvidenceEvent:
    event = _event(keys, keys.order(name))
    record(event)
    keys.destroy(name)
    return event


def _event(keys: SubjectKeys, body: dict[str, Json]) -> EvidenceEvent:
    at, known = parse_instant(str(body["erased_at"])), body["pseudonym"]
    return EvidenceEvent(keys.tenant, f"erasure/{known}", EventType.ERASURE, at, body)


def _body(order: ErasureOrder, known: str, commitments: int) -> dict[str, Json]:
    for line in (order.basis, order.by):
        if _WORDS.fullmatch(line) is None:
            raise InputError("basis and role of an erasure are lines of ASCII", got=ascii(line)[:80])
        require_impersonal(line, where="erasure")
    return {
        "pseudonym": known,
        "erased_at": format_instant(order.at),
        "basis": order.basis,
        "by": order.by,
        "commitments": commitments,
    }
