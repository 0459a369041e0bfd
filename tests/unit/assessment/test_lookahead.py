"""Work ahead of its reader: in order, never far ahead, and a failure where its item stands."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from assessment.lookahead import ahead

PATIENCE_S = 60


def test_results_come_in_the_order_of_the_items_whatever_is_done_first() -> None:
    is_second_done = threading.Event()

    def act(number: int) -> int:
        if number == 0:
            assert is_second_done.wait(PATIENCE_S)
        if number == 1:
            is_second_done.set()
        return number * 10

    assert list(ahead(range(5), act, workers=2)) == [0, 10, 20, 30, 40]


def test_no_more_is_read_than_can_be_worked_on() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    results = ahead(items(), lambda number: number, workers=2)
    assert next(results) == 0
    assert read == [0, 1, 2]


def test_a_failure_is_raised_after_the_results_before_it() -> None:
    def act(number: int) -> int:
        if number == 2:
            raise ValueError(number)
        return number

    results = ahead(range(10), act, workers=3)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="2"):
        next(results)
