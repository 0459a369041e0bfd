"""Work on items ahead of whoever takes the results, on threads, in the order of the items.

It pays where the work lets go of the interpreter, as polars and Arrow do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(items: Iterable[Item], act: Callable[[Item], Result], *, workers: int) -> Iterator[Result]:
    """What `act` makes of each item, while the next ones are worked on.

    What `act` raises comes in its item's turn; what reading an item raises comes at once.

    Args:
        workers: items that are worked on at once. One more, at most, is done and waits.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="ahead") as threads:
        try:
            for item in items:
                waiting.append(threads.submit(act, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()
