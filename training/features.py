"""The features of every live resource at a cut-off, from a tenant's past and what types do elsewhere.

One definition for recorded histories and for live tenants (`training.live`). A function here is given a `Past`, which
holds nothing later than its cut-off, so no feature can depend on what comes after. Counts are given as log(1 + x).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.activity import HALF_LIVES_DAYS, Activity, Prior
from training.history import DAY_US, Action, Coded, Flags, Past, instant
from training.state import Numbers, State, Values

Matrix = NDArray[np.float32]
FAMILIES = ("own", "type", "degree", "stack", "around", "near", "calendar")
"""Where a feature looks: at the resource, its type, its number of neighbours, its stack, other groups that it belongs
to (folder, file, source, peers, tenant), its neighbours, the date."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """A matrix with a name and a family for each column.

    Shapes:
        values: float32 (m, k), a row for each of the state's rows.
        stacks: int32 (m,), the stack of each row; rows of one stack stand together nowhere in particular.
    """

    names: tuple[str, ...]
    families: tuple[str, ...]
    values: Matrix
    stacks: NDArray[np.int32]

    def column(self, name: str) -> Matrix:
        """One feature of every row."""
        return self.values[:, self.names.index(name)]


def features(past: Past, state: State, done: Activity, prior: Prior) -> Features:
    """Compute every feature of every scored live resource."""
    table = _Table(past, state, done)
    _own(table)
    _types(table, prior)
    _degree(table)
    _stack(table)
    _around(table)
    _near(table, prior)
    _calendar(table)
    return table.result()


class _Table:
    """Collects columns; each is given per node and kept for the rows."""

    def __init__(self, past: Past, state: State, done: Activity) -> None:
        self.past, self.state, self.done = past, state, done
        self.size, self.rows = len(past.nodes), state.rows
        self._names: list[str] = []
        self._families: list[str] = []
        self._columns: list[Matrix] = []

    def add(self, family: str, name: str, per_node: Values) -> None:
        self._names.append(f"{family}.{name}")
        self._families.append(family)
        self._columns.append(per_node[self.rows].astype(np.float32))

    def counts(self, family: str, name: str, per_node: Values) -> None:
        self.add(family, name, np.log1p(per_node))

    def result(self) -> Features:
        values = np.stack(self._columns, axis=1) if self._columns else np.zeros((0, 0), np.float32)
        return Features(tuple(self._names), tuple(self._families), values, self.past.nodes.stack.codes[self.rows])


def _own(table: _Table) -> None:
    past, state, done = table.past, table.state, table.done
    events, findings = past.events, past.findings
    table.counts("own", "age", state.age_days)
    table.counts("own", "idle", state.idle_days)
    for h in HALF_LIVES_DAYS:
        table.counts("own", f"updates_{h}", done.updates[h])
        table.counts("own", f"small_updates_{h}", done.small[h])
        table.counts("own", f"openings_{h}", done.openings[h])
    table.counts("own", "touches", done.touches)
    table.counts("own", "authors", done.authors)
    table.add("own", "rate", done.touches / (state.age_days + 30))
    table.counts("own", "open_violations", state.open_violations)
    table.counts("own", "openings", np.bincount(findings.node[findings.opened], minlength=table.size) * 1.0)
    is_module = np.array([name.startswith("module:") for name in past.nodes.type.names], np.bool_)
    table.add("own", "is_module", is_module[past.nodes.type.codes] * 1.0)
    created, changed = np.zeros(table.size), np.zeros(table.size)
    is_create = events.action == Action.CREATE
    created[events.node[is_create]] = events.changed[is_create]
    changed[events.node[~is_create]] = events.changed[~is_create]
    table.counts("own", "attributes", created)
    table.counts("own", "last_changed_attributes", changed)
    batch, is_bot = np.zeros(table.size), np.zeros(table.size)
    batch[events.node], is_bot[events.node] = events.batch_size, events.is_bot
    table.counts("own", "last_batch", batch)
    table.add("own", "last_by_bot", is_bot)


def _types(table: _Table, prior: Prior) -> None:
    types = table.past.nodes.type
    rates = prior.rates(types.names)
    for at, name in enumerate(
        ("updates_30", "updates_120", "creates_120", "openings_120", "near_openings_120", "born")
    ):
        table.add("type", name, rates[types.codes, at] if len(types.codes) else np.zeros(0))
    done, is_live = table.done, table.state.is_live * 1.0
    own = {"updates_30": done.updates[30], "openings_120": done.openings[120], "creates_30": done.creates[30]}
    for name, values in own.items():
        table.add("type", f"tenant_{name}", _per_member(types, values, is_live))


def _degree(table: _Table) -> None:
    state = table.state
    table.counts("degree", "targets", state.targets_of)
    table.counts("degree", "sources", state.sources_of)
    table.counts("degree", "ever", state.ever_joined.summed(np.ones(table.size), table.size))


def _stack(table: _Table) -> None:
    state, done, stack = table.state, table.done, table.past.nodes.stack
    for h in HALF_LIVES_DAYS:
        for name, values in (("updates", done.updates[h]), ("small_updates", done.small[h]),
                             ("creates", done.creates[h]), ("deletes", done.deletes[h]),
                             ("openings", done.openings[h])):  # fmt: skip
            table.counts("stack", f"{name}_{h}", _group_sum(stack, values))
    table.counts("stack", "size", _group_sum(stack, state.is_live * 1.0))
    table.counts("stack", "open_violations", _group_sum(stack, state.open_violations))
    table.counts("stack", "born_120", _group_sum(stack, done.born))
    table.counts("stack", "age", _group_max(stack, state.age_days))
    table.counts("stack", "idle", -_group_max(stack, -state.idle_days, start=-1e6))
    table.counts("stack", "authors_90", _group_authors(table, stack, days=90))
    events, findings = table.past.events, table.past.findings
    is_create = events.action == Action.CREATE
    for weeks in (4, 13, 52):
        opened, made = findings.opened, is_create
        table.add("stack", f"weeks_with_openings_{weeks}",
                  _active_weeks(table, stack, findings.node[opened], findings.at[opened], weeks))  # fmt: skip
        table.add("stack", f"weeks_with_creates_{weeks}",
                  _active_weeks(table, stack, events.node[made], events.at[made], weeks))  # fmt: skip
        table.add("stack", f"weeks_with_events_{weeks}", _active_weeks(table, stack, events.node, events.at, weeks))
    since_opening = np.full(table.size, 3650.0)
    since_opening[findings.node[findings.opened]] = (table.past.cutoff_us - findings.at[findings.opened]) / DAY_US
    table.counts("stack", "since_opening", -_group_max(stack, -since_opening, start=-1e6))


def _around(table: _Table) -> None:
    nodes, done, live = table.past.nodes, table.done, table.state.is_live * 1.0
    tenant = Coded(np.zeros(table.size, np.int32), ("tenant",))
    groups = {"folder": nodes.folder, "file": nodes.file, "source": nodes.source, "peer": nodes.peer, "tenant": tenant}
    for name, group in groups.items():
        table.counts("around", f"{name}_size", _group_sum(group, live))
        for h in (7, 30, 120):
            table.add("around", f"{name}_updates_{h}", _per_member(group, done.updates[h], live))
        table.add("around", f"{name}_creates_30", _per_member(group, done.creates[30], live))
        table.add("around", f"{name}_openings_30", _per_member(group, done.openings[30], live))
        table.counts("around", f"{name}_openings_7_sum", _group_sum(group, done.openings[7]))
        table.add("around", f"{name}_open_violations", _per_member(group, table.state.open_violations, live))
    for name in ("file", "peer", "source"):
        recent = (table.state.idle_days <= 28) & table.state.is_live
        share = _per_member(groups[name], recent * 1.0, live)
        table.add("around", f"{name}_behind", share * ~recent)


def _near(table: _Table, prior: Prior) -> None:
    state, done, size, nodes = table.state, table.done, table.size, table.past.nodes
    born = prior.rates(nodes.type.names)[nodes.type.codes, 5] if size else np.zeros(0)
    degree = np.maximum(state.joined.summed(np.ones(size), size), 1.0)
    for h in HALF_LIVES_DAYS:
        table.counts("near", f"joins_{h}", done.joins[h])
        table.counts("near", f"openings_{h}", state.ever_joined.summed(done.openings[h], size))
        table.counts("near", f"updates_{h}", state.joined.summed(done.updates[h], size))
        table.counts("near", f"creates_{h}", state.ever_joined.summed(done.creates[h], size))
    table.add("near", "updates_30_mean", state.joined.summed(done.updates[30], size) / degree)
    table.counts("near", "updates_30_max", state.joined.largest(done.updates[30], size))
    table.counts("near", "open_violations", state.joined.summed(state.open_violations, size))
    table.add("near", "open_share", state.joined.summed((state.open_violations > 0) * 1.0, size) / degree)
    table.counts("near", "expected_born_30", state.ever_joined.summed(done.creates[30] * born, size))
    table.counts("near", "expected_born_120", state.ever_joined.summed(done.creates[120] * born, size))
    table.add("near", "born_rate_max", state.ever_joined.largest(born, size))
    nearest = np.exp2(-state.idle_days / 30) * state.is_live
    table.add("near", "freshest", state.joined.largest(nearest, size))
    two = state.joined.summed(state.joined.summed(done.updates[30], size) / degree, size) / degree
    table.counts("near", "updates_30_two_hops", two)
    opened = state.ever_joined.summed(done.openings[120], size)
    table.counts("near", "openings_120_two_hops", state.joined.summed(opened, size))
    table.counts("near", "same_stack_degree", _within(table))


def _calendar(table: _Table) -> None:
    day = instant(table.past.cutoff_us).timetuple().tm_yday
    table.add("calendar", "year_sine", np.full(table.size, np.sin(2 * np.pi * day / 365.25)))
    table.add("calendar", "year_cosine", np.full(table.size, np.cos(2 * np.pi * day / 365.25)))
    table.add("calendar", "around_new_year", np.full(table.size, 1.0 if day >= 350 or day <= 3 else 0.0))


def _within(table: _Table) -> Numbers:
    joined, stack = table.state.joined, table.past.nodes.stack.codes
    same = stack[joined.ends] == stack[joined.others]
    return np.bincount(joined.ends[same], minlength=table.size).astype(np.float64)


def _group_sum(group: Coded, per_node: Values) -> Numbers:
    return np.asarray(np.bincount(group.codes, per_node, len(group.names))[group.codes], np.float64)


def _per_member(group: Coded, per_node: Values, is_live: Values) -> Numbers:
    return _group_sum(group, per_node) / (_group_sum(group, is_live) + 1.0)


def _group_max(group: Coded, per_node: Values, start: float = 0.0) -> Numbers:
    found = np.full(len(group.names), start)
    np.maximum.at(found, group.codes, per_node)
    return found[group.codes]


def _group_authors(table: _Table, group: Coded, *, days: int) -> Numbers:
    events = table.past.events
    recent: Flags = events.at > table.past.cutoff_us - days * DAY_US
    keys = np.unique(group.codes[events.node[recent]].astype(np.int64) << 32 | events.author[recent])
    return np.bincount(keys >> 32, minlength=len(group.names)).astype(np.float64)[group.codes]


def _active_weeks(table: _Table, group: Coded, nodes: NDArray[np.int32], at: NDArray[np.int64], weeks: int) -> Numbers:
    """In how many of the last weeks something happened in the group, as a share."""
    before = (table.past.cutoff_us - at) // (7 * DAY_US)
    chosen = before < weeks
    keys = np.unique(group.codes[nodes[chosen]].astype(np.int64) << 32 | before[chosen])
    return np.bincount(keys >> 32, minlength=len(group.names)).astype(np.float64)[group.codes] / weeks
