"""Judging again only what a change can concern; equal to judging everything again.

One changed, new or removed resource: all policies of its type on it, and those existence conditions of other resources
that it could satisfy before or can satisfy now. One changed policy: the resources of its types, which is
`assessment.evaluation.outcome`. Nothing else is evaluated.

Scopes are taken as connectors write them: the resource group or subscription that an id names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from assessment.beside import Beside
from domain.finding import PolicyId, Verdict
from domain.resource import ConfigurationItem, resource_key
from graph.columns import narrowed, take
from graph.path import fold
from graph.shred import shred
from graph.snapshot import Snapshot, account_of
from policy.compile import Program
from policy.evaluate import UNCOLLECTED, Lookups, evaluate
from policy.existence import Existence, anchors_of
from policy.incremental import ProgramIndex

Verdicts = Mapping[PolicyId, Verdict]
Indexes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Change:
    """One resource before and after; None where it is not there."""

    before: ConfigurationItem | None
    after: ConfigurationItem | None

    @property
    def sides(self) -> tuple[ConfigurationItem, ...]:
        """The states that there are."""
        return tuple(item for item in (self.before, self.after) if item is not None)


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What replaces earlier verdicts.

    Args:
        own: all verdicts of the changed resource, in place of all that it had; empty where it is gone.
        others: verdicts of resources that look for it, by `resource_key` and policy.
    """

    own: Verdicts
    others: Mapping[tuple[str, PolicyId], Verdict]


def judge_again(
    change: Change, index: ProgramIndex, before: Snapshot, after: Snapshot, lookups: Lookups, *, now: datetime
) -> Rejudged:
    """What one change of a resource does to verdicts.

    Args:
        before, after: the snapshots without and with the change; nothing else differs.
        lookups: kept beside the tables of `after` that the change leaves as they were.
    """
    own = {} if change.after is None else judge_resource(change.after, index, now=now, snapshot=after, lookups=lookups)
    gone = {resource_key(item.uid) for item in change.sides}
    others: dict[tuple[str, PolicyId], Verdict] = {}
    for kind in sorted(_related_kinds(change, index)):
        search = _Search(change, _accounts_read(before, kind) ^ _accounts_read(after, kind), after)
        for program in index.looking_for(kind):
            for key, verdict in search.judged(program, lookups, now=now):
                if key not in gone:
                    others[key, program.policy_id] = verdict
    return Rejudged(own, others)


def judge_resource(
    item: ConfigurationItem,
    index: ProgramIndex,
    *,
    now: datetime,
    snapshot: Snapshot | None = None,
    lookups: Lookups | None = None,
) -> Verdicts:
    """All policies of one resource's type on it.

    Args:
        snapshot: where existence conditions look, the resource in it; without one they are unknown.
    """
    programs = index.judging(item.type, item.provider)
    table = shred([item], index.paths(item.type, item.provider))
    kept = Lookups({}, {} if lookups is None else lookups.places)
    found = {}
    for program in programs:
        related = UNCOLLECTED
        if program.existence is not None and snapshot is not None:
            rows = np.array([snapshot.index_of(item.uid)], dtype=np.int64)
            related = Beside(snapshot).of(program.existence.type, rows)
        verdicts = evaluate(program, table, now=now, lookups=kept, related=related)
        found[program.policy_id] = Verdict(int(verdicts[0]))
    return found


def _related_kinds(change: Change, index: ProgramIndex) -> set[str]:
    """Types that somebody looks for and that the change can add, alter or remove: its own, and children inside it."""
    own = {fold(item.type) for item in change.sides}
    return {kind for kind in index.by_related if kind in own or kind.rpartition("/")[0] in own}


def _accounts_read(snapshot: Snapshot, kind: str) -> frozenset[str]:
    """Accounts in which the absence of a type is proof."""
    scopes = snapshot.resources.column("scope")
    rows = snapshot.rows_by_type.get(kind)
    if rows is None or "*" in snapshot.unproven:
        return frozenset()
    found = scopes.take(rows).unique().to_pylist()
    return frozenset(account_of(str(scope)) for scope in found) - snapshot.unproven


@dataclass(frozen=True, slots=True)
class _Search:
    """The resources that look where the changed one is or was.

    Args:
        flipped: accounts in which the absence of the related type was proof before or is now, but not both.
    """

    change: Change
    flipped: frozenset[str]
    after: Snapshot

    def judged(self, program: Program, lookups: Lookups, *, now: datetime) -> Iterator[tuple[str, Verdict]]:
        """Their verdicts by one program."""
        existence = program.existence
        assert existence is not None
        kept = Lookups({}, lookups.places)
        tables = self.after.tables
        for kind in sorted(tables if program.types is None else program.types & tables.keys()):
            rows = np.asarray(self.after.rows_by_type[kind], dtype=np.int64)
            if not program.applies_to(kind, self.after.provider_of(int(rows[0]))):
                continue
            at = np.flatnonzero(self.candidates(existence, kind, rows))
            if not len(at):
                continue
            related = Beside(self.after).of(existence.type, rows[at])
            table = take(narrowed(tables[kind], program.paths), at)
            verdicts = evaluate(program, table, now=now, lookups=kept, related=related)
            for row, verdict in zip(rows[at].tolist(), verdicts.tolist(), strict=True):
                yield resource_key(self.after.uids[row]), Verdict(verdict)

    def candidates(self, existence: Existence, kind: str, rows: Indexes) -> NDArray[np.bool_]:
        """Which rows of a type look at a place that holds the changed resource, or in an account that flipped."""
        own = [fold(item.uid).rstrip("/") for item in self.change.sides]
        places = {*own, *(place for item in self.change.sides for place in anchors_of(item.uid))}
        direct = [row for place in places if (row := self.after.find(place)) is not None]
        accounts, scopes = set(self.flipped), set[str]()
        if not existence.type.startswith(f"{kind}/"):
            if existence.scope == "resourcegroup" and existence.resource_group is None:
                scopes = places
            else:
                accounts |= {account_of(item.scope) for item in self.change.sides}
        codes, names = self.after.scopes
        wanted = [account_of(name) in accounts or fold(name).rstrip("/") in scopes for name in names]
        found: NDArray[np.bool_] = np.isin(rows, direct) | np.array(wanted, dtype=bool)[codes[rows]]
        return found
