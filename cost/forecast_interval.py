"""How wide the interval of a sum must be to hold as often as it says.

Split conformal prediction on the errors of a back-test, mended in two places. Origins a week apart share most days of
their horizons, so that they are worth fewer cases than they are: the finite-sample correction is made for that number.
And the series does not stay as it was: the interval is made again at each origin of the past, of what was known there,
and asked for a little more or less afterwards, whenever it failed or held (adaptive conformal inference).

The number of cases is what `docs/what-if.md` measures: intervals are made of twice as many errors as horizons fit.

**Source**: Vovk, Gammerman and Shafer 2005 (split conformal); Gibbs and Candès 2021 (adaptive conformal inference);
Lo and MacKinlay 1989 (what overlapping periods are worth).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from cost.forecast_methods import Series

COVERAGE: Final = 0.9
OVERLAP_WORTH: Final = 2.0
"""Cases that a horizon's worth of overlapping origins counts for."""

LEARNING_RATE: Final = 0.03
KNOWN_MIN: Final = 5
_LEVEL_MIN: Final = 0.5


def half_width(scores: Series, *, horizon_days: int, step_days: int, coverage: float = COVERAGE) -> float:
    """The score that the next case stays below as often as `coverage` says.

    Args:
        scores: absolute relative errors of the back-test, the newest first.
        step_days: how far apart its origins are.
    """
    per_case = horizon_days / step_days / OVERLAP_WORTH
    asked_more = _asked_more(scores[::-1], per_case, lag=math.ceil(horizon_days / step_days), coverage=coverage)
    return _quantile(np.sort(scores), _level(len(scores) / per_case, coverage) + asked_more)


def _asked_more(scores: Series, per_case: float, *, lag: int, coverage: float) -> float:
    """What the level has learned from holding or failing, origin after origin, each of what was over by then."""
    more = 0.0
    for place in range(lag + KNOWN_MIN, len(scores)):
        known = np.sort(scores[: place - lag])
        width = _quantile(known, _level(len(known) / per_case, coverage) + more)
        more += LEARNING_RATE * (float(scores[place] > width) - (1 - coverage))
    return more


def _level(cases: float, coverage: float) -> float:
    """The finite-sample correction."""
    return (cases + 1) * coverage / cases


def _quantile(ordered: Series, level: float) -> float:
    rank = math.ceil(min(1.0, max(_LEVEL_MIN, level)) * len(ordered) - 1e-9)
    return float(ordered[max(1, rank) - 1])
