"""Existence conditions over a snapshot say what the interpreter says of one resource after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from assessment.beside import Beside, related_items
from assessment.evaluation import groups, kept_by, outcome
from assessment.inputs import required_paths
from domain.finding import PolicyId, Verdict
from domain.resource import ConfigurationItem, resource_key
from domain.value import UNREAD
from graph.build import build_snapshot
from graph.snapshot import EVERYWHERE, Snapshot
from policy.compile import Program
from policy.evaluate import Lookups
from policy.interpret import violates
from policy.tree import Truth
from tests.unit.assessment.estate import AS_OF, TENANT
from tests.unit.assessment.gates import BOLTS, GATES, GROUPS, LOGS, POLICIES, item

VERDICTS = {Truth.FALSE: Verdict.COMPLIANT, Truth.TRUE: Verdict.VIOLATION, Truth.UNKNOWN: Verdict.UNKNOWN}
PROGRAMS = [each.program for each in POLICIES if each.program is not None]
WORDS = st.sampled_from(["here", "x", "y"])
BOLT = st.one_of(
    st.fixed_dictionaries({"name": st.sampled_from("ab"), "location": WORDS, "properties": st.just({})}),
    st.fixed_dictionaries({"name": st.sampled_from("ab")}),
)


@st.composite
def gates(draw: st.DrawFn) -> ConfigurationItem:
    group, name = draw(st.sampled_from(GROUPS)), draw(st.sampled_from("xy"))
    properties = draw(st.fixed_dictionaries({"isOpen": st.booleans()}, optional={"bolts": st.lists(BOLT, max_size=2)}))
    tags = draw(st.fixed_dictionaries({}, optional={"home": st.sampled_from("ab")}))
    document: dict[str, Any] = {"location": draw(WORDS), "properties": properties, "tags": tags}
    return item(GATES, f"{group}/providers/{GATES}/{name}", **document)


@st.composite
def bolts(draw: st.DrawFn) -> ConfigurationItem:
    group, gate, name = draw(st.sampled_from(GROUPS)), draw(st.sampled_from("xy")), draw(st.sampled_from("ab"))
    return item(BOLTS, f"{group}/providers/{GATES}/{gate}/bolts/{name}", location=draw(WORDS))


@st.composite
def logs(draw: st.DrawFn) -> ConfigurationItem:
    group, name = draw(st.sampled_from(GROUPS)), draw(st.sampled_from("xy"))
    place = draw(st.sampled_from([group, f"{group}/providers/{GATES}/x", group.rpartition("/resourceGroups")[0]]))
    return item(LOGS, f"{place}/providers/{LOGS}/{name}", location=draw(WORDS))


ITEMS = st.one_of(gates(), bolts(), logs())
ESTATES = st.lists(ITEMS, max_size=6, unique_by=lambda one: resource_key(one.uid))
UNPROVEN = st.sampled_from([frozenset(), frozenset({"/subscriptions/s"}), EVERYWHERE])


def snapshot_of(items: list[ConfigurationItem], unproven: frozenset[str]) -> Snapshot:
    paths = required_paths(POLICIES, items)
    return build_snapshot(TENANT, items, as_of=AS_OF, paths_by_type=paths, unproven=unproven)


def everything(snapshot: Snapshot) -> dict[tuple[str, PolicyId], Verdict]:
    """A full run."""
    by_type, lookups = groups(snapshot, np.ones(len(snapshot), dtype=bool)), Lookups()
    found = {}
    for program in PROGRAMS:
        if program.is_enabled:
            judged = outcome(program, by_type, lookups, now=AS_OF)
            for row, verdict in zip(judged.rows.tolist(), judged.verdicts.tolist(), strict=True):
                found[resource_key(snapshot.uids[row]), program.policy_id] = Verdict(verdict)
    return found


@settings(max_examples=100, deadline=None)
@given(ESTATES, UNPROVEN, st.sampled_from([each for each in PROGRAMS if each.is_enabled]))
def test_one_changed_policy_on_its_types_equals_a_full_run_and_the_interpreter(
    items: list[ConfigurationItem], unproven: frozenset[str], program: Program
) -> None:
    snapshot = snapshot_of(items, unproven)
    ordered = sorted(items, key=lambda one: resource_key(one.uid))
    judged = outcome(program, groups(snapshot, kept_by(ordered, scope=None, kind=None)), Lookups(), now=AS_OF)
    expected = {row: verdict for (key, name), verdict in everything(snapshot).items()
                if name == program.policy_id for row in [snapshot.index_of(key)]}  # fmt: skip
    assert dict(zip(judged.rows.tolist(), map(Verdict, judged.verdicts.tolist()), strict=True)) == expected
    for row, verdict in expected.items():
        existence = program.existence
        related = [] if existence is None else related_items(existence, row, snapshot, ordered, now=AS_OF)
        truth = violates(program.condition, existence, ordered[row], related, AS_OF)
        assert VERDICTS[truth] is verdict


def test_an_unread_account_leaves_absence_unknown_but_not_presence() -> None:
    gate = item(GATES, f"{GROUPS[0]}/providers/{GATES}/x")
    bare = item(GATES, f"{GROUPS[0]}/providers/{GATES}/y")
    log = item(LOGS, f"{gate.uid}/providers/{LOGS}/l")
    items = sorted([gate, bare, log], key=lambda one: resource_key(one.uid))
    logged = next(program for program in PROGRAMS if program.policy_id == "logged-in-home")
    assert logged.existence is not None
    found = {}
    for unproven in (frozenset[str](), EVERYWHERE):
        snapshot = snapshot_of(items, unproven)
        rows = np.array([snapshot.index_of(gate.uid), snapshot.index_of(bare.uid)])
        found[unproven] = Beside(snapshot).of(logged.existence.type, rows).is_read
        is_here = replace(logged.existence, resource_group=None)
        assert related_items(is_here, int(rows[0]), snapshot, items, now=AS_OF) == [log]
    assert np.all(found[frozenset()])
    assert not np.any(found[EVERYWHERE])
    assert related_items(is_here, int(rows[1]), snapshot, items, now=AS_OF) is UNREAD
