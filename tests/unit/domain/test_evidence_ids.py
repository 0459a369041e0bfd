"""Ids of entries: one spelling each."""

from __future__ import annotations

import pytest

from domain.errors import InputError
from domain.evidence import PLATFORM_EVENTS, EntryId, EventType


def test_an_entry_id_reads_back_as_written() -> None:
    assert EntryId.parse("2026-17") == EntryId(2026, 17)
    assert str(EntryId(2026, 17)) == "2026-17"


@pytest.mark.parametrize("text", ["", "17", "2026", "2026-", "2026-017", "0999-1", "2026--1", "2026-1 ", "2026-1\n"])
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(InputError) as refused:
        EntryId.parse(text)
    assert refused.value.facts["got"] == text


def test_callers_may_collect_no_type_of_the_platform() -> None:
    assert EventType.BLOCK_SEALED in PLATFORM_EVENTS
    assert EventType.ACCESS_REVIEW not in PLATFORM_EVENTS
