"""Machines of an AWS stack: instances with their volumes, a scaling group, and snapshots."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.aws_document import answer, arn_of, aspect, config, key_arn, profile_arn, short_id
from connectors.estate.company import Record, Stack
from connectors.estate.dates import creation
from domain.clock import format_instant
from domain.value import Json


def compute(stack: Stack) -> Iterator[Record]:
    """A few machines; in some stacks a group that scales, or a volume that was left behind."""
    for index in range(stack.random.randint(2, 4)):
        yield from _machine(stack, index)
    if stack.has(0.25):
        yield _group(stack)
    if stack.is_flawed(2):
        yield _volume(stack, 99, instance=None)
    if stack.has(0.6):
        yield from _snapshot(stack)


def _volume(stack: Stack, index: int, *, instance: str | None) -> Record:
    volume = short_id(stack, "vol", index)
    attachments: list[Json] = [{"instanceId": instance, "state": "attached"}] if instance else []
    encrypted = stack.either(True, False, 0.7)
    configuration: dict[str, Json] = {
        "volumeId": volume,
        "size": 200,
        "volumeType": stack.either("gp3", "gp2", 1.5),
        "state": "in-use" if instance else "available",
        "encrypted": encrypted,
        "attachments": attachments,
    }
    if encrypted:
        configuration["kmsKeyId"] = key_arn(stack)
    arn = arn_of(stack, "ec2", f"volume/{volume}")
    return config(stack, "AWS::EC2::Volume", volume, arn, configuration, cost=19, service="Amazon Elastic Block Store")


def _machine(stack: Stack, index: int) -> Iterator[Record]:
    instance = short_id(stack, "i", index)
    yield _volume(stack, index, instance=instance)
    state: Json = {"name": stack.either("running", "stopped", 0.8), "code": 16}
    configuration: dict[str, Json] = {
        "instanceId": instance,
        "instanceType": stack.either("m7g.xlarge", "m4.large"),
        "vpcId": short_id(stack, "vpc"),
        "subnetId": short_id(stack, "subnet", index % 2),
        "securityGroups": [{"groupId": short_id(stack, "sg"), "groupName": f"sg-{stack.name}"}],
        "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeId": short_id(stack, "vol", index)}}],
        "metadataOptions": {"httpTokens": stack.either("required", "optional"), "httpEndpoint": "enabled"},
        "monitoring": {"state": stack.either("enabled", "disabled")},
        "state": state,
    }
    if not stack.is_flawed(0.6):
        configuration["iamInstanceProfile"] = {"arn": profile_arn(stack)}
    if stack.is_flawed():
        configuration["publicIpAddress"] = f"203.0.113.{(stack.serial * 7 + index) % 250 + 1}"
    arn = arn_of(stack, "ec2", f"instance/{instance}")
    yield config(
        stack,
        "AWS::EC2::Instance",
        instance,
        arn,
        configuration,
        cost=128,
        service="Amazon Elastic Compute Cloud",
        drift=("configuration.instanceType", "m7g.2xlarge"),
    )


def _group(stack: Stack) -> Record:
    name = f"asg-{stack.name}"
    zones: list[Json] = [f"{stack.region}a", f"{stack.region}b"]
    configuration: dict[str, Json] = {
        "autoScalingGroupName": name,
        "availabilityZones": zones[: stack.either(2, 1)],
        "minSize": 2,
        "maxSize": 8,
        "vPCZoneIdentifier": short_id(stack, "subnet"),
    }
    if stack.is_flawed():
        configuration["launchConfigurationName"] = f"lc-{stack.name}"
    else:
        configuration["launchTemplate"] = {"launchTemplateName": f"lt-{stack.name}", "version": "1"}
    arn = arn_of(stack, "autoscaling", f"autoScalingGroup:{stack.guid(5)}:autoScalingGroupName/{name}")
    drift: tuple[str, Json] = ("configuration.maxSize", 16)
    return config(stack, "AWS::AutoScaling::AutoScalingGroup", name, arn, configuration, drift=drift)


def _snapshot(stack: Stack) -> Iterator[Record]:
    snapshot = short_id(stack, "snap")
    body: dict[str, Json] = {
        "SnapshotId": snapshot,
        "VolumeId": short_id(stack, "vol"),
        "OwnerId": stack.place.account,
        "State": "completed",
        "Encrypted": stack.either(True, False),
        "StartTime": format_instant(creation(stack, days_max=365)),
        "VolumeSize": 200,
        "Tags": [{"Key": key, "Value": value} for key, value in stack.tags().items()],
    }
    uid = arn_of(stack, "ec2", f"snapshot/{snapshot}")
    document: dict[str, Json] = {"Snapshots": [body]}
    found = answer(
        stack, "ec2:DescribeSnapshots", "AWS::EC2::Snapshot", uid, document,
        cost=7, service="Amazon Elastic Block Store",
    )  # fmt: skip
    yield found
    permissions: list[Json] = [{"Group": "all"}] if stack.is_flawed(0.2) else []
    attribute: dict[str, Json] = {"SnapshotId": snapshot, "CreateVolumePermissions": permissions}
    yield aspect(stack, "ec2:DescribeSnapshotAttribute", ("SnapshotId", uid), found, attribute)
