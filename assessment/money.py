"""Money in the scan document: amounts as text, and the cost section.

An amount is written exactly: at least two decimal places, more only where they are not zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import numpy as np
import polars as pl

from assessment.result import Assessment
from assessment.schema import CostEntry, CostLineEntry, CurrencyCostEntry, MoneyEntry, PolicyCostEntry
from cost.allocation import CostLine, CurrencyCosts, ResourceCosts
from cost.charges import exact_sum
from cost.period import PeriodRule
from cost.policy_cost import CostAtRisk, is_waste
from domain.clock import format_instant
from domain.money import Money

_CENT: Final = Decimal("0.01")


def amount_text(amount: Decimal) -> str:
    """An exact amount: ``12.00``, ``0.0000008``."""
    places = -int(amount.normalize().as_tuple().exponent)
    return f"{amount.quantize(_CENT):f}" if places <= 2 else f"{amount.normalize():f}"


def money_entries(amounts: Iterable[Money]) -> list[MoneyEntry]:
    """Amounts as entries, in the order given."""
    return [{"amount": amount_text(money.amount), "currency": money.currency} for money in amounts]


def cost_of_all(costs: ResourceCosts, resources: Sequence[int]) -> list[Money]:
    """What resources cost together, in each currency that any of them is billed in."""
    wanted = np.array(resources, dtype=np.int64)
    billed = ((part.amounts.gather(wanted).drop_nulls(), part.currency) for part in costs.currencies)
    return [Money(exact_sum(amounts), currency) for amounts, currency in billed if len(amounts)]


def cost_entry(assessment: Assessment) -> CostEntry:
    """The cost section; the leading figures are of the first currency."""
    costs = assessment.costs
    currencies = [
        _currency(assessment, part, risk) for part, risk in zip(costs.currencies, assessment.risk, strict=True)
    ]
    first = currencies[0] if currencies else None
    return {
        "currency": first and first["currency"],
        "effective_month": _month(costs) if first else None,
        "total": first and first["total"],
        "at_risk": first and first["at_risk"],
        "waste": first and first["waste"],
        "unmatched": first and first["unmatched"],
        "by_policy": first["by_policy"] if first else [],
        "periods": [
            {
                "provider": period.provider,
                "start": format_instant(period.start),
                "end": format_instant(period.end),
                "rule": period.rule.value,
                "days": period.days,
            }
            for period in costs.periods
        ],
        "currencies": currencies,
        "rows": costs.rows,
        "copied_rows": costs.copied_rows,
        "other_rows": costs.other_rows,
    }


def _month(costs: ResourceCosts) -> str:
    """The latest complete month of any provider, or else the latest trailing days."""
    complete = [period.label for period in costs.periods if period.rule is PeriodRule.MONTH]
    return max(complete or [period.label for period in costs.periods])


def _currency(assessment: Assessment, costs: CurrencyCosts, risk: CostAtRisk) -> CurrencyCostEntry:
    return {
        "currency": costs.currency,
        "total": amount_text(costs.total),
        "matched": amount_text(costs.matched),
        "unmatched": amount_text(costs.unmatched),
        "billed": amount_text(costs.billed),
        "at_risk": amount_text(risk.at_risk),
        "waste": amount_text(risk.waste),
        "corrections": amount_text(costs.corrections),
        "credits": amount_text(costs.credits),
        "commitments": {
            "used": amount_text(costs.commitment_used),
            "unused": amount_text(costs.commitment_unused),
            "set_aside": amount_text(costs.commitment_set_aside),
        },
        "matched_by": _lines(costs.by_rule),
        "unmatched_by_reason": _lines(costs.unmatched_by_reason),
        "by_account": _lines(costs.by_account),
        "by_scope": _by_scope(assessment, costs),
        "by_policy": _by_policy(assessment, risk),
    }


def _lines(lines: Iterable[CostLine]) -> list[CostLineEntry]:
    return [{"label": line.label, "amount": amount_text(line.amount), "rows": line.rows} for line in lines]


def _by_scope(assessment: Assessment, costs: CurrencyCosts) -> list[CostLineEntry]:
    """Matched cost by the scope of its resource, largest first; `rows` counts resources here."""
    scopes = pl.Series("scope", [item.scope for item in assessment.inputs.items], dtype=pl.String)
    billed = pl.DataFrame({"scope": scopes, "amount": costs.amounts}).drop_nulls("amount")
    sums = billed.group_by("scope").agg(pl.col("amount").sum(), pl.len())
    return _lines(sorted((CostLine(*row) for row in sums.rows()), key=lambda line: (-line.amount, line.label)))


def _by_policy(assessment: Assessment, risk: CostAtRisk) -> list[PolicyCostEntry]:
    """Largest first, then by id."""
    policies = [result.policy for result in assessment.results]
    ordered = sorted(risk.by_policy, key=lambda cost: (-cost.amount, cost.policy))
    return [
        {
            "policy_id": policies[cost.policy].policy_id,
            "amount": amount_text(cost.amount),
            "resources": cost.resources,
            "is_waste": is_waste(policies[cost.policy].cost_tag),
        }
        for cost in ordered
    ]
