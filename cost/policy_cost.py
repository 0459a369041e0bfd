"""What violations cost: monthly effective cost at risk per policy and overall, and waste.

Cost at risk is the monthly cost of the resources that violate: under one policy each resource counts once, and overall
each resource counts once however many policies it violates, so the parts add up to more than the whole.
Waste is the part of it under policies whose cost tag says that the money itself buys nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cost.allocation import CurrencyCosts
from cost.charges import exact_sum

WASTE_TAGS: Final = frozenset(
    {"empty-plan", "old-snapshot", "stopped-machine", "unattached-disk", "unused-address", "unused-secret"}
)
"""Cost tags of policies whose violating resources serve nobody. What could merely be cheaper is not waste."""


@dataclass(frozen=True, slots=True)
class PolicyCost:
    """Cost of the resources that violate one policy. `resources` are those that were billed."""

    policy: int
    amount: Decimal
    resources: int


@dataclass(frozen=True, slots=True)
class CostAtRisk:
    """Cost under violation in one currency; `by_policy` in order of policy, those with billed resources only."""

    currency: str
    at_risk: Decimal
    waste: Decimal
    by_policy: tuple[PolicyCost, ...]


def is_waste(cost_tag: str | None) -> bool:
    """Whether a policy's cost tag means that its violations are money spent for nothing."""
    return cost_tag is not None and cost_tag in WASTE_TAGS


def cost_at_risk(
    costs: CurrencyCosts, policies: NDArray[np.int64], resources: NDArray[np.int64], *, wasteful: Collection[int]
) -> CostAtRisk:
    """Price violations.

    Args:
        wasteful: the policies whose violations are waste.

    Shapes:
        policies, resources: int64 (V,), one pair per violation, in any order; repeated pairs count once.
    """
    pairs = _distinct(policies, resources, len(costs.amounts))
    priced = pairs.with_columns(costs.amounts.gather(pairs["resource"]).alias("amount")).drop_nulls("amount")
    sums = priced.group_by("policy").agg(pl.col("amount").sum(), pl.len()).sort("policy")
    return CostAtRisk(
        currency=costs.currency,
        at_risk=_once(costs.amounts, pairs["resource"]),
        waste=_once(costs.amounts, pairs.filter(pl.col("policy").is_in(sorted(wasteful)))["resource"]),
        by_policy=tuple(PolicyCost(*row) for row in sums.rows()),
    )


def _distinct(policies: NDArray[np.int64], resources: NDArray[np.int64], count: int) -> pl.DataFrame:
    """Each pair once, in order. A pair is one number here: to sort numbers is ten times as fast as to hash pairs."""
    numbers = pl.Series("pair", policies * max(count, 1) + resources).sort()
    once = numbers.filter(numbers.ne_missing(numbers.shift(1))).to_numpy()
    return pl.DataFrame({"policy": once // max(count, 1), "resource": once % max(count, 1)})


def _once(amounts: pl.Series, resources: pl.Series) -> Decimal:
    """What resources cost, each counted once."""
    concerned = np.zeros(len(amounts), dtype=np.bool_)
    concerned[resources.to_numpy()] = True
    return exact_sum(amounts.filter(pl.Series(concerned)))
