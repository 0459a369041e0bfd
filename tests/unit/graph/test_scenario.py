"""Scenarios: hypothetical changes leave the original alone."""

from __future__ import annotations

import pytest

from domain.errors import InputError, NotFound
from domain.finding import PolicyId
from domain.resource import ResourceId
from graph.build import build_snapshot
from graph.scenario import (
    AssignPolicy,
    ModifyResource,
    RemovePolicy,
    RemoveResource,
    Scenario,
    apply_scenario,
    items_under,
    policies_under,
)
from tests.unit.graph.estate import NOON, TENANT, item

A = item("a", "t", {"n": {"m": 1}, "list": [1]})
B = item("b", "t", {"ref": "a"})
SNAPSHOT = build_snapshot(TENANT, [A, B], as_of=NOON, paths_by_type={"t": frozenset({"n.m"})})


def test_policies_are_a_set_that_changes() -> None:
    scenario = Scenario("swap", (AssignPolicy(PolicyId("new")), RemovePolicy(PolicyId("old"))))
    assert policies_under(scenario, [PolicyId("old"), PolicyId("kept")]) == {"new", "kept"}
    assert apply_scenario(scenario, SNAPSHOT, [A, B]) is SNAPSHOT
    with pytest.raises(NotFound) as refused:
        policies_under(scenario, [])
    assert refused.value.facts == {"policy_id": "old", "scenario": "swap"}


def test_a_changed_resource_has_the_value_and_another_digest() -> None:
    scenario = Scenario("raise", (ModifyResource(A.uid, ("n", "m"), 2), ModifyResource(A.uid, ("x", "y"), True)))
    changed = apply_scenario(scenario, SNAPSHOT, [A, B])
    column = changed.tables["t"].columns["n.m"]
    assert [column.value(row) for row in range(2)] == [2, SNAPSHOT.tables["t"].columns["n.m"].value(1)]
    assert changed.digest != SNAPSHOT.digest
    assert A.properties == {"n": {"m": 1}, "list": [1]}
    assert items_under(scenario, [A])[0].properties["x"] == {"y": True}


def test_a_removed_resource_is_gone_with_its_edges() -> None:
    changed = apply_scenario(Scenario("drop", (RemoveResource(A.uid),)), SNAPSHOT, [A, B])
    assert changed.uids == ("b",)
    assert len(SNAPSHOT.edges) == 1
    assert len(changed.edges) == 0


def test_a_change_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(NotFound):
        items_under(Scenario("s", (RemoveResource(ResourceId("z")),)), [A])
    with pytest.raises(InputError) as refused:
        items_under(Scenario("s", (ModifyResource(A.uid, ("list", "x"), 1),)), [A])
    assert refused.value.facts["at"] == "list"
    with pytest.raises(InputError):
        items_under(Scenario("s", (ModifyResource(A.uid, (), 1),)), [A])
