"""The rows of a live graph: those of its base, and what has become of them since.

A row keeps its number until the base is renewed. A new resource gets the next number; one that comes back gets the
number that it had.
"""

from __future__ import annotations

from domain.resource import resource_key
from graph.base import Base, ResourceRow


class LiveRows:
    """Resources by row and by id.

    Args:
        base: what is true of every row that nothing has happened to.
    """

    def __init__(self, base: Base) -> None:
        self.base = base
        self.changed: dict[int, ResourceRow] = {}
        self.gone: set[int] = set()
        self.new: dict[str, int] = {}

    @property
    def size(self) -> int:
        """How many numbers are given out."""
        return len(self.base) + len(self.new)

    def find(self, key: str) -> int | None:
        """The row of a resource that is there."""
        row = self.place(key)
        return None if row in self.gone else row

    def place(self, key: str) -> int | None:
        """The row that a resource has or had."""
        row = self.new.get(key)
        return self.base.find(key) if row is None else row

    def get(self, row: int) -> ResourceRow | None:
        """A resource; None where it is gone."""
        if row in self.gone:
            return None
        return self.changed.get(row) or self.base.columns.row(row)

    def put(self, after: ResourceRow) -> int:
        """Record a resource's state."""
        key = resource_key(after.uid)
        row = self.place(key)
        if row is None:
            row = self.new[key] = self.size
        self.gone.discard(row)
        self.changed[row] = after
        return row

    def remove(self, row: int) -> None:
        """Record that a resource is gone."""
        self.changed.pop(row, None)
        self.gone.add(row)
