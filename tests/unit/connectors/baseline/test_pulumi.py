from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.baseline.pulumi import terraform_type
from connectors.baseline.read import approve, read_baselines
from domain.drift import BaselineSource, Declared
from domain.resource import Provider
from domain.tenancy import TenantId

VAULT = "/subscriptions/S/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"


def read(tmp_path: Path, *rows: dict[str, Any]) -> tuple[Declared, ...]:
    body = {"version": 3, "deployment": {"manifest": {"time": "2026-01-01T00:00:00Z"}, "resources": list(rows)}}
    (tmp_path / "stack.json").write_text(json.dumps(body))
    found = read_baselines([str(tmp_path / "stack.json")], name="shop")[0]
    assert (found.name, found.source) == ("shop", BaselineSource.PULUMI)
    assert found.declared_at is not None
    return found.resources


def row(token: str, uid: str, **outputs: Any) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:dev::shop::{token}::x", "custom": True, "type": token, "id": uid, "outputs": outputs}


def test_bridged_packages_are_read_by_terraforms_tables(tmp_path: Path) -> None:
    queue = row(
        "aws:sqs/queue:Queue", "https://q/orders", arn="arn:aws:sqs:r:123456789012:orders", name="orders",
        visibilityTimeoutSeconds=60, tagsAll={"env": "prod"}, tags={"env": "prod"}, __defaults=[],
    )  # fmt: skip
    (one,) = read(tmp_path, queue, {"urn": "x", "custom": False, "type": "pulumi:pulumi:Stack"})
    assert (one.uid, one.tags) == ("arn:aws:sqs:r:123456789012:orders", {"env": "prod"})
    assert one.properties == {"VisibilityTimeout": 60}


def test_nested_blocks_are_objects_there(tmp_path: Path) -> None:
    versions = row(
        "aws:s3/bucketVersioningV2:BucketVersioningV2", "b", bucket="b", versioningConfiguration={"status": "Enabled"}
    )
    (one,) = read(tmp_path, versions)
    assert (one.uid, one.is_aspect) == ("arn:aws:s3:::b", True)
    assert one.properties == {"BucketVersioning": {"Status": "Enabled"}}


def test_the_native_azure_package_is_resource_managers_shape(tmp_path: Path) -> None:
    (one,) = read(
        tmp_path,
        row("azure-native:keyvault:Vault", VAULT, name="v", location="westeurope", tags={"a": "b"},
            enableSoftDelete=True, sku={"name": "standard"}),
    )  # fmt: skip
    assert (one.provider, one.type, one.scope) == (
        Provider.AZURE,
        "Microsoft.KeyVault/vaults",
        "/subscriptions/S/resourceGroups/g",
    )
    assert one.properties["properties"] == {"enableSoftDelete": True}


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("aws:s3/bucketV2:BucketV2", "aws_s3_bucket"),
        ("aws:ec2/securityGroup:SecurityGroup", "aws_security_group"),
        ("aws:ec2/instance:Instance", "aws_instance"),
        ("aws:iam/role:Role", "aws_iam_role"),
        ("azure:network/networkSecurityGroup:NetworkSecurityGroup", "azurerm_network_security_group"),
        ("gcp:storage/bucket:Bucket", "google_storage_bucket"),
        ("gcp:compute/firewall:Firewall", "google_compute_firewall"),
        ("random:index/id:Id", ""),
        ("nonsense", ""),
    ],
)
def test_types_are_terraforms_in_another_spelling(token: str, expected: str) -> None:
    assert terraform_type(token) == expected


def test_an_approved_snapshot_declares_resources_as_a_whole(tmp_path: Path) -> None:
    record = {"id": VAULT, "type": "Microsoft.KeyVault/vaults", "name": "v", "tags": {"a": "b"}, "properties": {"x": 1}}
    (tmp_path / "export.json").write_text(json.dumps([record]))
    found = approve([str(tmp_path)], tenant=TenantId("acme"), name="approved")
    (one,) = found.resources
    assert (found.source, one.is_whole, one.uid, one.tags) == (BaselineSource.SNAPSHOT, True, VAULT, {"a": "b"})
