"""The scan over the own pack and the real engine."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from time import process_time

import numpy as np
import pytest

from assessment.inputs import AssessmentInputs, FormerScan, PolicyState, former_scan
from assessment.scan import assess
from cost.matching import Billable
from domain.finding import Control, PolicyId, Severity, Violation
from domain.resource import resource_key
from tests.unit.assessment.estate import AS_OF, GROUP, azure, chosen, inputs, pack_policies, registry, waiver
from tests.unit.cost.rows import frame, row

ADMIN = "pcg-azure-acr-admin-user"
UNATTACHED = "pcg-azure-disk-unattached"
NETWORK = "pcg-azure-acr-public-network"


def test_every_policy_of_the_pack_is_judged_and_the_worst_violation_comes_first() -> None:
    items = [
        registry("zeta", admin=True),
        registry("alpha", admin=False),
        azure("Microsoft.Compute/disks", "d1", {"properties": {"diskState": "Unattached"}}),
        azure("Microsoft.Web/certificates", "old", {"properties": {"expirationDate": "2026-01-01T00:00:00Z"}}),
    ]

    found = assess(inputs(items, pack_policies()))

    violations = [found.violation(position) for position in range(len(found.violations))]
    ranks = [violation.severity.rank for violation in violations]
    assert ranks == sorted(ranks)
    assert Violation(items[0].uid, PolicyId(ADMIN), Severity.MEDIUM) in found.violation_set()
    assert {v.policy_id for v in violations if v.severity is Severity.CRITICAL} == {
        "pcg-azure-appservice-certificate-expired"
    }
    assert sum(found.count_by_severity().values()) == len(violations)
    assert len(found.results) == len(pack_policies())


def test_a_policy_says_what_became_of_it() -> None:
    items = [registry("a", admin=True), azure("Microsoft.Compute/disks", "d", {}, unread=("*",))]

    found = assess(inputs(items, chosen(ADMIN, UNATTACHED, "pcg-azure-keyvault-key-expired")))

    states = {result.policy.policy_id: (result.state, result.resources, result.unknown) for result in found.results}
    assert states == {
        ADMIN: (PolicyState.RAN, 1, 0),
        UNATTACHED: (PolicyState.UNKNOWN, 1, 1),
        "pcg-azure-keyvault-key-expired": (PolicyState.NOT_APPLICABLE, 0, 0),
    }
    assert len(found.unknown) == 1


def test_what_was_read_of_some_resources_only_is_said() -> None:
    read = azure("Microsoft.Compute/disks", "a", {"properties": {"diskState": "Attached"}})
    unread = azure("Microsoft.Compute/disks", "b", {}, unread=("*",))

    (result,) = assess(inputs([read, unread], chosen(UNATTACHED))).results

    assert result.reason == "what it needs was not read of 1 of 2 resources"


def test_scope_and_type_restrict_what_is_judged() -> None:
    items = [
        registry("a", admin=True),
        azure("Microsoft.Compute/disks", "d", {"properties": {"diskState": "Unattached"}}),
    ]
    policies = chosen(ADMIN, UNATTACHED)

    def judged(**filters: str) -> set[PolicyId]:
        return {violation.policy_id for violation in assess(inputs(items, policies, **filters)).violation_set()}

    assert judged(type="microsoft.compute/DISKS") == {UNATTACHED}
    assert judged(scope=GROUP.upper() + "/") == {ADMIN, UNATTACHED}
    assert judged(scope=f"{GROUP}/providers/Microsoft.Compute") == {UNATTACHED}
    assert judged(scope="/subscriptions/s-1/resourceGroups/we") == set()


def test_an_exemption_is_honoured_and_shown_and_ends_when_it_says() -> None:
    items = [registry("a", admin=True), registry("b", admin=True)]
    end = AS_OF + timedelta(days=3)
    given = waiver("ex-1", ADMIN, items[0], expires_at=end)

    found = assess(inputs(items, chosen(ADMIN), exemptions=[given, waiver("ex-0", "other", items[1])]))
    later = assess(inputs(items, chosen(ADMIN), exemptions=[given], as_of=end))

    assert [v.resource_id for v in found.violation_set()] == [items[1].uid]
    assert found.exemptions == (given,)
    assert (found.results[0].violations, found.results[0].exempt) == (1, 1)
    assert [(p.date, p.resource_id, p.reasons[0]) for p in found.predictions] == [
        (end, items[0].uid, "exemption ex-1 ends 2026-11-27T12:00:00Z")
    ]
    assert len(later.violations) == 2


def test_only_what_the_former_scan_lacked_is_new() -> None:
    items = [registry("a", admin=True), registry("b", admin=True)]
    since = AS_OF - timedelta(days=9)
    former = FormerScan(AS_OF - timedelta(days=1), {(resource_key(items[0].uid), PolicyId(ADMIN)): since})

    found = assess(inputs(items, chosen(ADMIN), former=former))

    assert found.is_new.tolist() == [False, True]
    assert found.first_found == (since, AS_OF)
    assert found.count_by_severity(new_only=True)[Severity.MEDIUM] == 1


def test_a_violation_that_came_back_stands_since_it_came_back() -> None:
    one = Violation(registry("a", admin=True).uid, PolicyId(ADMIN), Severity.MEDIUM)
    days = [AS_OF - timedelta(days=day) for day in (4, 3, 2, 0)]

    former = former_scan(zip(days, [{one}, set(), {one}, set()], strict=True), before=AS_OF)

    assert former == FormerScan(days[2], {(resource_key(one.resource_id), one.policy_id): days[2]})
    assert former_scan([(AS_OF, {one})], before=AS_OF) is None


def test_cost_at_risk_counts_a_resource_once_and_waste_apart() -> None:
    disk = azure("Microsoft.Compute/disks", "d", {"properties": {"diskState": "Unattached"}})
    items = [registry("a", admin=True), disk]
    bill = frame(
        row(ResourceId=items[0].uid, EffectiveCost=Decimal(30)),
        row(ResourceId=disk.uid.lower(), EffectiveCost=Decimal(12)),
    )

    found = assess(inputs(items, chosen(ADMIN, NETWORK, UNATTACHED), billing=[bill]))

    (risk,) = found.risk
    assert (risk.at_risk, risk.waste) == (Decimal(42), Decimal(12))
    assert [cost.amount for cost in risk.by_policy] == [30, 30, 12]


def test_controls_are_violated_met_or_unknown() -> None:
    found = assess(inputs([registry("a", admin=False)], chosen(ADMIN, UNATTACHED)))

    status = {each.control: (each.violations, each.decided) for each in found.controls}
    assert status[Control("SOC2", "CC6.1")] == (0, 1)
    broken = assess(inputs([registry("a", admin=True)], chosen(ADMIN)))
    assert {each.violations for each in broken.controls} == {1}


def test_nothing_to_judge_gives_an_empty_result() -> None:
    found = assess(inputs([], chosen(ADMIN)))

    assert (len(found.violations), len(found.unknown), found.predictions, found.blast_radii) == (0, 0, (), ())
    assert assess(inputs([registry("a", admin=True)], [])).results == ()


def test_blast_radii_carry_the_cost_of_what_goes_down() -> None:
    plan = azure("Microsoft.Web/serverfarms", "plan", {})
    app = azure("Microsoft.Web/sites", "app", {"properties": {"serverFarmId": plan.uid}})
    bill = frame(row(ResourceId=app.uid, EffectiveCost=Decimal(80)))

    found = assess(inputs([plan, app], (), billing=[bill]))

    (first, *_) = found.blast_radii
    assert (first.resource_id, [found.inputs.items[i].uid for i in first.failed]) == (plan.uid, [app.uid])
    assert first.reasons
    filtered = assess(inputs([plan, app], (), type="Microsoft.Web/sites"))
    assert plan.uid not in {each.resource_id for each in filtered.blast_radii}


@pytest.mark.slow
def test_a_warm_scan_of_ten_thousand_resources_takes_well_under_a_second() -> None:
    disks = [
        azure(
            "Microsoft.Compute/disks",
            f"d{n}",
            {"properties": {"diskState": "Unattached" if n % 9 == 0 else "Attached"}},
        )
        for n in range(5_000)
    ]
    registries = [registry(f"r{n}", admin=n % 7 == 0) for n in range(5_000)]
    given: AssessmentInputs = inputs([*disks, *registries], pack_policies())
    assess(given)

    started = process_time()
    found = assess(given)

    assert process_time() - started < 1.0
    assert len(found.violations) > 1_000
    assert np.all(np.diff(found.unknown.policies) >= 0)
    assert Billable([], [], []).uids == []
