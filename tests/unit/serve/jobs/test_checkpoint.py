"""What a bulk scan keeps of its progress comes back whole, and another plan begins anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.inventory import FileReport, Gap, RecordClass
from domain.resource import Origin
from serve.jobs.checkpoint import Checkpoint, Plan, plan_digest
from serve.jobs.partition import Part
from serve.jobs.place import Place
from tests.unit.connectors.stream.changes import TENANT, item

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
PLAN = Plan("a" * 64, AS_OF, 3)
REPORT = FileReport(
    "s3://exports/a.ndjson",
    "ndjson",
    3,
    ((RecordClass.RESOURCE, 2), (RecordClass.GAP, 1)),
    2,
    (Gap(Origin("s3://exports/a.ndjson", 3), "not JSON", "Export it again"),),
)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return Checkpoint(Place(str(tmp_path / "out")))


def test_a_part_that_was_read_comes_back_bucket_by_bucket(checkpoint: Checkpoint) -> None:
    buckets = ((item("a"), item("b", size=7)), (), (item("c"),))
    checkpoint.save_part(4, buckets, (REPORT,))

    assert [tuple(checkpoint.items(4, number, TENANT)) for number in range(3)] == list(buckets)
    assert checkpoint.reports(4) == [REPORT]


def test_what_is_done_is_known_to_the_next_run(checkpoint: Checkpoint, tmp_path: Path) -> None:
    assert checkpoint.resume(PLAN) is PLAN
    checkpoint.save_part(0, ((item("a"),), (), ()), (REPORT,))
    checkpoint.save_part(12, ((), (), ()), ())
    checkpoint.save_bucket(2, {"resources": 5})

    other = Checkpoint(Place(str(tmp_path / "out")))
    later = replace(PLAN, as_of=datetime(2026, 4, 1, tzinfo=UTC), buckets=8)

    assert other.resume(later) == PLAN
    assert other.done() == (frozenset({0, 12}), frozenset({2}))
    assert other.bucket(2) == {"resources": 5}


def test_another_plan_begins_anew(checkpoint: Checkpoint) -> None:
    checkpoint.resume(PLAN)
    checkpoint.save_part(0, ((), (), ()), ())
    other = Plan("b" * 64, AS_OF, 2)

    assert checkpoint.resume(other) is other
    assert checkpoint.done() == (frozenset(), frozenset())


def test_nothing_is_left_once_it_is_cleared(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.resume(PLAN)
    checkpoint.save_bucket(0, {})
    checkpoint.clear()
    checkpoint.clear()

    assert not (tmp_path / "out" / "work").exists()


def test_everything_that_decides_a_result_is_in_the_digest() -> None:
    part = Part(Place("s3://exports/a.ndjson"), 0, 10, "10@2026")

    def digest(found: Part = part, policies: tuple[str, ...] = ("p d",), as_of: datetime | None = AS_OF) -> str:
        return plan_digest([found], policies, tenant=TENANT, as_of=as_of)

    different = {
        digest(),
        digest(replace(part, end=11)),
        digest(replace(part, version="10@2027")),
        digest(replace(part, place=Place("s3://exports/b.ndjson"))),
        digest(policies=("p e",)),
        digest(as_of=None),
    }
    assert len(different) == 6
    assert digest() == digest()
    with_key = Place("s3://key:secret@exports/a.ndjson?endpoint_override=x")
    assert digest(replace(part, place=with_key)) == digest(replace(part, place=Place("s3://key@exports/a.ndjson")))
