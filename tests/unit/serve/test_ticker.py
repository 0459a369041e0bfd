"""Something that is done again and again."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

from domain.errors import UnavailableError
from serve.ticker import Ticker

PATIENCE_S = 60.0


def test_a_tick_that_fails_is_followed_by_the_next_until_it_is_stopped() -> None:
    done = Event()

    def turns() -> Iterator[None]:
        yield
        done.set()
        while True:
            yield

    ticks, failures = turns(), iter([UnavailableError("nobody answers"), OSError("no space left")])

    def tick() -> None:
        for failure in failures:
            raise failure
        next(ticks)

    ticker = Ticker("test", tick, every_s=0.0)
    ticker.begin()
    assert done.wait(PATIENCE_S)
    ticker.stop()
    assert ticker.is_stopping


def test_one_that_never_began_is_stopped_all_the_same() -> None:
    ticker = Ticker("test", lambda: None, every_s=0.0)
    ticker.stop()
    assert ticker.is_stopping
