"""What a resource's states mean, each after the one before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from graph.stores.contract import ChangeKind, Version


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
