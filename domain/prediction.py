"""What is expected within seven days, with its source named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.finding import PolicyId
from domain.resource import ResourceId

HORIZON_DAYS = 7


class PredictionSource(StrEnum):
    """How a prediction came about. ``date`` is exact; ``heuristic`` only ranks."""

    DATE = "date"
    LEARNED = "learned"
    ANOMALY = "anomaly"
    PATTERN = "pattern"
    HEURISTIC = "heuristic"


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of an estimate, both included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """One expected violation or change.

    Args:
        policy_id: the policy that will fail, or None when the prediction names none.
        date: when, exactly; None unless a date decides.
        probability: in [0, 1]; None where the source only ranks.
        score: in [0, 1], for ranking within one source.
        reasons: why, in words, most important first.
    """

    resource_id: ResourceId
    policy_id: PolicyId | None
    source: PredictionSource
    date: datetime | None
    probability: float | None
    interval: Interval | None
    score: float
    reasons: tuple[str, ...]
