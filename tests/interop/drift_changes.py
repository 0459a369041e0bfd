"""What somebody does behind Terraform's back, as boto3 calls: each with the resource and the attribute that it drifts.

`expected` names the resource by its Terraform address (or by a name, where nothing declares it), the kind, and the
attribute by the first part of its path.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.interop.collect_aws import client

Ids = dict[str, str]
"""Ids of the resources by Terraform address."""


@dataclass(frozen=True, slots=True)
class Planted:
    """One change, and the drift that it must come to."""

    name: str
    do: Callable[[str, Ids], Any]
    address: str
    kind: str
    path: str = ""


def _s3(endpoint: str) -> Any:
    return client(endpoint, "s3")


def _group(ids: Ids, name: str) -> str:
    return ids[f"aws_security_group.{name}"]


def _open_ssh(endpoint: str, ids: Ids) -> None:
    client(endpoint, "ec2").authorize_security_group_ingress(
        GroupId=_group(ids, "web"), IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )


def _close_database(endpoint: str, ids: Ids) -> None:
    client(endpoint, "ec2").revoke_security_group_ingress(
        GroupId=_group(ids, "db"),
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 5432,
                "ToPort": 5432,
                "UserIdGroupPairs": [{"GroupId": _group(ids, "web")}],
            }
        ],
    )


def _weaken_metadata(endpoint: str, ids: Ids) -> None:
    client(endpoint, "ec2").modify_instance_metadata_options(
        InstanceId=ids["aws_instance.web"], HttpTokens="optional", HttpEndpoint="enabled"
    )


def _widen_trust(endpoint: str, _: Ids) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client(endpoint, "iam").update_assume_role_policy(RoleName="app", PolicyDocument=document)


def _attach_admin(endpoint: str, _: Ids) -> None:
    iam = client(endpoint, "iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    arn = iam.create_policy(PolicyName="everything", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="app", PolicyArn=arn)


def _widen_policy(endpoint: str, ids: Ids) -> None:
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    )
    client(endpoint, "iam").create_policy_version(
        PolicyArn=ids["aws_iam_policy.read"], PolicyDocument=document, SetAsDefault=True
    )


def _public_bucket(endpoint: str, _: Ids) -> None:
    _s3(endpoint).put_public_access_block(
        Bucket="shop-data",
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": False,
            "RestrictPublicBuckets": True,
        },
    )


def _plain_encryption(endpoint: str, _: Ids) -> None:
    _s3(endpoint).put_bucket_encryption(
        Bucket="shop-data",
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
        },
    )


def _suspend_versions(endpoint: str, _: Ids) -> None:
    _s3(endpoint).put_bucket_versioning(Bucket="shop-data", VersioningConfiguration={"Status": "Suspended"})


def _stop_logging(endpoint: str, _: Ids) -> None:
    _s3(endpoint).put_bucket_logging(Bucket="shop-data", BucketLoggingStatus={})


def _drop_policy(endpoint: str, _: Ids) -> None:
    _s3(endpoint).delete_bucket_policy(Bucket="shop-logs")


def _tag_bucket(endpoint: str, _: Ids) -> None:
    tags = [{"Key": "env", "Value": "dev"}, {"Key": "team", "Value": "shop"}]
    _s3(endpoint).put_bucket_tagging(Bucket="shop-data", Tagging={"TagSet": tags})


def _queue(endpoint: str, _: Ids) -> None:
    sqs = client(endpoint, "sqs")
    url = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5", "MessageRetentionPeriod": "345600"})


def _topic(endpoint: str, ids: Ids) -> None:
    client(endpoint, "sns").set_topic_attributes(
        TopicArn=ids["aws_sns_topic.alerts"], AttributeName="DisplayName", AttributeValue="Spam"
    )


def _no_rotation(endpoint: str, ids: Ids) -> None:
    client(endpoint, "kms").disable_key_rotation(KeyId=ids["aws_kms_key.data"])


def _no_recovery(endpoint: str, _: Ids) -> None:
    client(endpoint, "dynamodb").update_continuous_backups(
        TableName="carts", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )


def _retention(endpoint: str, _: Ids) -> None:
    client(endpoint, "logs").put_retention_policy(logGroupName="/shop/app", retentionInDays=1)


def _mutable_images(endpoint: str, _: Ids) -> None:
    client(endpoint, "ecr").put_image_tag_mutability(repositoryName="shop/app", imageTagMutability="MUTABLE")


def _public_subnet(endpoint: str, ids: Ids) -> None:
    client(endpoint, "ec2").modify_subnet_attribute(SubnetId=ids["aws_subnet.db"], MapPublicIpOnLaunch={"Value": True})


def _delete_volume(endpoint: str, ids: Ids) -> None:
    client(endpoint, "ec2").delete_volume(VolumeId=ids["aws_ebs_volume.data"])


def _delete_user(endpoint: str, _: Ids) -> None:
    client(endpoint, "iam").delete_user(UserName="ci")


def _own_bucket(endpoint: str, _: Ids) -> None:
    _s3(endpoint).create_bucket(Bucket="shadow-bucket")


def _own_queue(endpoint: str, _: Ids) -> None:
    client(endpoint, "sqs").create_queue(QueueName="shadow-queue")


def _no_hostnames(endpoint: str, ids: Ids) -> None:
    client(endpoint, "ec2").modify_vpc_attribute(VpcId=ids["aws_vpc.main"], EnableDnsHostnames={"Value": False})


def _secret(endpoint: str, _: Ids) -> None:
    client(endpoint, "secretsmanager").update_secret(SecretId="shop/token", Description="of nobody")


PLANTED: tuple[Planted, ...] = (
    Planted("open SSH to the world", _open_ssh, "aws_security_group.web", "changed", "IpPermissions"),
    Planted("close the database's port", _close_database, "aws_security_group.db", "changed", "IpPermissions"),
    Planted("allow version 1 of the metadata service", _weaken_metadata, "aws_instance.web", "changed",
            "MetadataOptions.HttpTokens"),
    Planted("let another account assume the role", _widen_trust, "aws_iam_role.app", "changed",
            "AssumeRolePolicyDocument"),
    Planted("attach another policy to the role", _attach_admin, "aws_iam_role.app", "changed", "AttachedPolicies"),
    Planted("make the policy allow everything of S3", _widen_policy, "aws_iam_policy.read", "changed",
            "PolicyVersion.Document"),
    Planted("allow public bucket policies", _public_bucket, "aws_s3_bucket.data", "changed",
            "PublicAccessBlock.BlockPublicPolicy"),
    Planted("encrypt with S3's own key", _plain_encryption, "aws_s3_bucket.data", "changed", "BucketEncryption"),
    Planted("suspend versioning", _suspend_versions, "aws_s3_bucket.data", "changed", "BucketVersioning.Status"),
    Planted("stop access logging", _stop_logging, "aws_s3_bucket.data", "changed", "BucketLogging"),
    Planted("remove the bucket's policy", _drop_policy, "aws_s3_bucket.logs", "changed", "BucketPolicy"),
    Planted("change a tag", _tag_bucket, "aws_s3_bucket.data", "changed", "tags.env"),
    Planted("shorten the queue's time-out", _queue, "aws_sqs_queue.orders", "changed", "VisibilityTimeout"),
    Planted("rename the topic", _topic, "aws_sns_topic.alerts", "changed", "DisplayName"),
    Planted("stop the key's rotation", _no_rotation, "aws_kms_key.data", "changed",
            "KeyRotationStatus.KeyRotationEnabled"),
    Planted("stop the table's backups", _no_recovery, "aws_dynamodb_table.carts", "changed", "ContinuousBackups"),
    Planted("keep logs for a day", _retention, "aws_cloudwatch_log_group.app", "changed", "retentionInDays"),
    Planted("let images be overwritten", _mutable_images, "aws_ecr_repository.app", "changed", "imageTagMutability"),
    Planted("give public addresses in the subnet", _public_subnet, "aws_subnet.db", "changed", "MapPublicIpOnLaunch"),
    Planted("stop host names in the network", _no_hostnames, "aws_vpc.main", "changed", "VpcAttribute"),
    Planted("change the secret's description", _secret, "aws_secretsmanager_secret.token", "changed", "Description"),
    Planted("delete the volume", _delete_volume, "aws_ebs_volume.data", "missing"),
    Planted("delete the user", _delete_user, "aws_iam_user.ci", "missing"),
    Planted("make a bucket by hand", _own_bucket, "shadow-bucket", "unmanaged"),
    Planted("make a queue by hand", _own_queue, "shadow-queue", "unmanaged"),
)  # fmt: skip
"""Every change of the drill. The policy that is attached to the role is made by hand too, and so is unmanaged."""
