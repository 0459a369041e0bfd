"""What a check found, in words and in place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be.

    Args:
        where: file within the folder.
        entry_index: the entry concerned, where it is one.
        field: part of the file or of the entry.
    """

    where: str
    entry_index: int | None
    field: str
    expected: str
    got: str


class Findings:
    """Collects what one check finds, in the order found."""

    def __init__(self) -> None:
        self._items: list[Finding] = []

    @property
    def all(self) -> tuple[Finding, ...]:
        return tuple(self._items)

    def add(self, where: str, *, field: str, expected: object, got: object, entry_index: int | None = None) -> None:
        self._items.append(Finding(where, entry_index, field, str(expected), str(got)))

    def extend(self, others: Findings) -> None:
        """Take what another check found."""
        self._items += others._items
