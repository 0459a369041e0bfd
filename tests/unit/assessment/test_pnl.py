"""Profit and loss: counted once, the platform's own cost taken off, and nothing claimed that is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from assessment.finding_lives import FindingLife, Lives
from assessment.ledger import Saving, SavingStatus, Step
from assessment.pnl import Books, PlatformCost, dashboard, metrics
from assessment.prevention import Prevention
from assessment.realised import Observed
from assessment.risk_change import unknown_loss
from cost.billing.cells import CellCost
from domain.finding import Severity

START, THROUGH = date(2026, 7, 1), date(2026, 9, 28)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
AUGUST = datetime(2026, 8, 1, tzinfo=UTC)


def saving(name: str, status: SavingStatus = SavingStatus.APPLIED, likely: str = "300") -> Saving:
    amount = Decimal(likely)
    step = Step(status, AUGUST, "role:a", f"2026-{name}")
    return Saving(name, name, {"service": ("x",)}, "USD", amount, amount, amount, (step,), policy_id="p")


def seen(name: str, per_day: float, low: float | None, high: float | None, *, days: int = 59) -> Observed:
    whole = per_day * days
    return Observed(
        name, whole, low, high, days, AUGUST.date(), (per_day,) * days, counterfactual=2 * whole, paid=whole, rows=days
    )


def document() -> dict[str, Any]:
    policy = {"state": "ran", "severity": "high", "exempt": 1, "unknown": 4}
    return {
        "policies": [
            {"id": "p", "resources": 20, "violations": 3, **policy},
            {"id": "q", "resources": 10, "violations": 0, **policy},
        ],
        "cost": {"currencies": [{"currency": "USD", "by_policy": [{"policy_id": "p", "amount": "12.00"}]}]},
        "controls": [
            {"framework": "CIS", "state": "violated"},
            {"framework": "CIS", "state": "met"},
            {"framework": "SOC2", "state": "unknown"},
        ],
    }


def books(**named: Any) -> Books:
    days = (THROUGH - START).days + 1
    spend = [CellCost(START + timedelta(days=place), 0, "USD", Decimal(100), 1) for place in range(days)]
    spend += [CellCost(START, 1, "USD", Decimal(50), 1)]
    known: dict[str, Any] = {
        "savings": (saving("a"), saving("b"), saving("c", SavingStatus.PREDICTED)),
        "observed": (seen("a", 10, 400, 780), seen("b", 2, -50, 286)),
        "platform": PlatformCost(Decimal("30.41"), "USD", {"tag:app": ("pcg",)}),
        "lives": Lives(None, None, ()),
        "preventions": (),
        "document": document(),
    }
    return Books(START, THROUGH, spend, **{**known, **named})


def statement(found: Books) -> dict[str, Any]:
    (row,) = metrics(found)["statements"]
    return dict(row)


def test_only_what_bills_show_is_realised_and_the_platforms_own_cost_comes_off() -> None:
    row = statement(books())

    assert row["spend"] == "9050.00"
    assert row["realised"] == {"amount": "590.00", "low": "400.00", "high": "780.00"}
    assert row["observed_not_realised"] == "118.00"
    assert row["platform_cost"] == "139.98"
    assert row["net"] == "450.02"
    assert row["governance_roi"] == pytest.approx(450.02 / 139.98, abs=1e-3)
    assert row["realised_share_of_spend"] == pytest.approx(590 / 9640, abs=1e-4)
    assert (row["planned_30_days"], row["predicted_30_days"]) == ("600.00", "300.00")


def test_every_figure_names_its_savings_evidence_and_days() -> None:
    rests = statement(books())["rests_on"]
    assert rests["savings"] == ["a"]
    assert rests["evidence_ids"] == ["2026-a", "2026-b", "2026-c"]
    assert rests["billing"] == {"from": "2026-07-01", "to": "2026-09-28"}


def test_a_loss_beyond_doubt_counts_against_what_was_saved() -> None:
    row = statement(books(observed=(seen("a", 10, 400, 780), seen("b", -3, -200, -154))))
    assert row["realised"]["amount"] == "413.00"


def test_days_outside_the_window_do_not_count() -> None:
    late = replace(books(), start=date(2026, 9, 19))
    assert statement(late)["realised"]["amount"] == "100.00"


def test_without_a_stated_cost_there_is_no_return() -> None:
    found = metrics(books(platform=None))
    (row,) = found["statements"]
    assert row["platform_cost"] is row["net"] is row["governance_roi"] is None
    assert any("is not known, so no return is stated" in each for each in found["summary"])


def test_a_platform_that_costs_more_than_it_saves_says_so() -> None:
    found = metrics(books(platform=PlatformCost(Decimal(9_000), "USD")))
    assert float(found["statements"][0]["net"]) < 0
    assert any("does not pay for itself yet" in each for each in found["summary"])


def test_a_fee_in_another_currency_is_never_added() -> None:
    found = metrics(books(platform=PlatformCost(Decimal(10), "EUR")))
    assert found["statements"][0]["platform_cost"] is None


def test_the_score_is_of_what_was_decided_and_what_is_unknown_stands_beside() -> None:
    found = metrics(books())
    assert found["compliance_score"] == pytest.approx(1 - 3 / 20)
    assert (found["evaluations_decided"], found["evaluations_unknown"]) == (20, 8)


def test_without_a_scan_score_risk_and_times_are_not_known() -> None:
    found = dashboard(books(document=None))
    names = ("compliance_score", "risk_now", "risk_reduction", "mttr_hours", "mean_time_to_prevention_hours")
    assert [found[name] for name in names] == [None] * 5
    assert found["compliance_coverage"] == []


def test_times_and_risk_come_from_scans() -> None:
    def life(opened: datetime, closed: datetime | None, *, is_first: bool = False) -> FindingLife:
        return FindingLife("p", f"{opened}{closed}", Severity.HIGH, opened, is_first, closed)

    lives = (
        life(JUNE, AUGUST, is_first=True),
        life(JUNE, None, is_first=True),
        life(AUGUST, AUGUST + timedelta(hours=48)),
        life(AUGUST, AUGUST + timedelta(hours=24)),
    )
    stopped = (Prevention("r", "p", AUGUST, AUGUST + timedelta(hours=6)),)
    found = metrics(books(lives=Lives(JUNE, AUGUST + timedelta(days=9), lives), preventions=stopped))

    assert (found["mttr_hours"], found["findings_closed"]) == (36, 2)
    assert (found["mean_time_to_prevention_hours"], found["predictions_prevented"]) == (6, 1)
    assert (found["risk_at_start"], found["risk_now"], found["risk_reduction"]) == (10, 5, 0.5)


def test_amounts_in_sentences_have_their_thousands_apart() -> None:
    found = metrics(books(platform=PlatformCost(Decimal(9_000), "USD")))
    assert found["summary"][0].startswith("In 90 days 9,050.00 USD was spent. Bills show 590.00 USD saved")
    assert "The platform cost 26,680.14 USD; net -26,090.14 USD" in found["summary"][1]


def test_the_summary_says_how_the_expected_loss_changed_and_what_it_rests_on() -> None:
    def figure(mean: float) -> dict[str, Any]:
        return {"mean": mean, "low": mean / 2, "high": mean * 2, "currency": "USD"}

    yearly = {"at_start": figure(9_000), "now": figure(2_500), "reduction": figure(6_500)}
    loss = {**unknown_loss(""), "yearly": yearly, "judgement": 3, "assumptions": [{}] * 4}

    (line,) = (each for each in metrics(books(expected_loss=loss))["summary"] if "expected loss" in each)

    assert "fell from 9,000 to 2,500 USD" in line
    assert "the change is 3,250 to 13,000" in line
    assert "3 of the 4 assumptions" in line


def test_an_expected_loss_that_is_not_known_is_said_so_with_its_reason() -> None:
    (line,) = (each for each in metrics(books())["summary"] if "expected loss" in each)
    assert line.endswith("is not known: no scan was made: what violates is not known.")


def test_the_dashboard_has_data_for_its_drawings() -> None:
    found = dashboard(books())

    assert [row["month"] for row in found["savings_timeline"]] == ["2026-08", "2026-09"]
    assert found["savings_timeline"][1]["realised"] == "280.00"
    (impact,) = found["policy_impact"]
    assert (impact["policy_id"], impact["violations"], impact["cost_at_risk_month"]) == ("p", 3, {"USD": "12.00"})
    assert (impact["realised"], impact["planned_30_days"]) == ({"USD": "590.00"}, {"USD": "600.00"})
    assert found["compliance_coverage"][0] == {"framework": "CIS", "met": 1, "violated": 1, "unknown": 0}
    assert [row["observed"] and row["observed"]["status"] for row in found["savings"]] == [
        "realised",
        "not shown by the bills",
        None,
    ]
    assert "Bills show 590.00 USD saved" in found["summary"][0]
