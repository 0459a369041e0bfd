"""Gates, bolts and logs, registries, and policies that look from one to the other; labelled synthetic."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from assessment.inputs import AssessedPolicy
from assessment.policies import assessed_policy
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.value import Json
from policy.definition import parse_definition
from tests.unit.assessment.estate import AS_OF, TENANT, azure, registry
from tests.unit.assessment.test_assigned import OTHER_GROUP, moved
from tests.unit.policy.resources import ALIASES

GATES, BOLTS, LOGS = "Contoso.Net/gates", "Contoso.Net/gates/bolts", "Contoso.Log/settings"
IS_GATE: Json = {"field": "type", "equals": GATES}
HERE: Json = {"field": "location", "equals": "here"}


def policy(name: str, condition: Json, details: Json = None, effect: str = "auditIfNotExists") -> AssessedPolicy:
    then: Json = {"effect": "audit"} if details is None else {"effect": effect, "details": details}
    document: Json = {"name": name, "properties": {"mode": "All", "policyRule": {"if": condition, "then": then}}}
    return assessed_policy(parse_definition(document, origin=name), ALIASES, source="builtin")


POLICIES = [
    policy("open", {"allOf": [IS_GATE, {"field": f"{GATES}/isOpen", "equals": True}]}),
    policy("anywhere", HERE),
    policy("bolted", IS_GATE, {"type": BOLTS}),
    policy("bolted-here", {"allOf": [IS_GATE, HERE]}, {"type": BOLTS, "name": "a", "existenceCondition": HERE}),
    policy("logged", IS_GATE, {"type": LOGS}),
    policy(
        "logged-alike", HERE, {"type": LOGS, "existenceCondition": {"field": "location", "equals": "[field('name')]"}}
    ),
    policy("logged-in-account", IS_GATE, {"type": LOGS, "existenceScope": "subscription", "existenceCondition": HERE}),
    policy("logged-in-home", IS_GATE, {"type": LOGS, "resourceGroupName": "[field('tags.home')]"}),
    policy("gate-beside-log", {"field": "type", "equals": LOGS}, {"type": GATES, "name": "[field('name')]"}),
    policy("log-near-bolt", {"field": "type", "equals": LOGS}, {"type": BOLTS, "existenceCondition": HERE}),
    policy("disabled", IS_GATE, {"type": LOGS}, "disabled"),
]


def item(kind: str, uid: str, **document: Json) -> ConfigurationItem:
    parts = uid.split("/")
    tags = document.get("tags", {})
    return ConfigurationItem(
        tenant=TENANT,
        uid=ResourceId(uid),
        provider=Provider.AZURE,
        type=kind,
        name=parts[-1],
        scope="/".join(parts[:5]) if len(parts) > 4 and parts[3] == "resourceGroups" else "/".join(parts[:3]),
        region=str(document.get("location", "")),
        tags=tags,  # type: ignore[arg-type]
        properties={"id": uid, "name": parts[-1], "type": kind, **document},
        captured_at=AS_OF,
        digest="0" * 64,
        origin=Origin("export.json", 1),
    )


GROUPS = [f"/subscriptions/{s}/resourceGroups/{g}" for s in "st" for g in "ab"]
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
