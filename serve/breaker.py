"""When to stop asking who does not answer, and how long to wait for who has only just begun.

After errors or late answers in a row a breaker takes the other way for a while, then one tries again.
"""

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


@dataclass(slots=True)
class Patience:
    """How long to wait for an answer of something that starts when it is first asked, and ends when it is not.

    Args:
        warm_s: how long one that runs may take.
        cold_s: how long one that starts may take; questions of that time share it.
        idle_s: after so long without a question it ends.
    """

    warm_s: float
    cold_s: float
    idle_s: float
    answered_s: float = float("-inf")
    cold_until_s: float = float("-inf")

    def answered(self, now_s: float) -> None:
        """It runs."""
        self.answered_s = now_s

    def left_s(self, now_s: float) -> float:
        """How long a question that is put now may wait."""
        if now_s - self.answered_s < self.idle_s / 2:
            return self.warm_s
        if now_s >= self.cold_until_s + self.idle_s / 2:
            self.cold_until_s = now_s + self.cold_s
        return max(self.cold_until_s - now_s, self.warm_s)
