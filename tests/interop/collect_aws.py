"""Describes everything that the drift estate is made of with boto3, and records the answers as a scan reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import orjson
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "us-east-1"
ACCOUNT = "123456789012"
_FACETS = (
    ("get_bucket_encryption", "GetBucketEncryption"),
    ("get_public_access_block", "GetPublicAccessBlock"),
    ("get_bucket_versioning", "GetBucketVersioning"),
    ("get_bucket_logging", "GetBucketLogging"),
    ("get_bucket_policy", "GetBucketPolicy"),
    ("get_bucket_lifecycle_configuration", "GetBucketLifecycleConfiguration"),
    ("get_bucket_tagging", "GetBucketTagging"),
)


def client(endpoint: str, service: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def collect(endpoint: str, file: Path) -> int:
    """Write one record a call; returns how many."""
    records = list(_records(endpoint))
    file.write_bytes(b"".join(orjson.dumps(record, default=str) + b"\n" for record in records))
    return len(records)


def _records(endpoint: str) -> Iterator[dict[str, Any]]:
    at = datetime.now(UTC).isoformat()

    def record(service: str, operation: str, call: Callable[..., Any], **parameters: Any) -> dict[str, Any]:
        try:
            data = call(**parameters)
        except ClientError as error:
            data = {"Error": error.response["Error"]}
        data = {key: value for key, value in data.items() if key != "ResponseMetadata"}
        return {
            "service": service,
            "operation": operation,
            "parameters": parameters,
            "account": ACCOUNT,
            "region": REGION,
            "captured_at": at,
            "data": data,
        }

    ec2 = client(endpoint, "ec2")
    for operation, call in (
        ("DescribeVpcs", ec2.describe_vpcs),
        ("DescribeSubnets", ec2.describe_subnets),
        ("DescribeSecurityGroups", ec2.describe_security_groups),
        ("DescribeInstances", ec2.describe_instances),
        ("DescribeVolumes", ec2.describe_volumes),
        ("DescribeRouteTables", ec2.describe_route_tables),
        ("DescribeInternetGateways", ec2.describe_internet_gateways),
    ):
        yield record("ec2", operation, call)
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        attributes: dict[str, Any] = {}
        for name in ("enableDnsSupport", "enableDnsHostnames"):
            answer = ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=name)
            attributes |= {key: value for key, value in answer.items() if key != "ResponseMetadata"}
        yield record("ec2", "DescribeVpcAttribute", lambda found=attributes, **_: found, VpcId=vpc["VpcId"])
    s3 = client(endpoint, "s3")
    yield record("s3", "ListBuckets", s3.list_buckets)
    for bucket in s3.list_buckets()["Buckets"]:
        for method, operation in _FACETS:
            yield record("s3", operation, getattr(s3, method), Bucket=bucket["Name"])
    yield from _identity(client(endpoint, "iam"), record)
    yield from _data(endpoint, record)


def _identity(iam: Any, record: Callable[..., dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield record("iam", "ListRoles", iam.list_roles)
    for role in iam.list_roles()["Roles"]:
        yield record("iam", "GetRole", iam.get_role, RoleName=role["RoleName"])
        yield record("iam", "ListAttachedRolePolicies", iam.list_attached_role_policies, RoleName=role["RoleName"])
    yield record("iam", "ListUsers", iam.list_users)
    for user in iam.list_users()["Users"]:
        yield record("iam", "GetUser", iam.get_user, UserName=user["UserName"])
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        yield record("iam", "GetPolicy", iam.get_policy, PolicyArn=policy["Arn"])
        yield record(
            "iam",
            "GetPolicyVersion",
            iam.get_policy_version,
            PolicyArn=policy["Arn"],
            VersionId=policy["DefaultVersionId"],
        )


def _data(endpoint: str, record: Callable[..., dict[str, Any]]) -> Iterator[dict[str, Any]]:
    kms = client(endpoint, "kms")
    for key in kms.list_keys()["Keys"]:
        yield record("kms", "DescribeKey", kms.describe_key, KeyId=key["KeyId"])
        yield record("kms", "GetKeyRotationStatus", kms.get_key_rotation_status, KeyId=key["KeyId"])
        yield record("kms", "GetKeyPolicy", kms.get_key_policy, KeyId=key["KeyId"], PolicyName="default")
    sqs = client(endpoint, "sqs")
    for url in sqs.list_queues().get("QueueUrls", []):
        yield record("sqs", "GetQueueAttributes", sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["All"])
    sns = client(endpoint, "sns")
    for topic in sns.list_topics()["Topics"]:
        yield record("sns", "GetTopicAttributes", sns.get_topic_attributes, TopicArn=topic["TopicArn"])
    tables = client(endpoint, "dynamodb")
    for name in tables.list_tables()["TableNames"]:
        yield record("dynamodb", "DescribeTable", tables.describe_table, TableName=name)
        yield record("dynamodb", "DescribeContinuousBackups", tables.describe_continuous_backups, TableName=name)
    yield record("logs", "DescribeLogGroups", client(endpoint, "logs").describe_log_groups)
    secrets = client(endpoint, "secretsmanager")
    yield record("secretsmanager", "ListSecrets", secrets.list_secrets)
    yield record("ecr", "DescribeRepositories", client(endpoint, "ecr").describe_repositories)
    resources = client(endpoint, "resourcegroupstaggingapi")
    yield record("tagging", "GetResources", resources.get_resources)
