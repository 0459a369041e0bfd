from __future__ import annotations

import gzip
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from policy.errors import DefinitionError
from policy.rego.decide import policy_of
from policy.rego.engine import Engine
from policy.rego.program import compile_policy
from policy.rego.source import LIBRARY
from policy.rego.template import GCP_TARGET, RegoPolicy
from tests.servers.opa import program
from tests.shared_data import shared_data


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(shared_data("policy", name), "rt") as lines:
        return [json.loads(line) for line in lines]


def template(row: dict[str, Any]) -> dict[str, Any]:
    target = {"target": GCP_TARGET, "rego": row["rego"]}
    names = {"spec": {"names": {"kind": row["kind"]}}}
    return {"kind": "ConstraintTemplate", "spec": {"crd": names, "targets": [target]}}


def cases() -> Iterator[tuple[RegoPolicy, list[dict[str, Any]]]]:
    """Every constraint of the library's fixtures, with the assets beside it."""
    templates = {row["kind"]: template(row) for row in rows("gcp_constraint_templates.ndjson.gz")}
    folders: dict[str, tuple[list[Any], list[Any]]] = defaultdict(lambda: ([], []))
    for row in rows("gcp_constraint_fixtures.ndjson.gz"):
        folder = row["file"].split("/fixtures/")[1].split("/")[0]
        folders[folder]["/constraints/" in row["file"]].extend(row["data"] or ())
    for folder, (assets, constraints) in sorted(folders.items()):
        for constraint in constraints:
            if constraint.get("kind") in templates:
                document = {"template": templates[constraint["kind"]], "constraint": constraint}
                yield policy_of(document, origin=folder), [{"asset": each, "constraint": constraint} for each in assets]


def theirs(policy: RegoPolicy, inputs: list[dict[str, Any]], opa: Path, folder: Path) -> list[int] | None:
    """How many violations OPA finds in each input."""
    kind = policy.template.kind
    modules = folder / "modules"
    modules.mkdir(exist_ok=True)
    (modules / "template.rego").write_text(policy.template.document["spec"]["targets"][0]["rego"])  # type: ignore[call-overload,index,arg-type]
    (modules / "library.rego").write_text(LIBRARY)
    (folder / "input.json").write_text(json.dumps(inputs))
    query = f"[n | x := input[i]; n := count(data.templates.gcp.{kind}.deny) with input as x]"
    done = subprocess.run(
        [str(opa), "eval", "--v0-compatible", "--format", "raw", "-d", modules, "-i", folder / "input.json", query],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else None


@pytest.mark.interop
@pytest.mark.data
@pytest.mark.timeout(600)
def test_templates_that_run_find_what_opa_finds(tmp_path: Path) -> None:
    opa = program()
    engine = Engine()
    wrong, compared, refused = [], 0, set()
    for policy, inputs in cases():
        try:
            compile_policy(policy)
        except DefinitionError:
            refused.add(policy.template.kind)
            continue
        expected = theirs(policy, inputs, opa, tmp_path)
        if expected is None:
            continue
        for document, count in zip(inputs, expected, strict=True):
            found = engine.ask(policy.template.source, document)
            compared += 1
            if not found.error and bool(found.count) != bool(count):
                wrong.append((policy.template.kind, document["asset"]["name"], found.count, count))
    engine.close()

    assert wrong == []
    assert compared > 1500
