"""Instants are aware, in UTC, and written in one form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import SystemClock, format_instant, parse_instant
from domain.errors import InputError

FIRST = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
LAST = datetime(2200, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def test_a_bare_date_is_midnight_in_utc() -> None:
    assert parse_instant("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)


def test_a_time_without_offset_is_utc_and_one_with_an_offset_is_converted() -> None:
    assert parse_instant("2026-01-31T12:00:00") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert parse_instant("2026-01-31T12:00:00+02:00") == datetime(2026, 1, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "Thursday", "2026-13-01", "2026-02-30", "20260"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_instant(text)
    assert caught.value.facts["got"] == text
    assert "2026-01-31" in str(caught.value.facts["expected"])


@given(st.datetimes(min_value=FIRST, max_value=LAST))
def test_reading_what_was_written_gives_the_same_instant(naive: datetime) -> None:
    instant = naive.replace(tzinfo=timezone(timedelta(hours=5)))
    assert parse_instant(format_instant(instant)) == instant


def test_the_machine_clock_is_aware() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
