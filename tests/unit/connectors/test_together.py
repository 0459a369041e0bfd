"""Work that callers ask for at once is done together, and a fault of it is told to everyone it was for."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from connectors.stream.together import Together
from domain.errors import InputError, UnavailableError
from domain.tenancy import TenantId

TENANT, OTHER = TenantId("acme"), TenantId("globex")
PATIENCE_S = 60.0


class Held:
    """Doubles numbers; the first call waits until it is let go."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.is_held = Event()
        self.let_go = Event()

    def work(self, tenant: TenantId, some: Sequence[int]) -> list[int]:
        assert tenant in {TENANT, OTHER}
        self.calls.append(list(some))
        if len(self.calls) == 1:
            self.is_held.set()
            assert self.let_go.wait(PATIENCE_S)
        return [2 * each for each in some]


def test_what_comes_while_others_are_done_is_done_at_once_behind_them() -> None:
    held = Held()
    together = Together(held.work)
    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(together.do, TENANT, 0)
        assert held.is_held.wait(PATIENCE_S)
        others = [pool.submit(together.do, TENANT, number) for number in range(1, 20)]
        while len(together.waiting(TENANT)) < len(others):
            pass
        assert together.do(OTHER, 7) == 14, "one tenant does not keep another waiting"
        held.let_go.set()
        assert first.result(PATIENCE_S) == 0
        assert [each.result(PATIENCE_S) for each in others] == [2 * number for number in range(1, 20)]
    assert [len(call) for call in held.calls] == [1, 1, 19]


@pytest.mark.parametrize("error", [InputError("no"), UnavailableError("not now")])
def test_everyone_is_told_what_failed_and_the_next_caller_goes_on(error: Exception) -> None:
    errors = [error]

    def work(_: TenantId, some: Sequence[int]) -> list[int]:
        if errors:
            raise errors.pop()
        return list(some)

    together = Together(work)
    with pytest.raises(type(error)):
        together.do(TENANT, 1)
    assert together.do(TENANT, 2) == 2


def test_many_threads_get_each_its_own_result() -> None:
    def work(_: TenantId, some: Sequence[int]) -> list[int]:
        return [10 * each for each in some]

    together = Together(work)
    begin = Barrier(8)

    def ask(number: int) -> list[int]:
        begin.wait(PATIENCE_S)
        return [together.do(TENANT, 1_000 * number + each) for each in range(200)]

    with ThreadPoolExecutor(8) as pool:
        for number, found in enumerate(pool.map(ask, range(8))):
            assert found == [10 * (1_000 * number + each) for each in range(200)]
    assert together.waiting(TENANT) == ()
