"""A thread of a shard that does its work in turns until it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import Final

JOIN_S: Final = 30.0


class Looping:
    """One thread.

    Args:
        turn: is called again and again; it waits by itself where there is nothing to do.
    """

    def __init__(self, name: str, turn: Callable[[], None]) -> None:
        self._turn = turn
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    @property
    def has_failed(self) -> bool:
        """Whether it ended by a fault."""
        return bool(self._thread.ident) and not self._thread.is_alive() and not self._stopping.is_set()

    @property
    def is_stopping(self) -> bool:
        """Whether what is being done should end soon."""
        return self._stopping.is_set()

    def begin(self) -> None:
        """Start working."""
        self._thread.start()

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        self._stopping.wait(seconds)

    def stop(self, wake: Callable[[], None] = lambda: None, *, join_s: float = JOIN_S) -> None:
        """End after what is being done.

        Args:
            wake: ends a wait that `pause` does not know of.
            join_s: how long that is waited for.
        """
        self._stopping.set()
        wake()
        if self._thread.is_alive():
            self._thread.join(join_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._turn()
