"""Lists of a tenant's evidence and blocks: pages, newest first, read from the logs themselves.

A page looks at a bounded number of entries, so it may hold fewer rows than asked for, or none, and still have a next
one. The log's own entries (blocks, shards) are left out unless their type is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, cast

import orjson

from chain.entry import BLOCK_REQUEST_PREFIX
from domain.clock import format_instant, parse_instant
from domain.errors import InputError
from domain.evidence import PLATFORM_EVENTS, EntryId, EventType, LogName, Receipt
from domain.value import Json

EXAMINED_MAX: Final = 2_000
PAGE_MAX: Final = 1_000
_SCANS: Final = frozenset(
    {
        EventType.POLICY_EVALUATED,
        EventType.DRIFT_DETECTED,
        EventType.PREDICTION_GENERATED,
        EventType.REMEDIATION_APPLIED,
        EventType.COMPLIANCE_CHECKED,
    }
)
HOUSEKEEPING: Final = PLATFORM_EVENTS - _SCANS
_HOUSEKEEPING_TAILS: Final = tuple(f'"type":"{kind.value}","v":1}}'.encode() for kind in sorted(HOUSEKEEPING))


class ListedLog(Protocol):
    """What is read of a year's log."""

    @property
    def name(self) -> LogName: ...

    @property
    def size(self) -> int: ...

    def entry(self, index: int) -> bytes: ...

    def receipt(self, request_id: str) -> Receipt | None: ...


@dataclass(frozen=True, slots=True)
class EvidenceQuery:
    """Which evidence is asked for.

    Args:
        since, until: by the entries' own times; `until` is not in it.
        before: only entries before this one, as the former page's `next_cursor` says.
    """

    type: EventType | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: EntryId | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One line of a list of evidence."""

    id: EntryId
    type: str
    at: str
    callers_id: str | None
    subject: str | None
    result: str | None


@dataclass(frozen=True, slots=True)
class EvidencePage:
    """Rows, and where the next page begins."""

    items: tuple[EvidenceRow, ...]
    next_cursor: EntryId | None


@dataclass(frozen=True, slots=True)
class BlockRow:
    """One block: its height in its year's log, its entry, and what it states."""

    id: EntryId
    entry_id: EntryId
    size: int
    sealed_at: str
    root_sha256: str
    root_sha3_256: str


@dataclass(frozen=True, slots=True)
class BlockPage:
    """Blocks, and where the next page begins."""

    items: tuple[BlockRow, ...]
    next_cursor: EntryId | None


def evidence_page(logs: Sequence[ListedLog], query: EvidenceQuery) -> EvidencePage:
    """A page of evidence.

    Args:
        logs: the tenant's, newest year first.
    """
    _require_limit(query.limit)
    wanted = _test_of(query)
    found: list[EvidenceRow] = []
    for examined, (log, index) in enumerate(_places(logs, query.before, lambda log: log.size)):
        if len(found) == query.limit or examined == EXAMINED_MAX:
            return EvidencePage(tuple(found), log.name.entry(index + 1))
        row = _row(log, index, query.type, wanted)
        if row is not None:
            found.append(row)
    return EvidencePage(tuple(found), None)


def block_page(logs: Sequence[ListedLog], *, before: EntryId | None, limit: int) -> BlockPage:
    """A page of blocks.

    Args:
        logs: the tenant's, newest year first.
        before: only blocks below this one.
    """
    _require_limit(limit)
    found: list[BlockRow] = []
    for log, height in _places(logs, before, block_count):
        if len(found) == limit:
            return BlockPage(tuple(found), log.name.entry(height + 1))
        found.append(_block(log, height))
    return BlockPage(tuple(found), None)


def block_count(log: ListedLog) -> int:
    """Number of a log's blocks. Heights have no gaps, so it is found by doubling and halving."""
    high = 1
    while _block_receipt(log, high - 1) is not None:
        high *= 2
    low = high // 2
    while low < high:
        middle = (low + high) // 2
        if _block_receipt(log, middle) is None:
            high = middle
        else:
            low = middle + 1
    return low


def _places(
    logs: Sequence[ListedLog], before: EntryId | None, count: Callable[[ListedLog], int]
) -> Iterator[tuple[ListedLog, int]]:
    """Places in the logs, newest first."""
    for log in logs:
        if before is None or log.name <= before.log:
            end = count(log)
            if before is not None and log.name == before.log:
                end = min(end, before.index)
            for index in range(end - 1, -1, -1):
                yield log, index


def _test_of(query: EvidenceQuery) -> Callable[[datetime], bool]:
    since, until = query.since, query.until
    return lambda at: (since is None or since <= at) and (until is None or at < until)


def _row(
    log: ListedLog, index: int, kind: EventType | None, is_wanted: Callable[[datetime], bool]
) -> EvidenceRow | None:
    content = log.entry(index)
    tails = _HOUSEKEEPING_TAILS if kind is None else f'"type":"{kind.value}","v":1}}'.encode()
    if content.endswith(tails) is (kind is None):
        return None
    entry = cast("dict[str, Json]", orjson.loads(content))
    at = parse_instant(str(entry["at"]))
    if not is_wanted(at):
        return None
    body = cast("Mapping[str, Json]", entry["body"])
    return EvidenceRow(
        id=log.name.entry(index),
        type=str(entry["type"]),
        at=format_instant(at),
        callers_id=_text(body, "id"),
        subject=_text(body, "subject") or _text(body, "policy") or _text(body, "file"),
        result=_text(body, "result") or _text(body, "verdict") or _text(body, "state"),
    )


def _block(log: ListedLog, height: int) -> BlockRow:
    receipt = _block_receipt(log, height)
    assert receipt is not None, "heights have no gaps"
    body = cast("dict[str, Json]", orjson.loads(log.entry(receipt.index))["body"])
    return BlockRow(
        id=log.name.entry(height),
        entry_id=log.name.entry(receipt.index),
        size=cast("int", body["size"]),
        sealed_at=str(body["ts"]),
        root_sha256=str(body["root_sha256"]),
        root_sha3_256=str(body["root_sha3_256"]),
    )


def _block_receipt(log: ListedLog, height: int) -> Receipt | None:
    return log.receipt(f"{BLOCK_REQUEST_PREFIX}{height}")


def _text(body: Mapping[str, Json], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) else None


def _require_limit(limit: int) -> None:
    if not 1 <= limit <= PAGE_MAX:
        raise InputError("a page of another size", got=limit, expected=f"1 to {PAGE_MAX}")
