"""Grades the engine on recorded conformance cases. The floor only ever rises."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.finding import Verdict
from domain.value import Json
from graph.shred import shred
from policy.aliases import AliasTable
from policy.compile import compile_definition
from policy.definition import parse_definition
from policy.errors import DefinitionError, InvalidDefinition
from policy.evaluate import evaluate
from tests.shared_data import shared_data
from tests.unit.policy.resources import resource

PASSED_FLOOR = 653
WRONG_CEILING = 8
NOW = datetime(2025, 2, 20, 12, tzinfo=UTC)
TYPES = {str: "string", bool: "boolean", int: "integer", float: "float", list: "array", dict: "object"}
REFUSED = "refused"
NOT_ABLE = "not able"


@cache
def alias_rows(path: Path, api_version: str | None) -> AliasTable:
    rows: list[Json] = []
    for namespace in orjson.loads(path.read_bytes()):
        for kind in namespace["resourceTypes"]:
            aliases: dict[str, Json] = {}
            for alias in kind["aliases"]:
                versions = [p["path"] for p in alias.get("paths") or [] if api_version in (p.get("apiVersions") or [])]
                if found := (versions[-1:] or [alias.get("defaultPath")])[0]:
                    aliases[alias["name"]] = found
            rows.append({"provider": namespace["namespace"], "resourceType": kind["resourceType"], "aliases": aliases})
    return AliasTable.of_rows(rows, origin=path.name)


def definition_of(case: dict[str, Any]) -> Json:
    if "policy_rule" not in case:
        found: Json = orjson.loads(case.get("policy_definition") or case["_suite"]["policy_definition"])
        return found
    rule = orjson.loads(case["policy_rule"])
    given = case.get("parameters") or {}
    declared = {name: {"type": TYPES.get(type(value), "object")} for name, value in given.items()}
    return {"policyRule": rule, "parameters": declared}


def context_of(case: dict[str, Any]) -> dict[str, Json]:
    context = dict(case.get("context") or {})
    if "request_context" in case:
        context["requestContext"] = case["request_context"]
    elif "api_version" in case:
        context.setdefault("requestContext", {"apiVersion": case["api_version"]})
    return context


def outcome(case: dict[str, Any]) -> str | None:
    suite = case.get("_suite") or {}
    aliases = AliasTable()
    if suite.get("aliases"):
        folder = shared_data("policy", "conformance_aliases")
        aliases = alias_rows(folder / suite["aliases"], case.get("api_version"))
    try:
        definition = parse_definition(definition_of(case), origin=case["note"])
        program = compile_definition(definition, aliases, parameters=case.get("parameters"), context=context_of(case))
    except (InvalidDefinition, orjson.JSONDecodeError):
        return REFUSED
    except DefinitionError:
        return NOT_ABLE
    if "resource" not in case:
        return "parsed"
    body = case["resource"] if isinstance(case["resource"], dict) else {}
    table = shred([resource({"type": "", **body})], program.paths)
    verdict = Verdict(int(evaluate(program, table, now=NOW)[0]))
    if verdict is Verdict.UNKNOWN:
        return NOT_ABLE
    return program.effect if verdict is Verdict.VIOLATION and program.effect != "disabled" else None


def grade(case: dict[str, Any]) -> str:
    got = outcome(case)
    if "want_parse_error" in case or "want_compile_error" in case:
        return "passed" if got in {REFUSED, NOT_ABLE} else "wrong"
    if "want_effect" not in case and "want_undefined" not in case:
        return "passed" if got not in {REFUSED, NOT_ABLE} else "unable"
    if got in {REFUSED, NOT_ABLE}:
        return "unable"
    return "passed" if got == (str(case["want_effect"]).lower() if case.get("want_effect") else None) else "wrong"


@pytest.mark.data
def test_recorded_cases_come_out_as_azure_policy_says() -> None:
    lines = gzip.decompress(shared_data("policy", "azure_policy_conformance.ndjson.gz").read_bytes()).splitlines()
    grades = Counter(grade(orjson.loads(line)) for line in lines)
    assert grades.total() == 744
    assert grades["wrong"] <= WRONG_CEILING
    assert grades["passed"] >= PASSED_FLOOR
