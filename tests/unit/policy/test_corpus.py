from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import orjson
import pytest

from domain.errors import InputError
from domain.value import Json
from policy.aliases import AliasTable, read_rows
from policy.corpus import PolicyClass, import_definitions, import_documents
from policy.pack import load_pack, pack_policy
from tests.shared_data import shared_data
from tests.unit.policy.resources import ALIASES, ROWS

RULE: Json = {"field": "type", "equals": "Contoso.Net/gates"}


def document(effect: Json = "audit", condition: Json = RULE, **inner: Json) -> dict[str, Json]:
    return {"properties": {"policyRule": {"if": condition, "then": {"effect": effect}}, "displayName": "D", **inner}}


@pytest.mark.data
def test_microsofts_definitions_run_or_say_why_not() -> None:
    aliases = AliasTable.builtin().with_files([shared_data("policy", "azure_aliases.ndjson.gz")])
    report = import_definitions(shared_data("policy", "azure_policy_definitions.ndjson.gz"), aliases)
    classes = Counter(row.policy_class for row in report.rows)
    assert classes == {
        PolicyClass.PER_RESOURCE: 627,
        PolicyClass.RELATED_RESOURCE: 1111,
        PolicyClass.DATA_PLANE: 116,
        PolicyClass.MANUAL: 557,
        PolicyClass.MANAGED_CONTROL: 832,
    }
    assert report.count(PolicyClass.PER_RESOURCE, "runs", "needs_parameters") == 627
    assert report.count(PolicyClass.RELATED_RESOURCE, "runs", "needs_parameters") >= 1070
    assert report.count(None, "runs") == len(report.programs) >= 935
    assert report.count(PolicyClass.PER_RESOURCE, "invalid", "unsupported") == 0
    assert all(row.reason for row in report.rows if row.state != "runs")


def test_each_definition_is_classified_and_tells_its_state() -> None:
    documents: dict[str, Json] = {
        "runs": document(),
        "needs": document(
            condition={"field": "name", "equals": "[parameters('n')]"}, parameters={"n": {"type": "String"}}
        ),
        "alias": document(condition={"field": "Contoso.Net/gates/none", "exists": True}),
        "invalid": document(condition={"field": "name", "frob": 1}),
        "broken": {"properties": {}},
        "unsupported": document(condition={"value": "[reference('x')]", "equals": 1}),
        "related": {
            "properties": {
                "policyRule": {
                    "if": RULE,
                    "then": {"effect": "auditIfNotExists", "details": {"type": "Contoso.Log/settings"}},
                }
            }
        },
        "related_opaque": {
            "properties": {
                "policyRule": {
                    "if": RULE,
                    "then": {"effect": "auditIfNotExists", "details": {"type": "Microsoft.Security/assessments"}},
                }
            }
        },
        "related_by_default": document(
            "[parameters('effect')]",
            parameters={"effect": {"type": "String", "defaultValue": "DeployIfNotExists"}},
        ),
        "manual": document("Manual"),
        "plane": document(mode="Microsoft.KeyVault.Data"),
        "managed": document(condition={"allOf": [RULE, {"value": "a", "equals": "b"}]}),
        "effect_needed": document(
            "[parameters('effect')]", parameters={"effect": {"type": "String", "allowedValues": ["Audit"]}}
        ),
        "effect_free": document("[parameters('effect')]", parameters={"effect": {"type": "String"}}),
        "odd": document(condition=[]),
    }
    report = import_documents(documents, ALIASES)
    states = {row.id: (str(row.policy_class), row.state) for row in report.rows}
    assert states == {
        "alias": ("per_resource", "missing_alias"),
        "broken": ("per_resource", "invalid"),
        "effect_free": ("per_resource", "invalid"),
        "effect_needed": ("per_resource", "needs_parameters"),
        "invalid": ("per_resource", "invalid"),
        "managed": ("managed_control", "unsupported"),
        "manual": ("manual", "unsupported"),
        "needs": ("per_resource", "needs_parameters"),
        "odd": ("per_resource", "invalid"),
        "plane": ("data_plane", "unsupported"),
        "related": ("related_resource", "runs"),
        "related_opaque": ("related_resource", "unsupported"),
        "related_by_default": ("related_resource", "invalid"),
        "runs": ("per_resource", "runs"),
        "unsupported": ("per_resource", "unsupported"),
    }
    assert report.count(PolicyClass.PER_RESOURCE, "needs_parameters", "runs") == 3
    assert report.count() == len(documents)
    assert report.as_json()["definitions"][-2] == {  # type: ignore[index]
        "id": "runs",
        "name": "D",
        "class": "per_resource",
        "state": "runs",
        "reason": "",
    }


def test_of_one_id_in_two_clouds_the_commercial_copy_wins(tmp_path: Path) -> None:
    government = {**document(), "name": "x", "_cloud": "AzureUSGovernment", "id": "a"}
    commercial = {**document(displayName="C"), "name": "x", "_cloud": "AzureCloud"}
    for name, rows in (("a", [commercial, government]), ("b", [government, commercial])):
        file = tmp_path / f"{name}.ndjson.gz"
        file.write_bytes(gzip.compress(b"\n".join(map(orjson.dumps, rows))))
        assert [(row.id, row.name) for row in import_definitions(file, ALIASES).rows] == [("x", "C")]


def test_a_folder_of_definitions_is_imported_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.json").write_bytes(orjson.dumps({**document(), "id": "/providers/x/one"}))
    (tmp_path / "b.json").write_bytes(orjson.dumps([document(), 5]))
    (tmp_path / "notes.txt").write_text("no")
    report = import_definitions(tmp_path, ALIASES)
    assert Counter(row.state for row in report.rows) == {"runs": 2, "invalid": 1}
    assert "one" in report.documents


def test_nothing_to_import_is_an_error_that_names_the_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        import_definitions(tmp_path / "none", ALIASES)
    with pytest.raises(InputError, match="no definitions"):
        import_definitions(tmp_path, ALIASES)


@pytest.mark.parametrize(
    ("content", "line"),
    [(b'{"a": 1}\n{"b": \n', 2), (b'{\n "a": 1,\n ]\n}', 3), (b"{", 1), (b'\n{"a": 1}\n\nx', 4)],
)
def test_broken_json_is_refused_with_its_line(tmp_path: Path, content: bytes, line: int) -> None:
    file = tmp_path / "broken.json"
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_rows(file)
    assert caught.value.facts["where"] == f"{file}:{line}"


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "cut.json.gz"
    file.write_bytes(gzip.compress(b'{"a": 1}' * 100)[:-9])
    with pytest.raises(InputError, match="not readable"):
        read_rows(file)


class TestAliases:
    def test_aliases_are_found_without_case_and_later_files_win(self, tmp_path: Path) -> None:
        file = tmp_path / "more.json"
        row = {"resourceType": "contoso.net/gates", "aliases": {"contoso.net/gates/ISOPEN": "open"}}
        file.write_bytes(orjson.dumps(row))
        table = ALIASES.with_files([file])
        assert table.resolve("CONTOSO.NET/gates/isOpen") == "open"
        assert table.resolve("Contoso.Net/gates/rules[*].port") == "properties.rules[*].properties.port"
        assert table.resolve("Contoso.Net/gates/none") is None

    def test_types_that_agree_on_a_path_share_it(self) -> None:
        rows: list[Json] = [
            {"provider": "N", "resourceType": kind, "aliases": {"N/x": path}}
            for kind, path in (("a", "p"), ("b", "p"), ("a", "p"), ("c", "r"))
        ]
        found = AliasTable.of_rows(rows, origin="rows").find("n/X")
        assert [(alias.path, sorted(alias.owners)) for alias in found] == [("p", ["n/a", "n/b"]), ("r", ["n/c"])]

    def test_two_paths_for_one_alias_of_one_type_clash(self) -> None:
        rows: list[Json] = [{"provider": "N", "resourceType": "a", "aliases": {"N/x": path}} for path in ("p", "q")]
        with pytest.raises(InputError, match="two meanings") as caught:
            AliasTable.of_rows(rows, origin="rows")
        assert caught.value.facts["where"] == "rows:2"
        assert (caught.value.facts["alias"], caught.value.facts["got"]) == ("N/x", "q")

    def test_an_alias_may_name_a_child_of_the_type_it_stands_under(self) -> None:
        rows: list[Json] = [{"provider": "N", "resourceType": "a", "aliases": {"N/a/child/x.y[*]": "p"}}]
        assert AliasTable.of_rows(rows, origin="rows").find("N/a/child/x.y[*]")[0].owners == {"n/a", "n/a/child"}

    def test_a_table_of_elements_also_names_the_array(self) -> None:
        rows: list[Json] = [{"provider": "N", "resourceType": "a", "aliases": {"N/a/x[*]": "p.x[*]"}}]
        assert AliasTable.of_rows(rows, origin="rows").resolve("N/a/x") == "p.x"

    def test_azures_own_list_says_paths_by_version_and_what_can_be_modified(self) -> None:
        paths: Json = [{"path": "q", "apiVersions": ["1"]}, {"path": "p", "apiVersions": ["2"]}, 5, {"path": "z"}]
        modifiable: Json = {"attributes": "Modifiable"}
        aliases: list[Json] = [
            {"name": "N/a/x", "defaultPath": "p", "paths": paths, "defaultMetadata": modifiable},
            {"name": "N/a/y", "defaultPath": "y", "paths": [], "defaultMetadata": {"attributes": "None"}},
            {"name": "N/a/z[*]", "defaultPath": "z[*]", "paths": [{"path": "w[*]", "apiVersions": ["1"]}]},
        ]
        kinds: Json = [{"resourceType": "a", "apiVersions": ["2"], "aliases": aliases}, {"resourceType": "b"}]
        table = AliasTable.of_rows([{"namespace": "N", "resourceTypes": kinds}], origin="rows")
        x, y, z = (table.find(f"N/a/{name}")[0] for name in "xyz")
        assert [x.path_at(version) for version in ("1", "2", None)] == ["q", "p", "p"]
        assert (x.is_modifiable, y.is_modifiable, z.is_modifiable) == (True, False, None)
        assert (z.path, z.path_at("1"), table.newest) == ("z", "w", {"n/a": "2"})

    @pytest.mark.parametrize(
        "row",
        [
            5,
            {"aliases": []},
            {**ROWS[0], "aliases": {"x": 5}},  # type: ignore[dict-item]
            {"namespace": "N", "resourceTypes": 5},
            {"namespace": "N", "resourceTypes": [{"resourceType": "a", "aliases": [5]}]},
        ],
    )
    def test_a_row_of_another_form_is_refused(self, row: Json) -> None:
        with pytest.raises(InputError, match="rows:1"):
            AliasTable.of_rows([row], origin="rows")


CONTROL: Json = {"framework": "F", "id": "1"}
PACKED: dict[str, Json] = {
    "id": "pcg-x",
    "properties": {
        "policyRule": {"if": RULE, "then": {"effect": "audit"}},
        "metadata": {
            "severity": "high",
            "rationale": "because",
            "remediation": "do",
            "controls": [CONTROL, {"framework": "G", "id": "2"}],
            "cost_tag": "waste",
        },
    },
    "examples": {"pass": [{"type": "a"}], "fail": [{"type": "Contoso.Net/gates"}]},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", None),
        ("properties.metadata.severity", "awful"),
        ("properties.metadata.rationale", ""),
        ("properties.metadata.remediation", 5),
        ("properties.metadata.cost_tag", ""),
        ("properties.metadata.controls", None),
        ("properties.metadata.controls", [CONTROL]),
        ("properties.metadata.controls", [5]),
        ("examples.pass", []),
        ("examples.fail", [{"name": "no type"}]),
    ],
)
def test_a_pack_policy_without_what_its_readers_need_is_refused(path: str, value: Json) -> None:
    document: Json = orjson.loads(orjson.dumps(PACKED))
    place = document
    *outer, last = path.split(".")
    for name in outer:
        assert isinstance(place, dict)
        place = place[name]
    assert isinstance(place, dict)
    place[last] = value
    with pytest.raises(InputError) as caught:
        pack_policy(document, origin="x.json")
    assert str(caught.value.facts["path"]).startswith(f"$.{path}")
    assert caught.value.facts["where"] == "x.json"


def test_a_pack_is_a_folder_or_one_file(tmp_path: Path) -> None:
    (tmp_path / "aliases").mkdir()
    (tmp_path / "aliases" / "a.json").write_text("[]")
    file = tmp_path / "x.json"
    file.write_bytes(orjson.dumps(PACKED))
    assert load_pack(tmp_path) == load_pack(file)
    policy = load_pack(file)[0]
    assert (policy.policy_id, str(policy.severity), policy.cost_tag) == ("pcg-x", "high", "waste")
    file.write_text('{\n"id": }')
    with pytest.raises(InputError, match=r"x\.json:2"):
        load_pack(file)
