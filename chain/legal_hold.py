"""Legal holds: who keeps a year's log beyond its retention, and why. Placed and lifted by entries, nowhere else.

Who is a principal's id and why is a matter's number or name: no personal data stands in an entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from chain.projection import Entry, State
from domain.errors import ConflictError, InputError, IntegrityError
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId
from domain.value import Json

TEXT_LENGTH_MAX: Final = 500
HOLDS_MAX: Final = 10_000

_HOLD_TYPES: Final = frozenset({EventType.LEGAL_HOLD_PLACED.value, EventType.LEGAL_HOLD_LIFTED.value})
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold in force.

    Args:
        id: chosen by whoever places it; never used twice by a tenant.
        year: which log it is on.
        recorded_in: the year's log whose entry placed it.
    """

    id: str
    year: int
    by: str
    why: str
    recorded_in: int


def place_hold(
    tenant: TenantId, hold_id: str, *, year: int, by: str, why: str, at: datetime, holds: Mapping[str, Hold]
) -> EvidenceEvent:
    """The event that places a hold.

    Raises:
        InputError: the id, the year, or who or why is missing or out of bounds.
        ConflictError: a hold of that id is in force on another log, or there are too many.
    """
    if _ID.fullmatch(hold_id) is None or not 1000 <= year <= 9999:
        raise InputError("not a hold's id and year", got=hold_id[:80], year=year, expected="such as case-17 and 2026")
    known = holds.get(hold_id)
    if (known is not None and known.year != year) or (known is None and len(holds) >= HOLDS_MAX):
        raise ConflictError(
            "hold cannot be placed",
            hold=hold_id,
            in_force_on=known.year if known else None,
            holds_max=HOLDS_MAX,
            todo="Choose another id, or lift holds that are over",
        )
    body: dict[str, Json] = {"hold": hold_id, "year": year, "by": _text(by, "by"), "why": _text(why, "why")}
    return EvidenceEvent(tenant, f"hold/{hold_id}/placed", EventType.LEGAL_HOLD_PLACED, at, body)


def lift_hold(
    tenant: TenantId, hold_id: str, *, by: str, why: str, at: datetime, holds: Mapping[str, Hold]
) -> EvidenceEvent:
    """The event that lifts a hold.

    Raises:
        InputError: who or why is missing or too long.
        ConflictError: no such hold is in force.
    """
    if hold_id not in holds:
        raise ConflictError("no such hold is in force", hold=hold_id[:100], todo="List the holds in force")
    body: dict[str, Json] = {
        "hold": hold_id,
        "year": holds[hold_id].year,
        "by": _text(by, "by"),
        "why": _text(why, "why"),
    }
    return EvidenceEvent(tenant, f"hold/{hold_id}/lifted", EventType.LEGAL_HOLD_LIFTED, at, body)


def holds_after(
    holds: Mapping[str, Hold], event_type: str, body: Mapping[str, Json], *, recorded_in: int
) -> Mapping[str, Hold]:
    """Holds in force after an entry of any type; entries of all the tenant's logs are taken in their order.

    Raises:
        IntegrityError: an entry about a hold does not say which.
    """
    if event_type == EventType.LEGAL_HOLD_PLACED:
        hold = _read(body, recorded_in)
        return {**holds, hold.id: hold}
    if event_type == EventType.LEGAL_HOLD_LIFTED:
        lifted = _read(body, recorded_in).id
        return {hold_id: hold for hold_id, hold in holds.items() if hold_id != lifted}
    return holds


class HoldEvents:
    """A log's entries about holds, in their order: a read model, so that a year's entries are read once."""

    name = "legal-holds/1"

    def changes(self, state: State, index: int, entry: Entry) -> Mapping[str, Json]:
        """The entry's type and body, if it is about a hold."""
        del state
        if entry["type"] not in _HOLD_TYPES:
            return {}
        return {f"{index:012d}": {"type": entry["type"], "body": entry["body"]}}


def holds_in_force(states: Iterable[tuple[int, State]]) -> Mapping[str, Hold]:
    """A tenant's holds by id.

    Args:
        states: year and read model of each of its logs, oldest first.

    Raises:
        IntegrityError: an entry about a hold does not say which.
    """
    holds: Mapping[str, Hold] = {}
    for year, state in states:
        for _, line in sorted(state.items()):
            row = cast("dict[str, Json]", line)
            holds = holds_after(holds, str(row["type"]), cast("dict[str, Json]", row["body"]), recorded_in=year)
    return holds


def _read(body: Mapping[str, Json], recorded_in: int) -> Hold:
    hold_id, year, by, why = (body.get(name) for name in ("hold", "year", "by", "why"))
    if not isinstance(hold_id, str) or not isinstance(year, int) or not isinstance(by, str) or not isinstance(why, str):
        raise IntegrityError(
            "entry about a legal hold is not of its form",
            year=recorded_in,
            got=sorted(body),
            expected="hold, year, by, why",
            todo="Find out who wrote that entry; no log of this tenant expires until it is understood",
        )
    return Hold(hold_id, year, by, why, recorded_in)


def _text(value: str, name: str) -> str:
    if not value.strip() or len(value) > TEXT_LENGTH_MAX:
        raise InputError(
            "a legal hold says by whom and why",
            field=name,
            expected=f"1 to {TEXT_LENGTH_MAX} characters",
            todo="Name the principal's id, and the matter",
        )
    return value
