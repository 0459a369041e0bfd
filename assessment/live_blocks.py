"""Columns of a tenant's resources that follow its changes: one block for each type and account.

An existence condition looks only inside its own account, so that a change touches the columns of one account at most.
Inside a block the columns made at first stay; what changed since stands apart as documents, and is put into new columns
by size. Documents themselves are not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.resource import ConfigurationItem, Provider, resource_key
from graph.columns import Table, narrowed, take
from graph.nested import nested_children
from graph.path import fold
from graph.shred import shred
from graph.snapshot import account_of
from policy.existence import containers_of

Positions = NDArray[np.int64]
Paths = Callable[[str, Provider], frozenset[str]]
"""The columns that are wanted of a folded type."""

APART_AT_LEAST: Final = 64
APART_SHARE: Final = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """Some resources of one block, with their columns."""

    keys: Sequence[str]
    table: Table


@dataclass(frozen=True, slots=True)
class Inner:
    """Child resources that stand inside the documents of one block, of one child type.

    Args:
        parents: the parent's key of each row of the table.
        keys: the child's own key.
        listed: keys of parents whose documents list all their children of the type.
    """

    table: Table
    parents: tuple[str, ...]
    keys: tuple[str, ...]
    listed: frozenset[str]


@dataclass(slots=True)
class Block:
    """The resources of one folded type in one account.

    Args:
        inner: child types that somebody looks for inside these documents, with the columns wanted of them.
        apart: states since the columns were made, by key.
    """

    kind: str
    provider: Provider
    paths: frozenset[str]
    inner: dict[str, frozenset[str]]
    keys: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    table: Table = field(default_factory=lambda: Table(0, {}))
    children: dict[str, Inner] = field(default_factory=dict)
    is_here: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, bool))
    positions: dict[str, int] = field(default_factory=dict)
    apart: dict[str, ConfigurationItem] = field(default_factory=dict)

    def fill(self, items: Sequence[ConfigurationItem]) -> None:
        """Make the columns, in place of all that there was."""
        self.keys = [resource_key(item.uid) for item in items]
        self.groups = [group_of(item.uid) for item in items]
        self.table = shred(items, self.paths)
        self.children = {kind: _inner(items, kind, paths) for kind, paths in self.inner.items()}
        self.is_here = np.ones(len(items), bool)
        self.positions = {key: at for at, key in enumerate(self.keys)}
        self.apart = {}

    def put(self, item: ConfigurationItem) -> None:
        """One resource's new state."""
        key = resource_key(item.uid)
        self.remove(key)
        self.apart[key] = item

    def remove(self, key: str) -> None:
        """One resource is not here any longer."""
        self.apart.pop(key, None)
        at = self.positions.get(key)
        if at is not None:
            self.is_here[at] = False

    @property
    def is_uneven(self) -> bool:
        """Whether so much stands apart that the columns should be made again."""
        return len(self.apart) > max(APART_AT_LEAST, len(self.keys) // APART_SHARE)

    def all_keys(self) -> list[str]:
        """The keys of every resource here."""
        return [key for key, is_here in zip(self.keys, self.is_here.tolist(), strict=True) if is_here] + list(
            self.apart
        )

    def pieces(self, paths: Collection[str], wanted: Collection[str] | None = None) -> Iterator[Piece]:
        """Columns of the resources here, or of those wanted among them."""
        if wanted is None:
            at = np.flatnonzero(self.is_here)
        else:
            known = (self.positions.get(key) for key in wanted)
            at = np.array(sorted(each for each in known if each is not None and self.is_here[each]), np.int64)
        if len(at):
            table = narrowed(self.table, paths)
            is_all = len(at) == len(self.keys)
            yield Piece([self.keys[each] for each in at.tolist()], table if is_all else take(table, at))
        items = [item for key, item in self.apart.items() if wanted is None or key in wanted]
        if items:
            yield Piece([resource_key(item.uid) for item in items], shred(items, paths))

    def in_groups(self, groups: Collection[str]) -> Iterator[str]:
        """Keys of the resources of some resource groups."""
        for at, (key, group) in enumerate(zip(self.keys, self.groups, strict=True)):
            if group in groups and self.is_here[at]:
                yield key
        for key, item in self.apart.items():
            if group_of(item.uid) in groups:
                yield key

    def inside(self, kind: str, is_own: Callable[[str], bool]) -> Iterator[Table]:
        """Child resources of a type inside these documents, but for those that are resources of their own."""
        found = self.children.get(kind)
        if found is not None and found.table.size:
            kept = [
                at
                for at, (parent, key) in enumerate(zip(found.parents, found.keys, strict=True))
                if self.is_here[self.positions[parent]] and not is_own(key)
            ]
            if kept:
                is_all = len(kept) == found.table.size
                yield found.table if is_all else take(found.table, np.array(kept, np.int64))
        if self.apart and kind in self.inner:
            items = [item for item in self._inside_apart(kind) if not is_own(resource_key(item.uid))]
            if items:
                yield shred(items, self.inner[kind])

    def lists(self, kind: str, key: str) -> bool:
        """Whether a resource's document lists all its children of a type."""
        item = self.apart.get(key)
        if item is not None:
            return bool(nested_children([item], {fold(item.type): [0]}, kind).listed)
        found = self.children.get(kind)
        return found is not None and key in found.listed

    def _inside_apart(self, kind: str) -> Iterator[ConfigurationItem]:
        for item in self.apart.values():
            yield from nested_children([item], {fold(item.type): [0]}, kind).items


def _inner(items: Sequence[ConfigurationItem], kind: str, paths: frozenset[str]) -> Inner:
    """What stands inside some documents; `nested_children` is asked one document at a time to know the parents."""
    children: list[ConfigurationItem] = []
    parents: list[str] = []
    listed: set[str] = set()
    for item in items:
        found = nested_children([item], {fold(item.type): [0]}, kind)
        children += found.items
        parents += [resource_key(item.uid)] * len(found.items)
        if found.listed:
            listed.add(resource_key(item.uid))
    keys = tuple(resource_key(child.uid) for child in children)
    return Inner(shred(children, paths), tuple(parents), keys, frozenset(listed))


def home_of(uid: str) -> str:
    """The account in which existence conditions of a resource look, as its id names it."""
    return containers_of(fold(uid).rstrip("/"))[0]


def group_of(uid: str) -> str:
    """The resource group that an id names."""
    return containers_of(fold(uid).rstrip("/"))[1]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a resource stands: its block, and the account that it was read with."""

    kind: str
    home: str
    account: str


class Blocks:
    """All blocks of a tenant.

    Args:
        paths: the columns wanted of a type.
        looked_for: folded types that existence conditions look for.
    """

    def __init__(self, paths: Paths, looked_for: Collection[str]) -> None:
        self._paths = paths
        self._looked_for = looked_for
        self._blocks: dict[str, dict[str, Block]] = {}
        self._accounts: dict[str, dict[str, int]] = {}
        self._spots: dict[str, Spot] = {}
        self._shared: dict[Spot, Spot] = {}

    @property
    def keys(self) -> Collection[str]:
        """Every resource."""
        return self._spots.keys()

    @property
    def kinds(self) -> list[str]:
        """Every type of which there is a resource."""
        return sorted(kind for kind, accounts in self._accounts.items() if accounts)

    def spot(self, key: str) -> Spot | None:
        """Where a resource stands."""
        return self._spots.get(key)

    def fill(self, items: Iterable[ConfigurationItem]) -> None:
        """Take resources of one type and account, all that there are, for the first time."""
        found = list(items)
        for item in found:
            self._place(item)
        if found:
            self.block_for(found[0]).fill(found)

    def put(self, item: ConfigurationItem) -> None:
        """A resource's new state."""
        self.remove(resource_key(item.uid))
        self._place(item)
        self.block_for(item).put(item)

    def remove(self, key: str) -> None:
        """A resource is gone; nothing where it was not there."""
        spot = self._spots.pop(key, None)
        if spot is None:
            return
        self._blocks[spot.kind][spot.home].remove(key)
        accounts = self._accounts[spot.kind]
        accounts[spot.account] -= 1
        if not accounts[spot.account]:
            del accounts[spot.account]

    def block(self, kind: str, home: str) -> Block | None:
        """The block of a folded type in an account."""
        return self._blocks.get(kind, {}).get(home)

    def of_kind(self, kind: str) -> Iterable[tuple[str, Block]]:
        """All blocks of a folded type by account."""
        return self._blocks.get(kind, {}).items()

    def block_for(self, item: ConfigurationItem) -> Block:
        """The block in which an item stands."""
        kind, home = fold(item.type), home_of(item.uid)
        blocks = self._blocks.setdefault(kind, {})
        if home not in blocks:
            inner = {
                child: self._paths(child, item.provider)
                for child in self._looked_for
                if child.rpartition("/")[0] == kind and "/" in child
            }
            blocks[home] = Block(kind, item.provider, self._paths(kind, item.provider), inner)
        return blocks[home]

    def accounts(self, kind: str) -> frozenset[str]:
        """Accounts in which there is a resource of a folded type."""
        return frozenset(self._accounts.get(kind, ()))

    def tables(self, kind: str, home: str, paths: Collection[str]) -> tuple[Table, ...]:
        """Everything of a folded type in an account, inside other documents too."""
        own, parent = self.block(kind, home), self.block(kind.rpartition("/")[0], home)
        found = [piece.table for piece in own.pieces(paths)] if own is not None else []
        if parent is not None:
            found += [narrowed(table, paths) for table in parent.inside(kind, partial(self._is, kind))]
        return tuple(found)

    def uneven(self) -> list[Block]:
        """Blocks whose columns should be made again."""
        return [block for blocks in self._blocks.values() for block in blocks.values() if block.is_uneven]

    def _is(self, kind: str, key: str) -> bool:
        spot = self._spots.get(key)
        return spot is not None and spot.kind == kind

    def _place(self, item: ConfigurationItem) -> None:
        spot = Spot(fold(item.type), home_of(item.uid), account_of(item.scope))
        self._spots[resource_key(item.uid)] = self._shared.setdefault(spot, spot)
        accounts = self._accounts.setdefault(spot.kind, {})
        accounts[spot.account] = accounts.get(spot.account, 0) + 1
