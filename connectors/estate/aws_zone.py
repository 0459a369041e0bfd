"""What the stacks of one AWS account share: the trail and its archive, the transit gateway, people, commitments."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.aws_data import bucket
from connectors.estate.aws_document import (
    answer,
    archive_name,
    arn_of,
    aspect,
    boundary_arn,
    config,
    gateway_id,
    key_arn,
    wall_arn,
)
from connectors.estate.aws_identity import user
from connectors.estate.company import Record, Stack
from connectors.estate.dates import expiry
from domain.clock import format_instant
from domain.value import Json

_PEOPLE = ("operator-01", "operator-02", "auditor-01", "developer-01", "developer-02")


def aws_zone(stack: Stack) -> Iterator[Record]:
    """Every shared resource of one account."""
    yield _key(stack)
    yield from bucket(stack, archive_name(stack), cost=180, logs_to=archive_name(stack))
    yield from _trail(stack)
    yield _gateway(stack)
    rules: dict[str, Json] = {"arn": wall_arn(stack), "name": stack.name, "defaultAction": {"allow": {}}}
    yield config(stack, "AWS::WAFv2::WebACL", stack.name, wall_arn(stack), rules, cost=14, service="AWS WAF")
    yield from _boundary(stack)
    for name in _PEOPLE:
        yield from user(stack, f"{name}-{stack.name}", is_person=True)
    yield _tunnel(stack)
    yield _reservation(stack)


def _key(stack: Stack) -> Record:
    arn = key_arn(stack)
    configuration: dict[str, Json] = {
        "keyId": arn.rpartition("/")[2],
        "arn": arn,
        "keyState": "Enabled",
        "keyManager": "CUSTOMER",
        "keySpec": "SYMMETRIC_DEFAULT",
        "origin": "AWS_KMS",
    }
    name = arn.rpartition("/")[2]
    turned: dict[str, Json] = {"KeyRotationStatus": True}
    service = "AWS Key Management Service"
    return config(stack, "AWS::KMS::Key", name, arn, configuration, supplementary=turned, cost=1, service=service)


def _trail(stack: Stack) -> Iterator[Record]:
    group = arn_of(stack, "logs", f"log-group:trail-{stack.name}")
    logged: dict[str, Json] = {
        "logGroupName": f"trail-{stack.name}",
        "arn": group,
        "retentionInDays": 365,
        "kmsKeyId": key_arn(stack),
    }
    yield config(stack, "AWS::Logs::LogGroup", f"trail-{stack.name}", group, logged, cost=40)
    arn = arn_of(stack, "cloudtrail", f"trail/{stack.name}")
    configuration: dict[str, Json] = {
        "name": stack.name,
        "trailARN": arn,
        "s3BucketName": archive_name(stack),
        "isMultiRegionTrail": stack.either(True, False),
        "logFileValidationEnabled": stack.either(True, False),
        "includeGlobalServiceEvents": True,
    }
    if not stack.is_flawed():
        configuration["kmsKeyId"] = key_arn(stack)
    if not stack.is_flawed():
        configuration["cloudWatchLogsLogGroupArn"] = f"{group}:*"
    trail = config(stack, "AWS::CloudTrail::Trail", stack.name, arn, configuration, service="AWS CloudTrail")
    yield trail
    status: dict[str, Json] = {"IsLogging": stack.either(True, False, 0.3)}
    yield aspect(stack, "cloudtrail:GetTrailStatus", ("Name", arn), trail, status)


def _gateway(stack: Stack) -> Record:
    gateway = gateway_id(stack)
    arn = arn_of(stack, "ec2", f"transit-gateway/{gateway}")
    configuration: dict[str, Json] = {
        "transitGatewayId": gateway,
        "transitGatewayArn": arn,
        "state": "available",
        "options": {"autoAcceptSharedAttachments": stack.either("disable", "enable", 1.5)},
    }
    service = "Amazon Virtual Private Cloud"
    return config(stack, "AWS::EC2::TransitGateway", gateway, arn, configuration, cost=290, service=service)


def _boundary(stack: Stack) -> Iterator[Record]:
    arn = boundary_arn(stack)
    name = arn.rpartition("/")[2]
    policy: dict[str, Json] = {"PolicyName": name, "Arn": arn, "PolicyId": f"ANPASYNTHETIC{stack.serial:08X}"}
    found = answer(stack, "iam:GetPolicy", "AWS::IAM::ManagedPolicy", arn, {"Policy": policy}, is_global=True)
    yield found
    actions: list[Json] = ["*"] if stack.is_flawed(0.5) else ["s3:GetObject", "s3:PutObject", "kms:Decrypt"]
    statement: Json = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    version: Json = {"VersionId": "v1", "Document": {"Version": "2012-10-17", "Statement": [statement]}}
    yield aspect(stack, "iam:GetPolicyVersion", ("PolicyArn", arn), found, {"PolicyVersion": version})


def _tunnel(stack: Stack) -> Record:
    tunnel = f"vpn-{stack.serial:08x}000000001"
    configuration: dict[str, Json] = {
        "vpnConnectionId": tunnel,
        "state": "available",
        "transitGatewayId": gateway_id(stack),
        "vgwTelemetry": [{"status": "UP"}, {"status": stack.either("UP", "DOWN", 2)}],
    }
    arn = arn_of(stack, "ec2", f"vpn-connection/{tunnel}")
    service = "Amazon Virtual Private Cloud"
    return config(stack, "AWS::EC2::VPNConnection", tunnel, arn, configuration, cost=36, service=service)


def _reservation(stack: Stack) -> Record:
    reservation = stack.guid(4)
    uid = arn_of(stack, "ec2", f"reserved-instances/{reservation}")
    body: dict[str, Json] = {
        "ReservedInstancesId": reservation,
        "InstanceType": "m7g.xlarge",
        "InstanceCount": 10,
        "State": "active",
        "End": format_instant(expiry(stack)),
    }
    document: dict[str, Json] = {"ReservedInstances": [body]}
    return answer(stack, "ec2:DescribeReservedInstances", "AWS::EC2::ReservedInstance", uid, document)
