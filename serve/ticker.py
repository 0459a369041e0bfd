"""A thread that does something again and again until it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from actors.shards.looping import Looping
from domain.errors import PolicyCortexError

JOIN_S: Final = 60.0


class Ticker:
    """Works from `begin` on. A tick that fails is logged, and the next one comes all the same."""

    def __init__(self, name: str, tick: Callable[[], object], *, every_s: float) -> None:
        self._name, self._tick, self._every_s = name, tick, every_s
        self._looping = Looping(name, self._turn)

    @property
    def is_stopping(self) -> bool:
        """Whether what a tick does should end soon."""
        return self._looping.is_stopping

    def begin(self) -> None:
        """Start working."""
        self._looping.begin()

    def stop(self) -> None:
        """End after the tick that is under way."""
        self._looping.stop(join_s=JOIN_S)

    def _turn(self) -> None:
        self._looping.pause(self._every_s)
        if self.is_stopping:
            return
        try:
            self._tick()
        except (PolicyCortexError, OSError) as error:
            structlog.get_logger().warning("work of a platform failed", work=self._name, reason=str(error)[:300])
