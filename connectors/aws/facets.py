"""Calls that tell one aspect of one resource, as data: under which top-level key the answer is kept.

A facet that was asked for and is not set is absent; one that nobody asked for is unread, so that a policy on it is
undecidable. `FACETS_BY_TYPE` lists the facets that a type's own describe or list call does not give.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facet:
    """One call.

    Args:
        type: type of the resource that was asked about.
        key: top-level key of the item under which the answer is kept.
        path: key of the answer that holds it; empty for the whole answer.
        parameter: the request's parameter that names the resource.
        uid: template that makes the resource's id from `id`; empty where the parameter is the id.
        answer_id: key of the answer that names the resource, where there is one.
    """

    service: str
    operation: str
    type: str
    key: str
    path: str
    parameter: str
    uid: str = ""
    answer_id: str = ""


def _s3(operation: str, key: str, path: str = "") -> Facet:
    return Facet("s3", operation, "AWS::S3::Bucket", key, path, "Bucket", "arn:aws:s3:::{id}")


_ALL = (
    _s3("GetBucketEncryption", "BucketEncryption", "ServerSideEncryptionConfiguration"),
    _s3("GetPublicAccessBlock", "PublicAccessBlock", "PublicAccessBlockConfiguration"),
    _s3("GetBucketVersioning", "BucketVersioning"),
    _s3("GetBucketLogging", "BucketLogging"),
    _s3("GetBucketPolicy", "BucketPolicy", "Policy"),
    _s3("GetBucketPolicyStatus", "BucketPolicyStatus", "PolicyStatus"),
    _s3("GetBucketAcl", "BucketAcl"),
    _s3("GetBucketLifecycle", "BucketLifecycle"),
    _s3("GetBucketLifecycleConfiguration", "BucketLifecycle"),
    _s3("GetBucketReplication", "BucketReplication", "ReplicationConfiguration"),
    _s3("GetBucketLocation", "BucketLocation"),
    _s3("GetBucketWebsite", "BucketWebsite"),
    _s3("GetBucketNotificationConfiguration", "BucketNotification"),
    _s3("GetBucketNotification", "BucketNotification"),
    _s3("GetBucketOwnershipControls", "BucketOwnershipControls", "OwnershipControls"),
    _s3("GetObjectLockConfiguration", "ObjectLockConfiguration", "ObjectLockConfiguration"),
    _s3("GetBucketCors", "BucketCors"),
    _s3("GetBucketAccelerateConfiguration", "BucketAccelerateConfiguration"),
    _s3("GetBucketTagging", "Tags", "TagSet"),
    Facet("kms", "GetKeyRotationStatus", "AWS::KMS::Key", "KeyRotationStatus", "", "KeyId", "", "KeyId"),
    Facet("kms", "GetKeyPolicy", "AWS::KMS::Key", "KeyPolicy", "Policy", "KeyId"),
    Facet("lambda", "GetPolicy", "AWS::Lambda::Function", "Policy", "Policy", "FunctionName"),
    Facet("lambda", "GetFunctionConcurrency", "AWS::Lambda::Function", "FunctionConcurrency", "", "FunctionName"),
    Facet("lambda", "GetFunctionUrlConfig", "AWS::Lambda::Function", "FunctionUrlConfig", "", "FunctionName", "",
          "FunctionArn"),
    Facet("secretsmanager", "GetResourcePolicy", "AWS::SecretsManager::Secret", "ResourcePolicy", "ResourcePolicy",
          "SecretId", "", "ARN"),
    Facet("cloudtrail", "GetTrailStatus", "AWS::CloudTrail::Trail", "TrailStatus", "", "Name"),
    Facet("cloudtrail", "GetEventSelectors", "AWS::CloudTrail::Trail", "EventSelectors", "", "TrailName", "",
          "TrailARN"),
    Facet("ecr", "GetRepositoryPolicy", "AWS::ECR::Repository", "RepositoryPolicy", "policyText", "repositoryName",
          "arn:aws:ecr:{region}:{registryId}:repository/{id}", "repositoryName"),
    Facet("ecr", "GetLifecyclePolicy", "AWS::ECR::Repository", "LifecyclePolicy", "lifecyclePolicyText",
          "repositoryName", "arn:aws:ecr:{region}:{registryId}:repository/{id}", "repositoryName"),
    Facet("dynamodb", "DescribeContinuousBackups", "AWS::DynamoDB::Table", "ContinuousBackups",
          "ContinuousBackupsDescription", "TableName"),
    Facet("elasticfilesystem", "DescribeFileSystemPolicy", "AWS::EFS::FileSystem", "FileSystemPolicy", "Policy",
          "FileSystemId", "", "FileSystemId"),
    Facet("elasticfilesystem", "DescribeBackupPolicy", "AWS::EFS::FileSystem", "BackupPolicy", "BackupPolicy",
          "FileSystemId"),
    Facet("elasticloadbalancing", "DescribeLoadBalancerAttributes", "AWS::ElasticLoadBalancingV2::LoadBalancer",
          "LoadBalancerAttributes", "Attributes", "LoadBalancerArn"),
    Facet("sns", "GetTopicAttributes", "AWS::SNS::Topic", "", "Attributes", "TopicArn", "", "TopicArn"),
    Facet("sqs", "GetQueueAttributes", "AWS::SQS::Queue", "", "Attributes", "QueueUrl", "", "QueueArn"),
    Facet("iam", "GetLoginProfile", "AWS::IAM::User", "LoginProfile", "LoginProfile", "UserName"),
    Facet("iam", "ListAttachedRolePolicies", "AWS::IAM::Role", "AttachedPolicies", "AttachedPolicies", "RoleName"),
    Facet("iam", "ListAttachedUserPolicies", "AWS::IAM::User", "AttachedPolicies", "AttachedPolicies", "UserName"),
    Facet("iam", "ListAttachedGroupPolicies", "AWS::IAM::Group", "AttachedPolicies", "AttachedPolicies",
          "GroupName"),
    Facet("iam", "GetPolicyVersion", "AWS::IAM::ManagedPolicy", "PolicyVersion", "PolicyVersion", "PolicyArn"),
    Facet("guardduty", "GetDetector", "AWS::GuardDuty::Detector", "", "", "DetectorId"),
    Facet("ec2", "DescribeInstanceAttribute", "AWS::EC2::Instance", "InstanceAttribute", "", "InstanceId", "",
          "InstanceId"),
    Facet("ec2", "DescribeVolumeAttribute", "AWS::EC2::Volume", "VolumeAttribute", "", "VolumeId", "", "VolumeId"),
    Facet("ec2", "DescribeSnapshotAttribute", "AWS::EC2::Snapshot", "SnapshotAttribute", "", "SnapshotId", "",
          "SnapshotId"),
    Facet("ec2", "DescribeImageAttribute", "AWS::EC2::Image", "ImageAttribute", "", "ImageId", "", "ImageId"),
    Facet("ec2", "DescribeVpcAttribute", "AWS::EC2::VPC", "VpcAttribute", "", "VpcId", "", "VpcId"),
    Facet("rds", "DescribeDBSnapshotAttributes", "AWS::RDS::DBSnapshot", "DBSnapshotAttributes",
          "DBSnapshotAttributesResult", "DBSnapshotIdentifier"),
)  # fmt: skip

FACETS: Mapping[tuple[str, str], Facet] = {(facet.service, facet.operation): facet for facet in _ALL}


def _by_type() -> dict[str, tuple[str, ...]]:
    keys: dict[str, set[str]] = {}
    for facet in _ALL:
        if facet.key:
            keys.setdefault(facet.type, set()).add(facet.key)
    return {type_: tuple(sorted(found)) for type_, found in keys.items()}


FACETS_BY_TYPE: Mapping[str, tuple[str, ...]] = _by_type()

POLICY_KEYS = frozenset(
    {
        "AccessPolicies",
        "AssumeRolePolicyDocument",
        "BucketPolicy",
        "FileSystemPolicy",
        "KeyPolicy",
        "LifecyclePolicy",
        "Policy",
        "PolicyDocument",
        "RedrivePolicy",
        "RepositoryPolicy",
        "ResourcePolicy",
        "assumeRolePolicyDocument",
        "policy",
        "policyDocument",
    }
)
"""Keys whose text is a JSON document; it is kept parsed."""

CONFIG_FACETS: Mapping[str, tuple[str, str]] = {
    "ServerSideEncryptionConfiguration": ("BucketEncryption", ""),
    "PublicAccessBlockConfiguration": ("PublicAccessBlock", ""),
    "BucketVersioningConfiguration": ("BucketVersioning", ""),
    "BucketLoggingConfiguration": ("BucketLogging", ""),
    "BucketPolicy": ("BucketPolicy", "policyText"),
    "AccessControlList": ("BucketAcl", ""),
    "BucketLifecycleConfiguration": ("BucketLifecycle", ""),
    "BucketReplicationConfiguration": ("BucketReplication", ""),
    "BucketWebsiteConfiguration": ("BucketWebsite", ""),
    "BucketNotificationConfiguration": ("BucketNotification", ""),
    "Policy": ("Policy", "policyText"),
    "KeyRotationStatus": ("KeyRotationStatus", ""),
}
"""AWS Config's supplementary configuration under the facets' names; (key, member that holds the value)."""

ABSENT_CODES = frozenset(
    {
        "NoSuchBucketPolicy",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchWebsiteConfiguration",
        "NoSuchLifecycleConfiguration",
        "NoSuchCORSConfiguration",
        "NoSuchTagSet",
        "NoSuchEntity",
        "ObjectLockConfigurationNotFoundError",
        "OwnershipControlsNotFoundError",
        "PolicyNotFound",
        "RepositoryPolicyNotFoundException",
        "LifecyclePolicyNotFoundException",
        "ReplicationConfigurationNotFoundError",
        "ResourceNotFoundException",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)
"""Errors by which AWS says that a facet is not set."""
