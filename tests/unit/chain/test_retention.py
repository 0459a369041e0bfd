"""Whole logs go, frozen ones, after their time, unless somebody holds them; and a stop half-way is made good."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chain.entry import encode_event
from chain.legal_hold import HOLDS_MAX, TEXT_LENGTH_MAX, Hold, holds_after, lift_hold, place_hold
from chain.publication import Publication
from chain.retention import Expiry, Kept, KeptReason, Shard, expire, forgettable_year, judge, retention_ends
from chain.storage.contract import BlobStore
from chain.storage.opening import open_store
from chain.tree_hash import Twin
from domain.errors import ConflictError, InputError, IntegrityError
from domain.evidence import EventType
from domain.tenancy import TenantId
from tests.unit.chain.test_publication import SmallLog, StoppedError, StoppingStore

ACME = TenantId("acme")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
OVER = datetime(2027, 1, 1, tzinfo=UTC)
HOLD = Hold("case-1", 2019, by="p-17", why="matter 4711", recorded_in=2024)


@pytest.fixture
def log(tmp_path: Path) -> SmallLog:
    made = SmallLog(tmp_path / "log", "example.org/evidence/acme/2019")
    made.grow(600)
    return made


@pytest.fixture
def shard(log: SmallLog) -> Shard:
    notes = log.notes()
    return Shard(ACME, 2019, "example.org/evidence/acme/2019", Twin(notes.sha256.note, notes.sha3_256.note))


def test_retention_counts_from_the_end_of_the_year() -> None:
    assert retention_ends(2019) == OVER
    assert retention_ends(2019, retention_years=10) == datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("years", [0, -1, 101])
def test_a_retention_out_of_bounds_is_refused(years: int) -> None:
    with pytest.raises(InputError, match="retention"):
        retention_ends(2019, retention_years=years)


def test_a_log_that_is_over_goes_and_its_event_keeps_the_final_checkpoints(shard: Shard) -> None:
    verdict = judge(shard, {}, now=OVER)
    assert isinstance(verdict, Expiry)
    assert shard.final_notes is not None
    assert verdict.event.type is EventType.SHARD_EXPIRED
    assert verdict.event.body == {
        "year": 2019,
        "origin": shard.origin,
        "size": 600,
        "checkpoint": shard.final_notes.sha256,
        "checkpoint_sha3": shard.final_notes.sha3_256,
        "retained_until": "2027-01-01T00:00:00Z",
        "retention_years": 7,
    }
    assert encode_event(verdict.event, {})


def test_the_event_of_a_decision_that_is_repeated_later_is_the_same(shard: Shard) -> None:
    first, second = judge(shard, {}, now=OVER), judge(shard, {}, now=OVER + timedelta(days=9))
    assert isinstance(first, Expiry)
    assert isinstance(second, Expiry)
    assert encode_event(first.event, {}) == encode_event(second.event, {})


def test_each_reason_to_keep_a_log_is_told(shard: Shard) -> None:
    other = replace(HOLD, id="case-2", year=2018, recorded_in=2019)
    kept = {
        KeptReason.OPEN: judge(replace(shard, final_notes=None), {}, now=OVER),
        KeptReason.RETAINED: judge(shard, {}, now=OVER - timedelta(seconds=1)),
        KeptReason.HELD: judge(shard, {"case-1": HOLD}, now=OVER),
        KeptReason.RECORDS_HOLD: judge(shard, {"case-2": other}, now=OVER),
    }
    for reason, verdict in kept.items():
        assert isinstance(verdict, Kept)
        assert (verdict.reason, verdict.until) == (reason, OVER)
    assert [getattr(verdict, "holds", None) for verdict in kept.values()] == [(), (), ("case-1",), ("case-2",)]


def test_a_longer_retention_keeps_a_log_longer(shard: Shard) -> None:
    assert isinstance(judge(shard, {}, now=OVER, retention_years=8), Kept)


def test_a_hold_is_in_force_from_its_placing_to_its_lifting(shard: Shard) -> None:
    placed = place_hold(ACME, "case-1", year=2019, by="p-17", why="matter 4711", at=NOON, holds={})
    holds = holds_after({}, placed.type, placed.body, recorded_in=2024)
    assert holds == {"case-1": HOLD}
    assert isinstance(judge(shard, holds, now=OVER), Kept)
    lifted = lift_hold(ACME, "case-1", by="p-18", why="matter closed", at=NOON, holds=holds)
    assert encode_event(placed, {}) != encode_event(lifted, {})
    holds = holds_after(holds, lifted.type, lifted.body, recorded_in=2025)
    assert holds == {}
    assert isinstance(judge(shard, holds, now=OVER), Expiry)


def test_two_holds_on_a_log_are_lifted_one_by_one() -> None:
    holds = {"case-1": HOLD, "case-2": replace(HOLD, id="case-2")}
    lifted = lift_hold(ACME, "case-2", by="p-18", why="matter closed", at=NOON, holds=holds)
    assert holds_after(holds, lifted.type, lifted.body, recorded_in=2025) == {"case-1": HOLD}
    assert holds_after(holds, "PolicyEvaluated", {}, recorded_in=2025) == holds


@pytest.mark.parametrize(
    ("hold_id", "year", "by", "why"),
    [
        ("", 2019, "p", "m"),
        ("a/b", 2019, "p", "m"),
        ("a", 19, "p", "m"),
        ("a", 2019, " ", "m"),
        ("a", 2019, "p", ""),
        ("a", 2019, "p", "m" * (TEXT_LENGTH_MAX + 1)),
    ],
)
def test_a_hold_without_id_year_person_or_reason_is_refused(hold_id: str, year: int, by: str, why: str) -> None:
    with pytest.raises(InputError, match="hold"):
        place_hold(ACME, hold_id, year=year, by=by, why=why, at=NOON, holds={})


def test_a_hold_cannot_move_to_another_log_and_their_number_is_bounded() -> None:
    with pytest.raises(ConflictError, match="cannot be placed"):
        place_hold(ACME, "case-1", year=2020, by="p", why="m", at=NOON, holds={"case-1": HOLD})
    many = {f"case-{number}": HOLD for number in range(HOLDS_MAX)}
    with pytest.raises(ConflictError, match="cannot be placed"):
        place_hold(ACME, "case-new", year=2019, by="p", why="m", at=NOON, holds=many)
    again = place_hold(ACME, "case-1", year=2019, by="p", why="m", at=NOON, holds=many)
    assert again.request_id == "hold/case-1/placed"


def test_a_hold_that_is_not_in_force_cannot_be_lifted() -> None:
    with pytest.raises(ConflictError, match="no such hold"):
        lift_hold(ACME, "case-9", by="p", why="m", at=NOON, holds={"case-1": HOLD})


def test_an_entry_about_a_hold_that_cannot_be_read_is_never_ignored() -> None:
    with pytest.raises(IntegrityError, match="not of its form"):
        holds_after({}, EventType.LEGAL_HOLD_PLACED, {"hold": "case-1", "year": "2019"}, recorded_in=2024)


@pytest.mark.parametrize(
    ("present", "expected"), [([2019, 2021, 2027], 2018), ([2021, 2027], 2020), ([2027], 2026), ([], 2026)]
)
def test_the_journal_of_a_year_goes_when_no_log_of_it_or_before_is_left(present: list[int], expected: int) -> None:
    assert forgettable_year(present, newest=2027) == expected


def test_there_is_no_year_before_the_first() -> None:
    assert forgettable_year([1], newest=2027) is None


@pytest.fixture(params=["files", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return open_store(str(tmp_path / "evidence") if request.param == "files" else "memory:///")


def filled(store: BlobStore, log: SmallLog, mark: Path) -> tuple[BlobStore, BlobStore]:
    published, private = store.below("public/2019/"), store.below("private/2019/")
    log.publish(Publication(published, mark, log.keys), {"ab" * 32: lambda: [b"artifact"]})
    private.put("ab" * 32, b"artifact")
    store.put("public/2020/checkpoint", b"another year's")
    return published, private


def test_a_log_that_goes_goes_whole_and_takes_nothing_with_it(
    store: BlobStore, log: SmallLog, shard: Shard, tmp_path: Path
) -> None:
    published, private = filled(store, log, tmp_path / "mark")
    verdict = judge(shard, {}, now=OVER)
    assert isinstance(verdict, Expiry)
    assert expire(verdict.final_notes, published, [private]) > 10
    assert [item.name for item in store.listing()] == ["public/2020/checkpoint"]
    assert expire(verdict.final_notes, published, [private]) == 0


def test_a_stop_at_any_moment_is_made_good_by_repeating(
    store: BlobStore, log: SmallLog, shard: Shard, tmp_path: Path
) -> None:
    verdict = judge(shard, {}, now=OVER)
    assert isinstance(verdict, Expiry)
    for changes in range(100):
        published, private = filled(store, log, tmp_path / f"mark-{changes}")
        try:
            expire(verdict.final_notes, StoppingStore(published, changes), [private])
        except StoppedError:
            left = {item.name for item in published.listing()}
            assert "checkpoint" in left
            expire(verdict.final_notes, published, [private])
            assert [item.name for item in store.listing()] == ["public/2020/checkpoint"]
        else:
            break
    assert changes > 10


def test_files_of_another_log_or_state_are_not_deleted(
    store: BlobStore, log: SmallLog, shard: Shard, tmp_path: Path
) -> None:
    verdict = judge(shard, {}, now=OVER)
    assert isinstance(verdict, Expiry)
    log.grow(601)
    published, private = filled(store, log, tmp_path / "mark")
    before = [item.name for item in store.listing()]
    with pytest.raises(ConflictError, match="not the files"):
        expire(verdict.final_notes, published, [private])
    published.delete("checkpoint")
    with pytest.raises(ConflictError, match="not the files"):
        expire(verdict.final_notes, published, [private])
    assert len([item.name for item in store.listing()]) == len(before) - 1
