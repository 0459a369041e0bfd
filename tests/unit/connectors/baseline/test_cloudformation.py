from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.baseline.cloudformation_functions import Stack
from connectors.baseline.read import read_baselines
from connectors.baseline.unknown import UNKNOWN
from domain.drift import Baseline, BaselineSource, Declared
from domain.errors import InputError
from domain.value import Json

STACK = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop/1"
TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Env: {Type: String, Default: dev}
  Zones: {Type: CommaDelimitedList, Default: "a, b"}
Conditions:
  IsProd: !Equals [!Ref Env, prod]
Mappings:
  Sizes: {prod: {days: 30}, dev: {days: 1}}
Resources:
  Data:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub "shop-${Env}-${AWS::AccountId}"
      PublicAccessBlockConfiguration: {BlockPublicAcls: true}
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault: {SSEAlgorithm: aws:kms, KMSMasterKeyID: !GetAtt Key.Arn}
      Tags: [{Key: env, Value: !Ref Env}]
  DataPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Data
      PolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Deny, Principal: "*", Action: "s3:*", Resource: !GetAtt Data.Arn}]
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: !If [IsProd, 10.0.0.0/8, 192.168.0.0/16]}
  Logs:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: /shop
      RetentionInDays: !FindInMap [Sizes, !Ref Env, days]
  OnlyInDev:
    Type: AWS::SQS::Queue
    Condition: IsDev
  Key:
    Type: AWS::KMS::Key
    Properties: {EnableKeyRotation: true, Description: !Join ["-", [shop, !Select [1, !Ref Zones]]]}
"""


def answers() -> dict[str, Any]:
    physical = {"Data": "shop-prod-123456789012", "Group": "sg-1", "Logs": "/shop", "Key": "1cb2"}
    return {
        "Stacks": [
            {
                "StackName": "shop",
                "StackId": STACK,
                "Parameters": [{"ParameterKey": "Env", "ParameterValue": "prod"}],
            }
        ],
        "StackResources": [
            {"StackId": STACK, "LogicalResourceId": logical, "PhysicalResourceId": each}
            for logical, each in physical.items()
        ],
    }


def read(tmp_path: Path) -> tuple[Baseline, dict[str, Declared]]:
    (tmp_path / "shop.yaml").write_text(TEMPLATE)
    (tmp_path / "stack.json").write_text(json.dumps(answers()))
    found = read_baselines([str(tmp_path)])[0]
    return found, {each.address: each for each in found.resources}


def test_a_template_and_its_stack_declare_resources_with_their_ids(tmp_path: Path) -> None:
    found, by_address = read(tmp_path)
    assert found.source is BaselineSource.CLOUDFORMATION
    assert {address: each.uid for address, each in by_address.items()} == {
        "Data": "arn:aws:s3:::shop-prod-123456789012",
        "DataPolicy": "arn:aws:s3:::shop-prod-123456789012",
        "Group": "arn:aws:ec2:eu-central-1:123456789012:security-group/sg-1",
        "Logs": "arn:aws:logs:eu-central-1:123456789012:log-group:/shop",
        "Key": "arn:aws:kms:eu-central-1:123456789012:key/1cb2",
    }


def test_functions_are_worked_out_by_what_is_known_of_the_stack(tmp_path: Path) -> None:
    _, by_address = read(tmp_path)
    assert by_address["Data"].name == "shop-prod-123456789012"
    assert by_address["Data"].tags == {"env": "prod"}
    assert by_address["Logs"].properties == {"retentionInDays": 30}
    assert by_address["Key"].properties["Description"] == "shop-b"
    permission = by_address["Group"].properties["IpPermissions"]
    assert isinstance(permission, list)
    assert permission[0]["IpRanges"] == [{"CidrIp": "10.0.0.0/8"}]  # type: ignore[index,call-overload]


def test_what_only_the_provider_knows_is_unknown(tmp_path: Path) -> None:
    _, by_address = read(tmp_path)
    policy = by_address["DataPolicy"]
    assert policy.is_aspect
    assert UNKNOWN in json.dumps(policy.properties)
    assert "OnlyInDev" not in by_address


def test_a_policys_version_stays_text(tmp_path: Path) -> None:
    _, by_address = read(tmp_path)
    document = by_address["DataPolicy"].properties["BucketPolicy"]
    assert isinstance(document, dict)
    assert document["Version"] == "2012-10-17"


def test_a_loop_is_a_gap_that_says_what_to_give(tmp_path: Path) -> None:
    body = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Fn::ForEach::Topics": ["T", [], {}]}}
    (tmp_path / "t.json").write_text(json.dumps(body))
    found = read_baselines([str(tmp_path / "t.json")])[0]
    assert "Processed" in found.gaps[0].todo


def test_yaml_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("a: [1\nb: }")
    with pytest.raises(InputError) as refused:
        read_baselines([str(tmp_path / "t.yaml")])
    assert str(refused.value.facts["where"]).endswith("t.yaml")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "P"}, "x"),
        ({"Ref": "Nobody"}, UNKNOWN),
        ({"Fn::Sub": "a-${P}-${!P}"}, "a-x-${P}"),
        ({"Fn::Sub": ["${Q}", {"Q": {"Ref": "P"}}]}, "x"),
        ({"Fn::Sub": "${Bucket.Arn}"}, UNKNOWN),
        ({"Fn::Join": [",", ["a", {"Ref": "P"}]]}, "a,x"),
        ({"Fn::Split": [",", "a,b"]}, ["a", "b"]),
        ({"Fn::Select": ["1", ["a", "b"]]}, "b"),
        ({"Fn::Select": ["7", ["a", "b"]]}, UNKNOWN),
        ({"Fn::Base64": "a"}, "YQ=="),
        ({"Fn::If": ["Yes", 1, 2]}, 1),
        ({"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}, "\0no value"),
        ({"Fn::If": ["Unheard", 1, 2]}, UNKNOWN),
        ({"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]}, False),
        ({"Fn::Or": [{"Condition": "Yes"}, {"Condition": "No"}]}, True),
        ({"Fn::Not": [{"Condition": "No"}]}, True),
        ({"Fn::ImportValue": "x"}, UNKNOWN),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [1, {"Ref": "AWS::NoValue"}]}, {"b": [1]}),
    ],
)
def test_intrinsic_functions(value: Json, expected: Json) -> None:
    stack = Stack(parameters={"P": "x"}, conditions={"Yes": {"Fn::Equals": ["1", 1]}, "No": {"Fn::Equals": ["1", "2"]}})
    assert stack.resolve(value) == expected
