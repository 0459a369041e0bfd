"""What one decision about policies would change."""

from __future__ import annotations

from decimal import Decimal

import pytest

from assessment.inputs import AssessmentInputs, PolicyState
from assessment.simulate import Decision, Estate, PolicyScenario, simulate
from cost.allocation import cost_by_resource
from cost.matching import Billable
from domain.errors import InputError
from domain.finding import PolicyId
from domain.money import Money
from tests.unit.assessment.estate import AS_OF, chosen, inputs, pack_policy, registry
from tests.unit.cost.rows import frame, row

ADMIN = "pcg-azure-acr-admin-user"


def given() -> AssessmentInputs:
    return inputs([registry("a", admin=True), registry("b", admin=False)], chosen(ADMIN))


def estate(*assigned: str, billed: bool = False) -> Estate:
    world = given()
    costs = None
    if billed:
        uids = [item.uid for item in world.items]
        bill = frame(row(ResourceId=uids[0], EffectiveCost=Decimal(9)))
        costs = cost_by_resource([bill], Billable(uids, ["", ""], ["", ""]), as_of=AS_OF)
    return Estate(world.snapshot, world.items, frozenset(map(PolicyId, assigned)), costs)


def scenario(decision: Decision, scope: str | None = None) -> PolicyScenario:
    return PolicyScenario(decision, chosen(ADMIN)[0], scope)


def test_assigning_a_policy_opens_its_violations_with_their_cost() -> None:
    found = simulate(estate(billed=True), scenario(Decision.ASSIGN), now=AS_OF)

    assert (found.opened, found.closed, found.evaluated) == ((given().items[0].uid,), (), 2)
    assert found.at_risk == (Money(Decimal(9), "EUR"),)


@pytest.mark.parametrize("decision", [Decision.REMOVE, Decision.EXEMPT])
def test_removing_or_exempting_closes_them(decision: Decision) -> None:
    found = simulate(estate(ADMIN, billed=True), scenario(decision), now=AS_OF)

    assert (found.opened, found.closed) == ((), (given().items[0].uid,))
    assert found.at_risk == (Money(Decimal(-9), "EUR"),)


def test_a_decision_that_is_already_in_force_changes_nothing() -> None:
    assigned_again = simulate(estate(ADMIN), scenario(Decision.ASSIGN), now=AS_OF)
    removed_again = simulate(estate(), scenario(Decision.REMOVE), now=AS_OF)

    assert (assigned_again.opened, removed_again.closed, removed_again.at_risk) == ((), (), ())


def test_a_scope_bounds_what_changes() -> None:
    assert simulate(estate(), scenario(Decision.ASSIGN, "/subscriptions/other"), now=AS_OF).evaluated == 0


def test_a_policy_that_cannot_run_is_refused_with_the_reason() -> None:
    rule = {"if": {"field": "no/alias", "equals": "x"}, "then": {"effect": "audit"}}
    broken = pack_policy({"name": "broken", "properties": {"policyRule": rule}}, "test")  # type: ignore[dict-item]
    assert broken.state is PolicyState.ERROR

    with pytest.raises(InputError) as refusal:
        simulate(estate(), PolicyScenario(Decision.ASSIGN, broken), now=AS_OF)

    assert refusal.value.facts["policy"] == "broken"
