"""Runs conditions over columns: each leaf once per distinct value, then a look-up for all rows.

Every leaf is decided by the same function as on a single resource (`policy.interpret.decide`), so that both
agree by construction. Rows are then filled from look-up tables, arrays are reduced to their parents, and
logical operators are minima and maxima of codes. Tables are shared between programs through `Lookups`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from domain.value import Value
from graph.columns import ArrayState, ChildTable, Codes, Column, Table
from policy.interpret import Between, Found, decide, evaluate_expression
from policy.tree import (
    COUNTED,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Constant,
    Count,
    Every,
    Expression,
    Not,
    Tally,
    Truth,
    reads_in,
)

Truths = NDArray[np.uint8]
Indexes = NDArray[np.int64]
Result: TypeAlias = "Truths | Truth"
"""A truth per row, or one for all."""

_KEPT_ROWS_MAX = 64
"""Up to so many rows the results of groups are remembered too: policies share parts, and a row costs little."""

NEGATED: Final = (Truth.TRUE, Truth.UNKNOWN, Truth.FALSE)
"""The opposite of each truth."""

_COMBINATIONS_MAX = 1 << 16
"""Up to so many possible combinations a table tells them apart; beyond, sorting does."""


@dataclass(slots=True, eq=False)
class Lookups:
    """What was worked out for columns that live on: keep one beside a snapshot and drop both together.

    Entries hold their column, so that its identity cannot be reused.
    """

    tables: dict[tuple[object, ...], tuple[object, Result]] = field(default_factory=dict)
    places: dict[int, tuple[Table, Mapping[str, Indexes]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Rows being evaluated: a table, or the elements of an array with the way back to what is outside."""

    size: int
    columns: Mapping[str, Column]
    children: Mapping[str, ChildTable]
    outer: Frame | None
    parents: Codes | None
    source: object

    @staticmethod
    def of(table: Table) -> Frame:
        """The rows of a table."""
        return Frame(table.size, table.columns, table.children, None, None, table)

    def child(self, array: str) -> tuple[Frame, ChildTable, Frame]:
        """The elements of an array, their table, and the frame that has it."""
        owner = self
        while array not in owner.children:
            assert owner.outer is not None, f"not shredded: {array}"
            owner = owner.outer
        child = owner.children[array]
        return Frame(child.size, child.columns, child.children, owner, child.parents, child), child, owner

    def column(self, path: str) -> tuple[Column, Codes]:
        """A column and its codes for each row of this frame."""
        frame, rows = self, None
        while path not in frame.columns:
            assert frame.outer is not None, f"not shredded: {path}"
            rows = frame.parents if rows is None else frame.parents[rows]  # type: ignore[index]
            frame = frame.outer
        column = frame.columns[path]
        return column, column.codes if rows is None else column.codes[rows]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Conditions at one instant, with the tables worked out so far."""

    now: datetime
    lookups: Lookups
    is_time_dependent: bool

    def condition(self, condition: Condition, frame: Frame) -> Result:
        """The truth of every row."""
        match condition:
            case Constant():
                return condition.truth
            case Compare():
                return self.leaf(condition, frame)
            case AllOf() | AnyOf():
                return self.kept(condition, frame) if frame.size <= _KEPT_ROWS_MAX else self.group(condition, frame)
            case Not():
                found = self.condition(condition.child, frame)
                return NEGATED[found] if isinstance(found, Truth) else np.subtract(2, found, dtype=np.uint8)
            case Every() | Count() | Tally():
                return self.kept(condition, frame)

    def expression(self, expression: Expression, frame: Frame) -> tuple[list[Value], Indexes]:
        """The distinct values of an expression, and which of them each row has."""
        reads = sorted(reads_in(expression))
        columns = [frame.column(path) for path in reads]
        if not columns:
            nothing: dict[str, Value] = {}
            return [evaluate_expression(expression, nothing.__getitem__, self.now)], np.zeros(frame.size, np.int64)
        rows, inverse = distinct([codes for _, codes in columns])
        values = [
            {path: column.values[codes[row]] for path, (column, codes) in zip(reads, columns, strict=True)}
            for row in rows
        ]
        return [evaluate_expression(expression, found.__getitem__, self.now) for found in values], inverse

    def group(self, condition: AllOf | AnyOf, frame: Frame) -> Result:
        """All of the children, or any."""
        final = Truth.FALSE if isinstance(condition, AllOf) else Truth.TRUE
        return self.extreme(condition.children, frame, final=final)

    def extreme(self, children: Sequence[Condition], frame: Frame, *, final: Truth) -> Result:
        """Kleene's *and* (`final` FALSE) or *or* (TRUE), stopping where one value decides all rows."""
        join = np.minimum if final is Truth.FALSE else np.maximum
        found: Result = NEGATED[final]
        for child in children:
            found = joined(join, found, self.condition(child, frame))
            if isinstance(found, Truth) and found is final:
                break
            if not isinstance(found, Truth) and bool((found == final).all()):
                return final
        return found

    def kept(self, condition: AllOf | AnyOf | Every | Count | Tally, frame: Frame) -> Result:
        """A reduction over elements, values or conditions, remembered for the table."""
        moment = self.now if self.is_time_dependent else None
        key = (id(frame.source), condition.key, moment)
        kept = self.lookups.tables.get(key)
        if kept is None:
            kept = self.lookups.tables[key] = (frame.source, self.reduced(condition, frame))
        return kept[1]

    def reduced(self, condition: AllOf | AnyOf | Every | Count | Tally, frame: Frame) -> Result:
        match condition:
            case AllOf() | AnyOf():
                return self.group(condition, frame)
            case Every():
                return self.every(condition, frame)
            case Count():
                return self.compared(condition.compare, self.counts(condition, frame), frame)
            case Tally():
                results = [self.condition(child, frame) for child in condition.children]
                counts = _Counts.none(frame.size)
                for result in results:
                    counts = counts.plus(result)
                return self.compared(condition.compare, counts, frame)

    def leaf(self, leaf: Compare, frame: Frame) -> Result:
        if len(leaf.reads) != 1:
            return self.tuples(leaf, frame, [frame.column(path) for path in leaf.reads])
        path = leaf.reads[0]
        column, codes = frame.column(path)
        key = (id(column), leaf.key, self.now if leaf.is_time_dependent else None)
        kept = self.lookups.tables.get(key)
        if kept is None:
            truths = [decide(leaf, {path: value}, self.now) for value in column.values]
            is_uniform = len(truths) > 0 and truths.count(truths[0]) == len(truths)
            table: Result = truths[0] if is_uniform else np.array(truths, dtype=np.uint8)
            kept = self.lookups.tables[key] = (column, table)
        found = kept[1]
        return found if isinstance(found, Truth) else found.take(codes, mode="clip")

    def tuples(self, leaf: Compare, frame: Frame, columns: Sequence[tuple[Column, Codes]]) -> Result:
        """A leaf over several columns: decided once per distinct combination."""
        if not leaf.reads:
            return decide(leaf, {}, self.now)
        moment = self.now if leaf.is_time_dependent else None
        key = (id(frame.source), leaf.key, moment)
        kept = self.lookups.tables.get(key)
        if kept is None:
            rows, inverse = distinct([codes for _, codes in columns])
            values = [
                {path: column.values[codes[row]] for path, (column, codes) in zip(leaf.reads, columns, strict=True)}
                for row in rows
            ]
            truths = np.array([decide(leaf, found, self.now) for found in values], dtype=np.uint8)
            result = _uniform(truths)
            kept = (frame.source, result if isinstance(result, Truth) else result[inverse])
            self.lookups.tables[key] = kept
        return kept[1]

    def every(self, condition: Every, frame: Frame) -> Result:
        elements, child, owner = frame.child(condition.array)
        found = self.condition(condition.child, elements)
        truths = np.full(owner.size, Truth.TRUE, dtype=np.uint8)
        if isinstance(found, Truth):
            truths[child.parents] = found
        else:
            np.minimum.at(truths, child.parents, found)
        truths[child.states == ArrayState.UNREAD] = Truth.UNKNOWN
        return _outward(truths, owner, frame)

    def counts(self, condition: Count, frame: Frame) -> _Counts:
        """Counts per row of `frame`, of elements that may lie several arrays down."""
        elements, child, owner = frame.child(condition.arrays[0])
        parents = child.parents
        is_unread = (child.states == ArrayState.UNREAD).astype(np.uint8)
        for array in condition.arrays[1:]:
            outer = parents
            elements, child, _ = elements.child(array)
            np.maximum.at(is_unread, outer, (child.states == ArrayState.UNREAD).astype(np.uint8))
            parents = outer[child.parents]
        found = Truth.TRUE if condition.child is None else self.condition(condition.child, elements)
        truths = np.full(child.size, found, dtype=np.uint8) if isinstance(found, Truth) else found
        low = np.bincount(parents[truths == Truth.TRUE], minlength=owner.size).astype(np.int32)
        high = low
        if bool((truths == Truth.UNKNOWN).any()):
            high = np.bincount(parents[truths != Truth.FALSE], minlength=owner.size).astype(np.int32)
        return _Counts(_outward(low, owner, frame), _outward(high, owner, frame), _outward(is_unread, owner, frame))

    def compared(self, leaf: Compare, counts: _Counts, frame: Frame) -> Truths:
        others = [path for path in leaf.reads if path != COUNTED]
        columns = [frame.column(path) for path in others]
        parts = [*(codes for _, codes in columns), counts.low, counts.high, counts.is_unread.astype(np.int32)]
        rows, inverse = distinct(parts)
        truths = []
        for row in rows:
            values: dict[str, Found] = {
                path: column.values[codes[row]] for path, (column, codes) in zip(others, columns, strict=True)
            }
            truths.append(decide(leaf, {**values, COUNTED: counts.at(int(row))}, self.now))
        result: Truths = np.array(truths, dtype=np.uint8)[inverse]
        return result


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """Bounds of a count per row; `is_unread` where the array itself was never asked for."""

    low: Codes
    high: Codes
    is_unread: NDArray[np.uint8]

    @staticmethod
    def none(size: int) -> _Counts:
        zeros = np.zeros(size, dtype=np.int32)
        return _Counts(zeros, zeros, np.zeros(size, dtype=np.uint8))

    def plus(self, found: Result) -> _Counts:
        """One more value, counted where it is true."""
        if isinstance(found, Truth):
            return _Counts(
                self.low + int(found is Truth.TRUE), self.high + int(found is not Truth.FALSE), self.is_unread
            )
        return _Counts(self.low + (found == Truth.TRUE), self.high + (found != Truth.FALSE), self.is_unread)

    def at(self, row: int) -> int | Between:
        low, high = int(self.low[row]), int(self.high[row])
        if self.is_unread[row]:
            return Between(0, None)
        return low if low == high else Between(low, high)


_Scalar = TypeVar("_Scalar", np.uint8, np.int32)


def _outward(values: NDArray[_Scalar], owner: Frame, frame: Frame) -> NDArray[_Scalar]:
    """Values of an outer frame's rows, for each row of an inner one."""
    rows: Codes | None = None
    while frame is not owner:
        assert frame.parents is not None
        assert frame.outer is not None
        rows = frame.parents if rows is None else frame.parents[rows]
        frame = frame.outer
    return values if rows is None else values[rows]


def distinct(parts: Sequence[Codes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One row for each distinct combination, and which combination each row has."""
    combined, bound = parts[0].astype(np.int64), int(parts[0].max(initial=0)) + 1
    for part in parts[1:]:
        radix = int(part.max(initial=0)) + 1
        if bound * radix > _COMBINATIONS_MAX:
            _, combined = np.unique(combined, return_inverse=True)
            bound = int(combined.max(initial=0)) + 1
        combined, bound = combined * radix + part, bound * radix
    if bound > max(_COMBINATIONS_MAX, len(combined)):
        _, rows, inverse = np.unique(combined, return_index=True, return_inverse=True)
        return rows, inverse
    row_of = np.full(bound, -1, dtype=np.int64)
    row_of[combined] = np.arange(len(combined))
    seen = np.flatnonzero(row_of >= 0)
    number_of = np.empty(bound, dtype=np.int64)
    number_of[seen] = np.arange(len(seen))
    return row_of[seen], number_of[combined]


def _uniform(truths: Truths) -> Result:
    """One truth where all are the same."""
    if len(truths) and bool((truths == truths[0]).all()):
        return Truth(int(truths[0]))
    return truths


def joined(join: np.ufunc, left: Result, right: Result) -> Result:
    """Minimum or maximum of two results."""
    if isinstance(left, Truth) and isinstance(right, Truth):
        return min(left, right) if join is np.minimum else max(left, right)
    found: Truths = join(
        np.uint8(left) if isinstance(left, Truth) else left, np.uint8(right) if isinstance(right, Truth) else right
    )
    return found
