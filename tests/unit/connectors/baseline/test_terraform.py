from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.baseline.read import read_baselines
from connectors.baseline.terraform import IGNORED_LINKS, SHAPES
from connectors.terraform.types import SCHEMES
from domain.drift import Baseline, BaselineSource, Declared
from domain.errors import InputError

ARN = "arn:aws:ec2:eu-central-1:123456789012"


def resource(type_: str, label: str, /, **attributes: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": type_, "name": label, "instances": [{"attributes": attributes}]}


def state(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"version": 4, "terraform_version": "1.11.4", "lineage": "x", "resources": list(resources)}


def read(tmp_path: Path, body: dict[str, Any], file: str = "shop.tfstate") -> Baseline:
    (tmp_path / file).write_text(json.dumps(body))
    return read_baselines([str(tmp_path / file)])[0]


def only(found: Baseline) -> Declared:
    assert len(found.resources) == 1, found.resources
    return found.resources[0]


def test_a_state_declares_resources_in_the_providers_shape(tmp_path: Path) -> None:
    queue = resource(
        "aws_sqs_queue", "orders", id="https://q/orders", arn="arn:aws:sqs:eu-central-1:123456789012:orders",
        name="orders", visibility_timeout_seconds=60, tags={"env": "prod"}, tags_all={"env": "prod", "team": "shop"},
        timeouts=None, policy="",
    )  # fmt: skip
    found = read(tmp_path, state(queue))
    one = only(found)
    assert (found.name, found.source) == ("shop", BaselineSource.TERRAFORM_STATE)
    assert (one.address, one.uid) == ("aws_sqs_queue.orders", "arn:aws:sqs:eu-central-1:123456789012:orders")
    assert one.properties == {"VisibilityTimeout": 60, "Policy": ""}
    assert one.tags == {"env": "prod", "team": "shop"}
    assert (one.scope, one.region) == ("/accounts/123456789012", "eu-central-1")


def test_what_terraform_splits_off_is_an_aspect_of_its_resource(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        state(
            resource("aws_s3_bucket", "b", id="data", bucket="data", arn="arn:aws:s3:::data"),
            resource("aws_s3_bucket_policy", "b", id="data", bucket="data", policy='{"Statement": []}'),
            resource("aws_iam_role_policy_attachment", "a", id="x", role="app", policy_arn="arn:aws:iam::aws:policy/P"),
            resource("aws_iam_user", "u", arn="arn:aws:iam::123456789012:user/u", name="u"),
        ),
    )
    bucket, policy, attachment, _ = found.resources
    assert (bucket.uid, bucket.is_aspect, bucket.scope) == ("arn:aws:s3:::data", False, "/accounts/123456789012")
    assert (policy.uid, policy.is_aspect) == ("arn:aws:s3:::data", True)
    assert policy.properties == {"BucketPolicy": {"Statement": []}}
    assert (attachment.uid, attachment.properties) == (
        "app",
        {"AttachedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/P"}]},
    )


def test_an_instance_declares_its_disks(tmp_path: Path) -> None:
    disk = {"volume_id": "vol-1", "volume_size": 8, "volume_type": "gp3", "encrypted": True}
    instance = resource(
        "aws_instance", "web", id="i-1", arn=f"{ARN}:instance/i-1", root_block_device=[disk],
        primary_network_interface_id="eni-1", monitoring=True, vpc_security_group_ids=["sg-1"],
        iam_instance_profile="", metadata_options=[{"http_tokens": "required"}],
    )  # fmt: skip
    own, volume, interface = read(tmp_path, state(instance)).resources
    assert own.properties["SecurityGroups"] == [{"GroupId": "sg-1"}]
    assert own.properties["MetadataOptions"] == {"HttpTokens": "required"}
    assert (volume.uid, volume.properties["Size"], volume.is_aspect) == (f"{ARN}:volume/vol-1", 8, True)
    assert interface.uid == f"{ARN}:network-interface/eni-1"


def test_a_security_groups_rules_keep_their_sources(tmp_path: Path) -> None:
    rule = {
        "protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["10.0.0.0/8"],
        "ipv6_cidr_blocks": ["::/0"], "security_groups": ["sg-2"], "self": True, "description": "TLS",
    }  # fmt: skip
    group = resource(
        "aws_security_group", "web", id="sg-1", arn=f"{ARN}:security-group/sg-1", ingress=[rule], egress=[]
    )
    one = only(read(tmp_path, state(group)))
    assert one.properties["IpPermissionsEgress"] == []
    assert one.properties["IpPermissions"] == [
        {
            "IpProtocol": "tcp",
            "FromPort": 443,
            "ToPort": 443,
            "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "TLS"}],
            "Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "TLS"}],
            "PrefixListIds": [],
            "UserIdGroupPairs": [
                {"GroupId": "sg-2", "Description": "TLS"},
                {"GroupId": "sg-1", "Description": "TLS"},
            ],
        }
    ]


def test_azure_and_google_have_their_own_shapes(tmp_path: Path) -> None:
    account = "/subscriptions/S/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"
    found = read(
        tmp_path,
        state(
            resource(
                "azurerm_storage_account", "a", id=account, name="a", account_tier="Standard",
                account_replication_type="LRS", min_tls_version="TLS1_2", public_network_access_enabled=False, tags={},
            ),
            resource(
                "google_storage_bucket", "b", name="b", project="p", versioning=[{"enabled": True}],
                effective_labels={"env": "prod"}, labels={}, lifecycle_rule=[],
            ),
        ),
    )  # fmt: skip
    azure, google = found.resources
    assert (azure.uid, azure.scope) == (account, "/subscriptions/S/resourceGroups/g")
    assert azure.properties["sku"] == {"name": "Standard_LRS"}
    assert azure.properties["properties"] == {"minimumTlsVersion": "TLS1_2", "publicNetworkAccess": "Disabled"}
    assert (google.uid, google.tags) == ("//storage.googleapis.com/b", {"env": "prod"})
    assert google.properties["versioning"] == {"enabled": True}


def test_secrets_never_reach_a_baseline(tmp_path: Path) -> None:
    body = state(
        resource(
            "aws_db_instance",
            "d",
            id="d",
            arn="arn:aws:rds:r:123456789012:db:d",
            password="hunter2hunter2",
            engine="mysql",
        )
    )
    assert "hunter2" not in repr(only(read(tmp_path, body)))


def test_a_plan_declares_what_is_to_be(tmp_path: Path) -> None:
    row = {"address": "aws_sqs_queue.q", "mode": "managed", "type": "aws_sqs_queue", "name": "q",
           "values": {"name": "q", "delay_seconds": 5}, "sensitive_values": {}}  # fmt: skip
    body = {"format_version": "1.2", "planned_values": {"root_module": {"resources": [row]}}, "resource_changes": []}
    found = read(tmp_path, body, "plan.json")
    assert found.source is BaselineSource.TERRAFORM_PLAN
    assert (only(found).uid, only(found).name, only(found).properties) == ("", "q", {"DelaySeconds": 5})


def test_a_type_without_a_table_is_compared_loosely_or_is_a_gap(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        state(
            resource("aws_redshift_cluster", "r", id="r", arn="arn:aws:redshift:r:1:cluster:r", node_type="dc2.large"),
            resource("aws_unheard_of", "x", id="x"),
            resource("aws_route", "x", id="x"),
            resource("random_id", "x", id="x"),
        ),
    )
    assert only(found).loose == {"node_type": "dc2.large"}
    assert [gap.reason for gap in found.gaps] == ["no native type is known for aws_unheard_of"]


def test_equal_states_have_equal_digests_and_another_value_another(tmp_path: Path) -> None:
    def digest(delay: int) -> str:
        return read(tmp_path, state(resource("aws_sqs_queue", "q", arn="arn:q", delay_seconds=delay))).digest

    assert digest(1) == digest(1) != digest(2)


def test_what_is_no_baseline_is_refused_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": 1}')
    with pytest.raises(InputError) as refused:
        read_baselines([str(tmp_path / "x.json")])
    assert refused.value.facts["where"] == str(tmp_path / "x.json")
    (tmp_path / "x.json").write_text('{"a": ')
    with pytest.raises(InputError):
        read_baselines([str(tmp_path / "x.json")])
    with pytest.raises(InputError):
        read_baselines([str(tmp_path / "absent.json")])


def test_two_states_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "shop.tfstate").write_text(json.dumps(state()))
    with pytest.raises(InputError) as refused:
        read_baselines([str(tmp_path)])
    assert refused.value.facts["name"] == "shop"


def test_every_table_is_of_a_provider_that_is_known() -> None:
    assert {type_.split("_")[0] for type_ in SHAPES} <= SCHEMES.keys()
    assert not IGNORED_LINKS & SHAPES.keys()
