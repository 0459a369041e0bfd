"""What violations are worth: reproducible, overridable, and None with a reason where nothing is known."""

from __future__ import annotations

from typing import Any

import pytest

from assessment.failure_estate import FailureEstate
from assessment.impact_analysis import Analysis, analyse, assumption_rows, chosen, exposure_of
from assessment.impact_assumptions import JUDGEMENT, Assumptions, default_assumptions
from assessment.impact_exposure import CENTERS_MAX, Exposure, exposure
from cost.loss import Range
from domain.errors import InputError, NotFound
from graph.failure import FailureMode
from tests.unit.assessment.impact_samples import SET, VAULT, disk, estate, vm


def violation(policy: str, uid: str, severity: str = "high", *controls: tuple[str, str]) -> dict[str, Any]:
    return {
        "policy_id": policy,
        "resource_id": uid,
        "resource_name": uid.rpartition("/")[2],
        "severity": severity,
        "controls": [{"framework": framework, "id": control} for framework, control in controls],
    }


VIOLATIONS = [
    violation("public", vm(1), "critical", ("HIPAA", "164.312(a)"), ("SOC2", "CC6.1")),
    violation("tls", vm(1), "low", ("HIPAA", "164.312(e)"), ("PCI-DSS-4.0", "4.2")),
    violation("disk", disk(1), "medium", ("CIS-Azure-3.0", "7.1")),
]


def asked(estate_: FailureEstate, question: Analysis, assumed: Assumptions | None = None) -> dict[str, Any]:
    given = assumed or default_assumptions()
    found = chosen(VIOLATIONS, question)
    return analyse(question, found, exposure(estate_, exposure_of(question, found, given)), given)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return asked(estate(), Analysis((vm(1),), years=4_000))


def test_the_same_seed_gives_the_same_answer_and_another_seed_another(whole: dict[str, Any]) -> None:
    assert asked(estate(), Analysis((vm(1),), years=4_000)) == whole
    other = asked(estate(), Analysis((vm(1),), years=4_000, seed=1))
    assert other["downtime"]["outage"] != whole["downtime"]["outage"]


def test_every_part_has_a_mean_within_its_interval_a_currency_and_what_it_rests_on(whole: dict[str, Any]) -> None:
    figures = [
        whole["downtime"]["hour"], whole["downtime"]["outage"], whole["efficiency"]["gain"],
        whole["risk"]["parts"][0]["before"],
    ]  # fmt: skip
    for figure in figures:
        assert 0 <= figure["low"] <= figure["high"]
        assert figure["mean"] >= 0
        assert figure["currency"] == ("USD" if figure is whole["efficiency"]["gain"] else "EUR")
    names = {row["name"] for row in whole["assumptions"]}
    for part in ("downtime", "efficiency", "risk"):
        assert whole[part]["rests_on"]
        assert set(whole[part]["rests_on"]) <= names
    assert all({"low", "high", "unit", "source", "year"} <= row.keys() for row in whole["assumptions"])


def test_downtime_is_hours_times_what_goes_down_by_criticality() -> None:
    one = default_assumptions().with_own(
        {"ranges": {name: {"low": 2, "high": 2} for name in ("outage.hours", "value.high", "value.critical",
                                                             "value.medium", "value.low", "value.unstated")}}
    )  # fmt: skip
    found = asked(estate(), Analysis((vm(1),), years=1_000), one)["downtime"]
    hourly = 2 * 99 / 730
    assert found["hour"]["mean"] == pytest.approx(hourly, abs=0.01)
    assert found["outage"] == {"mean": pytest.approx(2 * hourly, abs=0.01), "low": found["outage"]["mean"],
                               "high": found["outage"]["mean"], "currency": "EUR"}  # fmt: skip


def test_a_tenant_s_own_hour_value_takes_the_place_of_a_multiple() -> None:
    own = default_assumptions().with_own({"hour_values": {vm(1): {"low": 5_000, "high": 5_000}}})
    found = asked(estate(with_bill=False), Analysis((vm(1),), years=1_000), own)["downtime"]
    assert found["hour"]["mean"] > 4_000
    assert found["reason"] is None


def test_without_a_bill_downtime_is_not_known_and_risk_lacks_its_outages() -> None:
    found = asked(estate(with_bill=False), Analysis((vm(1),), years=1_000))
    assert found["downtime"]["outage"] is None
    assert "no bill" in found["downtime"]["reason"]
    assert [part["part"] for part in found["risk"]["parts"]] == ["response"]
    assert "no bill" in found["risk"]["reason"]


def test_without_a_resource_there_is_no_downtime_to_price() -> None:
    found = asked(estate(), Analysis(policy_ids=("public",), years=1_000))
    assert found["downtime"]["outage"] is None
    assert found["violations"] == 1


def test_penalties_count_only_for_frameworks_that_bind(whole: dict[str, Any]) -> None:
    rows = {row["framework"]: row for row in whole["penalty"]["frameworks"]}
    assert whole["penalty"]["expected_yearly"] is None
    assert rows["HIPAA"]["binds"] is None
    assert rows["HIPAA"]["violated"] == 2
    assert rows["SOC2"]["yearly"] is None
    assert "authority" in rows["SOC2"]["reason"]
    bound = default_assumptions().with_own({"frameworks": ["HIPAA"]})
    found = asked(estate(), Analysis((vm(1),), years=4_000), bound)["penalty"]
    assert found["expected_yearly"]["mean"] == rows_of(found)["HIPAA"]["yearly"]["mean"]
    assert rows_of(found)["PCI-DSS-4.0"]["binds"] is False


def rows_of(penalty: dict[str, Any]) -> dict[str, Any]:
    return {row["framework"]: row for row in penalty["frameworks"]}


def test_a_penalty_is_capped_and_comes_with_its_chance() -> None:
    sure = default_assumptions().with_own(
        {"frameworks": ["HIPAA"], "ranges": {"penalty.HIPAA.chance": {"low": 1, "high": 1},
                                             "penalty.HIPAA.amount": {"low": 9e6, "high": 9e6}}}
    )  # fmt: skip
    found = rows_of(asked(estate(), Analysis((vm(1),), years=500), sure)["penalty"])["HIPAA"]
    assert found["yearly"]["mean"] == found["if_fined"]["mean"] == 2 * 2_134_831
    never = sure.with_own({"ranges": {"penalty.HIPAA.chance": {"low": 0, "high": 0}}})
    found = rows_of(asked(estate(), Analysis((vm(1),), years=500), never)["penalty"])["HIPAA"]
    assert found["yearly"]["mean"] == 0


def test_risk_counts_a_resource_once_with_its_worst_violation_and_falls_when_mended(whole: dict[str, Any]) -> None:
    assert whole["risk"]["resources"] == {"critical": 1}
    for part in whole["risk"]["parts"]:
        assert part["after"]["mean"] <= part["before"]["mean"]
        assert part["reduction"]["low"] >= 0
        assert part["reduction"]["mean"] == pytest.approx(part["before"]["mean"] - part["after"]["mean"], abs=0.02)


def test_mending_everything_leaves_nothing() -> None:
    perfect = default_assumptions().with_own({"ranges": {"incident.residual": {"low": 0, "high": 0}}})
    found = asked(estate(), Analysis(years=2_000), perfect)
    assert found["resources"] == 2
    assert all(part["after"]["mean"] == 0 for part in found["risk"]["parts"])


def test_efficiency_grows_with_the_violations() -> None:
    one = asked(estate(), Analysis(policy_ids=("public",), years=2_000))["efficiency"]
    three = asked(estate(), Analysis(years=2_000))["efficiency"]
    assert (one["violations"], three["violations"]) == (1, 3)
    assert three["gain"]["mean"] == pytest.approx(3 * one["gain"]["mean"], rel=0.01)


def test_judgement_is_said_to_be_judgement(whole: dict[str, Any]) -> None:
    judged = sum(row["source"] == JUDGEMENT for row in whole["assumptions"])
    assert whole["notes"][0].startswith(f"{judged} of {len(whole['assumptions'])}")
    document = assumption_rows(default_assumptions().with_own({"currency": "EUR", "frameworks": []}))
    assert (document["currency"], document["frameworks"]) == ("EUR", [])


def test_own_currency_is_kept_apart_from_the_bill_s() -> None:
    pounds = default_assumptions().with_own({"currency": "GBP"})
    found = asked(estate(), Analysis((vm(1),), years=500), pounds)
    assert [(part["part"], part["before"]["currency"]) for part in found["risk"]["parts"]] == [
        ("outage", "EUR"),
        ("response", "GBP"),
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"colour": 1},
        {"ranges": {"outage.days": {"low": 1, "high": 2}}},
        {"ranges": {"outage.hours": {"low": 3, "high": 2}}},
        {"ranges": {"outage.hours": {"low": "1", "high": 2}}},
        {"ranges": {"outage.hours": {"low": 1}}},
        {"ranges": {"outage.hours": {"low": 1, "high": 2, "year": "now"}}},
        {"ranges": {"penalty.HIPAA.chance": {"low": 0.5, "high": 2}}},
        {"ranges": []},
        {"frameworks": "HIPAA"},
        {"currency": "euro"},
        {"hour_values": {"a": {"low": 1}}},
        {"hour_values": {"a": {"low": -1, "high": 2}}},
        {"hour_values": {"a": 5}},
    ],
)
def test_assumptions_that_make_no_sense_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        default_assumptions().with_own(given)


def test_an_own_range_keeps_its_source() -> None:
    own = default_assumptions().with_own(
        {"ranges": {"outage.hours": {"low": 1, "high": 2, "source": "our incidents", "year": 2025}}}
    )
    row = own.by_name["outage.hours"]
    assert (row.range, row.source, row.year, row.is_own) == (Range(1, 2), "our incidents", 2025, True)


def test_questions_out_of_bounds_are_refused() -> None:
    with pytest.raises(NotFound, match="no violation of this policy"):
        chosen(VIOLATIONS, Analysis(policy_ids=("nothing",)))
    with pytest.raises(InputError, match="too many ids"):
        chosen(VIOLATIONS, Analysis(resource_ids=("a",) * 1_001))
    with pytest.raises(NotFound):
        exposure(estate(), Exposure(("nowhere/at/all",), (), FailureMode.DELETE))
    with pytest.raises(InputError, match="too many resources"):
        exposure(estate(), Exposure((VAULT,) * (CENTERS_MAX + 1), (), FailureMode.DELETE))
    with pytest.raises(InputError, match="of resources"):
        exposure(estate(), Exposure((SET,), (), FailureMode.ZONE_LOSS))


def test_resources_that_are_gone_have_no_value_of_an_hour() -> None:
    found = exposure(estate(), Exposure((), (vm(1), "gone"), FailureMode.DELETE, {"unstated": 1.0, "high": 1.0}))
    assert set(found["hours"]) == {vm(1)}
