from __future__ import annotations

from dataclasses import replace

from domain.resource import Provider
from domain.value import Json
from graph.build import build_snapshot
from graph.nested import Nested, nested_children
from graph.scenario import RemoveResource, Scenario, apply_scenario
from graph.snapshot import EVERYWHERE
from tests.unit.assessment.estate import AS_OF, GROUP, TENANT, azure

GROUPS = "Microsoft.Network/networkSecurityGroups"
RULES = f"{GROUPS}/securityRules".lower()
UID = f"{GROUP}/providers/{GROUPS}/web"


def children(document: dict[str, Json], *, kind: str = RULES) -> Nested:
    return nested_children([azure(GROUPS, "web", document)], {GROUPS.lower(): [0]}, kind)


def test_children_in_a_list_named_like_their_type_are_found_and_nothing_is_missing() -> None:
    rules: Json = [
        {"name": "ssh", "properties": {"access": "Allow"}},
        {"id": f"{UID.upper()}/securityRules/dns"},
        {"name": "ssh", "properties": {}},
        {"id": f"{GROUP}/providers/{GROUPS}/other/securityRules/x"},
        {"properties": {}},
        "odd",
    ]
    found = children({"properties": {"SecurityRules": rules}})
    assert [(item.uid, item.type, item.name, item.unread) for item in found.items] == [
        (f"{UID}/securityrules/ssh", f"{GROUPS}/securityrules", "ssh", ()),
        (f"{UID.upper()}/securityRules/dns", f"{GROUPS}/securityrules", "dns", ("*",)),
    ]
    assert found.listed == (0,)


def test_resources_beside_the_properties_are_told_apart_by_type_and_prove_no_absence() -> None:
    mixed: Json = [
        {"name": "a", "type": RULES, "properties": {}},
        {"name": "b", "type": "securityRules", "properties": {}},
        {"name": "c", "type": "other", "properties": {}},
        {"name": "d"},
        3,
    ]
    found = children({"resources": mixed})
    assert [item.name for item in found.items] == ["a", "b"]
    assert found.listed == ()


def test_an_item_of_its_own_is_not_repeated_and_other_clouds_have_no_such_lists() -> None:
    group = azure(GROUPS, "web", {"properties": {"securityRules": [{"name": "ssh"}]}})
    rule = azure(GROUPS, "web/securityRules/ssh", {})
    own = {GROUPS.lower(): [0], RULES: [1]}
    assert [item.uid for item in nested_children([group, rule], own, RULES).items] == []
    assert nested_children([group], {}, RULES).items == ()
    foreign = replace(group, provider=Provider.AWS)
    assert nested_children([foreign], {GROUPS.lower(): [0]}, RULES).listed == ()


def test_a_snapshot_knows_nested_children_and_which_accounts_were_not_read_whole() -> None:
    items = [azure(GROUPS, "web", {"properties": {"securityRules": [{"name": "ssh"}]}}), azure(GROUPS, "bare", {})]
    paths = {GROUPS.lower(): frozenset({"@id"}), RULES: frozenset({"@id", "@name"})}
    snapshot = build_snapshot(TENANT, items, as_of=AS_OF, paths_by_type=paths, gapped_files=["export.json"])
    assert snapshot.unproven == {"/subscriptions/s-1"}
    assert snapshot.nested[RULES].columns["@name"].value(0) == "ssh"
    assert snapshot.listed[RULES].tolist() == [snapshot.index_of(UID)]
    changed = apply_scenario(Scenario("s", (RemoveResource(items[1].uid),)), snapshot, items)
    assert changed.unproven == snapshot.unproven
    assert changed.nested[RULES].size == 1
    part = build_snapshot(TENANT, items, as_of=AS_OF, paths_by_type={}, unproven=EVERYWHERE)
    assert part.unproven == EVERYWHERE
    assert part.nested == {}
