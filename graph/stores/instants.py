"""Instants as whole microseconds since 1970, the form in which stores keep and compare them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
NEVER_US: Final = -(2**63)
"""Stands in columns for no instant at all."""


def us_from_instant(instant: datetime) -> int:
    """Microseconds since 1970 in UTC, exact."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_from_us(microseconds: int) -> datetime:
    """The instant, aware and in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)
