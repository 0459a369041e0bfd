"""Lists, counts and heads of a tenant's logs, over real logs of two years."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from actors.evidence_chain import EvidenceChain
from actors.evidence_pages import EXAMINED_MAX, EvidenceQuery
from actors.folders import Folders
from chain.batch import EntryBatch
from domain.errors import InputError
from domain.evidence import EntryId, EventType, EvidenceEvent
from domain.tenancy import TenantId

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = NEW_YEAR - timedelta(days=1)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chain(tmp_path: Path, clock: Clock) -> Iterator[EvidenceChain]:
    found = EvidenceChain(Folders(tmp_path), clock)
    yield found
    found.close()


def add(chain: EvidenceChain, *names: str, at: datetime, kind: EventType = EventType.ACCESS_REVIEW) -> None:
    chain.append(
        EntryBatch.encode(
            [EvidenceEvent(ACME, f"api/id/{name}", kind, at, {"id": name, "subject": name[0]}) for name in names]
        )
    )


def two_years(chain: EvidenceChain, clock: Clock) -> None:
    add(chain, "a1", "b1", at=clock.at)
    chain.publish(ACME)
    clock.at = NEW_YEAR + timedelta(hours=1)
    add(chain, "a2", at=clock.at)
    add(chain, "c2", at=clock.at, kind=EventType.SCAN_RESULT)
    chain.publish(ACME)


def test_a_page_goes_on_into_the_former_year(chain: EvidenceChain, clock: Clock) -> None:
    two_years(chain, clock)
    first = chain.page(ACME, EvidenceQuery(limit=3))
    assert [row.callers_id for row in first.items] == ["c2", "a2", "b1"]
    second = chain.page(ACME, EvidenceQuery(limit=3, before=first.next_cursor))
    assert [str(row.id) for row in second.items] == ["2026-0"]
    assert second.next_cursor is None


def test_a_page_is_filtered_by_type_and_time(chain: EvidenceChain, clock: Clock) -> None:
    two_years(chain, clock)
    assert [row.callers_id for row in chain.page(ACME, EvidenceQuery(type=EventType.SCAN_RESULT)).items] == ["c2"]
    assert [row.callers_id for row in chain.page(ACME, EvidenceQuery(until=NEW_YEAR)).items] == ["b1", "a1"]
    assert [row.callers_id for row in chain.page(ACME, EvidenceQuery(since=NEW_YEAR)).items] == ["c2", "a2"]
    assert [row.type for row in chain.page(ACME, EvidenceQuery(type=EventType.SHARD_OPENED)).items] == ["shard_opened"]


def test_a_page_looks_at_a_bounded_number_of_entries(chain: EvidenceChain, clock: Clock) -> None:
    add(chain, "wanted", at=clock.at, kind=EventType.SCAN_RESULT)
    add(chain, *(f"x{number}" for number in range(EXAMINED_MAX)), at=clock.at)
    first = chain.page(ACME, EvidenceQuery(type=EventType.SCAN_RESULT))
    assert (first.items, first.next_cursor) == ((), EntryId(2026, 1))
    second = chain.page(ACME, EvidenceQuery(type=EventType.SCAN_RESULT, before=first.next_cursor))
    assert [row.callers_id for row in second.items] == ["wanted"]


@pytest.mark.parametrize("limit", [0, 1_001])
def test_a_page_has_a_size(chain: EvidenceChain, limit: int) -> None:
    with pytest.raises(InputError):
        chain.page(ACME, EvidenceQuery(limit=limit))
    with pytest.raises(InputError):
        chain.blocks(ACME, before=None, limit=limit)


def test_blocks_of_both_years_are_listed(chain: EvidenceChain, clock: Clock) -> None:
    two_years(chain, clock)
    first = chain.blocks(ACME, before=None, limit=1)
    rest = chain.blocks(ACME, before=first.next_cursor, limit=10)
    assert [str(row.id) for row in (*first.items, *rest.items)] == ["2027-0", "2026-0"]
    assert rest.items[0].size == 2


def test_heads_say_what_is_recorded_and_published(chain: EvidenceChain, clock: Clock) -> None:
    two_years(chain, clock)
    add(chain, "d2", at=clock.at)
    heads = chain.heads(ACME)
    assert [(head.year, head.blocks) for head in heads] == [(2026, 1), (2027, 1)]
    assert heads[1].head is not None
    assert heads[1].recorded == heads[1].head.size + 1


def test_a_log_that_was_never_published_has_no_head(chain: EvidenceChain, clock: Clock) -> None:
    add(chain, "a", at=clock.at)
    assert [head.head for head in chain.heads(ACME)] == [None]


def test_counts_and_the_latest_are_those_of_all_years(chain: EvidenceChain, clock: Clock, tmp_path: Path) -> None:
    two_years(chain, clock)
    counts = chain.counts(ACME)
    assert counts.covered == sum(head.recorded for head in chain.heads(ACME))
    assert [(row.day, row.count) for row in counts.days if row.type == "access_review"] == [
        ("2026-12-31", 2),
        ("2027-01-01", 1),
    ]
    assert [(row.name, str(row.evidence_id)) for row in chain.latest(ACME, "subject", limit=10)] == [
        ("a", "2027-1"),
        ("b", "2026-1"),
        ("c", "2027-2"),
    ]
    assert [row.name for row in chain.latest(ACME, "subject", after="a", limit=1)] == ["b"]
    assert len(list((tmp_path / "tenants" / "acme" / "read_models").iterdir())) == 4


def test_another_tenant_sees_nothing_of_it(chain: EvidenceChain, clock: Clock) -> None:
    two_years(chain, clock)
    assert chain.page(GLOBEX, EvidenceQuery()).items == ()
    assert chain.blocks(GLOBEX, before=None, limit=1).items == ()
    assert chain.counts(GLOBEX).days == ()
    assert chain.latest(GLOBEX, "subject", limit=1) == []
    assert chain.heads(GLOBEX) == []
