"""Monthly cost at risk under violations."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from cost.allocation import CurrencyCosts, cost_by_resource
from cost.matching import Billable
from cost.policy_cost import cost_at_risk, is_waste
from tests.unit.cost.rows import AS_OF, frame, row


def _costs() -> CurrencyCosts:
    resources = Billable(uids=["a", "b", "c"], names=["", "", ""], scopes=["", "", ""])
    rows = frame(row(ResourceId="a", EffectiveCost=Decimal("0.1")), row(ResourceId="b", EffectiveCost=Decimal("0.2")))
    return cost_by_resource([rows], resources, as_of=AS_OF).currencies[0]


def test_a_resource_counts_once_per_policy_and_once_overall() -> None:
    policies = np.array([0, 0, 1, 1, 1, 1])
    resources = np.array([0, 1, 0, 0, 0, 2])

    risk = cost_at_risk(_costs(), policies, resources, wasteful={1})

    assert [(p.policy, p.amount, p.resources) for p in risk.by_policy] == [
        (0, Decimal("0.3"), 2),
        (1, Decimal("0.1"), 1),
    ]
    assert (risk.at_risk, risk.waste, risk.currency) == (Decimal("0.3"), Decimal("0.1"), "EUR")


def test_without_violations_nothing_is_at_risk() -> None:
    none = np.zeros(0, dtype=np.int64)

    risk = cost_at_risk(_costs(), none, none, wasteful=())

    assert (risk.at_risk, risk.waste, risk.by_policy) == (Decimal(0), Decimal(0), ())


@pytest.mark.parametrize(("tag", "expected"), [("old-snapshot", True), ("old-generation", False), (None, False)])
def test_only_tags_of_money_that_buys_nothing_are_waste(tag: str | None, expected: bool) -> None:
    assert is_waste(tag) is expected
