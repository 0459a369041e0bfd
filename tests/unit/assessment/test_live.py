"""Verdicts that follow changes are those of a full run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from assessment.applying import applied, with_masks
from assessment.evaluation import groups, kept_by, outcome
from assessment.incremental import Change
from assessment.inputs import AssessedPolicy, required_paths
from assessment.live import LiveVerdicts, Moved
from assessment.policies import assessed_policy
from domain.finding import PolicyId, Verdict
from domain.resource import ConfigurationItem, resource_key
from graph.build import build_snapshot
from graph.live import LiveGraph
from policy.aliases import AliasTable
from policy.definition import parse_definition
from policy.evaluate import Lookups
from tests.unit.assessment.estate import AS_OF, TENANT, azure, registry
from tests.unit.assessment.test_assigned import OTHER_GROUP, assigned, moved, one
from tests.unit.assessment.test_incremental import BOLTS, GATES, GROUPS, LOGS, POLICIES, item
from tests.unit.policy.governance import MANAGEMENT_GROUP

UNPROVEN = (frozenset[str](), frozenset({"/subscriptions/s"}), frozenset({"*"}))


def some_item(chance: Random) -> ConfigurationItem:
    """A gate, perhaps with bolts inside, a bolt of its own, or a log setting somewhere."""
    group, place = chance.choice(GROUPS), chance.choice(["here", "x", "y"])
    match chance.randint(0, 2):
        case 0:
            properties: dict[str, Any] = {"isOpen": chance.random() < 0.5}
            if chance.random() < 0.5:
                bolts = [{"name": name, "location": place, "properties": {}} for name in "ab"]
                properties["bolts"] = chance.sample(bolts, chance.randint(0, 2))
            tags = {"home": chance.choice("ab")} if chance.random() < 0.5 else {}
            uid = f"{group}/providers/{GATES}/{chance.choice('xy')}"
            return item(GATES, uid, location=place, properties=properties, tags=tags)  # type: ignore[arg-type]
        case 1:
            uid = f"{group}/providers/{GATES}/{chance.choice('xy')}/bolts/{chance.choice('ab')}"
            return item(BOLTS, uid, location=place)
    above = chance.choice([group, f"{group}/providers/{GATES}/x", group.rpartition("/resourceGroups")[0]])
    return item(LOGS, f"{above}/providers/{LOGS}/{chance.choice('xy')}", location=place)


class World:
    """What there is, and verdicts that follow it."""

    def __init__(
        self, items: Sequence[ConfigurationItem], policies: Sequence[AssessedPolicy], unproven: frozenset[str]
    ) -> None:
        self.items = {resource_key(each.uid): each for each in items}
        self.policies, self.unproven, self.now = policies, unproven, AS_OF
        graph = LiveGraph.from_items(
            TENANT, self.items.values(), as_of=AS_OF, documents=self.documents, unproven=unproven
        )
        self.live = LiveVerdicts.of(graph.view(), policies, self.documents, now=AS_OF)

    def documents(self, uids: Sequence[str]) -> list[ConfigurationItem]:
        return [self.items[key] for uid in uids if (key := resource_key(uid)) in self.items]

    def become(self, *states: ConfigurationItem | str) -> tuple[Moved, ...]:
        """New states, and ids of what is gone; one for each resource."""
        changes = []
        for state in states:
            key = resource_key(state if isinstance(state, str) else state.uid)
            before, after = self.items.pop(key, None), None if isinstance(state, str) else state
            if after is not None:
                self.items[key] = after
            if before is not None or after is not None:
                changes.append(Change(before, after))
        return self.live.follow(changes)

    def full_run(self) -> dict[tuple[str, PolicyId], Verdict]:
        ordered = sorted(self.items.values(), key=lambda each: resource_key(each.uid))
        paths = required_paths(self.policies, ordered)
        snapshot = build_snapshot(TENANT, ordered, as_of=AS_OF, paths_by_type=paths, unproven=self.unproven)
        by_type, lookups = groups(snapshot, kept_by(ordered, scope=None, kind=None)), Lookups()
        found = {}
        for policy in with_masks(self.policies, ordered):
            if policy.program is not None and policy.program.is_enabled:
                judged = applied(outcome(policy.program, by_type, lookups, now=self.now), policy)
                for row, verdict in zip(judged.rows.tolist(), judged.verdicts.tolist(), strict=True):
                    found[resource_key(snapshot.uids[row]), policy.policy_id] = Verdict(verdict)
        return found

    def followed(self) -> dict[tuple[str, PolicyId], Verdict]:
        return {(key, name): found for key in self.items for name, found in self.live.verdicts_of(key).items()}


@pytest.mark.parametrize("seed", range(60))
def test_verdicts_after_any_changes_are_those_of_a_full_run(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assessment.live_blocks.APART_AT_LEAST", 1)
    chance = Random(seed)
    start = {each.uid: each for each in (some_item(chance) for _ in range(chance.randint(0, 14)))}
    world = World(list(start.values()), POLICIES, chance.choice(UNPROVEN))
    before = world.full_run()
    assert world.followed() == before
    for _ in range(8):
        states = {}
        for _ in range(chance.randint(1, 3)):
            each = some_item(chance)
            states[resource_key(each.uid)] = each.uid if chance.random() < 0.4 else each
        told = world.become(*states.values())
        after = world.full_run()
        assert world.followed() == after
        pairs = {(each.uid, each.policy_id): (each.before, each.after) for each in told}
        differing = {pair for pair in before.keys() | after.keys() if before.get(pair) is not after.get(pair)}
        assert pairs == {pair: (before.get(pair), after.get(pair)) for pair in differing}
        if chance.random() < 0.3:
            world.live.even_out(world.documents)
            assert world.followed() == after
        before = after


def registries(chance: Random) -> ConfigurationItem | str:
    """A registry somewhere, in some state or gone; or the subscription that says what is above it."""
    if chance.random() < 0.25:
        chain = {"properties": {"managementGroupAncestorsChain": [{"name": chance.choice(["corp", "other"])}]}}
        plain = azure("Microsoft.Resources/subscriptions", "s-1", chain)  # type: ignore[arg-type]
        gone = replace(plain, uid=type(plain.uid)("/subscriptions/s-1"), scope="/subscriptions/s-1")
        return gone.uid if chance.random() < 0.3 else gone
    found = registry(chance.choice("abc"), admin=chance.random() < 0.5)
    if chance.random() < 0.5:
        found = moved(found, OTHER_GROUP, region=chance.choice(["eastus", "westeurope"]))
    return found.uid if chance.random() < 0.3 else found


@pytest.mark.parametrize("seed", range(30))
def test_assigned_policies_are_judged_where_they_apply_after_any_changes(seed: int) -> None:
    chance = Random(seed)
    east = {"selectors": [{"kind": "resourceLocation", "in": ["East US"]}]}
    policies = assigned(
        one("everywhere"),
        one("there", OTHER_GROUP, resourceSelectors=[east]),
        one("above", MANAGEMENT_GROUP, notScopes=[OTHER_GROUP]),
        one("alone", f"{OTHER_GROUP}/providers/Microsoft.ContainerRegistry/registries/C"),
    )
    world = World([], policies, frozenset())
    before = world.full_run()
    for _ in range(10):
        told = world.become(registries(chance))
        after = world.full_run()
        assert world.followed() == after
        assert {(each.uid, each.policy_id) for each in told} == {
            pair for pair in before.keys() | after.keys() if before.get(pair) is not after.get(pair)
        }
        before = after


def test_what_depends_on_the_date_is_judged_again_when_days_pass() -> None:
    condition = {"field": "tags.until", "less": "[utcNow('yyyy-MM-dd')]"}
    document: dict[str, Any] = {
        "name": "expired",
        "properties": {"mode": "All", "policyRule": {"if": condition, "then": {"effect": "audit"}}},
    }
    policy = assessed_policy(parse_definition(document, origin="expired"), AliasTable.builtin(), source="builtin")
    until = (AS_OF + timedelta(days=1)).date().isoformat()
    gate = item(GATES, f"{GROUPS[0]}/providers/{GATES}/x", tags={"until": until})
    world = World([gate], [policy], frozenset())
    assert list(world.followed().values()) == [Verdict.COMPLIANT]
    world.now = AS_OF + timedelta(days=2)
    world.live.at(world.now)
    assert world.followed() == world.full_run()
    assert list(world.followed().values()) == [Verdict.VIOLATION]


def test_verdicts_are_counted_by_policy() -> None:
    open_gates = [
        item(GATES, f"{GROUPS[0]}/providers/{GATES}/{name}", properties={"isOpen": name != "x"}) for name in "xyz"
    ]
    world = World(open_gates, POLICIES[:1], frozenset())
    assert world.live.counts() == {PolicyId("open"): Counter({Verdict.VIOLATION: 2, Verdict.COMPLIANT: 1})}
