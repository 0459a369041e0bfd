"""Ids of entries: one spelling each."""

from __future__ import annotations

import pytest

from domain.errors import InputError
from domain.evidence import PLATFORM_EVENTS, EntryId, EventType, LogName


def test_an_entry_id_reads_back_as_written() -> None:
    assert EntryId.parse("2026-17") == EntryId(2026, 17)
    assert str(EntryId(2026, 17)) == "2026-17"
    assert EntryId.parse("2026s2-17") == LogName(2026, 2).entry(17)
    assert str(LogName(2026).successor.entry(17)) == "2026s2-17"


def test_logs_and_entries_are_in_the_order_in_which_they_were_written() -> None:
    written = ["2026-9", "2026-10", "2026s2-0", "2026s10-0", "2027-0"]
    assert list(map(str, sorted(map(EntryId.parse, sorted(written))))) == written
    assert LogName(2026) < LogName(2026, 2) < LogName(2026, 10) < LogName(2027)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "17",
        "2026",
        "2026-",
        "2026-017",
        "0999-1",
        "2026--1",
        "2026-1 ",
        "2026-1\n",
        "2026s1-1",
        "2026s-1",
        "2026s02-1",
        "2026S2-1",
    ],
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(InputError) as refused:
        EntryId.parse(text)
    assert refused.value.facts["got"] == text


def test_callers_may_collect_no_type_of_the_platform() -> None:
    assert EventType.BLOCK_SEALED in PLATFORM_EVENTS
    assert EventType.ACCESS_REVIEW not in PLATFORM_EVENTS
