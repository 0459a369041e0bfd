"""How long findings live, from scan to scan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from assessment.finding_lives import finding_lives
from domain.finding import PolicyId, Severity, Violation
from domain.resource import ResourceId

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def found(*names: str) -> frozenset[Violation]:
    return frozenset(Violation(ResourceId(name), PolicyId("p"), Severity.HIGH) for name in names)


def scans(*found_by_day: frozenset[Violation]) -> list[tuple[datetime, frozenset[Violation]]]:
    return [(DAY + timedelta(days=place), each) for place, each in enumerate(found_by_day)]


def test_a_finding_lives_from_the_scan_that_found_it_to_the_one_that_did_not() -> None:
    lives = finding_lives(reversed(scans(found("a"), found("a", "b"), found("b"), found("b"))))

    assert [(each.resource_id, each.is_first, each.closed_at) for each in lives.lives] == [
        ("a", True, DAY + timedelta(days=2)),
        ("b", False, None),
    ]
    assert (lives.days, lives.born(), lives.closed(), lives.exposure_days()) == (3, 1, 1, 4)


def test_one_that_comes_back_begins_anew() -> None:
    lives = finding_lives(scans(found("a"), found(), found("a")))
    assert [each.opened_at for each in lives.lives] == [DAY, DAY + timedelta(days=2)]
    assert (lives.born(), lives.closed()) == (1, 1)


def test_ids_that_differ_in_case_are_one_where_the_provider_says_so() -> None:
    group = "/subscriptions/S/resourceGroups/G"
    assert len(finding_lives(scans(found(group), found(group.upper()))).lives) == 1


def test_without_scans_nothing_is_known() -> None:
    lives = finding_lives(())
    assert (lives.days, lives.exposure_days(), lives.lives) == (0, 0, ())


def test_lives_of_some_policies_keep_the_time_that_was_looked() -> None:
    lives = finding_lives(scans(found("a"), found("a")))
    assert (lives.of({"q"}).lives, lives.of({"q"}).days) == ((), 1)
