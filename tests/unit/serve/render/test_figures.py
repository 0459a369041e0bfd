"""How figures and ids are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.render.figures import (
    amount,
    counted,
    day,
    days_between,
    end,
    interval,
    middle,
    moment,
    monthly,
    percent,
    ratio,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("1240.50", "1,241"), ("0.00", "0"), ("3.456", "3.46"), ("-0.125", "-0.13"), ("12345678.90", "12,345,679")],
)
def test_small_amounts_keep_their_cents_and_large_ones_do_not(text: str, shown: str) -> None:
    assert amount(text) == shown


def test_several_currencies_are_joined_and_never_added() -> None:
    entries = [{"amount": "10.00", "currency": "EUR"}, {"amount": "20.00", "currency": "USD"}]
    assert monthly(entries) == "10 EUR/mo + 20 USD/mo"


@pytest.mark.parametrize(
    ("share", "shown"), [(0.0, "0 %"), (0.034, "3.4 %"), (0.62, "62 %"), (1.0, "100 %"), (0.99999, "99.99 %")]
)
def test_what_is_not_all_never_reads_as_all(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_a_share_of_nothing_is_nothing() -> None:
    assert ratio(None, "1.00") == ratio("1.00", None) == ratio("1.00", "0.00") == 0.0


@given(st.text(min_size=0, max_size=60), st.integers(1, 60))
def test_a_shortened_text_fits_and_a_short_one_is_untouched(text: str, width: int) -> None:
    for shorten in (middle, end):
        shown = shorten(text, width)
        assert len(shown) <= width
        assert shown == text or len(text) > width


def test_an_id_keeps_both_its_ends() -> None:
    assert middle("sg-0f3b5c77a91d2e9a1", 11) == "sg-0f…2e9a1"


def test_dates_are_written_as_people_say_them() -> None:
    assert moment("2026-11-23T16:40:00Z") == "2026-11-23 16:40 UTC"
    assert day("2026-11-05T16:40:00Z") == "Thu 5 Nov"
    assert days_between("2026-11-23T23:59:00Z", "2026-11-24T00:01:00Z") == 1


def test_one_thing_has_no_plural() -> None:
    assert (counted(1, "gap"), counted(0, "gap"), counted(2, "entry", "entries")) == ("1 gap", "0 gaps", "2 entries")


def test_an_interval_names_both_bounds_once() -> None:
    assert interval(0.55, 0.7) == "55\N{EN DASH}70 %"
