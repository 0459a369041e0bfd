"""Cloud Custodian's own filters on the benchmark's three conditions. Runs in an environment that holds only c7n.

python custodian.py RESOURCES.ndjson   ->  {"version", "rows": [{"name", "evaluations", "hits", "cpu_s"}]}
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from c7n.filters import FilterRegistry
from c7n.filters.core import ListItemFilter, Or, ValueFilter

STORAGE, GROUP = "microsoft.storage/storageaccounts", "microsoft.network/networksecuritygroups"


class Manager:
    """The least that group filters ask of a resource manager."""

    ctx = None
    filter_registry = FilterRegistry("filters")

    def __init__(self) -> None:
        for name, cls in (("value", ValueFilter), ("list-item", ListItemFilter), ("or", Or)):
            self.filter_registry.register(name, cls)


def value(key: str, op: str, expected: Any) -> dict[str, Any]:
    return {"type": "value", "key": key, "op": op, "value": expected}


FLAG = value("properties.supportsHttpsTrafficOnly", "ne", True)
PLACE = [
    {"type": "value", "key": "tags.owner", "value": "absent"},
    value("location", "not-in", ["westeurope", "northeurope"]),
]
OPEN = [
    value("properties.access", "eq", "Allow"),
    value("properties.direction", "eq", "Inbound"),
    value("properties.sourceAddressPrefix", "in", ["*", "0.0.0.0/0", "Internet"]),
    value("properties.destinationPortRange", "in", ["22", "3389", "*"]),
]


def is_place_wrong(resource: dict[str, Any], filters: list[ValueFilter]) -> bool:
    return any(f(resource) for f in filters)


def is_open(resource: dict[str, Any], filters: list[ValueFilter]) -> bool:
    rules = resource["properties"].get("securityRules") or []
    return any(all(f(rule) for f in filters) for rule in rules)


def run(path: Path) -> dict[str, Any]:
    resources = [json.loads(line)["resource"] for line in path.read_text().splitlines()]
    storage = [r for r in resources if r["type"].lower() == STORAGE]
    groups = [r for r in resources if r["type"].lower() == GROUP]
    manager = Manager()
    flag = ValueFilter(FLAG, manager)
    place = [ValueFilter(data, manager) for data in PLACE]
    rules = [ValueFilter(data, manager) for data in OPEN]
    cases = (
        ("flag", storage, flag),
        ("tag-or-location", resources, lambda r: is_place_wrong(r, place)),
        ("array", groups, lambda r: is_open(r, rules)),
    )
    rows = []
    for name, selected, decide in cases:
        start = time.process_time()
        hits = sum(1 for resource in selected if decide(resource))
        rows.append({"name": name, "evaluations": len(selected), "hits": hits, "cpu_s": time.process_time() - start})
    return {"version": version("c7n"), "rows": rows}


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]))))
