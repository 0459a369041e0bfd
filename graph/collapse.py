"""A graph small enough to be drawn: resources by themselves, or gathered by scope and type where they are too many.

There are levels: a resource; a type in a scope; a type in an account; an account. The finest that fits is taken, and a
gathered node that is named in `opened` gives way to the next finer level. Keys do not depend on what else is shown, so
that a drawing keeps its places when something is opened or the graph changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError
from graph.snapshot import Rows, account_of

NODES_MAX: Final = 5_000
LINKS_MAX: Final = 20_000
RESOURCE, TYPE_IN_SCOPE, TYPE_IN_ACCOUNT, ACCOUNT = range(4)
LEVELS: Final = ("resource", "type_in_scope", "type_in_account", "account")
_SEPARATOR: Final = "|"

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What resources are gathered by, for the rows that are shown.

    Args:
        scopes, types: of each row, in the order of rows; types in lower case.
        uids: of each row.
    """

    rows: Rows
    uids: Sequence[str]
    scopes: Sequence[str]
    types: Sequence[str]


@dataclass(frozen=True, slots=True)
class Node:
    """One thing that is drawn.

    Args:
        key: names it in every drawing. level: one of `LEVELS`.
        row: of a resource; None of what is gathered. members: positions in the labels.
        place: account, scope and type, as far as its members share them: what a layout puts together.
    """

    key: str
    level: str
    row: int | None
    members: Rows
    place: tuple[str, ...]

    @property
    def seed(self) -> float:
        """A number in [0, 1) by the key alone: where a layout starts."""
        return int.from_bytes(sha256(self.key.encode("utf-8", "surrogatepass")).digest()[:4]) / 2**32


@dataclass(frozen=True, slots=True)
class Bundle:
    """All edges from one node to another, by the code of their kind."""

    source: int
    target: int
    kinds: tuple[tuple[int, int], ...]

    @property
    def count(self) -> int:
        """How many edges these are."""
        return sum(count for _, count in self.kinds)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Nodes in order of their keys, and edges between them, largest bundles first.

    Args:
        level: the finest level that fits; `opened` nodes are finer.
        inside: edges between members of one node. left_out: bundles beyond the limit.
    """

    level: str
    nodes: tuple[Node, ...]
    bundles: tuple[Bundle, ...]
    inside: int
    left_out: int


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """How many edges of a kind lead from one node to another, in that order.

    Shapes:
        sources, targets: int32 (k,), numbers of nodes. kinds: uint8 (k,). counts: int64 (k,).
    """

    sources: Rows
    targets: Rows
    kinds: NDArray[np.uint8]
    counts: Codes


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """In which node each row is drawn.

    Args:
        rows: ascending. codes: the number of each one's node.
    """

    rows: Rows
    codes: Rows

    def of(self, rows: NDArray[np.integer]) -> Rows:
        """The node of each of some rows; below zero where it is not drawn."""
        if not len(self.rows):
            return np.full(len(rows), -1, np.int32)
        at = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        found: Rows = np.where(self.rows[at] == rows, self.codes[at], np.int32(-1)).astype(np.int32)
        return found


Summing: TypeAlias = Callable[[Drawn], Sums]
"""Sums the edges of a graph."""


def sums_of(sources: Rows, targets: Rows, kinds: NDArray[np.uint8]) -> Sums:
    """Edges between nodes, counted.

    Args:
        sources, targets: numbers of nodes; an edge with an end below zero is left aside.
    """
    drawn = (sources >= 0) & (targets >= 0)
    return _summed(sources[drawn], targets[drawn], kinds[drawn], np.ones(int(drawn.sum()), np.int64))


def added(sums: Sequence[Sums]) -> Sums:
    """Several sums as one."""
    return _summed(
        np.concatenate([each.sources for each in sums]),
        np.concatenate([each.targets for each in sums]),
        np.concatenate([each.kinds for each in sums]),
        np.concatenate([each.counts for each in sums]),
    )


def _summed(sources: Rows, targets: Rows, kinds: NDArray[np.uint8], counts: Codes) -> Sums:
    size = int(max(sources.max(initial=0), targets.max(initial=0))) + 1
    triples = (sources.astype(np.int64) * size + targets) * 256 + kinds
    found, at = np.unique(triples, return_inverse=True)
    pairs, kept = np.divmod(found, 256)
    ends = np.divmod(pairs, size)
    totals = np.zeros(len(found), np.int64)
    np.add.at(totals, at, counts)
    return Sums(ends[0].astype(np.int32), ends[1].astype(np.int32), kept.astype(np.uint8), totals)


def collapsed(labels: Labels, summing: Summing, *, opened: Collection[str] = (), nodes_max: int = NODES_MAX) -> Drawing:
    """Draw some resources and the edges between them.

    Args:
        summing: sums the edges between the rows; others are left aside.
        opened: keys of gathered nodes whose members are wanted.

    Raises:
        InputError: with what is opened, there would be more nodes than `nodes_max`.
    """
    keys = _keys(labels)
    level = _finest(keys, nodes_max)
    levels = _levels(keys, level, frozenset(opened))
    names, code_of = _numbered(keys, levels)
    if len(names) > nodes_max and (opened or level == ACCOUNT):
        todo = "Open fewer of them, or ask for a scope, a type or the surroundings of one resource"
        raise InputError("too many nodes to draw", got=len(names), nodes_max=nodes_max, todo=todo)
    nodes = _nodes(labels, names, code_of, levels)
    bundles, inside = _bundles(summing(Drawn(labels.rows, code_of.astype(np.int32))))
    return Drawing(LEVELS[level], nodes, bundles[:LINKS_MAX], inside, max(0, len(bundles) - LINKS_MAX))


def _keys(labels: Labels) -> list[NDArray[np.object_]]:
    """The key of each row's node on each level."""
    accounts = {scope: account_of(scope) for scope in set(labels.scopes)}
    pairs = list(zip(labels.scopes, labels.types, strict=True))
    in_scope = {pair: _SEPARATOR.join((LEVELS[TYPE_IN_SCOPE], *pair)) for pair in set(pairs)}
    in_account = {pair: _SEPARATOR.join((LEVELS[TYPE_IN_ACCOUNT], accounts[pair[0]], pair[1])) for pair in in_scope}
    whole = {scope: _SEPARATOR.join((LEVELS[ACCOUNT], account)) for scope, account in accounts.items()}
    columns: list[list[str]] = [
        list(labels.uids),
        [in_scope[pair] for pair in pairs],
        [in_account[pair] for pair in pairs],
        [whole[scope] for scope in labels.scopes],
    ]
    return [np.array(column, np.object_) for column in columns]


def _finest(keys: Sequence[NDArray[np.object_]], nodes_max: int) -> int:
    return next((level for level, column in enumerate(keys) if len(set(column.tolist())) <= nodes_max), ACCOUNT)


def _levels(keys: Sequence[NDArray[np.object_]], level: int, opened: frozenset[str]) -> NDArray[np.int8]:
    """The level of each row: one finer for each node on the way down that is opened."""
    levels = np.full(len(keys[0]), level, np.int8)
    for number in range(level, 0, -1):
        here = np.flatnonzero(levels == number)
        is_open = np.fromiter((key in opened for key in keys[number][here]), np.bool_, len(here))
        levels[here[is_open]] = number - 1
    return levels


def _numbered(keys: Sequence[NDArray[np.object_]], levels: NDArray[np.int8]) -> tuple[list[str], Codes]:
    """Distinct keys in order, and the number of each row's."""
    chosen = [str(keys[level][at]) for at, level in enumerate(levels.tolist())]
    names = sorted(set(chosen))
    number = {name: code for code, name in enumerate(names)}
    return names, np.fromiter((number[name] for name in chosen), np.int64, len(chosen))


def _nodes(labels: Labels, names: Sequence[str], code_of: Codes, levels: NDArray[np.int8]) -> tuple[Node, ...]:
    order = np.argsort(code_of, kind="stable")
    starts = np.searchsorted(code_of[order], np.arange(len(names) + 1))
    nodes = []
    for code, key in enumerate(names):
        members = order[starts[code] : starts[code + 1]].astype(np.int32)
        first = int(members[0])
        level = int(levels[first])
        place = (account_of(labels.scopes[first]), labels.scopes[first], labels.types[first])
        shared = {RESOURCE: place, TYPE_IN_SCOPE: place, TYPE_IN_ACCOUNT: (place[0], place[2]), ACCOUNT: place[:1]}
        row = int(labels.rows[first]) if level == RESOURCE else None
        nodes.append(Node(key, LEVELS[level], row, members, shared[level]))
    return tuple(nodes)


def _bundles(sums: Sums) -> tuple[tuple[Bundle, ...], int]:
    """Edges gathered by the nodes of their ends, and how many have both in one."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    columns = (sums.sources, sums.targets, sums.kinds, sums.counts)
    apart = sums.sources != sums.targets
    for source, target, kind, count in zip(*(column[apart].tolist() for column in columns), strict=True):
        found.setdefault((source, target), []).append((kind, count))
    bundles = [Bundle(source, target, tuple(kinds)) for (source, target), kinds in found.items()]
    bundles.sort(key=lambda bundle: (-bundle.count, bundle.source, bundle.target))
    return tuple(bundles), int(sums.counts[~apart].sum())
