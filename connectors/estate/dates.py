"""When things of the estate expire or grow too old: most are far off, some within the week, a few too late."""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.estate.company import Stack

SOON_SHARE = 0.1
"""Share of dates that come to matter within a week, each on its own day."""

LATE_SHARE = 0.006
"""Share of expiries that nobody noticed."""

_WEEK_HOURS = 7 * 24


def expiry(stack: Stack, *, days_max: int = 400) -> datetime:
    """When a certificate, key or secret expires."""
    share = stack.random.random()
    if share < LATE_SHARE:
        return stack.as_of - timedelta(hours=stack.random.randint(3, 400))
    if share < LATE_SHARE + SOON_SHARE:
        return stack.as_of + timedelta(hours=stack.random.randint(5, _WEEK_HOURS - 3))
    return stack.as_of + timedelta(hours=stack.random.randint(_WEEK_HOURS + 24, days_max * 24))


def creation(stack: Stack, *, days_max: int, factor: float = 1.0) -> datetime:
    """When something was made that should be replaced after `days_max` days; the flawed are older."""
    limit_hours = days_max * 24
    if stack.is_flawed(factor):
        age_hours = limit_hours + stack.random.randint(5, 300 * 24)
    elif stack.has(SOON_SHARE):
        age_hours = limit_hours - stack.random.randint(5, _WEEK_HOURS - 3)
    else:
        age_hours = stack.random.randint(24, limit_hours - _WEEK_HOURS - 24)
    return stack.as_of - timedelta(hours=age_hours)


def past(stack: Stack, *, days_max: int = 600) -> datetime:
    """Some moment of the past that matters to nobody."""
    return stack.as_of - timedelta(hours=stack.random.randint(48, days_max * 24))
