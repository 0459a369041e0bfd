"""Three conditions that three engines can express, and resources to ask them of.

A flag that is not true; a tag that is missing or a location that is not allowed; an array with an element that meets
four tests at once (Checkov can ask one of an element). Half storage accounts, half network security groups.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import orjson

from domain.value import Json

STORAGE = "Microsoft.Storage/storageAccounts"
GROUP = "Microsoft.Network/networkSecurityGroups"
_GROUP_PATH = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/bench/providers"


def write_resources(path: Path, count: int, *, seed: int = 1) -> None:
    """Write `count` ARM resources, a line each."""
    random = Random(seed)
    with path.open("wb") as stream:
        for number in range(count):
            stream.write(orjson.dumps({"resource": _resource(number, random)}) + b"\n")


def _resource(number: int, random: Random) -> dict[str, Json]:
    tags: dict[str, Json] = {"environment": random.choice(("prod", "dev"))}
    if random.random() < 0.8:
        tags["owner"] = random.choice(("platform", "payments", "logistics"))
    type_ = STORAGE if number % 2 else GROUP
    return {
        "id": f"{_GROUP_PATH}/{type_}/bench{number}",
        "name": f"bench{number}",
        "type": type_,
        "location": random.choice(("westeurope", "northeurope", "eastus")),
        "tags": tags,
        "properties": _account(random) if number % 2 else _rules(random),
    }


def _account(random: Random) -> dict[str, Json]:
    return {"supportsHttpsTrafficOnly": random.random() < 0.9, "minimumTlsVersion": "TLS1_2"}


def _rules(random: Random) -> dict[str, Json]:
    rules: list[Json] = [
        {
            "name": f"rule-{at}",
            "properties": {
                "access": "Allow",
                "direction": "Inbound",
                "sourceAddressPrefix": random.choice(("*", "10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/16")),
                "destinationPortRange": random.choice(("22", "443", "80")),
            },
        }
        for at in range(4)
    ]
    return {"securityRules": rules}


def _definition(name: str, condition: Json) -> dict[str, Json]:
    return {
        "name": f"bench-{name}",
        "properties": {
            "displayName": name,
            "policyType": "Custom",
            "mode": "All",
            "policyRule": {"if": condition, "then": {"effect": "audit"}},
        },
    }


_RULE = f"{GROUP}/securityRules[*]"

DEFINITIONS: dict[str, dict[str, Json]] = {
    "flag": _definition(
        "flag",
        {
            "allOf": [
                {"field": "type", "equals": STORAGE},
                {"field": f"{STORAGE}/supportsHttpsTrafficOnly", "notEquals": True},
            ]
        },
    ),
    "tag-or-location": _definition(
        "tag-or-location",
        {
            "allOf": [
                {"field": "type", "in": [STORAGE, GROUP]},
                {
                    "anyOf": [
                        {"field": "tags.owner", "exists": False},
                        {"field": "location", "notIn": ["westeurope", "northeurope"]},
                    ]
                },
            ]
        },
    ),
    "array": _definition(
        "array",
        {
            "allOf": [
                {"field": "type", "equals": GROUP},
                {
                    "count": {
                        "field": _RULE,
                        "where": {
                            "allOf": [
                                {"field": f"{_RULE}.access", "equals": "Allow"},
                                {"field": f"{_RULE}.direction", "equals": "Inbound"},
                                {"field": f"{_RULE}.sourceAddressPrefix", "in": ["*", "0.0.0.0/0", "Internet"]},
                                {"field": f"{_RULE}.destinationPortRange", "in": ["22", "3389", "*"]},
                            ]
                        },
                    },
                    "greater": 0,
                },
            ]
        },
    ),
}

ALIASES: list[dict[str, Json]] = [
    {
        "provider": "Microsoft.Storage",
        "resourceType": "storageAccounts",
        "apiVersions": ["2023-01-01"],
        "aliases": {f"{STORAGE}/supportsHttpsTrafficOnly": "properties.supportsHttpsTrafficOnly"},
    },
    {
        "provider": "Microsoft.Network",
        "resourceType": "networkSecurityGroups",
        "apiVersions": ["2023-01-01"],
        "aliases": {
            _RULE: "properties.securityRules[*]",
            **{
                f"{_RULE}.{name}": f"properties.securityRules[*].properties.{name}"
                for name in ("access", "direction", "sourceAddressPrefix", "destinationPortRange")
            },
        },
    },
]
