"""What will violate within seven days: by date where a date decides, else ranked by habit.

Dates have probability 1 and say when; an exemption that ends opens every violation it covers. Heuristics have no
probability, because nothing has measured one: their score ranks, and only within themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from assessment.applying import is_judged
from assessment.dates import flips
from assessment.evaluation import Group
from assessment.exempting import Covering, covering
from assessment.heuristics import Population, Ranked, rank
from assessment.inputs import AssessedPolicy, AssessmentInputs
from assessment.result import Pairs
from domain.clock import format_instant
from domain.prediction import HORIZON_DAYS, Prediction, PredictionSource
from graph.stores.contract import CHANGE_KINDS, ChangeKind
from policy.exemption import Exemption

HORIZON = timedelta(days=HORIZON_DAYS)


def predictions(
    inputs: AssessmentInputs,
    policies: Sequence[AssessedPolicy],
    by_type: Mapping[str, Group],
    *,
    kept: NDArray[np.bool_],
    failing: Pairs,
    covered: Covering,
) -> tuple[Prediction, ...]:
    """Every prediction: dates in order of time, resource and policy, then heuristics by score.

    Args:
        failing, covered: pairs that violate now, exempt ones included, and what covers them.
    """
    dated = [*_coming(inputs, policies, by_type), *_reopening(inputs, policies, failing, covered)]
    dated.sort(key=lambda found: (found.date or inputs.as_of, found.resource_id, found.policy_id or ""))
    return (*dated, *_ranked(inputs, kept))


def _coming(
    inputs: AssessmentInputs, policies: Sequence[AssessedPolicy], by_type: Mapping[str, Group]
) -> Iterator[Prediction]:
    """What complies now and will violate; while an exemption covers it, not before that ends."""
    found = [
        (index, flip)
        for index, policy in enumerate(policies)
        if policy.program is not None and policy.program.is_enabled and policy.program.is_time_dependent
        for flip in flips(policy.program, by_type, inputs.items, inputs.lookups, as_of=inputs.as_of)
        if is_judged(policy, flip.resource)
    ]
    pairs = Pairs(_indexes(index for index, _ in found), _indexes(flip.resource for _, flip in found))
    end = inputs.as_of + HORIZON
    for (index, flip), exemption in zip(found, covering(pairs, policies, inputs, at=inputs.as_of).by_pair, strict=True):
        until = None if exemption is None else exemption.expires_at
        if exemption is not None and (until is None or until > end):
            continue
        at, reasons = flip.at, flip.reasons
        if exemption is not None and until is not None and until > at:
            at, reasons = until, (_ends(exemption), *reasons)
        yield _dated(inputs, policies[index], flip.resource, at, reasons)


def _reopening(
    inputs: AssessmentInputs, policies: Sequence[AssessedPolicy], failing: Pairs, covered: Covering
) -> Iterator[Prediction]:
    """Violations whose exemption ends."""
    pairs = zip(failing.policies.tolist(), failing.resources.tolist(), covered.by_pair, strict=True)
    for policy, resource, exemption in pairs:
        if exemption is None or exemption.expires_at is None or exemption.expires_at > inputs.as_of + HORIZON:
            continue
        reasons = (_ends(exemption), "the resource violates the policy now")
        yield _dated(inputs, policies[policy], resource, exemption.expires_at, reasons)


def _dated(
    inputs: AssessmentInputs, policy: AssessedPolicy, resource: int, at: datetime, reasons: tuple[str, ...]
) -> Prediction:
    return Prediction(
        resource_id=inputs.items[resource].uid,
        policy_id=policy.policy_id,
        source=PredictionSource.DATE,
        date=at.astimezone(UTC),
        probability=1.0,
        interval=None,
        score=1.0,
        reasons=reasons,
    )


def _ends(exemption: Exemption) -> str:
    assert exemption.expires_at is not None
    return f"exemption {exemption.exemption_id} ends {format_instant(exemption.expires_at)}"


def _ranked(inputs: AssessmentInputs, kept: NDArray[np.bool_]) -> Iterator[Prediction]:
    if inputs.changes is None or not len(inputs.changes):
        return
    chosen = np.flatnonzero(kept)
    ranking = rank(_population(inputs, chosen), as_of=inputs.as_of, limit=inputs.limits.heuristics)
    yield from (_heuristic(inputs, int(chosen[ranked.index]), ranked) for ranked in ranking)


def _population(inputs: AssessmentInputs, chosen: NDArray[np.int64]) -> Population:
    """The kept resources and the changes of their state; that one was seen first is no change."""
    items = [inputs.items[int(index)] for index in chosen]
    index_of: dict[str, int] = {item.uid: index for index, item in enumerate(items)}
    changes = inputs.changes
    assert changes is not None
    changed = changes.kinds == CHANGE_KINDS.index(ChangeKind.CHANGED)
    who = [index_of.get(uid, -1) for uid, is_change in zip(changes.uids, changed.tolist(), strict=True) if is_change]
    known = np.array(who, dtype=np.int64)
    at_us = changes.at_us[changed][known >= 0]
    return Population(
        types=[item.type for item in items],
        scopes=[item.scope for item in items],
        changed=known[known >= 0],
        changed_days=at_us / 86_400_000_000,
    )


def _heuristic(inputs: AssessmentInputs, resource: int, ranked: Ranked) -> Prediction:
    return Prediction(
        resource_id=inputs.items[resource].uid,
        policy_id=None,
        source=PredictionSource.HEURISTIC,
        date=None,
        probability=None,
        interval=None,
        score=ranked.score,
        reasons=ranked.reasons,
    )


def _indexes(values: Iterator[int]) -> NDArray[np.int64]:
    return np.fromiter(values, dtype=np.int64)
