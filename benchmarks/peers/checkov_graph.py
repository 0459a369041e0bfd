"""Checkov's graph checks on the benchmark's conditions. Runs in an environment that holds only checkov.

    python checkov_graph.py RESOURCES.ndjson   ->  {"version", "rows": [{"name", "evaluations", "hits", "cpu_s"}]}

Checkov cannot ask several things of one element of a list, so the condition on security rules asks one.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from checkov.common.checks_infra.checks_parser import GraphCheckParser
from networkx import DiGraph

STORAGE, GROUP = "microsoft.storage/storageaccounts", "microsoft.network/networksecuritygroups"


def attribute(path: str, operator: str, expected: Any, types: list[str]) -> dict[str, Any]:
    return {
        "cond_type": "attribute",
        "resource_types": types,
        "attribute": path,
        "operator": operator,
        "value": expected,
    }


CHECKS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "flag": ([STORAGE], attribute("properties.supportsHttpsTrafficOnly", "equals", True, [STORAGE])),
    "tag-or-location": (
        [STORAGE, GROUP],
        {
            "and": [
                attribute("tags.owner", "exists", None, [STORAGE, GROUP]),
                attribute("location", "within", ["westeurope", "northeurope"], [STORAGE, GROUP]),
            ]
        },
    ),
    "array": (
        [GROUP],
        {
            "not": attribute(
                "properties.securityRules.*.properties.sourceAddressPrefix", "within", ["*", "0.0.0.0/0"], [GROUP]
            )
        },
    ),
}


def flatten(prefix: str, value: Any, into: dict[str, Any]) -> None:
    """Checkov keeps each vertex's attributes flat, with dots, beside the nested values."""
    into[prefix] = value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        flatten(f"{prefix}.{key}", child, into)


def graph_of(resources: list[dict[str, Any]]) -> DiGraph:
    graph = DiGraph()
    for number, resource in enumerate(resources):
        data: dict[str, Any] = {
            "block_type_": "resource",
            "resource_type": resource["type"].lower(),
            "source_": "Terraform",
            "id": resource["id"],
            "block_name_": resource["id"],
        }
        for key in ("location", "tags", "properties"):
            flatten(key, resource.get(key), data)
        graph.add_node(number, **data)
    return graph


def run(path: Path) -> dict[str, Any]:
    resources = [json.loads(line)["resource"] for line in path.read_text().splitlines()]
    graph = graph_of(resources)
    rows = []
    for name, (types, definition) in CHECKS.items():
        raw = {
            "metadata": {"id": f"BENCH_{name}", "name": name, "category": "GENERAL_SECURITY"},
            "definition": definition,
        }
        check = GraphCheckParser().parse_raw_check(raw)
        selected = sum(1 for resource in resources if resource["type"].lower() in types)
        start = time.process_time()
        _, failed, _ = check.run(graph)
        rows.append({"name": name, "evaluations": selected, "hits": len(failed), "cpu_s": time.process_time() - start})
    return {"version": version("checkov"), "rows": rows}


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]))))
