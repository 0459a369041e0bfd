"""Circles of containment, kept up as edges come and go.

A circle through a resource lies among what is reached from it by containment, which is a handful of rows: so only the
rows at changed edges, and those that shared a circle with them, are looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from graph.components import components


class Circles:
    """Groups of rows that contain each other.

    Args:
        groups: those that there are, each in ascending order.
        containers: the rows that contain a row, as its edges now say.
    """

    def __init__(self, groups: Iterable[tuple[int, ...]], containers: Callable[[int], Iterable[int]]) -> None:
        self._containers = containers
        self._group: dict[int, tuple[int, ...]] = {row: group for group in groups for row in group}

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """All circles, in order."""
        return tuple(sorted(set(self._group.values())))

    def joins(self, source: int, target: int) -> bool:
        """Whether both rows lie on one circle."""
        group = self._group.get(source)
        return group is not None and group == self._group.get(target)

    def update(self, rows: set[int]) -> set[int]:
        """Look again at circles through rows whose containment has changed.

        Returns:
            The rows whose circle is another than before.
        """
        rows = rows | {member for row in rows for member in self._group.get(row, ())}
        edges = self._reached(rows)
        found = self._circles(edges)
        changed = {row for row in edges if self._group.get(row) != found.get(row)}
        for row in changed:
            self._group.pop(row, None)
            if row in found:
                self._group[row] = found[row]
        return changed

    def _reached(self, rows: set[int]) -> dict[int, list[int]]:
        edges: dict[int, list[int]] = {}
        pending = list(rows)
        while pending:
            row = pending.pop()
            if row not in edges:
                edges[row] = list(self._containers(row))
                pending.extend(edges[row])
        return edges

    @staticmethod
    def _circles(edges: dict[int, list[int]]) -> dict[int, tuple[int, ...]]:
        rows = sorted(edges)
        at = {row: number for number, row in enumerate(rows)}
        pairs = [(at[source], at[target]) for source, targets in edges.items() for target in targets]
        ends = np.array(pairs, np.int32).reshape(-1, 2)
        members: dict[int, list[int]] = {}
        for row, label in zip(rows, components(ends[:, 0], ends[:, 1], len(rows)).tolist(), strict=True):
            members.setdefault(label, []).append(row)
        return {row: tuple(group) for group in members.values() if len(group) > 1 for row in group}
