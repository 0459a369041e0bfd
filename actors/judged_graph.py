"""One tenant's graph as it is now, judged: what is wrong in it, and what is expected within seven days.

Whatever the graph is judged from is kept between questions: policies, documents, the columns that policies read, the
edges, and what policies said. It follows the graph's views, so that a question reads the documents of what changed
since the one before, and judges these and what looks for them. Predictions are worked out anew, over columns, because
they depend on the time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import RLock
from typing import Final, Protocol

import polars as pl

from actors.messages import APPLIED, BUILTIN, EVERYTHING, IMPORTED, Filters
from actors.policy_catalogue import Chosen
from assessment.applying import assigned_waivers, with_masks
from assessment.beside import related_items
from assessment.inputs import AssessedPolicy, AssessmentInputs, required_paths
from assessment.kept import KeptVerdicts
from assessment.result import Assessment
from assessment.scan import assess
from domain.resource import ConfigurationItem, resource_key
from domain.tenancy import TenantId
from domain.value import UNREAD, Absent
from graph.lazy import changed_between, snapshot_of
from graph.snapshot import Snapshot
from graph.stores.contract import Changes
from graph.view import GraphView
from policy.compile import Program
from policy.exemption import Exemption

ITEM_BYTES: Final = 8_192
"""What a resource takes here, with its document: an estimate for the shard's budget."""

FRESH: Final = timedelta(minutes=1)
USABLE: Final = timedelta(minutes=5)
"""How old an answer may be where the latest will do, and how old while somebody judges anew."""

Items = Mapping[str, ConfigurationItem]
"""Documents by `resource_key`, in order of it."""
Paths = Mapping[str, frozenset[str]]
"""The columns that are wanted, by lower-case type."""


class Updates(Protocol):
    """How what is shown changes."""

    def settled(self) -> AbstractContextManager[None]:
        """Keeps graph and store as they are, the store holding what the graph shows."""


class Policies(Protocol):
    """The tenant's policies."""

    def chosen(self, sources: Sequence[str]) -> Chosen:
        """Those of some sources."""


class Source(Protocol):
    """What is asked of the tenant's state."""

    @property
    def tenant(self) -> TenantId:
        """Whose graph it is."""

    @property
    def updates(self) -> Updates:
        """Held back while the graph is read."""

    @property
    def policies(self) -> Policies:
        """What it is judged by."""

    def view(self) -> GraphView:
        """The graph as it is now; the same object while nothing has changed."""

    def items(self) -> Sequence[ConfigurationItem]:
        """Every document."""

    def documents(self, uids: Sequence[str]) -> Sequence[ConfigurationItem]:
        """Some documents, without those that are not there."""

    def changes(self, as_of: datetime) -> Changes:
        """What changed before a time, as far back as predictions look."""

    @property
    def billing(self) -> Sequence[pl.DataFrame]:
        """Billing rows that were read last; the same object while they are the same."""


@dataclass(frozen=True, slots=True, eq=False)
class _Standing:
    """What one view is judged from, whatever the time.

    Args:
        items: the documents of `snapshot`, in its order.
    """

    view: GraphView
    chosen: Chosen
    by_key: Items
    paths: Paths
    snapshot: Snapshot
    items: Sequence[ConfigurationItem]
    policies: tuple[AssessedPolicy, ...]
    exemptions: tuple[Exemption, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """The last assessment, and what it is of."""

    asked: tuple[datetime, Filters]
    standing: _Standing
    billing: Sequence[pl.DataFrame]
    assessment: Assessment

    def holds(self, asked: tuple[datetime, Filters], standing: _Standing, billing: Sequence[pl.DataFrame]) -> bool:
        """Whether it is what would be found now."""
        return self.asked == asked and self.standing is standing and self.billing is billing


class JudgedGraph:
    """Safe for several threads."""

    def __init__(self, source: Source, judge: Callable[[AssessmentInputs], Assessment] = assess) -> None:
        self._source = source
        self._judge = judge
        self._judging = RLock()
        self._standing: _Standing | None = None
        self._kept = KeptVerdicts()
        self._answer: _Answer | None = None
        self._latest: _Answer | None = None

    def at(self, as_of: datetime, filters: Filters = EVERYTHING) -> Assessment:
        """Judge the whole graph as of a time; the last answer is kept while it holds."""
        asked = (as_of, filters)
        with self._judging:
            standing, billing = self._present(), self._source.billing
            known = self._answer
            if known is not None and known.holds(asked, standing, billing):
                return known.assessment
            found = self._judge(self._inputs(standing, as_of, filters, billing))
            self._answer = _Answer(asked, standing, billing, found)
            if filters == EVERYTHING:
                self._latest = self._answer
            return found

    def lately(self, now: datetime) -> Assessment:
        """The whole graph as it is, judged as of now or shortly before, so that not every question judges anew.

        What is found says as of when. While one caller judges anew, others get what was found before.
        """
        found = self._found_lately(now, USABLE if self._is_judging() else FRESH)
        if found is not None:
            return found
        with self._judging:
            found = self._found_lately(now, FRESH)
            return self.at(now) if found is None else found

    def related(
        self, program: Program, item: ConfigurationItem, as_of: datetime
    ) -> Sequence[ConfigurationItem] | Absent:
        """What an existence condition of a resource is answered from."""
        if program.existence is None:
            return UNREAD
        with self._judging:
            standing = self._present()
        at = standing.snapshot.index_of(item.uid)
        return related_items(program.existence, at, standing.snapshot, standing.items, now=as_of)

    def forget(self) -> None:
        """Let go of everything: policies are others, or there is no more to be asked for a while."""
        self._standing = self._answer = self._latest = None
        self._kept = KeptVerdicts()

    @property
    def size_bytes(self) -> int:
        """What is kept, about."""
        standing = self._standing
        return 0 if standing is None else len(standing.items) * ITEM_BYTES + self._kept.size_bytes

    def _inputs(
        self, standing: _Standing, as_of: datetime, filters: Filters, billing: Sequence[pl.DataFrame]
    ) -> AssessmentInputs:
        return AssessmentInputs(
            tenant=self._source.tenant,
            as_of=as_of,
            snapshot=standing.snapshot,
            items=standing.items,
            policies=standing.policies,
            exemptions=standing.exemptions,
            billing=billing,
            changes=self._source.changes(as_of),
            scope=filters.scope,
            type=filters.type,
            kept=self._kept,
        )

    def _found_lately(self, now: datetime, age_max: timedelta) -> Assessment | None:
        """The latest answer while it is of the present graph, and young; another caller's clock may be ahead."""
        known = self._latest
        if known is None or abs(now - known.asked[0]) > age_max:
            return None
        with self._source.updates.settled():
            is_present = known.standing.view is self._source.view() and known.billing is self._source.billing
        return known.assessment if is_present else None

    def _is_judging(self) -> bool:
        """Whether somebody else judges just now."""
        if self._judging.acquire(blocking=False):
            self._judging.release()
            return False
        return True

    def _present(self) -> _Standing:
        with self._source.updates.settled():
            self._standing = self._following(self._standing)
            return self._standing

    def _following(self, before: _Standing | None) -> _Standing:
        """What the present view is judged from; what holds of a former one is taken over."""
        view = self._source.view()
        if before is not None and before.view is view:
            return before
        changed = None if before is None else changed_between(before.view, view)
        if before is None or changed is None:
            chosen = self._source.policies.chosen((BUILTIN, IMPORTED, APPLIED)) if before is None else before.chosen
            by_key: Items = dict(sorted((resource_key(item.uid), item) for item in self._source.items()))
            paths: Paths = required_paths(chosen.policies, by_key.values())
        else:
            chosen, fresh = before.chosen, self._fresh(view, changed.keys)
            by_key = _replaced(before.by_key, changed.keys, fresh)
            is_known = changed.kinds <= before.snapshot.rows_by_type.keys()
            paths = before.paths if is_known else required_paths(chosen.policies, by_key.values())
        snapshot = snapshot_of(view, _Found(by_key), paths, former=None if before is None else before.snapshot)
        self._kept.keep_only(snapshot.tables.keys())
        items = list(by_key.values())
        assert len(items) == len(snapshot), "the store holds what the graph shows"
        policies = with_masks(chosen.policies, items)
        exemptions = assigned_waivers(chosen.exemptions, policies, items)
        return _Standing(view, chosen, by_key, paths, snapshot, items, policies, exemptions)

    def _fresh(self, view: GraphView, changed: Collection[str]) -> Items:
        """Documents of those of some resources that are there, by key."""
        there = [view.uid(row) for row in map(view.find, changed) if row is not None]
        return {resource_key(item.uid): item for item in self._source.documents(there)}


def _replaced(items: Items, changed: Collection[str], fresh: Items) -> Items:
    """Documents in order of their keys, with some of them replaced, and those that are gone left out."""
    found = {**items, **fresh}
    for key in changed:
        if key not in fresh:
            found.pop(key, None)
    return found if fresh.keys() <= items.keys() else dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class _Found:
    """Finds documents among those of one view, as long as its columns are made."""

    by_key: Items

    def __call__(self, uids: Sequence[str]) -> Sequence[ConfigurationItem]:
        return [item for uid in uids if (item := self.by_key.get(resource_key(uid))) is not None]
