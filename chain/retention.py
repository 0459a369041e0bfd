"""How long evidence is kept, and how a year's log comes to its end.

Logs are kept by calendar year and end as a whole; nothing is ever taken out of one. A log may go when it is frozen, its
retention is over, nobody holds it, and it is not itself the record of a hold in force. The decision is a value. Its
event is entered into a later log, with the final checkpoints, before anything is deleted: whoever kept a proof from the
old log can still show that it was this log's.

Source: the retention is ours to set (7 years by default); C2SP tlog-tiles asks for a written policy before pruning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from chain.checkpoint import parse_checkpoint
from chain.layout import KEYS_FILE, checkpoint_path, find_origin
from chain.legal_hold import Hold
from chain.note import parse_note
from chain.storage.contract import BlobStore
from chain.tree_hash import BOTH, Twin
from domain.clock import format_instant
from domain.errors import ConflictError, InputError, NotFound
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId

RETENTION_YEARS: Final = 7
RETENTION_YEARS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Shard:
    """A year's log, as far as its end is concerned.

    Args:
        final_notes: its signed checkpoints if it is frozen: a later year's log has been opened and names them.
    """

    tenant: TenantId
    year: int
    origin: str
    final_notes: Twin[str] | None = None


class KeptReason(StrEnum):
    """Why a log may not go."""

    OPEN = "it is not frozen"
    RETAINED = "its retention is not over"
    HELD = "a legal hold is on it"
    RECORDS_HOLD = "it is the record of a legal hold in force"
    FOLLOWS = "an earlier log of the tenant is kept, and each year's log begins where the one before it ended"
    PROVES = "logs of tenants are kept whose checkpoints and anchors it holds"


@dataclass(frozen=True, slots=True)
class Kept:
    """A log that stays.

    Args:
        until: end of its retention, the first moment at which it could go.
        holds: which ones keep it.
    """

    shard: Shard
    reason: KeptReason
    until: datetime
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expiry:
    """A log that goes.

    Args:
        event: to be recorded in the tenant's newest log, durably, before anything is deleted. It is the same event
            whenever the decision is made again, and dated by the end of the retention.
    """

    shard: Shard
    final_notes: Twin[str]
    event: EvidenceEvent


def retention_ends(year: int, *, retention_years: int = RETENTION_YEARS) -> datetime:
    """When the last entry that a year's log can hold has been kept long enough.

    Raises:
        InputError: the retention is not a number of years within its bounds.
    """
    if not 1 <= retention_years <= RETENTION_YEARS_MAX:
        raise InputError(
            "retention is out of bounds", got=retention_years, expected=f"1 to {RETENTION_YEARS_MAX} years"
        )
    return datetime(year + 1 + retention_years, 1, 1, tzinfo=UTC)


def judge(
    shard: Shard, holds: Mapping[str, Hold], *, now: datetime, retention_years: int = RETENTION_YEARS
) -> Expiry | Kept:
    """Decide about one log.

    Args:
        holds: all of the tenant's holds in force, by id.
    """
    until = retention_ends(shard.year, retention_years=retention_years)
    on_it = tuple(sorted(hold.id for hold in holds.values() if hold.year == shard.year))
    recorded = tuple(sorted(hold.id for hold in holds.values() if hold.recorded_in == shard.year))
    if shard.final_notes is None:
        return Kept(shard, KeptReason.OPEN, until)
    if now < until:
        return Kept(shard, KeptReason.RETAINED, until)
    if on_it:
        return Kept(shard, KeptReason.HELD, until, on_it)
    if recorded:
        return Kept(shard, KeptReason.RECORDS_HOLD, until, recorded)
    event = _expired(shard, shard.final_notes, until=until, retention_years=retention_years)
    return Expiry(shard, shard.final_notes, event)


def forgettable_year(present: Iterable[int], *, newest: int) -> int | None:
    """The last year whose part of the journal may be deleted: no log of it or of an earlier year is left.

    Args:
        present: years of all logs that are still there, of every tenant and of the platform.
        newest: year of the newest log; its part stays.
    """
    last = min([*present, newest]) - 1
    return last if last > 0 else None


def expire(final_notes: Twin[str], published: BlobStore, private: Collection[BlobStore] = ()) -> int:
    """Delete a log's files. Only after the expiry's event is durable; may be repeated after a stop at any point.

    The checkpoint goes last: as long as anything is left, it says whose it is.

    Args:
        final_notes: the log's last signed checkpoints.
        published: the log's published files and nothing else.
        private: what else is kept for this log alone, such as its artifacts.

    Returns:
        Number of files deleted.

    Raises:
        ConflictError: these are not the files of that log in its final state; nothing is deleted.
    """
    _require_final(final_notes, published)
    count = 0
    for store in private:
        count += _delete(store, [item.name for item in store.listing()])
    last = [KEYS_FILE, checkpoint_path(BOTH.sha3_256), checkpoint_path(BOTH.sha256)]
    names = [item.name for item in published.listing()]
    count += _delete(published, [name for name in names if name not in last])
    for name in last:
        count += _delete(published, [name] if name in names else [])
    published.tidy()
    return count


def _require_final(final_notes: Twin[str], published: BlobStore) -> None:
    """Raise unless these are the files of the log that goes, or none at all."""
    expected, path = parse_note(final_notes.sha256).text, checkpoint_path(BOTH.sha256)
    try:
        got = parse_note(published.get(path).content.decode("utf-8")).text
    except NotFound:
        if next(published.listing(), None) is None:
            return
        got = ""
    if got != expected:
        raise ConflictError(
            "not the files of the log whose retention is over",
            path=published.location,
            expected=expected,
            got=got,
            todo="Verify that folder; nothing in it was deleted",
        )


def _delete(store: BlobStore, names: list[str]) -> int:
    store.delete_all(names)
    return len(names)


def _expired(shard: Shard, notes: Twin[str], *, until: datetime, retention_years: int) -> EvidenceEvent:
    final, origin = parse_checkpoint(parse_note(notes.sha256).text), find_origin(shard.origin)
    name = shard.year if origin is None else origin.name  # a frozen log and its successor are of one year
    return EvidenceEvent(
        tenant=shard.tenant,
        request_id=f"retention/{name}/expired",
        type=EventType.SHARD_EXPIRED,
        occurred_at=until,
        body={
            "year": shard.year,
            "origin": shard.origin,
            "size": final.size,
            "checkpoint": notes.sha256,
            "checkpoint_sha3": notes.sha3_256,
            "retained_until": format_instant(until),
            "retention_years": retention_years,
        },
    )
