from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from domain.finding import Verdict
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from graph.shred import shred
from policy.custodian import match
from policy.custodian.document import parse_policy
from policy.custodian.program import compile_policy
from policy.errors import DefinitionError
from policy.evaluate import evaluate
from policy.interpret import ItemScope, evaluate_condition
from policy.tree import Truth
from tests.servers.custodian import python

NOW = datetime.fromisoformat("2026-11-24T12:00:00+00:00")
TYPE = "AWS::EC2::Instance"
SEED = 20261124

VALUES: list[Any] = [
    None, "", "a", "abc", "ABC ", " 12", "12", 12, 0, 1, -3, 1.5, True, False, [], ["a"], ["a", "b"], ["a", "a"],
    [1, 2], {}, {"x": 1}, "2026-11-01", "2026-12-25T10:00:00Z", "2020-02-30", 1_790_000_000, "1790000000000",
    "10.0.0.0/16", "10.0.1.7", "10.0.1.0/24", "::1", "1.2.10", "1.10", "v2", "absent", "empty", "web-prod-01",
]  # fmt: skip
OPERATORS = sorted(match.OPERATORS)
KEYS = ["A", "B.C", "B", "Missing", "L[0].N", "length(L)", "L[].N", "L[?N=='a'].V | [0]", "L[].T[]", "A || B.C",
        "[A, B.C]", "keys(B)", "tag:Owner", "tag:owner", "tag:None", "split('-', A) | [0]", "contains(A, 'b')",
        "L[*].V", "L[-1].V", "sort(S)", "S", "to_number(A)", "B.*", "not_null(Missing, A)"]  # fmt: skip


def resources(chance: random.Random) -> list[dict[str, Any]]:
    found = []
    for number in range(60):
        row: dict[str, Any] = {"Id": number, "A": VALUES[number % len(VALUES)]}
        if chance.random() < 0.8:
            row["B"] = {"C": chance.choice(VALUES)}
        if chance.random() < 0.8:
            row["L"] = [
                {
                    "N": chance.choice(["a", "b", None]),
                    "V": chance.choice(VALUES),
                    "T": chance.choice([["a"], [], ["b", "c"]]),
                }
                for _ in range(chance.randint(0, 3))
            ]
        row["S"] = chance.sample(["a", "b", "c", "d"], chance.randint(0, 4))
        tags = {"Owner": chance.choice(VALUES[1:5]), "owner": "x", "aws:made": "1"}
        for mark in ("maid_status", "other"):
            tags[mark] = chance.choice(
                [
                    "late: stop@2026/11/01",
                    "late: stop@2026/12/01",
                    "stop@2026/11/01",
                    "late: terminate@2026-11-24",
                    "late: stop@2026/11/24 11:00 UTC",
                    "late: stop@no",
                    "nothing",
                ]
            )
        kept = {key: value for key, value in tags.items() if chance.random() < 0.7}
        row["Tags"] = [{"Key": key, "Value": value} for key, value in kept.items()]
        found.append(row)
    return found


def value_filter(chance: random.Random, keys: list[str]) -> dict[str, Any]:
    body: dict[str, Any] = {"type": "value", "key": chance.choice(keys), "value": chance.choice(VALUES)}
    if chance.random() < 0.2:
        body["value"] = chance.choice(["absent", "present", "empty", "not-null"])
        return {body["key"]: body["value"]} if chance.random() < 0.5 else body
    if chance.random() < 0.8:
        body["op"] = chance.choice(OPERATORS)
    if body.get("op") in {"regex", "regex-case", "glob"}:
        body["value"] = chance.choice(["a*", "web-*", "^ab?c$", "[a-c]+", "WEB.*01", "*-prod-*", "(a|b)+"])
        if body["value"].startswith("*") and body["op"] != "glob":
            body["value"] = "a"
    elif chance.random() < 0.6:
        body["value_type"] = chance.choice(sorted(match.VALUE_TYPES))
        more: dict[str, dict[str, Any]] = {
            "age": {"value": chance.choice([0, 10, 365])},
            "expiration": {"value": chance.choice([0, 40, 365])},
            "date": {"value": chance.choice(["2026-11-01", "2026/12/24", "Nov 1 2026"])},
            "cidr": {"value": chance.choice(["10.0.0.0/8", "10.0.1.7", ["10.0.0.0/16", "10.0.1.7"]])},
            "cidr_size": {"value": chance.choice([16, 24])},
            "integer": {"value": chance.choice([0, 12])},
            "float": {"value": chance.choice([0, 1.5])},
            "size": {"value": chance.choice([0, 1, 2])},
            "unique_size": {"value": chance.choice([0, 1, 2])},
            "expr": {"value": chance.choice(["B.C", "S", "A"])},
            "version": {"value": chance.choice(["1.2.3", "1.10"])},
        }
        body |= more.get(body["value_type"], {})
    if "op" not in body and "value_type" in body:
        body["op"] = "eq"
    if chance.random() < 0.08 and "value_type" not in body:
        body["value_regex"] = chance.choice(["([a-z]+)", "web-(\\w+)-.*", ".*(\\d\\d\\d\\d).*"])
    if chance.random() < 0.08 and "value_type" not in body and body.get("op") in {"eq", "ne", "in", "intersect"}:
        body.pop("value")
        body["value_path"] = chance.choice(["S", "B.C", "A"])
    return body


def any_filter(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    choice = chance.random()
    if choice < 0.25 and depth < 3:
        kind = chance.choice(["and", "or", "not"])
        return {kind: [any_filter(chance, depth + 1) for _ in range(chance.randint(1, 3))]}
    if choice < 0.4:
        body: dict[str, Any] = {"type": "list-item", "key": chance.choice(["L", "L", "L[?N=='a']", "Missing"])}
        body["attrs"] = [
            value_filter(chance, ["N", "V", "T", "T[0]", "length(T)"]) for _ in range(chance.randint(1, 2))
        ]
        if chance.random() < 0.3:
            body["attrs"] = [{chance.choice(["or", "not", "and"]): body["attrs"]}]
        if chance.random() < 0.4:
            body |= {"count": chance.randint(0, 2), "count_op": chance.choice(["eq", "gt", "lte"])}
        return body
    if choice < 0.47:
        return {"type": "tag-count", "count": chance.randint(0, 4), "op": chance.choice(["gte", "lt", "eq"])}
    if choice < 0.55:
        body = {"type": "marked-for-op", "op": chance.choice(["stop", "terminate"])}
        return body | chance.choice([{}, {"tag": "other"}, {"skew": 10}, {"skew_hours": 3}])
    return value_filter(chance, KEYS)


def item(row: dict[str, Any]) -> ConfigurationItem:
    return ConfigurationItem(
        tenant=TenantId("t"),
        uid=ResourceId(str(row["Id"])),
        provider=Provider.AWS,
        type=TYPE,
        name="",
        scope="",
        region="",
        tags={tag["Key"]: tag["Value"] for tag in row["Tags"]},
        properties=row,
        captured_at=None,
        digest="",
        origin=Origin("test"),
    )


def asked(filters: list[Any], items: list[ConfigurationItem]) -> list[int]:
    """What our two evaluators select, which agree."""
    document: dict[str, Any] = {"name": "p", "resource": "aws.ec2", "filters": filters}
    program = compile_policy(parse_policy(document, origin="generated"))
    verdicts = evaluate(program, shred(items, program.paths), now=NOW)
    single = [evaluate_condition(program.condition, ItemScope(each), NOW) is Truth.TRUE for each in items]
    assert [verdict == Verdict.VIOLATION for verdict in verdicts.tolist()] == single
    return [at for at, is_selected in enumerate(single) if is_selected]


def theirs(policies: list[list[Any]], rows: list[dict[str, Any]], program: Path) -> list[list[int] | None]:
    request = json.dumps({"now": NOW.isoformat(), "policies": policies, "resources": rows})
    script = Path(__file__).with_name("select_by_custodian.py")
    done = subprocess.run([str(program), str(script)], input=request, capture_output=True, text=True, check=True)
    found: list[list[int] | None] = json.loads(done.stdout)
    return found


def compared(count: int) -> Iterator[tuple[list[Any], list[int], list[int]]]:
    chance = random.Random(SEED)
    rows = resources(chance)
    policies = [[any_filter(chance) for _ in range(chance.choice([1, 1, 2]))] for _ in range(count)]
    items = [item(row) for row in rows]
    for filters, expected in zip(policies, theirs(policies, rows, python()), strict=True):
        try:
            got = asked(filters, items)
        except DefinitionError:
            assert expected is None, f"only we refuse {filters}"
            continue
        if expected is not None:
            yield filters, got, expected


@pytest.mark.interop
def test_filters_select_what_cloud_custodian_selects() -> None:
    found = list(compared(1500))

    wrong = [(filters, got, expected) for filters, got, expected in found if got != expected]
    assert wrong[:5] == []
    assert len(found) >= 500, "too few policies that both run"
    assert sum(0 < len(got) < 60 for _, got, _ in found) >= 200, "too few policies that tell resources apart"
