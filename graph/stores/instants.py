"""Instants as whole microseconds since 1970, the form in which stores keep and compare them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def us_from_instant(instant: datetime) -> int:
    """Microseconds since 1970 in UTC, exact."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_from_us(microseconds: int) -> datetime:
    """The instant, aware and in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)
