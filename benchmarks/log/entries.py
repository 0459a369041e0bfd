"""The entries that everything here is measured with: verdicts as a scan records them, about 300 bytes each.

Ten million events would take longer to encode than to record, so entries are written from one encoded event by putting
numbers in; that they are spelled as the product spells them is asserted on the first of every batch.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from chain.batch import EntryBatch, encode
from chain.tree_hash import BOTH, Twin
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId

BENCH: Final = TenantId("bench")
AT: Final = datetime(2026, 11, 24, tzinfo=UTC)

_NUMBER: Final = 9_999_999_999


def make_event(number: int) -> EvidenceEvent:
    """One verdict."""
    return EvidenceEvent(
        tenant=BENCH,
        request_id=f"scan-1/{number:010d}",
        type=EventType.POLICY_EVALUATED,
        occurred_at=AT,
        body={
            "policy": "pcg-117",
            "resource": f"/subscriptions/0/resourceGroups/g291/vm-{number:010d}",
            "reason": "public access is on and no exemption names it",
            "severity": "high",
            "verdict": "fail",
        },
    )


def make_batches(count: int, size: int, *, start: int = 0) -> Iterator[EntryBatch]:
    """Batches of encoded and hashed entries, as senders hand them over."""
    for first in range(start, start + count, size):
        yield make_batch(first, min(size, start + count - first))


def make_batch(first: int, count: int) -> EntryBatch:
    """Consecutive entries from a number on."""
    entries = make_entries(first, count)
    assert encode(make_event(first)).content == entries[0], "entry is not spelled as the product spells it"
    return EntryBatch(
        (BENCH,),
        array("I", bytes(4 * count)),
        tuple([f"scan-1/{number:010d}" for number in range(first, first + count)]),
        array("H", [len(entries[0])]) * count,
        b"".join(entries),
        Twin(b"".join(BOTH.sha256.leaves(entries)), b"".join(BOTH.sha3_256.leaves(entries))),
    )


def make_entries(first: int, count: int) -> list[bytes]:
    """The entries alone."""
    pieces = encode(make_event(_NUMBER)).content.split(str(_NUMBER).encode())
    head, middle, tail = pieces
    numbers = [b"%010d" % number for number in range(first, first + count)]
    return [head + number + middle + number + tail for number in numbers]
