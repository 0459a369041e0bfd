"""Instants as whole microseconds since 1970, the form in which stores keep and compare them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
NEVER_US: Final = -(2**63)
"""Stands in columns for no instant at all."""


@lru_cache(maxsize=4_096)
def us_from_instant(instant: datetime) -> int:
    """Microseconds since 1970 in UTC, exact; the instants of one run are few."""
    return (instant - _EPOCH) // _MICROSECOND


def instants_us(instants: Sequence[datetime | None]) -> NDArray[np.int64]:
    """Instants as a column, `NEVER_US` where there is none; those of one run are mostly one object."""
    known: dict[int, int] = {}
    for instant in {id(instant): instant for instant in instants}.values():
        known[id(instant)] = NEVER_US if instant is None else us_from_instant(instant)
    return np.fromiter(map(known.__getitem__, map(id, instants)), np.int64, len(instants))


def instant_from_us(microseconds: int) -> datetime:
    """The instant, aware and in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)
