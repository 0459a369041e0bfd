"""Rego by regopy, one resource after the other, on the benchmark's conditions. In an environment with only regopy.

python rego.py RESOURCES.ndjson RULES.rego COUNT   ->  {"version", "evaluations", "hits": {name: n}, "cpu_s"}
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from regopy import Interpreter

NAMES = ("flag", "place", "array")


def run(path: Path, rules: Path, count: int) -> dict[str, Any]:
    resources = [json.loads(line)["resource"] for line in path.read_text().splitlines()[:count]]
    rego = Interpreter()
    rego.add_module("bench", rules.read_text())
    hits = dict.fromkeys(NAMES, 0)
    start = time.process_time()
    for resource in resources:
        rego.set_input({"resources": [resource]})
        answer = json.loads(str(rego.query("data.bench.counts")))
        found = answer["expressions"][0] if "expressions" in answer else answer["result"][0]["expressions"][0]
        for name in NAMES:
            hits[name] += int(found[name])
    seconds = time.process_time() - start
    evaluations = sum(2 if resource["type"].lower().endswith(("accounts", "groups")) else 0 for resource in resources)
    return {"version": version("regopy"), "evaluations": evaluations, "hits": hits, "cpu_s": seconds}


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
