from __future__ import annotations

import pytest

from domain.value import Json
from policy.aliases import AliasTable
from policy.conformance_resource import item_of

TABLE = AliasTable.of_rows(
    [
        {
            "provider": "N",
            "resourceType": "gates",
            "aliases": {
                "N/gates/on": "properties.isOn",
                "N/gates/settings/default.size": "properties.settings.size",
                "N/gates/kind": "properties.kind",
                "N/gates/rules[*]": "properties.rules[*]",
                "N/gates/rules[*].port": "properties.rules[*].properties.port",
                "N/gates/rules[*].ports[*]": "properties.rules[*].properties.ports[*]",
                "N/gates/all[*]": "[*]",
            },
        },
        {"provider": "N", "resourceType": "walls", "aliases": {"N/walls/on": "properties.on"}},
    ],
    origin="rows",
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"properties": {"isOn": 1, "on": 2}}, {"isOn": 1, "on": 2}),
        ({"properties": {"on": 2}}, {"ison": 2, "on": 2}),
        ({"on": 2}, {"ison": 2}),
        ({"kind": "x", "properties": {}}, {}),
        ({"Properties": {"default": {"size": 3}}}, {"default": {"size": 3}, "settings": {"size": 3}}),
        ({"properties": {"settings": 5, "default": {"size": 3}}}, {"settings": 5, "default": {"size": 3}}),
        (
            {"rules": [{"port": 1, "ports": [2]}, {"properties": {"port": 1}}, 7]},
            {
                "rules": [
                    {"port": 1, "ports": [2], "properties": {"port": 1, "ports": [2]}},
                    {"properties": {"port": 1}},
                    7,
                ]
            },
        ),
    ],
)
def test_values_go_to_where_the_table_says(given: dict[str, Json], expected: Json) -> None:
    before = repr(given)
    found = item_of(given, "N/gates", TABLE, None).properties
    assert found.get("properties", found.get("Properties")) == expected
    assert repr(given) == before


def test_another_type_stays_as_it_is() -> None:
    assert "properties" not in item_of({"type": "N/doors", "on": 1}, "N/gates", TABLE, None).properties


def test_tags_may_stand_among_the_properties() -> None:
    assert item_of({"properties": {"tags": {"a": "b"}}}, "N/gates", TABLE, None).tags == {"a": "b"}
    assert item_of({"tags": {}, "properties": {"tags": {"a": "b"}}}, "N/gates", TABLE, None).tags == {}
    assert item_of(None, "N/gates", TABLE, None).type == "N/gates"
