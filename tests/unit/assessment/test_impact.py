"""Answers about failures: who goes down, what that is worth, along which way, in which order things can go."""

from __future__ import annotations

from typing import Any

import pytest

from assessment.blast import Blast, Score, blast, score
from assessment.deletion import Removal, removal
from assessment.dependencies import Dependencies, Direction, dependencies
from assessment.drawing import View, drawing
from assessment.worth import standing_of
from domain.errors import InputError, NotFound
from graph.failure import FailureMode
from tests.unit.assessment.impact_samples import BALANCER, NETWORK, SET, VAULT, disk, estate, items, nic, vm


def states(found: dict[str, Any]) -> dict[str, str]:
    return {row["resource_id"]: row["state"] for row in found["resources"]}


def test_a_disabled_key_takes_down_disks_and_machines_along_the_way_that_is_told() -> None:
    found = blast(estate(), Blast(VAULT, FailureMode.KEY_DISABLE))
    assert states(found) == dict.fromkeys([SET, disk(1), disk(2), vm(1), vm(2)], "failed")
    [row] = [row for row in found["resources"] if row["resource_id"] == vm(1)]
    assert [(step["from"], step["kind"], step["to"]) for step in row["path"]] == [
        (VAULT, "encrypted_by", SET),
        (SET, "encrypted_by", disk(1)),
        (disk(1), "mounts", vm(1)),
    ]
    assert row["path"][2]["stated_by"] == vm(1)
    assert row["path"][2]["found_at"] == "properties.storageProfile.osDisk.managedDisk.id"


def test_money_is_exact_and_worth_weighs_it_by_tags() -> None:
    found = blast(estate(), Blast(VAULT, FailureMode.KEY_DISABLE))
    assert found["monthly_cost"] == [{"amount": "108.50", "currency": "EUR"}]
    worth = {vm(1): 100 * 4, vm(2): 4, disk(1): 10.5 * 4, disk(2): 4, SET: 1, VAULT: 8}
    assert found["worth"] == sum(worth.values())
    assert found["worth_share"] == pytest.approx(sum(worth.values()) / (sum(worth.values()) + 4))
    assert [row["resource_id"] for row in found["resources"]][:2] == [vm(1), disk(1)]
    assert found["notes"] == []


def test_without_a_bill_that_is_said() -> None:
    found = blast(estate(with_bill=False), Blast(VAULT))
    assert found["monthly_cost"] == []
    assert "no bill was read" in found["notes"][0]


def test_a_balancer_survives_one_card_and_fails_with_all() -> None:
    one = blast(estate(), Blast(nic(1)))
    assert states(one) == {vm(1): "failed"}
    both = blast(estate(), Blast(NETWORK))
    assert states(both) == dict.fromkeys([nic(1), nic(2), vm(1), vm(2), BALANCER], "failed")
    [row] = [row for row in both["resources"] if row["resource_id"] == BALANCER]
    assert row["path"][-1]["alternatives"] == 2


def test_a_zone_takes_what_runs_in_it_and_its_dependents() -> None:
    found = blast(estate(), Blast("westeurope-1", FailureMode.ZONE_LOSS))
    assert found["lost_at_once"] == 2
    assert found["center"] == {"zone": "westeurope-1"}
    assert found["failed"] == 0
    assert found["notes"] == ["not counted, since they do not say in which zone they run: 6 of the region"]
    everything = blast(estate(), Blast("westeurope", FailureMode.REGION_LOSS))
    assert everything["lost_at_once"] == len(items())
    with pytest.raises(NotFound):
        blast(estate(), Blast("eastus-1", FailureMode.ZONE_LOSS))


def test_each_resource_has_a_probability_within_its_interval() -> None:
    found = blast(estate(), Blast(VAULT, FailureMode.KEY_DISABLE))
    assert found["likely"]["worlds"] == 2_048
    assert found["likely"]["failed"]["low"] <= found["likely"]["failed"]["mean"] <= found["likely"]["failed"]["high"]
    for row in found["resources"]:
        assert 0 < row["low"] <= row["probability"] <= row["high"] <= 1
    near, far = ({row["resource_id"]: row for row in found["resources"]}[each] for each in (SET, vm(1)))
    assert near["probability"] > far["probability"]


def test_pages_follow_each_other_without_gaps() -> None:
    whole = blast(estate(), Blast(VAULT, FailureMode.KEY_DISABLE))["resources"]
    first = blast(estate(), Blast(VAULT, FailureMode.KEY_DISABLE, limit=3))
    second = blast(estate(), Blast(VAULT, FailureMode.KEY_DISABLE, limit=3, after=first["next_cursor"]))
    assert first["resources"] + second["resources"] == whole
    assert second["next_cursor"] is None


@pytest.mark.parametrize("asked", [Blast(VAULT, limit=0), Blast(VAULT, limit=10_001), Blast(VAULT, after=-1)])
def test_a_page_out_of_bounds_is_refused(asked: Blast) -> None:
    with pytest.raises(InputError):
        blast(estate(), asked)


def test_a_score_is_the_share_of_worth_in_percent() -> None:
    found = score(estate(), Score(VAULT, FailureMode.KEY_DISABLE))
    assert found["score"] == pytest.approx(100 * 459 / 463, abs=0.01)
    with pytest.raises(InputError):
        score(estate(), Score(VAULT, FailureMode.ZONE_LOSS))


def test_a_resource_is_found_by_a_name_that_it_alone_has() -> None:
    assert blast(estate(), Blast("vm-1"))["center"]["resource_id"] == vm(1)
    with pytest.raises(NotFound):
        blast(estate(), Blast("vm-9"))


def test_a_name_that_several_have_is_refused_with_their_ids() -> None:
    known = estate()
    columns = known.graph.base.resources
    twice = columns.set_column(1, "name", [["same"] * len(columns)])
    object.__setattr__(known.graph.base, "resources", twice)
    with pytest.raises(InputError) as caught:
        blast(known, Blast("same"))
    assert vm(1) in str(caught.value.facts["got"]) or disk(1) in str(caught.value.facts["got"])


def test_dependencies_lead_both_ways_with_their_edges() -> None:
    found = dependencies(estate(), Dependencies(disk(1)))
    ways = {(row["direction"], row["resource_id"]): (row["state"], row["hops"]) for row in found["items"]}
    assert ways == {
        ("dependencies", SET): ("hard", 1),
        ("dependencies", VAULT): ("hard", 2),
        ("dependents", vm(1)): ("failed", 1),
    }
    assert found["counts"] == {"dependencies": 2, "failed": 1, "degraded": 0}
    vault = next(row for row in found["items"] if row["resource_id"] == VAULT)
    assert [(step["from"], step["to"]) for step in vault["path"]] == [(VAULT, SET), (SET, disk(1))]


def test_dependencies_stop_at_the_depth_and_follow_the_mode() -> None:
    near = dependencies(estate(), Dependencies(vm(1), Direction.DEPENDENCIES, depth=1))
    assert {row["resource_id"] for row in near["items"]} == {disk(1), nic(1)}
    blocked = dependencies(estate(), Dependencies(vm(1), Direction.DEPENDENCIES, FailureMode.NETWORK_BLOCK))
    assert {row["resource_id"]: row["state"] for row in blocked["items"]} == {
        nic(1): "hard",
        NETWORK: "hard",
        BALANCER: "soft",
        nic(2): "redundant",
    }
    pool = dependencies(estate(), Dependencies(BALANCER, Direction.DEPENDENCIES, depth=1))
    assert {row["state"] for row in pool["items"]} == {"redundant"}


def test_dependencies_come_in_pages() -> None:
    first = dependencies(estate(), Dependencies(disk(1), limit=2))
    second = dependencies(estate(), Dependencies(disk(1), limit=2, after=first["next_cursor"]))
    assert first["items"] + second["items"] == dependencies(estate(), Dependencies(disk(1)))["items"]
    for asked in (Dependencies(disk(1), depth=65), Dependencies(disk(1), limit=0)):
        with pytest.raises(InputError):
            dependencies(estate(), asked)


def test_what_cannot_be_without_a_key_goes_before_it() -> None:
    found = removal(estate(), Removal((VAULT,)))
    wave = {row["resource_id"]: row["wave"] for row in found["items"]}
    assert wave[vm(1)] < wave[disk(1)] < wave[SET] < wave[VAULT]
    assert (found["asked"], found["resources"], found["cycles"], found["kept_users"]) == (1, 6, [], [])


def test_deleting_alone_names_who_still_uses_it() -> None:
    found = removal(estate(), Removal((SET,), with_dependents=False))
    assert found["resources"] == 1
    assert {(edge["source"], edge["target"]) for edge in found["kept_users"]} == {(disk(1), SET), (disk(2), SET)}
    with pytest.raises(InputError):
        removal(estate(), Removal(()))


def test_a_drawing_has_every_resource_with_its_edges() -> None:
    found = drawing(estate(), View())
    assert (found["level"], len(found["nodes"]), found["resources"]) == ("resource", len(items()), len(items()))
    assert {"source": vm(1), "target": disk(1), "edges": 1, "kinds": {"mounts": 1}} in found["edges"]


def test_a_drawing_is_gathered_and_opened_by_key() -> None:
    found = drawing(estate(), View(nodes_max=7))
    machines = next(node for node in found["nodes"] if node["key"].endswith("virtualmachines"))
    assert (found["level"], machines["resources"], machines["worth"]) == ("type_in_scope", 2, 404)
    assert machines["monthly_cost"] == [{"amount": "99.00", "currency": "EUR"}]
    opened = drawing(estate(), View(nodes_max=9, opened=(machines["key"],)))
    assert {vm(1), vm(2)} <= {node["key"] for node in opened["nodes"]}


def test_a_drawing_can_be_of_a_part() -> None:
    around = drawing(estate(), View(around=disk(1), depth=1))
    assert {node["key"] for node in around["nodes"]} == {disk(1), SET, vm(1)}
    kind = drawing(estate(), View(type="microsoft.compute/DISKS"))
    assert {node["key"] for node in kind["nodes"]} == {disk(1), disk(2)}
    assert drawing(estate(), View(scope="/subscriptions/S-1"))["resources"] == len(items())
    assert drawing(estate(), View(scope="/subscriptions/s"))["resources"] == 0
    with pytest.raises(InputError):
        drawing(estate(), View(depth=0))


@pytest.mark.parametrize(
    ("tags", "criticality", "data"),
    [
        ({}, "unstated", "unstated"),
        ({"Business_Criticality": "Tier 1"}, "critical", "unstated"),
        ({"environment": "Production", "criticality": "low"}, "low", "unstated"),
        ({"ENV": "dev", "Data-Classification": "PII"}, "low", "restricted"),
        ({"criticality": "green", "stage": "uat"}, "medium", "unstated"),
        ({"confidentiality": "Public"}, "unstated", "public"),
    ],
)
def test_tags_are_read_as_owners_write_them(tags: dict[str, str], criticality: str, data: str) -> None:
    found = standing_of(tags)
    assert (found.criticality, found.data) == (criticality, data)
