from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.baseline.arm_expression import Scope
from connectors.baseline.read import read_baselines
from connectors.baseline.unknown import UNKNOWN
from domain.drift import Baseline, BaselineSource
from domain.value import Json

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
GROUP = "/subscriptions/S/resourceGroups/g"


def template(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **more}


def deployment(*outputs: str, **parameters: Any) -> dict[str, Any]:
    return {
        "id": f"{GROUP}/providers/Microsoft.Resources/deployments/main",
        "properties": {
            "parameters": {name: {"value": value} for name, value in parameters.items()},
            "outputResources": [{"id": uid} for uid in outputs],
        },
    }


def read(tmp_path: Path, body: dict[str, Any], *beside: dict[str, Any]) -> Baseline:
    for number, each in enumerate((body, *beside)):
        (tmp_path / f"part{number}.json").write_text(json.dumps(each))
    return read_baselines([str(tmp_path)])[0]


ACCOUNT = {
    "type": "Microsoft.Storage/storageAccounts",
    "apiVersion": "2023-01-01",
    "name": "[parameters('name')]",
    "location": "[resourceGroup().location]",
    "sku": {"name": "[variables('sku')]"},
    "tags": {"env": "prod"},
    "properties": {"minimumTlsVersion": "TLS1_2"},
}


def test_a_template_with_its_deployment_declares_resources_with_their_ids(tmp_path: Path) -> None:
    body = template(ACCOUNT, parameters={"name": {"type": "string"}}, variables={"sku": "[concat('Standard', '_LRS')]"})
    found = read(tmp_path, body, deployment(name="data"))
    one = found.resources[0]
    assert found.source is BaselineSource.ARM
    assert one.uid == f"{GROUP}/providers/Microsoft.Storage/storageAccounts/data"
    assert one.properties == {"sku": {"name": "Standard_LRS"}, "properties": {"minimumTlsVersion": "TLS1_2"}}
    assert (one.tags, one.scope) == ({"env": "prod"}, GROUP)


def test_a_name_that_azure_makes_is_learnt_from_what_came_of_the_deployment(tmp_path: Path) -> None:
    body = template({**ACCOUNT, "name": "[uniqueString(resourceGroup().id)]", "sku": {}})
    uid = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/x7z"
    assert read(tmp_path, body, deployment(uid)).resources[0].uid == uid


def test_without_a_deployment_such_a_name_is_a_gap(tmp_path: Path) -> None:
    found = read(tmp_path, template({**ACCOUNT, "name": "[uniqueString('x')]"}))
    assert found.resources[0].uid == ""
    assert "az deployment group show" in found.gaps[0].todo


def test_bicep_modules_loops_conditions_and_children_are_followed(tmp_path: Path) -> None:
    child = {"type": "subnets", "name": "app", "properties": {"addressPrefix": "10.0.1.0/24"}}
    network = {"type": "Microsoft.Network/virtualNetworks", "name": "net", "properties": {}, "resources": [child]}
    looped = {
        "type": "Microsoft.Network/publicIPAddresses",
        "copy": {"name": "ips", "count": "[length(parameters('zones'))]"},
        "name": "[format('ip-{0}', parameters('zones')[copyIndex()])]",
        "properties": {"idleTimeoutInMinutes": "[add(copyIndex(), 4)]"},
    }
    module = {
        "type": "Microsoft.Resources/deployments",
        "name": "module",
        "properties": {
            "parameters": {"where": {"value": "[parameters('place')]"}},
            "template": template(
                {"type": "Microsoft.KeyVault/vaults", "name": "[parameters('where')]", "properties": {}},
                parameters={"where": {"type": "string"}},
            ),
        },
    }
    absent = {**ACCOUNT, "name": "no", "condition": "[equals(parameters('place'), 'nowhere')]"}
    found = read(
        tmp_path,
        template(
            network, looped, module, absent,
            parameters={"zones": {"type": "array", "defaultValue": ["1", "2"]}, "place": {"type": "string"}},
        ),
        deployment(place="vault"),
    )  # fmt: skip
    assert [each.uid.removeprefix(f"{GROUP}/providers/") for each in found.resources] == [
        "Microsoft.Network/virtualNetworks/net",
        "Microsoft.Network/virtualNetworks/net/subnets/app",
        "Microsoft.Network/publicIPAddresses/ip-1",
        "Microsoft.Network/publicIPAddresses/ip-2",
        "Microsoft.KeyVault/vaults/vault",
    ]
    assert found.resources[3].properties == {"properties": {"idleTimeoutInMinutes": 5}}


def test_symbolic_names_and_comments_are_read(tmp_path: Path) -> None:
    body = template() | {"languageVersion": "2.0", "resources": {"store": {**ACCOUNT, "name": "data", "sku": {}}}}
    written = json.dumps(body, indent=1).replace('"contentVersion"', '// the version\n "contentVersion"')
    (tmp_path / "main.json").write_text(written.removesuffix("\n}") + ",\n}")
    found = read_baselines([str(tmp_path / "main.json")])[0]
    assert [each.name for each in found.resources] == ["data"]


SCOPE = Scope(
    parameters={"name": "Data", "list": ["a", "b"], "object": {"Key": {"in": 1}}, "later": UNKNOWN},
    variables={"made": "[toLower(parameters('name'))]", "circle": "[variables('circle')]"},
    subscription="S",
    group="g",
    location="westeurope",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("[[not an expression]", "[not an expression]"),
        ("[variables('made')]", "data"),
        ("[variables('circle')]", UNKNOWN),
        ("[parameters('object').key.in]", 1),
        ("[parameters('list')[1]]", "b"),
        ("[concat('it''s ', parameters('name'))]", "it's Data"),
        ("[concat(parameters('list'), createArray('c'))]", ["a", "b", "c"]),
        ("[concat('x', parameters('later'))]", UNKNOWN),
        ("[if(equals(parameters('name'), 'data'), 'yes', parameters('later'))]", "yes"),
        ("[resourceId('Microsoft.X/a/b', 'one', 'two')]", f"{GROUP}/providers/Microsoft.X/a/one/b/two"),
        ("[subscriptionResourceId('Microsoft.X/a', 'one')]", "/subscriptions/S/providers/Microsoft.X/a/one"),
        ("[format('{0}-{1}', 'a', 2)]", "a-2"),
        ("[union(createObject('a', 1), createObject('b', 2))]", {"a": 1, "b": 2}),
        ("[contains(parameters('list'), 'b')]", True),
        ("[and(true(), not(false()))]", True),
        ("[take('abcdef', 2)]", "ab"),
        ("[string(true)]", "true"),
        ("[resourceGroup().location]", "westeurope"),
        ("[reference('x').y]", UNKNOWN),
        ("[listKeys('x', 'y').keys[0].value]", UNKNOWN),
        ("[broken(", "[broken("),
        ("[add(1, )]", UNKNOWN),
        ("[json('{\"a\": 1}').a]", 1),
    ],
)
def test_expressions(text: str, expected: Json) -> None:
    assert SCOPE.text(text) == expected
