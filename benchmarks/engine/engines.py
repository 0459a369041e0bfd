"""Three conditions on the same resources: ours over columns, OPA, regopy and hand-written Python, with equal hits.

An evaluation is one pair of a condition and a resource of its types. Ours is timed with look-up tables made anew.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from benchmarks.conditions import ALIASES, DEFINITIONS, GROUP, STORAGE
from benchmarks.engine.estate import AS_OF, read
from benchmarks.engine.timing import timed, timed_child
from benchmarks.environments import ROOT, peer
from benchmarks.report import Row
from domain.finding import Verdict
from graph.columns import Table
from graph.shred import shred
from policy.aliases import AliasTable
from policy.compile import Program, compile_definition
from policy.definition import parse_definition
from policy.evaluate import evaluate

REPEATS = 9
OPA_RATIO_MIN = 150.0
RULES = ROOT / "benchmarks" / "peers" / "conditions.rego"
NAMES = {"flag": "flag", "place": "tag-or-location", "array": "array"}
"""Names of the conditions in the Rego rules, and ours."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Ours on the three conditions: all three together, CPU seconds."""

    evaluations: int
    read_s: float
    columnise_s: float
    evaluate_s: float
    hits: Mapping[str, int]


def measure_engines(asked: Path, *, rego_resources: int) -> list[Row]:
    """Ours against each engine; a peer that is not installed is named with how to install it."""
    found = ours(asked)
    total_s = found.read_s + found.columnise_s + found.evaluate_s
    rate = found.evaluations / found.evaluate_s
    rows = [
        Row("three conditions: evaluate (ours)", rate, "evaluations/s"),
        Row("three conditions: read, columnise, evaluate (ours)", found.evaluations / total_s, "evaluations/s"),
    ]
    rows += _opa(asked, found)
    rows += _regopy(asked, found, rego_resources)
    return rows + _plain(asked, found)


def ours(asked: Path) -> Measured:
    """Read, columnise and evaluate."""
    aliases = AliasTable.of_rows(ALIASES, origin="benchmark")
    programs = {
        name: compile_definition(parse_definition(document, origin=name), aliases)
        for name, document in DEFINITIONS.items()
    }
    items, read_s = timed(lambda: read(asked))
    by_type: dict[str, list[int]] = {}
    for at, item in enumerate(items):
        by_type.setdefault(item.type.lower(), []).append(at)
    paths = frozenset[str]().union(*(program.paths for program in programs.values()))
    tables, columnise_s = timed(
        lambda: {kind: shred([items[at] for at in rows], paths) for kind, rows in by_type.items()}
    )
    hits, seconds, evaluations = {}, 0.0, 0
    for name, program in programs.items():
        selected = [table for kind, table in tables.items() if program.applies_to(kind, items[0].provider)]
        hits[name] = sum(_hits(program, table) for table in selected)
        evaluations += sum(table.size for table in selected)
        seconds += median(timed(partial(_all, program, selected))[1] for _ in range(REPEATS))
    return Measured(evaluations, read_s, columnise_s, seconds, hits)


def _all(program: Program, tables: Sequence[Table]) -> None:
    for table in tables:
        evaluate(program, table, now=AS_OF)


def _hits(program: Program, table: Table) -> int:
    return int((evaluate(program, table, now=AS_OF) == Verdict.VIOLATION).sum())


def _same(hits: Mapping[str, int], found: Measured) -> str:
    """Nothing where the hits are equal, else both."""
    wanted = {name: found.hits[NAMES[name]] for name in hits}
    return "" if dict(hits) == wanted else f", hits {dict(hits)}, ours {wanted}"


def _opa(asked: Path, found: Measured) -> list[Row]:
    program = ROOT / ".servers" / "go" / "opa"
    opa = str(program) if program.exists() else shutil.which("opa")
    if opa is None:
        return [Row("OPA is not installed", 0, "", against="python -m tests.servers.install opa")]
    version = timed_child([opa, "version"])[0].split()[1].decode()
    resources = [orjson.loads(line)["resource"] for line in asked.read_bytes().splitlines()]
    whole = asked.with_suffix(".json")
    whole.write_bytes(orjson.dumps({"resources": resources}))
    command: list[str | Path] = [
        opa,
        "eval",
        "--metrics",
        "--format=json",
        "--data",
        RULES,
        "--input",
        whole,
        "data.bench.counts",
    ]
    output, seconds = timed_child(command)
    answer = json.loads(output)
    same = _same(answer["result"][0]["expressions"][0]["value"], found)
    against, rate = f"OPA {version}", found.evaluations / seconds
    ratio = seconds / found.evaluate_s
    total = found.read_s + found.columnise_s + found.evaluate_s
    query_s = answer["metrics"]["timer_rego_query_eval_ns"] / 1e9
    aim = f">= {OPA_RATIO_MIN:,.0f} x"
    return [
        Row(f"OPA: start, parse, evaluate{same}", rate, "evaluations/s", against, ratio, aim, ratio >= OPA_RATIO_MIN),
        Row(
            "OPA: its query alone, wall",
            found.evaluations / query_s,
            "evaluations/s",
            against,
            query_s / found.evaluate_s,
        ),
        Row("OPA: whole run, ours with read and columnise", rate, "evaluations/s", against, seconds / total),
    ]


def _regopy(asked: Path, found: Measured, count: int) -> list[Row]:
    python = peer("regopy", "regopy==1.5.2")
    if python is None:
        return [Row("regopy could not be installed", 0, "", against="regopy==1.5.2")]
    part = asked.with_name("part.ndjson")
    part.write_bytes(b"\n".join(asked.read_bytes().splitlines()[:count]) + b"\n")
    script = ROOT / "benchmarks" / "peers" / "rego.py"
    answer = json.loads(timed_child([python, script, part, RULES, str(count)])[0])
    rate = answer["evaluations"] / answer["cpu_s"]
    same = _same(answer["hits"], ours(part))
    ratio = found.evaluations / found.evaluate_s / rate
    return [Row(f"regopy, per resource{same}", rate, "evaluations/s", f"regopy {answer['version']}", ratio)]


def _plain(asked: Path, found: Measured) -> list[Row]:
    resources = [orjson.loads(line)["resource"] for line in asked.read_bytes().splitlines()]
    storage = [each for each in resources if each["type"] == STORAGE]
    groups = [each for each in resources if each["type"] == GROUP]
    hits, seconds = timed(
        lambda: {
            "flag": sum(map(_is_flagged, storage)),
            "place": sum(map(_is_misplaced, resources)),
            "array": sum(map(_is_open, groups)),
        }
    )
    ratio = seconds / found.evaluate_s
    name = f"hand-written Python{_same(hits, found)}"
    return [Row(name, found.evaluations / seconds, "evaluations/s", "plain Python", ratio)]


def _is_flagged(resource: dict[str, Any]) -> bool:
    return resource["properties"].get("supportsHttpsTrafficOnly") is not True


def _is_misplaced(resource: dict[str, Any]) -> bool:
    owner = resource["tags"].get("owner")
    return owner is None or resource["location"] not in {"westeurope", "northeurope"}


def _is_open(resource: dict[str, Any]) -> bool:
    rules = (rule["properties"] for rule in resource["properties"]["securityRules"])
    return any(
        rule["access"] == "Allow"
        and rule["direction"] == "Inbound"
        and rule["sourceAddressPrefix"] in {"*", "0.0.0.0/0", "Internet"}
        and rule["destinationPortRange"] in {"22", "3389", "*"}
        for rule in rules
    )
