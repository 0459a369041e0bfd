"""A year's expected loss on two days: the difference is of what changed, and unknown where a price or a scan lacks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from assessment.failure_estate import FailureEstate
from assessment.finding_lives import FindingLife, Lives
from assessment.impact_assumptions import Assumptions, default_assumptions
from assessment.impact_exposure import exposure
from assessment.impact_risk import worst_of_each
from assessment.risk_change import risk_change, risk_exposure
from domain.finding import Severity
from tests.unit.assessment.impact_samples import disk, estate, vm

EUROS = default_assumptions().with_own({"currency": "EUR"})
BOTH = {vm(1): "critical", vm(2): "high"}


def change(
    start: dict[str, str] | None, now: dict[str, str], assumed: Assumptions = EUROS, of: FailureEstate | None = None
) -> dict[str, Any]:
    asked = risk_exposure(start, now, assumed)
    return risk_change(start, now, exposure(of or estate(), asked), assumed)


def test_mending_everything_leaves_the_share_that_is_assumed_to_come_through() -> None:
    found = change(BOTH, {})

    residual = EUROS.range("incident.residual").mean
    assert found["yearly"]["now"]["mean"] == pytest.approx(residual * found["yearly"]["at_start"]["mean"], rel=0.2)
    assert found["reduction_share"] == pytest.approx(1 - residual, abs=0.02)
    assert (found["resources_at_start"], found["resources_now"], found["not_priced"]) == (2, 0, 0)
    assert found["reason"] is None


def test_where_nothing_changed_no_year_differs() -> None:
    found = change(BOTH, BOTH)
    assert found["yearly"]["reduction"] == {"mean": 0, "low": 0, "high": 0, "currency": "EUR"}
    assert found["yearly"]["at_start"]["mean"] > 0


def test_what_is_new_is_the_mirror_of_what_is_mended() -> None:
    assert change({}, BOTH)["reduction_share"] < 0
    worse = change({vm(1): "medium"}, {vm(1): "critical"})
    assert worse["yearly"]["reduction"]["mean"] < 0


def test_the_parts_add_up_to_the_year_and_rest_on_named_assumptions() -> None:
    found = change(BOTH, {vm(2): "high"})

    for day in ("at_start", "now", "reduction"):
        parts = sum(part[day]["mean"] for part in found["parts"])
        assert found["yearly"][day]["mean"] == pytest.approx(parts, abs=0.02)
    assert [row["name"] for row in found["assumptions"]] == found["rests_on"]
    assert "incident.critical.yearly" in found["rests_on"]
    assert found["judgement"] == len(found["assumptions"])


def test_the_same_question_has_the_same_answer() -> None:
    assert change(BOTH, {}) == change(BOTH, {})


def test_currencies_are_never_added() -> None:
    found = change(BOTH, {}, default_assumptions())
    assert [part["now"]["currency"] for part in found["parts"]] == ["EUR", "USD"]
    assert found["yearly"] is found["reduction_share"] is None
    assert "two currencies" in found["reason"]


def test_without_a_bill_or_a_value_the_year_is_not_known() -> None:
    found = change(BOTH, {}, of=estate(with_bill=False))
    assert [part["part"] for part in found["parts"]] == ["response"]
    assert found["yearly"] is None
    assert "no bill" in found["reason"]


def test_without_a_scan_by_the_first_day_only_today_is_known() -> None:
    found = change(None, BOTH)
    assert found["yearly"]["now"]["mean"] > 0
    assert found["yearly"]["at_start"] is found["yearly"]["reduction"] is found["reduction_share"] is None
    assert "no scan" in found["reason"]


def test_a_resource_that_is_gone_is_told_beside_and_brings_no_outage() -> None:
    found = change({"gone": "critical"}, {})
    outage, response = found["parts"]
    assert found["not_priced"] == 1
    assert outage["at_start"]["mean"] == 0
    assert response["reduction"]["mean"] > 0


def test_more_incidents_than_can_be_simulated_are_unknown_and_not_a_failure() -> None:
    many = EUROS.with_own({"ranges": {"incident.critical.yearly": {"low": 9_000, "high": 9_000}}})
    found = change(dict.fromkeys((vm(1), vm(2), disk(1)), "critical"), {}, many)
    assert found["yearly"] is None
    assert "too frequent" in found["reason"]


def test_what_stood_open_on_a_day_is_not_known_before_the_first_scan() -> None:
    first, later = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    ended = FindingLife("p", "a", Severity.HIGH, first, is_first=True, closed_at=later)
    stands = FindingLife("p", "b", Severity.LOW, later, is_first=False)
    lives = Lives(first, later, (ended, stands))

    assert lives.open_on(date(2026, 5, 31)) is None
    assert lives.open_on(date(2026, 6, 30)) == (ended,)
    assert lives.open_on(date(2026, 7, 1)) == lives.open_on() == (stands,)


def test_a_resource_counts_with_its_worst_violation() -> None:
    assert worst_of_each([("a", "low"), ("a", "critical"), ("a", "high")]) == {"a": "critical"}
