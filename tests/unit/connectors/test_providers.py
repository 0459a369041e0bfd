"""What each provider's records become."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.inventory import RecordClass
from domain.resource import ConfigurationItem, Provider
from tests.unit.connectors.inputs import bucket_item, read, vault, write

BUCKETS = {"Buckets": [{"Name": "shop-data", "CreationDate": "2026-01-01T00:00:00Z"}], "Owner": {"ID": "a1"}}


def only(tmp_path: Path, value: object, **options: Any) -> ConfigurationItem:
    (item,) = read(write(tmp_path, "in.json", value), **options).inventory.items
    return item


def test_a_config_item_meets_the_api_s_shape(tmp_path: Path) -> None:
    item = only(
        tmp_path,
        bucket_item(
            PublicAccessBlockConfiguration=json.dumps({"blockPublicAcls": True}),
            BucketPolicy={"policyText": '{"Statement": []}'},
            BucketLoggingConfiguration={"destinationBucketName": "logs", "logFilePrefix": "s3/"},
            AccessControlList=json.dumps({"owner": {}, "grantList": [{"grantee": "AllUsers", "permission": "Read"}]}),
        ),
    )
    assert item.properties["PublicAccessBlock"] == {"blockPublicAcls": True}
    assert item.properties["BucketPolicy"] == {"Statement": []}
    assert item.properties["BucketLogging"] == {"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": "s3/"}}
    assert "AllUsers" in json.dumps(item.properties["BucketAcl"])
    assert (item.scope, item.region, item.name) == ("/accounts/123123123123", "eu-west-1", "shop-data")
    assert "BucketLocation" in item.unread
    assert "BucketEncryption" not in item.unread


def test_a_config_snapshot_and_a_query_answer_are_lists(tmp_path: Path) -> None:
    assert only(tmp_path, {"fileVersion": "1.0", "configurationItems": [bucket_item()]}).type == "AWS::S3::Bucket"
    row = {"resourceId": "sg-1", "resourceType": "AWS::EC2::SecurityGroup", "configuration": {"groupId": "sg-1"}}
    item = only(tmp_path, {"Results": [json.dumps(row)], "QueryInfo": {}})
    assert (item.uid, item.unread) == ("sg-1", ("*",))


def test_a_deleted_config_item_takes_the_resource_out_and_keeps_its_history(tmp_path: Path) -> None:
    gone = {**bucket_item(), "configurationItemStatus": "ResourceDeleted", "configuration": "null",
            "configurationItemCaptureTime": "2026-06-01T00:00:00Z"}  # fmt: skip
    inventory = read(write(tmp_path, "in.json", [gone, bucket_item(), vault()])).inventory
    assert [item.provider for item in inventory.items] == [Provider.AZURE]
    assert [item.uid for item in inventory.former] == ["arn:aws:s3:::shop-data"]


def test_facets_of_a_bucket_merge_and_what_was_not_asked_is_unread(tmp_path: Path) -> None:
    lines = [
        {"service": "s3", "operation": "ListBuckets", "data": BUCKETS},
        {"service": "s3", "operation": "GetBucketEncryption", "parameters": {"Bucket": "shop-data"},
         "data": {"ServerSideEncryptionConfiguration": {"Rules": []}}},
        {"service": "s3", "operation": "GetBucketPolicy", "parameters": {"Bucket": "shop-data"},
         "data": {"Error": {"Code": "NoSuchBucketPolicy"}}},
    ]  # fmt: skip
    (item,) = read(write(tmp_path, "in.ndjson", lines)).inventory.items
    assert item.properties["BucketEncryption"] == {"Rules": []}
    assert "BucketPolicy" not in item.properties
    assert not {"BucketEncryption", "BucketPolicy"} & set(item.unread)
    assert "BucketVersioning" in item.unread


def test_the_newest_of_each_facet_wins(tmp_path: Path) -> None:
    def versioning(state: str, day: int) -> dict[str, Any]:
        return {"service": "s3", "operation": "GetBucketVersioning", "captured_at": f"2026-01-0{day}",
                "parameters": {"Bucket": "shop-data"}, "data": {"Status": state}}  # fmt: skip

    lines = [versioning("Enabled", 2), versioning("Suspended", 1),
             {"service": "s3", "operation": "ListBuckets", "captured_at": "2026-01-03", "data": BUCKETS}]  # fmt: skip
    (item,) = read(write(tmp_path, "in.ndjson", lines)).inventory.items
    assert item.properties["BucketVersioning"] == {"Status": "Enabled"}


def test_a_facet_whose_resource_is_not_recorded_is_a_gap_not_a_guess(tmp_path: Path) -> None:
    write(tmp_path, "good.json", vault())
    write(tmp_path, "policy.json", {"service": "s3", "operation": "GetBucketPolicy", "data": {"Policy": "{}"}})
    (gap,) = read(tmp_path).inventory.gaps
    assert gap.reason == "s3 GetBucketPolicy: which Bucket was asked about is not recorded"


def test_a_plain_answer_is_read_with_the_call_given(tmp_path: Path) -> None:
    answer = {"stacks": [{"StackId": "arn:aws:opsworks:eu-west-1:123123123123:stack/abc", "Name": "shop"}]}
    item = only(tmp_path, answer, aws_operation="aws opsworks describe-stacks")
    assert (item.type, item.name) == ("AWS::Opsworks::Stack", "shop")


def test_a_plain_answer_whose_key_belongs_to_one_call_needs_no_help(tmp_path: Path) -> None:
    answer = {"Reservations": [{"OwnerId": "123123123123", "Instances": [
        {"InstanceId": "i-0a1b2c3d4e5f60718", "Placement": {"AvailabilityZone": "eu-west-1a"},
         "Tags": [{"Key": "Name", "Value": "web"}]}]}]}  # fmt: skip
    item = only(tmp_path, answer)
    assert item.uid == "arn:aws:ec2:eu-west-1:123123123123:instance/i-0a1b2c3d4e5f60718"
    assert (item.name, item.tags) == ("web", {"Name": "web"})


def test_a_short_id_and_its_arn_are_one_resource(tmp_path: Path) -> None:
    lines = [
        {"service": "ec2", "operation": "DescribeVolumes", "resource": {"VolumeId": "vol-1", "Size": 8}},
        {"service": "tagging", "operation": "GetResources", "data": {"ResourceTagMappingList": [
            {"ResourceARN": "arn:aws:ec2:eu-west-1:123123123123:volume/vol-1",
             "Tags": [{"Key": "team", "Value": "shop"}]}]}},
    ]  # fmt: skip
    (item,) = read(write(tmp_path, "in.ndjson", lines)).inventory.items
    assert item.properties["Size"] == 8
    assert item.tags == {"team": "shop"}


def test_a_summary_never_replaces_the_whole_document(tmp_path: Path) -> None:
    arn = "arn:aws:kms:eu-west-1:123123123123:key/k1"
    lines = [
        {"service": "kms", "operation": "DescribeKey", "data": {"KeyMetadata": {"Arn": arn, "KeyState": "Enabled"}}},
        {"service": "kms", "operation": "ListKeys", "captured_at": "2026-01-01",
         "data": {"Keys": [{"KeyArn": arn, "KeyId": "k1"}]}},
    ]  # fmt: skip
    (item,) = read(write(tmp_path, "in.ndjson", lines)).inventory.items
    assert item.properties["KeyState"] == "Enabled"


def test_an_asset_and_an_api_object_of_one_instance_are_one_resource(tmp_path: Path) -> None:
    name = "projects/shop/zones/europe-west4-a/instances/web"
    data = {"kind": "compute#instance", "name": "web", "labels": {"team": "shop"},
            "selfLink": f"https://www.googleapis.com/compute/v1/{name}"}  # fmt: skip
    asset = {"name": f"//compute.googleapis.com/{name}", "asset_type": "compute.googleapis.com/Instance",
             "ancestors": ["projects/1", "folders/2", "organizations/3"], "resource": {"data": data},
             "iam_policy": {"bindings": []}}  # fmt: skip
    lines = [{"asset": asset}, {"resource": data}]
    items = {item.type: item for item in read(write(tmp_path, "in.ndjson", lines)).inventory.items}
    item = items["compute.googleapis.com/Instance"]
    assert (item.region, item.tags) == ("europe-west4-a", {"team": "shop"})
    assert item.properties["iamPolicy"] == {"bindings": []}


def test_what_a_google_name_lives_in_is_known_by_name_alone(tmp_path: Path) -> None:
    key = {"name": "projects/shop/locations/global/keyRings/ring/cryptoKeys/key", "purpose": "ENCRYPT_DECRYPT"}
    items = {item.type: item for item in read(write(tmp_path, "in.json", key)).inventory.items}
    assert items["cloudkms.googleapis.com/KeyRing"].unread == ("*",)
    assert items["cloudresourcemanager.googleapis.com/Project"].name == "shop"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"kind": "compute#instanceList", "id": "projects/p/zones/z/instances"}, RecordClass.EMPTY),
        ({"kind": "compute#operation", "name": "operation-1", "selfLink": "https://x"}, RecordClass.CATALOGUE),
        ({"name": "projects/p/locations/europe-west4", "locationId": "europe-west4"}, RecordClass.CATALOGUE),
        ({"service": "ec2", "operation": "DescribeRegions", "data": {"Regions": [{"RegionName": "x"}]}},
         RecordClass.CATALOGUE),
        ({"service": "ec2", "operation": "DescribeVolumes", "data": {"Volumes": []}}, RecordClass.EMPTY),
        ({"kind": "PodList", "apiVersion": "v1", "items": []}, RecordClass.EMPTY),
    ],
)  # fmt: skip
def test_what_is_no_resource_is_classified(tmp_path: Path, value: object, expected: RecordClass) -> None:
    (report,) = read(write(tmp_path, "in.json", value)).inventory.files
    assert report.classes == ((expected, 1),)


def test_members_of_a_kubernetes_list_take_its_kind_and_secrets_lose_their_values(tmp_path: Path) -> None:
    secret = {"metadata": {"name": "db", "namespace": "shop"}, "data": {"user": "c2hvcA=="}}
    item = only(tmp_path, {"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": [secret]})
    assert (item.provider, item.type) == (Provider.KUBERNETES, "v1/Secret")
    assert item.properties["data"] == {"user": "[removed: a Kubernetes secret's value]"}


def test_a_terraform_state_is_translated_and_its_sensitive_values_are_removed(tmp_path: Path) -> None:
    attributes = {"id": "db-1", "arn": "arn:aws:rds:eu-west-1:123123123123:db:shop", "publicly_accessible": True,
                  "password": "planted-4711", "custom": "planted-4712"}  # fmt: skip
    state = {"version": 4, "terraform_version": "1.9.0", "lineage": "l", "serial": 1, "resources": [
        {"mode": "managed", "type": "aws_db_instance", "name": "shop", "instances": [
            {"attributes": attributes, "sensitive_attributes": [[{"type": "get_attr", "value": "custom"}]]}]},
        {"mode": "data", "type": "aws_ami", "name": "x", "instances": []}]}  # fmt: skip
    item = only(tmp_path, state)
    assert (item.type, item.properties["PubliclyAccessible"], item.unread) == ("AWS::RDS::DBInstance", True, ("*",))
    assert "planted" not in json.dumps(dict(item.properties))


def test_a_terraform_plan_names_resources_by_address_and_an_unknown_type_is_named(tmp_path: Path) -> None:
    module = {"resources": [], "child_modules": [{"resources": [
        {"address": "module.a.azurerm_storage_account.b", "mode": "managed", "type": "azurerm_storage_account",
         "values": {"name": "shopdata", "allow_nested_items_to_be_public": False, "public_network_access_enabled": True,
                    "note": "planted-1"}, "sensitive_values": {"note": True}},
        {"address": "aws_unheard_of.x", "mode": "managed", "type": "aws_unheard_of", "values": {}}]}]}  # fmt: skip
    plan = {"format_version": "1.2", "planned_values": {"root_module": module}, "resource_changes": []}
    inventory = read(write(tmp_path, "plan.json", plan)).inventory
    (item,) = inventory.items
    assert item.uid == "terraform:module.a.azurerm_storage_account.b"
    assert item.properties["properties"] == {"allowBlobPublicAccess": False, "publicNetworkAccess": "Enabled"}
    assert "planted" not in json.dumps(dict(item.properties))
    assert [gap.reason for gap in inventory.gaps] == ["member 2: no native type is known for aws_unheard_of"]
