"""Weeks of a live tenant as a model learns from them: features as of then, what models say of them, and what came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from assessment.learned import LiveHistory, prepared, settled
from training.activity import Prior
from training.adaptation import LearnedWeek
from training.outcomes import WEEK
from training.predictor import Predictor

WEEKS_MAX: Final = 60
"""Ended weeks that are looked back on at most."""


def ended_weeks(history: LiveHistory, now: datetime, *, count: int = WEEKS_MAX) -> list[datetime]:
    """Mondays 00:00 UTC from a week after the first change on whose seven days are over, oldest first."""
    events = history.timeline.until(now).events.at
    if not len(events):
        return []
    first = datetime.fromtimestamp(int(events[0]) / 1e6, now.tzinfo) + WEEK
    monday = (now - timedelta(days=now.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    found = [monday - WEEK * back for back in range(1, count + 1)]
    return sorted(at for at in found if at >= first and at + WEEK <= min(now, history.timeline.end))


def learned_week(history: LiveHistory, prior: Prior, models: Mapping[str, Predictor], cutoff: datetime) -> LearnedWeek:
    """One week, by the code that serves it.

    Args:
        cutoff: one of `ended_weeks`.
        prior: what types did elsewhere, as live tenants are served with.
        models: by name.
    """
    graph = prepared(history.timeline, prior, as_of=cutoff, version=0)
    outcome = settled(history.timeline, [cutoff], history.known, history.deeds)[cutoff]
    logits = {
        name: one.network.logits(graph.values, graph.relations).astype(np.float64) for name, one in models.items()
    }
    return LearnedWeek(cutoff, graph.values, logits, outcome.came, outcome.why)
