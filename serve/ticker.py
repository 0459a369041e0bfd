"""A thread that does something again and again until it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

import structlog


class Ticker:
    """Works from `begin` on. A tick that goes wrong is logged, and the next one comes all the same."""

    def __init__(self, name: str, tick: Callable[[], object], *, every_s: float) -> None:
        self._name, self._tick, self._every_s = name, tick, every_s
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    @property
    def is_stopping(self) -> bool:
        """Whether what a tick does should end soon."""
        return self._stopping.is_set()

    def begin(self) -> None:
        """Start working."""
        self._thread.start()

    def stop(self, wait_s: float = 60.0) -> None:
        """End after the tick that is under way."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(wait_s)

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            try:
                self._tick()
            except Exception:  # noqa: BLE001 (the loop of a platform's part; the traceback is logged)
                structlog.get_logger().exception("work of a platform failed", work=self._name)
