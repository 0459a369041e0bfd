"""Histories that are kept are those of the present state of a store."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from graph.stores import versions
from graph.stores.contract import ChangeKind, Version
from graph.stores.versions import KeptHistories

HISTORY = (Version(datetime(2026, 3, 2, tzinfo=UTC), ChangeKind.NEW, "d"),)


def test_a_history_is_read_once_until_a_state_is_added_and_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "HISTORIES_MAX", 2)
    reads: list[str] = []

    def read(key: str) -> tuple[Version, ...]:
        reads.append(key)
        return HISTORY

    kept = KeptHistories()
    for key, number in (("a", 7), ("b", 7), ("a", 7), ("c", 7), ("b", 7), ("b", 8)):
        assert kept.of(key, number, read) == HISTORY
    assert reads == ["a", "b", "c", "b", "b"], "the one that was asked for longest ago goes first"
