"""Evaluates programs over columns, existence conditions included, as joins with the tables of related resources.

An existence look-up is an equality join: every related resource is filed under the ids of the places that hold it,
and a triggering resource asks for the ids where it looks. The existence condition is run once over the related
table, however many resources look there; only one that compares both sides is run over the pairs that meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from graph.columns import Column, Table, take
from policy.compile import Program
from policy.existence import Existence, anchors_of, is_named
from policy.run import Frame, Indexes, Lookups, Result, Run, Truths, distinct, joined
from policy.tree import OUTER, Expression, Truth, reads_of

__all__ = ["UNCOLLECTED", "Lookups", "Related", "evaluate"]

_VERDICTS = np.array([0, 2, 1], dtype=np.uint8)
"""`Verdict` codes by `Truth`: a true condition is a violation."""


@dataclass(frozen=True, slots=True, eq=False)
class Related:
    """Where an existence condition looks.

    Args:
        tables: resources of the related type, all of the tenant's, in one table or several.
        is_read: whether all that a triggering resource could find was collected: for each row, or one for all. Where
            it was not, absence proves nothing.

    Shapes:
        is_read: bool (n,), n the size of the table of triggering resources.
    """

    tables: tuple[Table, ...]
    is_read: bool | NDArray[np.bool_]


UNCOLLECTED: Final = Related((), is_read=False)
"""Nobody asked for the related type."""


def evaluate(
    program: Program,
    table: Table,
    *,
    now: datetime,
    lookups: Lookups | None = None,
    related: Related = UNCOLLECTED,
) -> NDArray[np.uint8]:
    """The verdict of every row of a table of one type, as `domain.finding.Verdict` codes.

    Args:
        related: what an existence condition is answered from; nothing to a program without one.
    """
    run = Run(now, lookups if lookups is not None else Lookups(), program.is_time_dependent)
    frame = Frame.of(table)
    result = run.condition(program.condition, frame)
    if program.existence is not None and related is UNCOLLECTED:
        result = joined(np.minimum, result, Truth.UNKNOWN)
    elif program.existence is not None and result is not Truth.FALSE:
        join = _Join(program.existence, run, frame)
        exists = join.exists(related, _filled(result, table.size) != Truth.FALSE, program.condition.key)
        result = joined(np.minimum, result, np.subtract(2, exists, dtype=np.uint8))
    if isinstance(result, Truth):
        return np.full(table.size, _VERDICTS[result], dtype=np.uint8)
    found: NDArray[np.uint8] = _VERDICTS.take(result, mode="clip")
    return found


def _filled(result: Result, size: int) -> Truths:
    return np.full(size, result, dtype=np.uint8) if isinstance(result, Truth) else result


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What some triggering rows ask for.

    Args:
        rows: their numbers in the table.
        anchors: where each looks; None where that cannot be known.
        names: the name each wants; None where it wants none.
    """

    rows: Indexes
    anchors: Sequence[tuple[str, ...] | None]
    names: Sequence[str] | None


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Triggering and related rows that meet, by their numbers in their tables."""

    triggers: Indexes
    related: Indexes

    def where(self, is_kept: NDArray[np.bool_]) -> _Pairs:
        return _Pairs(self.triggers[is_kept], self.related[is_kept])


@dataclass(frozen=True, slots=True, eq=False)
class _Join:
    """One existence look-up of the rows of one frame."""

    existence: Existence
    run: Run
    frame: Frame

    def exists(self, related: Related, is_open: NDArray[np.bool_], key: str) -> Truths:
        """Whether each row that `is_open` finds what it looks for; remembered for the tables.

        Args:
            key: says which rows are open.
        """
        tables = tuple(table for table in related.tables if table.size)
        moment = self.run.now if self.run.is_time_dependent else None
        known = (id(self.frame.source), self.existence.key, key, moment, *map(id, tables))
        kept = self.run.lookups.tables.get(known)
        if kept is None:
            kept = self.run.lookups.tables[known] = ((self.frame.source, tables), self.found(tables, is_open))
        return np.maximum(kept[1], np.where(related.is_read, Truth.FALSE, Truth.UNKNOWN).astype(np.uint8))

    def found(self, tables: Sequence[Table], is_open: NDArray[np.bool_]) -> Truths:
        """What rows that are open find in the tables; FALSE for the others."""
        found = np.zeros(self.frame.size, dtype=np.uint8)
        if tables:
            asked = self.asked(np.flatnonzero(is_open))
            for table in tables:
                self.satisfied(self.pairs(asked, table), table, found)
            unknown = [row for row, where in zip(asked.rows.tolist(), asked.anchors, strict=True) if where is None]
            found[unknown] = Truth.UNKNOWN
        return found

    def asked(self, rows: Indexes) -> _Asked:
        """Where rows look and for which name; what cannot be known of a row makes its answer unknown."""
        existence = self.existence
        ids, kinds = self.texts("@id", rows), self.texts("@type", rows)
        groups = self.given(existence.resource_group, rows)
        names = self.given(existence.name, rows)
        anchors = [
            None if group is None or name is None else existence.anchors(uid, kind, group or None)
            for uid, kind, group, name in zip(ids, kinds, groups, names, strict=True)
        ]
        return _Asked(rows, anchors, None if existence.name is None else [name or "" for name in names])

    def texts(self, path: str, rows: Indexes) -> list[str]:
        column, codes = self.frame.column(path)
        texts = [value if isinstance(value, str) else "" for value in column.values]
        return [texts[code] for code in codes[rows].tolist()]

    def given(self, expression: Expression | None, rows: Indexes) -> list[str | None]:
        """The text that an expression yields for each row, None where it yields none; empty without expression."""
        if expression is None:
            return [""] * len(rows)
        values, inverse = self.run.expression(expression, self.frame)
        texts = [value if isinstance(value, str) and value else None for value in values]
        return [texts[code] for code in inverse[rows].tolist()]

    def pairs(self, asked: _Asked, table: Table) -> _Pairs:
        """Rows that meet at a place and, where a name is wanted, have it."""
        places = self.places(table)
        met = [
            (row, at, each)
            for at, (row, where) in enumerate(zip(asked.rows.tolist(), asked.anchors, strict=True))
            for anchor in where or ()
            if (each := places.get(anchor)) is not None
        ]
        sizes = [len(each) for _, _, each in met]
        triggers = np.repeat(np.array([row for row, _, _ in met], dtype=np.int64), sizes)
        related = np.concatenate([each for _, _, each in met]) if met else np.zeros(0, dtype=np.int64)
        pairs = _Pairs(triggers, related)
        if asked.names is None or not met:
            return pairs
        wanted = np.repeat(np.array([at for _, at, _ in met], dtype=np.int64), sizes)
        return pairs.where(_are_named([asked.names[at] for at in wanted.tolist()], table, related))

    def places(self, table: Table) -> Mapping[str, Indexes]:
        """Rows of a related table by the ids of the places that hold them; kept beside the table."""
        kept = self.run.lookups.places.get(id(table))
        if kept is None:
            kept = self.run.lookups.places[id(table)] = (table, _places(table))
        return kept[1]

    def satisfied(self, pairs: _Pairs, table: Table, found: Truths) -> None:
        """Raise `found` to the best that a row's pairs offer."""
        condition = self.existence.condition
        if condition is None:
            found[pairs.triggers] = Truth.TRUE
        elif outer := sorted(path for path in reads_of(condition) if path.startswith(OUTER)):
            beside = self.beside(pairs, table, outer)
            once = Run(self.run.now, Lookups(), self.run.is_time_dependent)
            np.maximum.at(found, pairs.triggers, _filled(once.condition(condition, Frame.of(beside)), beside.size))
        else:
            truths = _filled(self.run.condition(condition, Frame.of(table)), table.size)
            np.maximum.at(found, pairs.triggers, truths[pairs.related])

    def beside(self, pairs: _Pairs, table: Table, outer: Sequence[str]) -> Table:
        """A table of pairs: the related columns, and the triggering ones under `OUTER`."""
        inner = take(table, pairs.related)
        found = dict(inner.columns)
        for path in outer:
            column, codes = self.frame.column(path.removeprefix(OUTER))
            found[path] = Column(codes[pairs.triggers], column.values)
        return Table(inner.size, found, inner.children)


def _places(table: Table) -> dict[str, Indexes]:
    column = table.columns["@id"]
    rows: dict[str, list[int]] = {}
    anchors = [anchors_of(value) if isinstance(value, str) else () for value in column.values]
    for row, code in enumerate(column.codes.tolist()):
        for anchor in anchors[code]:
            rows.setdefault(anchor, []).append(row)
    return {anchor: np.array(found, dtype=np.int64) for anchor, found in rows.items()}


def _are_named(wanted: Sequence[str], table: Table, rows: Indexes) -> NDArray[np.bool_]:
    column = table.columns["@fullname"]
    names: dict[str, int] = {}
    asked = np.array([names.setdefault(name, len(names)) for name in wanted], dtype=np.int32)
    texts = list(names)
    codes = column.codes[rows]
    firsts, inverse = distinct([asked, codes])
    are = np.array([is_named(texts[asked[at]], str(column.values[codes[at]])) for at in firsts], dtype=bool)
    result: NDArray[np.bool_] = are[inverse]
    return result
