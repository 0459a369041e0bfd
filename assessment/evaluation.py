"""Verdicts of policies over a snapshot, as columns.

A program is evaluated once per resource type that it selects, over that type's whole table; what the filters leave out
is dropped from the result. Nothing here loops over pairs of a policy and a resource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assessment.beside import Beside
from assessment.kept import Asked, KeptVerdicts
from domain.finding import Verdict
from domain.resource import ConfigurationItem, Provider
from graph.columns import Table
from graph.lazy import Carried, LazyTables
from graph.snapshot import Snapshot
from policy.compile import Program
from policy.evaluate import UNCOLLECTED, Lookups, evaluate

Indexes = NDArray[np.int64]
Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The resources of one type.

    Shapes:
        rows: int64 (n,), the index in the snapshot of each row of `table`.
        is_kept: bool (n,), whether the filters leave it; `is_whole` where they leave all.
    """

    kind: str
    table: Table
    provider: Provider
    rows: Indexes
    is_kept: NDArray[np.bool_]
    is_whole: bool
    beside: Beside
    carried: Carried | None

    def kept(self, values: NDArray[Number]) -> NDArray[Number]:
        """Values of the rows that the filters leave, of values of all."""
        return values if self.is_whole else values[self.is_kept]

    def verdicts(
        self, program: Program, lookups: Lookups, *, now: datetime, kept: KeptVerdicts | None = None
    ) -> NDArray[np.uint8]:
        """What a program says of every row, as `Verdict` codes.

        Args:
            kept: what it said before.
        """
        related = UNCOLLECTED
        if program.existence is not None:
            related = self.beside.of(program.existence.type, self.rows)
        if kept is None:
            return evaluate(program, self.table, now=now, lookups=lookups, related=related)
        return kept.of(self.kind, Asked(program, self.table, related, now, self.carried), lookups)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One program's verdicts. `rows` are indexes in the snapshot, `verdicts` their `Verdict` codes."""

    rows: Indexes
    verdicts: NDArray[np.uint8]

    def with_verdict(self, verdict: Verdict) -> Indexes:
        """The resources that have this verdict, ascending."""
        return np.sort(self.rows[self.verdicts == verdict])

    def __len__(self) -> int:
        return len(self.rows)


def groups(snapshot: Snapshot, kept: NDArray[np.bool_]) -> dict[str, Group]:
    """The snapshot's resources by lower-case type, in order of type; types without a kept resource are left out."""
    found = {}
    beside = Beside(snapshot)
    for kind, table in sorted(snapshot.tables.items()):
        rows = np.asarray(snapshot.rows_by_type[kind], dtype=np.int64)
        if kept[rows].any():
            carried = snapshot.tables.carried.get(kind) if isinstance(snapshot.tables, LazyTables) else None
            provider, is_kept = snapshot.provider_of(int(rows[0])), kept[rows]
            found[kind] = Group(kind, table, provider, rows, is_kept, bool(is_kept.all()), beside, carried)
    return found


def kept_by(items: Sequence[ConfigurationItem], *, scope: str | None, kind: str | None) -> NDArray[np.bool_]:
    """Which resources the filters leave: at or below a scope, of a type, both without case."""
    kept = np.ones(len(items), dtype=bool)
    if scope is not None:
        top = scope.rstrip("/").lower()
        scopes = (item.scope.lower() for item in items)
        uids = (item.uid.lower() for item in items)
        kept &= np.fromiter((_is_below(s, top) or _is_below(u, top) for s, u in zip(scopes, uids, strict=True)), bool)
    if kind is not None:
        wanted = kind.lower()
        kept &= np.fromiter((item.type.lower() == wanted for item in items), bool, len(items))
    return kept


def outcome(
    program: Program,
    by_type: Mapping[str, Group],
    lookups: Lookups,
    *,
    now: datetime,
    kept: KeptVerdicts | None = None,
) -> Outcome:
    """Evaluate a program at one instant.

    Args:
        kept: what it said before.
    """
    parts = [
        (group.kept(group.rows), group.kept(group.verdicts(program, lookups, now=now, kept=kept)))
        for group in selected(program, by_type)
    ]
    if not parts:
        return nothing()
    return Outcome(np.concatenate([rows for rows, _ in parts]), np.concatenate([verdicts for _, verdicts in parts]))


def nothing() -> Outcome:
    """The outcome of a program that judges no resource."""
    return Outcome(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint8))


def selected(program: Program, by_type: Mapping[str, Group]) -> Iterator[Group]:
    """The groups of the clouds and types that a program is meant for, in order of type."""
    kinds = by_type if program.types is None else sorted(program.types & by_type.keys())
    return (by_type[kind] for kind in kinds if by_type[kind].provider in program.clouds)


def _is_below(scope: str, top: str) -> bool:
    return scope == top or scope.startswith(f"{top}/")
