"""What a reader must know about a scan as a whole, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from assessment.inputs import AssessmentInputs
from cost.allocation import ResourceCosts
from cost.period import PeriodRule

LEARNED_MISSING = "Predictions here are dates, and heuristics that only rank; learned ones need the platform's history"

BILLING_AGE_MAX: Final = timedelta(days=62)


def notes(inputs: AssessmentInputs, costs: ResourceCosts) -> tuple[str, ...]:
    """Notes in a fixed order: the data, the history, the predictions, the money."""
    return (*_on_data(inputs), *_on_history(inputs), LEARNED_MISSING, *_on_cost(inputs, costs))


def _on_data(inputs: AssessmentInputs) -> Iterator[str]:
    synthetic = [item.synthetic for item in inputs.items].count(True)
    if synthetic:
        yield f"{synthetic} of {len(inputs.items)} resources are synthetic: made by a generator, not read from a cloud"
    gaps = sum(len(file.gaps) for file in inputs.files)
    if gaps:
        yield f"{_count(gaps, 'gap')} in what was read: absence of a resource or a violation is not proved"


def _on_history(inputs: AssessmentInputs) -> Iterator[str]:
    if inputs.former is None:
        yield "No earlier scan used these policies and filters: every violation counts as new"
    if inputs.changes is None or not len(inputs.changes):
        yield "No history of changes: nothing is ranked by heuristics"


def _on_cost(inputs: AssessmentInputs, costs: ResourceCosts) -> Iterator[str]:
    if not inputs.billing:
        yield "No billing data: costs are not known"
        return
    if not costs.periods:
        yield "No usage was billed before the time of this scan: costs are not known"
    elif (age := inputs.as_of - max(period.end for period in costs.periods)) > BILLING_AGE_MAX:
        yield f"The latest cost is of a time {_count(age.days, 'day')} before this scan"
    for period in costs.periods:
        if period.rule is PeriodRule.TRAILING:
            who = period.provider or "an unnamed provider"
            yield f"No complete month of {who}: its cost is of {_count(period.days, 'day')} up to {period.end:%Y-%m-%d}"
    if len({period.label for period in costs.periods}) > 1:
        yield "Providers are billed to different months: each cost is of its provider's latest"
    if len(costs.currencies) > 1:
        yield f"{len(costs.currencies)} currencies: amounts are kept apart and never added"
    if costs.copied_rows:
        yield f"{_count(costs.copied_rows, 'billing row')} left out, because another file holds the same ones"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
