"""A tenant's history as columns, and the only two ways to look at it: the past of an instant, and what came after.

`Timeline` keeps its columns to itself. `until` copies what had happened by a cut-off; nothing later can be reached
from the copy, and `Past` refuses to be built from columns that hold anything later. `outcome` gives the window behind
a cut-off, for labels alone. Numbers of nodes and of names are given in order of first appearance, so that a past
knows only nodes, types and stacks that had appeared by its cut-off.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError

if TYPE_CHECKING:
    import polars as pl

Instants = NDArray[np.int64]
"""Microseconds since 1970, UTC."""
Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]
DAY_US = 86_400_000_000


class Action(IntEnum):
    """What a change did to a node."""

    CREATE = 0
    UPDATE = 1
    DELETE = 2


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """Texts as numbers: `names[codes[i]]` is the i-th text."""

    codes: Codes
    names: tuple[str, ...]

    def first(self, count: int) -> Coded:
        """The first texts, with only the names that they use."""
        codes = _fixed(self.codes[:count])
        return Coded(codes, self.names[: int(codes.max(initial=-1)) + 1])


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """What is known of a node from its first appearance on.

    Args:
        is_scored: predictions are made for it (a resource or a module call, not a variable or a provider).
        stack: where it lives: a directory of declarations, or a live resource's scope.
        folder: what contains the stack.
        file: the unit in which it is edited together with others.
        source: what it was made from: a module's source, otherwise its type.
        peer: its type and name, equal for the same thing in other stacks.
    """

    uids: tuple[str, ...]
    is_scored: Flags
    type: Coded
    stack: Coded
    folder: Coded
    file: Coded
    source: Coded
    peer: Coded

    def __len__(self) -> int:
        return len(self.uids)

    def first(self, count: int) -> Nodes:
        """The nodes that appeared first."""
        groups = (self.type, self.stack, self.folder, self.file, self.source, self.peer)
        return Nodes(self.uids[:count], _fixed(self.is_scored[:count]), *(one.first(count) for one in groups))


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Changes of nodes, oldest first. `batch_size` counts the changes made together; `changed` the attributes."""

    at: Instants
    node: Codes
    action: NDArray[np.uint8]
    changed: Codes
    author: Codes
    is_bot: Flags
    batch: Codes
    batch_size: Codes


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Edges that came (`added`) or went, oldest first. A node that has no event yet has a number at or above `len`."""

    at: Instants
    source: Codes
    target: Codes
    added: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Violations that opened or closed, oldest first."""

    at: Instants
    node: Codes
    check: Codes
    opened: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """Everything that had happened by a cut-off, and nothing else.

    Raises:
        InputError: a column holds something later than the cut-off.
    """

    tenant: str
    cloud: str
    cutoff_us: int
    nodes: Nodes
    events: Events
    edges: Edges
    findings: Findings

    def __post_init__(self) -> None:
        for name, table in (("events", self.events), ("edges", self.edges), ("findings", self.findings)):
            if len(table.at) and int(table.at.max()) > self.cutoff_us:
                raise InputError(
                    "a past holds something later than its cut-off",
                    tenant=self.tenant, column=name,
                    cutoff=instant(self.cutoff_us).isoformat(), got=instant(int(table.at.max())).isoformat(),
                    todo="Take the past from `Timeline.until`, which cuts every column at the same instant",
                )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What happened after a cut-off, within a window: for labels, never for features."""

    start_us: int
    end_us: int
    nodes: Nodes
    events: Events
    edges: Edges
    findings: Findings


class Timeline:
    """One tenant's whole history, readable only on one side of a cut-off at a time.

    Args:
        end: until when the history is complete. A window behind it has unknown outcomes and is refused.
    """

    def __init__(
        self,
        tenant: str,
        cloud: str,
        *,
        nodes: Nodes,
        events: Events,
        edges: Edges,
        findings: Findings,
        end: datetime,
    ) -> None:
        self.tenant, self.cloud, self.end = tenant, cloud, end
        self._nodes, self._events, self._edges, self._findings = nodes, events, edges, findings

    def until(self, cutoff: datetime) -> Past:
        """Everything up to and including an instant, as copies."""
        cutoff_us = microseconds(cutoff)
        events = _rows(self._events, 0, _behind(self._events.at, cutoff_us))
        size = int(events.node.max(initial=-1)) + 1
        nodes = self._nodes.first(size)
        edges = _rows(self._edges, 0, _behind(self._edges.at, cutoff_us))
        known = (edges.source < size) & (edges.target < size)
        edges = Edges(*(_fixed(getattr(edges, one.name)[known]) for one in fields(Edges)))
        findings = _rows(self._findings, 0, _behind(self._findings.at, cutoff_us))
        return Past(self.tenant, self.cloud, cutoff_us, nodes, events, edges, findings)

    def outcome(self, cutoff: datetime, *, days: int = 7) -> Outcome:
        """What happened after an instant, up to and including the end of a window.

        Raises:
            InputError: the window passes the end of the history.
        """
        until = cutoff + timedelta(days=days)
        if until > self.end:
            raise InputError(
                "the window passes the end of the data", tenant=self.tenant, origin=cutoff.isoformat(),
                window_end=until.isoformat(), data_end=self.end.isoformat(),
                todo=f"Choose an origin no later than {(self.end - timedelta(days=days)).date()}",
            )  # fmt: skip
        start_us, end_us = microseconds(cutoff), microseconds(until)
        events = _rows(self._events, _behind(self._events.at, start_us), _behind(self._events.at, end_us))
        edges = _rows(self._edges, _behind(self._edges.at, start_us), _behind(self._edges.at, end_us))
        findings = _rows(self._findings, _behind(self._findings.at, start_us), _behind(self._findings.at, end_us))
        size = int(self._events.node[: _behind(self._events.at, end_us)].max(initial=-1)) + 1
        return Outcome(start_us, end_us, self._nodes.first(size), events, edges, findings)


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """A history as it is read, before texts become numbers; every source of histories produces this.

    Shapes:
        events: at, uid, type, is_scored, stack, folder, file, source, peer, action, changed, author, is_bot, batch,
            batch_size.
        edges: at, source, target, added.
        findings: at, uid, check, opened.
    """

    events: pl.DataFrame
    edges: pl.DataFrame
    findings: pl.DataFrame


def timeline(tenant: str, cloud: str, frames: Frames, *, end: datetime) -> Timeline:
    """Number the texts of a history in order of first appearance. Edges and findings of unknown nodes are left out."""
    events = frames.events.sort("at", maintain_order=True)
    numbers: dict[str, int] = {}
    node = _coded(events["uid"], numbers)
    first = events.unique("uid", keep="first", maintain_order=True)
    nodes = Nodes(
        tuple(numbers), _fixed(first["is_scored"].to_numpy().astype(np.bool_)),
        *(_column(first[name]) for name in ("type", "stack", "folder", "file", "source", "peer")),
    )  # fmt: skip
    changes = Events(
        at=_instants(events["at"]),
        node=node,
        action=events["action"].to_numpy().astype(np.uint8),
        changed=events["changed"].to_numpy().astype(np.int32),
        author=_coded(events["author"], {}),
        is_bot=events["is_bot"].to_numpy().astype(np.bool_),
        batch=_coded(events["batch"], {}),
        batch_size=events["batch_size"].to_numpy().astype(np.int32),
    )
    edges, findings = _edges(frames.edges, numbers), _findings(frames.findings, numbers)
    return Timeline(tenant, cloud, nodes=nodes, events=changes, edges=edges, findings=findings, end=end)


def instant(at_us: int) -> datetime:
    """The aware time of a number of microseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)


def microseconds(at: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _edges(frame: pl.DataFrame, numbers: dict[str, int]) -> Edges:
    frame = frame.filter(frame["source"].is_in(list(numbers)) & frame["target"].is_in(list(numbers)))
    frame = frame.sort("at", maintain_order=True)
    source, target = (
        np.fromiter((numbers[one] for one in frame[name]), np.int32, len(frame)) for name in ("source", "target")
    )
    return Edges(_instants(frame["at"]), source, target, frame["added"].to_numpy().astype(np.bool_))


def _findings(frame: pl.DataFrame, numbers: dict[str, int]) -> Findings:
    frame = frame.filter(frame["uid"].is_in(list(numbers))).sort("at", maintain_order=True)
    node = np.fromiter((numbers[one] for one in frame["uid"]), np.int32, len(frame))
    return Findings(
        _instants(frame["at"]), node, _coded(frame["check"], {}), frame["opened"].to_numpy().astype(np.bool_)
    )


def _instants(column: pl.Series) -> Instants:
    return column.dt.timestamp("us").to_numpy().copy()


def _column(texts: pl.Series) -> Coded:
    numbers: dict[str, int] = {}
    return Coded(_coded(texts, numbers), tuple(numbers))


def _coded(texts: Iterable[str], numbers: dict[str, int]) -> Codes:
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int32)


def _behind(at: Instants, instant_us: int) -> int:
    return int(np.searchsorted(at, instant_us, side="right"))


Table = TypeVar("Table", Events, Edges, Findings)


def _rows(table: Table, start: int, stop: int) -> Table:
    return type(table)(*(_fixed(getattr(table, one.name)[start:stop]) for one in fields(table)))


Array = TypeVar("Array", bound=NDArray[np.generic])


def _fixed(column: Array) -> Array:
    """A copy that owns its memory, so that nothing beyond it can be reached, and that nobody can write."""
    copy = column.copy()
    copy.flags.writeable = False
    return copy
