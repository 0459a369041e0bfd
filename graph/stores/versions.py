"""What a resource's states mean, each after the one before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from domain.recent import Recent
from graph.stores.contract import ChangeKind, Version

HISTORIES_MAX: Final = 4_096


def change_kinds(retired: Iterable[bool]) -> Iterator[ChangeKind]:
    """What each state of one resource was, oldest first.

    Args:
        retired: whether the resource was gone in it.
    """
    is_present = False
    for is_retired in retired:
        yield ChangeKind.RETIRED if is_retired else ChangeKind.CHANGED if is_present else ChangeKind.NEW
        is_present = not is_retired


def versions_from(states: Sequence[tuple[datetime, bool, str]]) -> tuple[Version, ...]:
    """Versions of one resource, oldest first.

    Args:
        states: since when, whether the resource was gone, and the digest.
    """
    kinds = change_kinds(is_retired for _, is_retired, _ in states)
    return tuple(Version(at, kind, digest) for (at, _, digest), kind in zip(states, kinds, strict=True))


class KeptHistories:
    """Histories that were read lately, of a store to which states are only added. For one thread at a time."""

    def __init__(self) -> None:
        self._number = -1
        self._kept = Recent[str, tuple[Version, ...]](HISTORIES_MAX)

    def of(self, key: str, number: int, read: Callable[[str], tuple[Version, ...]]) -> tuple[Version, ...]:
        """A resource's history.

        Args:
            number: of the state that the store adds next: where it is another one, nothing that is kept holds.
            read: called where the history is not kept.
        """
        if number != self._number:
            self._number = number
            self._kept.clear()
        found = self._kept.get(key)
        if found is None:
            found = read(key)
            self._kept.put(key, found)
        return found
