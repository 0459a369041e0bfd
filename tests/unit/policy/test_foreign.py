from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from policy.aliases import AliasTable
from policy.corpus import import_definitions
from policy.errors import DefinitionError, InvalidDefinition, UnsupportedDefinition
from policy.foreign import (
    compile_any,
    definitions_of,
    foreign_files,
    is_of_other_language,
    language_of,
    read_definition,
    read_foreign,
)
from policy.languages import shown
from tests.unit.policy.rego.test_rego import policy as rego_policy
from tests.unit.policy.rego.test_rego import template

pytest.importorskip("regopy")

ALIASES = AliasTable.of_rows([], origin="rows")
AZURE = {
    "name": "a",
    "properties": {"policyRule": {"if": {"field": "type", "equals": "x/y"}, "then": {"effect": "audit"}}},
}
FILE = """policies:
- name: no-owner
  resource: ec2
  description: Owners are named
  filters: [{"tag:Owner": absent}]
- {name: by-night, resource: ec2, filters: [offhour]}
- {name: nothing, resource: nowhere.at-all}
"""


def folder(path: Path) -> Path:
    (path / "c7n.yaml").write_text(FILE)
    (path / "broken.yml").write_text("policies: [")
    (path / "other.yaml").write_text("a: 1")
    (path / "rules.guard").write_text(
        "rule versioned { AWS::S3::Bucket { Properties.VersioningConfiguration exists } }"
    )
    (path / "bad.guard").write_text("rule r when { }")
    (path / "none.guard").write_text("nothing")
    (path / "latin.guard").write_bytes(b"rule r { \xff }")
    constraint = dict(rego_policy().constraint)
    (path / "both.yaml").write_text("---\n" + json.dumps(template()) + "\n---\n" + json.dumps(constraint))
    (path / "azure.json").write_text(json.dumps([AZURE, template(kind="Lonely")]))
    return path


def test_policies_of_every_language_are_imported_from_a_folder(tmp_path: Path) -> None:
    report = import_definitions(folder(tmp_path), ALIASES)

    states = {row.id.removeprefix(f"{tmp_path}/"): row.state for row in report.rows}
    assert states == {
        "GCPPlace/c": "runs",
        "Lonely": "needs_parameters",
        "a": "runs",
        "bad.guard": "invalid",
        "broken.yml": "invalid",
        "by-night": "unsupported",
        "latin.guard": "invalid",
        "no-owner": "runs",
        "nothing": "unsupported",
        "versioned": "runs",
    }
    assert {program.definition.metadata.get("language") for program in report.programs} == {
        None, "custodian", "guard", "rego",
    }  # fmt: skip


def test_what_was_kept_compiles_as_it_did(tmp_path: Path) -> None:
    for foreign in read_foreign(foreign_files(folder(tmp_path))):
        definition = read_definition(json.loads(json.dumps(foreign.document)), origin="store")
        assert definition.policy_id == foreign.name
        assert language_of(definition) == foreign.document["language"]
        try:
            program = compile_any(definition, ALIASES, policy_id="mine")
        except DefinitionError:
            continue
        assert program.policy_id == "mine"


def test_one_file_is_read_alone(tmp_path: Path) -> None:
    folder(tmp_path)

    rows = import_definitions(tmp_path / "c7n.yaml", ALIASES).rows

    assert [row.id for row in rows] == ["by-night", "no-owner", "nothing"]
    assert [each.policy_id for each in definitions_of(read_foreign([tmp_path / "rules.guard"]))] == ["versioned"]


def test_documents_keep_the_form_they_were_stored_in() -> None:
    stored: Any = {"language": "guard", "name": "r", "policy": {"rule": "r", "text": "rule r { A exists }"}}

    assert is_of_other_language(stored)
    assert [each.document for each in read_foreign([], [(stored, "s.json")])] == [stored]
    assert read_foreign([], [({"a": 1}, "s.json")]) == []


def test_a_problem_is_told_again() -> None:
    document: Any = {
        "language": "rego",
        "name": "r",
        "problem": {"state": "unsupported", "reason": "too clever", "where": "x"},
    }
    with pytest.raises(UnsupportedDefinition, match="too clever"):
        compile_any(read_definition({**document, "policy": {}}, origin="s"), ALIASES)
    with pytest.raises(InvalidDefinition):
        compile_any(read_definition({"language": "rego", "name": "r", "policy": {}}, origin="s"), ALIASES)


def test_azure_definitions_are_read_as_before() -> None:
    definition = read_definition(AZURE, origin="a.json")  # type: ignore[arg-type]

    assert language_of(definition) is None
    assert compile_any(definition, ALIASES).policy_id == "a"


def test_a_file_that_is_too_long_is_said(tmp_path: Path) -> None:
    (tmp_path / "long.guard").write_bytes(b"rule r {}\n" + b"#" * 8_100_000)
    (tmp_path / "file.bin").write_text("x")

    [found] = read_foreign(foreign_files(tmp_path))

    assert "too long" in str(found.document["problem"])


def test_explanations_show_what_a_filter_expects(tmp_path: Path) -> None:
    assert shown("equals", 1, 2) == (1, 2)
    assert shown("custodian", 1, {"test": "value", "value": 3}) == (1, 3)
    assert shown("custodian", 1, [{"test": "marked-for-op", "op": "stop"}, "now"]) == (1, "stop")
    assert shown("custodian", 1, {"test": "list-item"}) == (1, "list-item")
    [first, *_] = definitions_of(read_foreign(foreign_files(folder(tmp_path) / "c7n.yaml")))
    assert first.display_name == "Owners are named"
