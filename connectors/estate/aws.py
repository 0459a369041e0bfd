"""One AWS stack, as AWS Config records it; IAM users' keys as the IAM API lists them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from connectors.estate.company import Record, Stack, dollars
from domain.clock import format_instant
from domain.resource import Provider
from domain.value import Json


def aws_stack(stack: Stack) -> Iterator[Record]:
    """Every resource of one stack, referring to each other by id or ARN."""
    vpc, subnet, group = _short(stack, "vpc"), _short(stack, "subnet"), _short(stack, "sg")
    role = f"arn:aws:iam::{stack.account()}:role/{stack.name}"
    key = _arn(stack, "kms", f"key/{_short(stack, 'key').removeprefix('key-')}")
    yield from _network(stack, vpc, subnet, group)
    yield from _identity(stack, role, key)
    yield from _data(stack, key, group)
    for index in range(stack.random.randint(2, 5)):
        yield from _machine(stack, index, vpc=vpc, subnet=subnet, group=group, key=key)
    yield _function(stack, role, subnet, group)
    yield _certificate(stack)
    if stack.is_flawed(2):
        yield _volume(stack, _short(stack, "vol", 99), key, instance=None)


def _short(stack: Stack, prefix: str, index: int = 0) -> str:
    return f"{prefix}-{stack.number:08x}{index:09x}"


def _arn(stack: Stack, service: str, rest: str) -> str:
    return f"arn:aws:{service}:{stack.region}:{stack.account()}:{rest}"


def _record(
    stack: Stack,
    type_: str,
    name: str,
    arn: str,
    configuration: dict[str, Json],
    *,
    supplementary: dict[str, Json] | None = None,
    cost: float = 0.0,
    service: str = "",
    drift: tuple[str, Json] | None = None,
    id_: str | None = None,
    region: str | None = None,
) -> Record:
    tags = stack.tags()
    document: dict[str, Json] = {
        "version": "1.3",
        "accountId": stack.account(),
        "configurationItemStatus": "OK",
        "arn": arn,
        "resourceType": type_,
        "resourceId": id_ or name,
        "resourceName": name,
        "awsRegion": region or stack.region,
        "tags": dict(tags),
        "relationships": [],
        "configuration": configuration,
        "supplementaryConfiguration": supplementary or {},
    }
    return Record(
        provider=Provider.AWS,
        uid=arn,
        name=name,
        type=type_,
        region=region or stack.region,
        account=stack.account(),
        document=document,
        wrapper="resource",
        service=service or type_.split("::")[1],
        cost_month=dollars(cost * stack.environment.size),
        tags=tags,
        beside={},
        drift=drift,
    )


def _network(stack: Stack, vpc: str, subnet: str, group: str) -> Iterator[Record]:
    yield _record(
        stack,
        "AWS::EC2::VPC",
        vpc,
        _arn(stack, "ec2", f"vpc/{vpc}"),
        {"vpcId": vpc, "cidrBlock": "10.2.0.0/16", "isDefault": stack.is_flawed(), "state": "available"},
    )
    yield _record(
        stack,
        "AWS::EC2::Subnet",
        subnet,
        _arn(stack, "ec2", f"subnet/{subnet}"),
        {"subnetId": subnet, "vpcId": vpc, "cidrBlock": "10.2.1.0/24", "mapPublicIpOnLaunch": stack.is_flawed()},
        drift=("configuration.mapPublicIpOnLaunch", True),
    )
    port = stack.random.choice((22, 3389, 5432))
    source = "0.0.0.0/0" if stack.is_flawed() else "10.0.0.0/8"
    yield _record(
        stack,
        "AWS::EC2::SecurityGroup",
        f"sg-{stack.name}",
        _arn(stack, "ec2", f"security-group/{group}"),
        {
            "groupId": group,
            "groupName": f"sg-{stack.name}",
            "vpcId": vpc,
            "ipPermissions": [
                {
                    "ipProtocol": "tcp",
                    "fromPort": port,
                    "toPort": port,
                    "ipRanges": [{"cidrIp": source}],
                    "ipv6Ranges": [],
                    "userIdGroupPairs": [],
                }
            ],
            "ipPermissionsEgress": [],
        },
        id_=group,
        drift=("configuration.ipPermissions", []),
    )


def _identity(stack: Stack, role: str, key: str) -> Iterator[Record]:
    trust: Json = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    yield _record(
        stack,
        "AWS::IAM::Role",
        stack.name,
        role,
        {"roleName": stack.name, "arn": role, "assumeRolePolicyDocument": trust, "path": "/"},
        region="global",
    )
    yield _record(
        stack,
        "AWS::KMS::Key",
        key.rpartition("/")[2],
        key,
        {"keyId": key.rpartition("/")[2], "arn": key, "keyState": "Enabled", "keyManager": "CUSTOMER"},
        supplementary={"KeyRotationStatus": not stack.is_flawed(2)},
        cost=1,
        service="AWS Key Management Service",
    )
    user = f"svc-{stack.name}"
    arn = f"arn:aws:iam::{stack.account()}:user/{user}"
    yield _record(stack, "AWS::IAM::User", user, arn, {"userName": user, "arn": arn, "path": "/"}, region="global")
    yield _access_key(stack, user)


def _access_key(stack: Stack, user: str) -> Record:
    """A user's key, as the IAM API lists it; a few reach 90 days within the week."""
    age_hours = stack.random.choice((400, 900, 1500, 2010, 2060, 2100, 2150, 5000))
    key = f"AKIASYNTHETIC{stack.number % 10**7:07d}"
    answer: dict[str, Json] = {
        "AccessKeyMetadata": [
            {
                "UserName": user,
                "AccessKeyId": key,
                "Status": "Active",
                "CreateDate": format_instant(stack.as_of - timedelta(hours=age_hours)),
            }
        ]
    }
    return Record(
        provider=Provider.AWS,
        uid=key,
        name=key,
        type="AWS::IAM::AccessKey",
        region="global",
        account=stack.account(),
        document=answer,
        wrapper="data",
        service="AWS Identity and Access Management",
        cost_month=dollars(0),
        tags={},
        beside={"service": "iam", "operation": "ListAccessKeys"},
    )


def _data(stack: Stack, key: str, group: str) -> Iterator[Record]:
    bucket = f"{stack.name}-data-{stack.account()[-4:]}"
    blocked = not stack.is_flawed()
    yield _record(
        stack,
        "AWS::S3::Bucket",
        bucket,
        f"arn:aws:s3:::{bucket}",
        {"name": bucket, "creationDate": format_instant(stack.as_of - timedelta(days=400))},
        supplementary={
            "PublicAccessBlockConfiguration": {
                "blockPublicAcls": blocked,
                "ignorePublicAcls": blocked,
                "blockPublicPolicy": blocked,
                "restrictPublicBuckets": blocked,
            },
            "ServerSideEncryptionConfiguration": {
                "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyID": key}}]
            },
            "BucketVersioningConfiguration": {"status": "Off" if stack.is_flawed() else "Enabled"},
            "BucketLoggingConfiguration": {"destinationBucketName": None if stack.is_flawed(2) else "audit-logs"},
        },
        cost=60,
        service="Amazon Simple Storage Service",
        drift=("supplementaryConfiguration.BucketVersioningConfiguration", {"status": "Suspended"}),
    )
    database = f"db-{stack.name}"
    yield _record(
        stack,
        "AWS::RDS::DBInstance",
        database,
        _arn(stack, "rds", f"db:{database}"),
        {
            "dBInstanceIdentifier": database,
            "dBInstanceClass": stack.random.choice(("db.m7g.large", "db.m4.large")),
            "engine": "postgres",
            "engineVersion": "16.4",
            "publiclyAccessible": stack.is_flawed(),
            "storageEncrypted": not stack.is_flawed(),
            "kmsKeyId": key,
            "multiAZ": not stack.is_flawed(2),
            "backupRetentionPeriod": 0 if stack.is_flawed() else 14,
            "deletionProtection": not stack.is_flawed(2),
            "iAMDatabaseAuthenticationEnabled": not stack.is_flawed(2),
            "vpcSecurityGroups": [{"vpcSecurityGroupId": group, "status": "active"}],
        },
        cost=310,
        service="Amazon Relational Database Service",
        drift=("configuration.publiclyAccessible", True),
    )


def _volume(stack: Stack, volume: str, key: str, *, instance: str | None) -> Record:
    attachments: list[Json] = [{"instanceId": instance, "state": "attached"}] if instance else []
    encrypted = not stack.is_flawed()
    configuration: dict[str, Json] = {
        "volumeId": volume,
        "size": 200,
        "volumeType": "gp2" if stack.is_flawed(2) else "gp3",
        "state": "in-use" if instance else "available",
        "encrypted": encrypted,
        "attachments": attachments,
    }
    if encrypted:
        configuration["kmsKeyId"] = key
    arn = _arn(stack, "ec2", f"volume/{volume}")
    return _record(stack, "AWS::EC2::Volume", volume, arn, configuration, cost=19, service="Amazon Elastic Block Store")


def _machine(stack: Stack, index: int, *, vpc: str, subnet: str, group: str, key: str) -> Iterator[Record]:
    instance, volume = _short(stack, "i", index), _short(stack, "vol", index)
    yield _volume(stack, volume, key, instance=instance)
    configuration: dict[str, Json] = {
        "instanceId": instance,
        "instanceType": stack.random.choice(("m7g.xlarge", "m4.large")),
        "vpcId": vpc,
        "subnetId": subnet,
        "securityGroups": [{"groupId": group, "groupName": f"sg-{stack.name}"}],
        "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeId": volume}}],
        "iamInstanceProfile": {"arn": f"arn:aws:iam::{stack.account()}:instance-profile/{stack.name}"},
        "metadataOptions": {"httpTokens": "optional" if stack.is_flawed() else "required", "httpEndpoint": "enabled"},
        "monitoring": {"state": "enabled"},
        "state": {"name": "stopped" if stack.is_flawed(0.7) else "running", "code": 16},
    }
    if stack.is_flawed():
        configuration["publicIpAddress"] = f"203.0.113.{(stack.number * 7 + index) % 250 + 1}"
    yield _record(
        stack,
        "AWS::EC2::Instance",
        instance,
        _arn(stack, "ec2", f"instance/{instance}"),
        configuration,
        cost=128,
        service="Amazon Elastic Compute Cloud",
        drift=("configuration.instanceType", "m7g.2xlarge"),
    )


def _function(stack: Stack, role: str, subnet: str, group: str) -> Record:
    name = f"fn-{stack.name}"
    arn = _arn(stack, "lambda", f"function:{name}")
    return _record(
        stack,
        "AWS::Lambda::Function",
        name,
        arn,
        {
            "functionName": name,
            "functionArn": arn,
            "runtime": stack.random.choice(("python3.9", "python3.13", "nodejs22.x")),
            "role": role,
            "timeout": 30,
            "vpcConfig": {"subnetIds": [subnet], "securityGroupIds": [group]},
            "tracingConfig": {"mode": "PassThrough" if stack.is_flawed(2) else "Active"},
        },
        cost=6,
        service="AWS Lambda",
        drift=("configuration.timeout", 300),
    )


def _certificate(stack: Stack) -> Record:
    expires = stack.as_of + timedelta(hours=stack.random.choice((20, 66, 101, 150, 1200, 4000)))
    name = f"{stack.application}.example"
    arn = _arn(stack, "acm", f"certificate/{stack.subscription()[:-6]}{stack.number:06d}")
    return _record(
        stack,
        "AWS::ACM::Certificate",
        name,
        arn,
        {
            "certificateArn": arn,
            "domainName": name,
            "status": "ISSUED",
            "type": "IMPORTED",
            "notBefore": format_instant(stack.as_of - timedelta(days=360)),
            "notAfter": format_instant(expires),
            "inUseBy": [],
        },
        service="AWS Certificate Manager",
    )
