"""A circuit breaker: after errors or late answers in a row the other way is taken for a while, then one tries again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Breaker:
    """Counts failures in a row.

    Args:
        failures_max: as many in a row open it.
        rest_s: how long it stays open before one call may try again.
        late_s: an answer that took longer counts as a failure.
    """

    failures_max: int = 3
    rest_s: float = 30.0
    late_s: float = 2.0
    failures: int = 0
    open_until_s: float = float("-inf")

    def lets_through(self, now_s: float) -> bool:
        """Whether a call may be tried."""
        return now_s >= self.open_until_s

    def succeeded(self, now_s: float, took_s: float) -> None:
        """A call answered."""
        if took_s > self.late_s:
            self.failed(now_s)
            return
        self.failures = 0

    def failed(self, now_s: float) -> None:
        """A call did not answer, or too late. While it tries again, one failure is enough."""
        self.failures += 1
        if self.failures >= self.failures_max:
            self.open_until_s = now_s + self.rest_s
