"""What callers ask for at the same time, done together: while one does it, the next ones gather, without a time window.

A sync of the disk takes as long for one entry as for a hundred. Whoever gets the turn does everything that has gathered
until then; the others find theirs done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, Generic, TypeVar

from domain.errors import PolicyCortexError, UnavailableError
from domain.tenancy import TenantId

A = TypeVar("A")
R = TypeVar("R")

TOGETHER_MAX: Final = 500


@dataclass(eq=False, slots=True)
class _Asked(Generic[A, R]):
    """What one caller asks for, and what came of it."""

    what: A
    results: list[R] = field(default_factory=list)
    errors: list[PolicyCortexError] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether there is anything to tell the caller."""
        return bool(self.results or self.errors)


@dataclass(eq=False, slots=True)
class _Turn(Generic[A, R]):
    """One tenant's callers.

    Args:
        users: how many there are.
    """

    lock: Lock = field(default_factory=Lock)
    waiting: deque[_Asked[A, R]] = field(default_factory=deque)
    users: int = 0


class Together(Generic[A, R]):
    """Safe for several threads; as many may ask as there are threads.

    Args:
        work: does what several callers of a tenant ask for, and has a result for each.
    """

    def __init__(self, work: Callable[[TenantId, Sequence[A]], Sequence[R]]) -> None:
        self._work = work
        self._lock = Lock()
        self._turns: dict[TenantId, _Turn[A, R]] = {}

    def do(self, tenant: TenantId, what: A) -> R:
        """Have it done, with whatever others ask for meanwhile; what `work` raises, everyone it was for is told."""
        asked = _Asked[A, R](what)
        with self._lock:
            turn = self._turns.setdefault(tenant, _Turn())
            turn.users += 1
            turn.waiting.append(asked)
        try:
            while not asked.is_done:
                with turn.lock:
                    if not asked.is_done:
                        self._work_off(tenant, turn)
        finally:
            with self._lock:
                turn.users -= 1
                if not turn.users:
                    del self._turns[tenant]
        if asked.errors:
            raise asked.errors[0]
        return asked.results[0]

    def waiting(self, tenant: TenantId) -> tuple[A, ...]:
        """What of a tenant has gathered and is not being done yet."""
        with self._lock:
            turn = self._turns.get(tenant)
            return () if turn is None else tuple(each.what for each in turn.waiting)

    def _work_off(self, tenant: TenantId, turn: _Turn[A, R]) -> None:
        """Do what has gathered. After a fault in the work nobody waits for ever."""
        some = [turn.waiting.popleft() for _ in range(min(len(turn.waiting), TOGETHER_MAX))]
        try:
            for asked, result in zip(some, self._work(tenant, [each.what for each in some]), strict=True):
                asked.results.append(result)
        except PolicyCortexError as error:
            for asked in some:
                asked.errors.append(error)
        finally:
            for asked in some:
                if not asked.is_done:
                    asked.errors.append(UnavailableError("what was asked for together failed", todo="See the log"))
