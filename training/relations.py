"""Who tells whom in the network: references both ways, and the latest members of the groups that a resource is in.

Made from a `Seen`, so nothing that came after the cut-off is in it. Of each list only the most recent are kept, most
recent first; ties go to the one that changed last. Lists are that short in training and in serving alike, therefore
the neighbourhood of one resource (`ego`) gives it exactly the score that the whole tenant gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError
from training.history import DAY_US, Codes
from training.state import live_edges
from training.task import Seen

LINKS = ("refers_to", "referred_by")
GROUPS = ("stack", "peer", "source")
"""Groups of nodes whose latest changed members speak to every member: those deployed together, the same thing in other
stacks, those made from one source."""
RECENT_MAX = 12
Ages = NDArray[np.float32]
Table = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """Lists of rows one behind the other: list i is `others[starts[i]:starts[i + 1]]`, most recent first.

    Shapes:
        starts: int64 (n + 1,). others: int32 (e,). ages: float32 (e,), days before the cut-off.
    """

    starts: NDArray[np.int64]
    others: Codes
    ages: Ages

    def __len__(self) -> int:
        return len(self.starts) - 1

    def owners(self) -> NDArray[np.int64]:
        """The list that each entry is in."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def entries(self, lists: slice) -> slice:
        """Where the entries of some lists stand."""
        return slice(int(self.starts[lists.start]), int(self.starts[lists.stop]))

    def between(self, lists: slice) -> Lists:
        """Lists that stand one behind the other, without copying their entries."""
        mine, starts = self.entries(lists), self.starts[lists.start : lists.stop + 1]
        return Lists(starts - starts[0], self.others[mine], self.ages[mine])

    def chosen(self, lists: NDArray[np.integer]) -> Lists:
        """Some of the lists, in the order asked for."""
        counts = self.starts[lists + 1] - self.starts[lists]
        starts = np.concatenate((np.zeros(1, np.int64), counts.cumsum()))
        places = np.arange(starts[-1]) + np.repeat(self.starts[lists] - starts[:-1], counts)
        return Lists(starts, self.others[places], self.ages[places])


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Which group each row is in, and the latest members of each group."""

    codes: Codes
    members: Lists


@dataclass(frozen=True, slots=True, eq=False)
class Relations:
    """What the network knows of a tenant, or of several behind each other, besides the features.

    Args:
        types: the type of each row, as a place in `type_names`.
        reach: of an `ego`, how many of the first rows are at most 0, 1, … hops from the seeds; empty of a whole graph.
    """

    links: tuple[Lists, ...]
    groups: tuple[Group, ...]
    types: Codes
    type_names: tuple[str, ...]
    reach: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.types)

    def first(self, rows: int) -> Relations:
        """What the first rows of an `ego` hear: groups are numbered in order of the row that comes first."""
        links = tuple(one.between(slice(0, rows)) for one in self.links)
        groups = []
        for one in self.groups:
            codes = one.codes[:rows]
            groups.append(Group(codes, one.members.between(slice(0, int(codes.max(initial=-1)) + 1))))
        return Relations(links, tuple(groups), self.types[:rows], self.type_names, self.reach)


def relations_of(seen: Seen) -> Relations:
    """A tenant's relations at its cut-off, between rows of its state."""
    past, rows = seen.past, seen.state.rows
    place = np.full(len(past.nodes), -1, np.int64)
    place[rows] = np.arange(len(rows))
    idle = seen.state.idle_days[rows].astype(np.float32)
    kept = live_edges(past, seen.state.is_live)
    source, target = place[past.edges.source[kept]], place[past.edges.target[kept]]
    known = (source >= 0) & (target >= 0) & (source != target)
    source, target = source[known], target[known]
    ages = ((past.cutoff_us - past.edges.at[kept][known]) / DAY_US).astype(np.float32)
    require_past(ages)
    ends = ((source, target), (target, source))
    links = tuple(recent(owner, other, ages, size=len(rows), idle=idle) for owner, other in ends)
    coded = (past.nodes.stack, past.nodes.peer, past.nodes.source)
    groups = tuple(grouped(one.codes[rows], idle) for one in coded)
    names, types = np.unique(past.nodes.type.codes[rows], return_inverse=True)
    return Relations(links, groups, types.astype(np.int32), tuple(past.nodes.type.names[at] for at in names))


def require_past(ages: Ages) -> None:
    """Refuse an edge that is younger than the cut-off.

    Raises:
        InputError: says how long after the cut-off the youngest came.
    """
    if len(ages) and float(ages.min()) < 0:
        raise InputError(
            "an edge came after the cut-off", days_after=-float(ages.min()),
            todo="Take edges from `Timeline.until`, which cuts every column at the same instant",
        )  # fmt: skip


def recent(owners: NDArray[np.integer], others: NDArray[np.integer], ages: Ages, *, size: int, idle: Ages) -> Lists:
    """The most recent entries of each owner's list.

    Args:
        idle: days since each row changed; decides between entries of one age.
    """
    order = np.lexsort((others, idle[others], ages, owners))
    ordered = owners[order]
    starts = np.searchsorted(ordered, np.arange(size))
    kept = np.arange(len(order)) - starts[ordered] < RECENT_MAX
    chosen = order[kept]
    counts = np.bincount(owners[chosen], minlength=size)
    begun = np.concatenate((np.zeros(1, np.int64), counts.cumsum()))
    return Lists(begun, others[chosen].astype(np.int32), ages[chosen])


def grouped(codes: NDArray[np.integer], idle: Ages) -> Group:
    """Rows by group, and the members of each group that changed last."""
    names, numbers = np.unique(codes, return_inverse=True)
    members = recent(numbers, np.arange(len(codes)), idle, size=len(names), idle=idle)
    return Group(numbers.astype(np.int32), members)


def behind(parts: Sequence[Relations]) -> Relations:
    """Several tenants one behind the other; nothing joins them."""
    names = tuple(dict.fromkeys(name for part in parts for name in part.type_names))
    number = {name: at for at, name in enumerate(names)}
    types = [np.array([number[one] for one in part.type_names], np.int32)[part.types] for part in parts]
    sizes = np.cumsum([0, *(len(part) for part in parts)])
    links = tuple(_behind([part.links[k] for part in parts], sizes) for k in range(len(LINKS)))
    return Relations(links, tuple(_groups_behind([p.groups[k] for p in parts], sizes) for k in range(len(GROUPS))),
                     np.concatenate(types), names)  # fmt: skip


def _behind(parts: Sequence[Lists], rows_before: NDArray[np.int64]) -> Lists:
    counts = np.concatenate([np.diff(part.starts) for part in parts])
    others = np.concatenate([part.others + before for part, before in zip(parts, rows_before, strict=False)])
    starts = np.concatenate((np.zeros(1, np.int64), counts.cumsum()))
    return Lists(starts, others.astype(np.int32), np.concatenate([part.ages for part in parts]))


def _groups_behind(parts: Sequence[Group], rows_before: NDArray[np.int64]) -> Group:
    before = np.cumsum([0, *(len(part.members) for part in parts)])
    codes = np.concatenate([part.codes + at for part, at in zip(parts, before, strict=False)])
    return Group(codes.astype(np.int32), _behind([part.members for part in parts], rows_before))


def ego(relations: Relations, seeds: NDArray[np.integer], *, hops: int) -> tuple[Codes, Relations]:
    """Everything that the scores of some rows depend on.

    Shapes:
        Returns int32 (m,), the rows, seeds first; and their relations, in which rows at the last hop hear nobody.
    """
    nodes, reach = np.asarray(seeds, np.int64), [len(seeds)]
    for _ in range(hops):
        links = [lists.chosen(nodes) for lists in relations.links]
        groups = [_numbered(one.codes[nodes]) for one in relations.groups]
        members = [one.members.chosen(names) for one, (names, _) in zip(relations.groups, groups, strict=True)]
        is_new = np.zeros(len(relations), np.bool_)
        for one in (*links, *members):
            is_new[one.others] = True
        is_new[nodes] = False
        nodes = np.concatenate((nodes, np.flatnonzero(is_new)))
        reach.append(len(nodes))
    order = np.argsort(nodes)
    ranked, silent = nodes[order], reach[-1] - reach[-2]

    def placed(lists: Lists, silent: int) -> Lists:
        others = order[np.searchsorted(ranked, lists.others)].astype(np.int32)
        return Lists(np.append(lists.starts, np.full(silent, lists.starts[-1])), others, lists.ages)

    found = tuple(
        Group(np.append(codes, np.full(silent, len(names))).astype(np.int32), placed(one, 1))
        for (names, codes), one in zip(groups, members, strict=True)
    )
    linked = tuple(placed(one, silent) for one in links)
    return nodes.astype(np.int32), Relations(linked, found, relations.types[nodes], relations.type_names, tuple(reach))


def _numbered(codes: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Groups in order of first appearance, and for each row the number of its group in that order."""
    listed = codes.tolist()
    numbers = {name: at for at, name in enumerate(dict.fromkeys(listed))}
    return np.array(list(numbers), codes.dtype), np.array([numbers[name] for name in listed], np.int64)


def as_table(relations: Relations) -> dict[str, NDArray[np.generic]]:
    """Relations as named columns, to be kept."""
    table: dict[str, NDArray[np.generic]] = {"types": relations.types, "type_names": np.array(relations.type_names)}
    lists = [*relations.links, *(one.members for one in relations.groups)]
    for name, one in zip((*LINKS, *GROUPS), lists, strict=True):
        table |= {f"{name}/starts": one.starts, f"{name}/others": one.others, f"{name}/ages": one.ages}
    return table | {f"{name}/codes": one.codes for name, one in zip(GROUPS, relations.groups, strict=True)}


def from_table(table: Table) -> Relations:
    """The inverse of `as_table`."""

    def lists(name: str) -> Lists:
        starts, others, ages = (table[f"{name}/{column}"] for column in ("starts", "others", "ages"))
        return Lists(np.asarray(starts, np.int64), np.asarray(others, np.int32), np.asarray(ages, np.float32))

    groups = tuple(Group(np.asarray(table[f"{name}/codes"], np.int32), lists(name)) for name in GROUPS)
    types, names = np.asarray(table["types"], np.int32), tuple(map(str, table["type_names"].tolist()))
    return Relations(tuple(map(lists, LINKS)), groups, types, names)
