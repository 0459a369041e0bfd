"""Resources of an inventory as CloudFormation would declare them, as far as the two have the same properties.

AWS answers with its API's names, Guard's rules ask for CloudFormation's. `CARRIED` lists for each type the properties
that an inventory has whenever they are set, under CloudFormation's name or one that is translated here. Only of these
does absence mean that a property is not set; of every other one nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

CARRIED: Final[Mapping[str, frozenset[str]]] = {
    kind: frozenset(names.split())
    for kind, names in {
        "AWS::CloudTrail::Trail": "CloudWatchLogsLogGroupArn CloudWatchLogsRoleArn EnableLogFileValidation "
        "IncludeGlobalServiceEvents IsMultiRegionTrail IsOrganizationTrail KMSKeyId S3BucketName TrailName",
        "AWS::EC2::Instance": "EbsOptimized IamInstanceProfile ImageId InstanceType KeyName Monitoring SubnetId",
        "AWS::EC2::Volume": "AvailabilityZone Encrypted Iops KmsKeyId Size SnapshotId VolumeType",
        "AWS::EFS::FileSystem": "Encrypted KmsKeyId PerformanceMode ThroughputMode",
        "AWS::KMS::Key": "EnableKeyRotation Enabled KeySpec KeyUsage MultiRegion",
        "AWS::Lambda::Function": "DeadLetterConfig FunctionName Handler KmsKeyArn Layers MemorySize PackageType Role "
        "Runtime Timeout TracingConfig VpcConfig",
        "AWS::Logs::LogGroup": "KmsKeyId LogGroupName RetentionInDays",
        "AWS::RDS::DBCluster": "BackupRetentionPeriod DeletionProtection Engine KmsKeyId Port StorageEncrypted",
        "AWS::RDS::DBInstance": "AutoMinorVersionUpgrade BackupRetentionPeriod CopyTagsToSnapshot DBInstanceClass "
        "DeletionProtection EnableCloudwatchLogsExports Engine KmsKeyId MonitoringInterval MultiAZ PubliclyAccessible "
        "StorageEncrypted",
        "AWS::Redshift::Cluster": "AllowVersionUpgrade AutomatedSnapshotRetentionPeriod Encrypted EnhancedVpcRouting "
        "KmsKeyId NodeType PreferredMaintenanceWindow PubliclyAccessible",
        "AWS::S3::Bucket": "BucketEncryption LoggingConfiguration ObjectLockEnabled PublicAccessBlockConfiguration "
        "ReplicationConfiguration VersioningConfiguration",
        "AWS::SNS::Topic": "KmsMasterKeyId TopicName",
        "AWS::SQS::Queue": "KmsMasterKeyId QueueName RedrivePolicy",
        "AWS::SecretsManager::Secret": "Description KmsKeyId Name",
    }.items()
}

_FACETS: Final[Mapping[tuple[str, str], str]] = {
    ("AWS::KMS::Key", "EnableKeyRotation"): "KeyRotationStatus",
    ("AWS::S3::Bucket", "LoggingConfiguration"): "BucketLogging",
    ("AWS::S3::Bucket", "ObjectLockEnabled"): "ObjectLockConfiguration",
    ("AWS::S3::Bucket", "PublicAccessBlockConfiguration"): "PublicAccessBlock",
    ("AWS::S3::Bucket", "ReplicationConfiguration"): "BucketReplication",
    ("AWS::S3::Bucket", "VersioningConfiguration"): "BucketVersioning",
}
"""Which answer of the cloud a property comes from, where it is named otherwise."""


class Properties(dict[str, Any]):
    """Properties that remember which were asked for in vain."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        self.missed: set[str] = set()

    def __contains__(self, name: object) -> bool:
        is_here = super().__contains__(name)
        if not is_here:
            self.missed.add(str(name))
        return is_here


def properties_of(kind: str, given: Mapping[str, Any]) -> Properties:
    """A resource's properties under CloudFormation's names."""
    translate = _TRANSLATED.get(kind)
    return Properties(translate(given) if translate is not None else given)


def is_unknown(kind: str, properties: Properties, unread: frozenset[str]) -> bool:
    """Whether something was asked for in vain of which absence says nothing."""
    if "*" in unread and properties.missed:
        return True
    asked = {name for name in properties.missed if name[:1].isupper() and "-" not in name and " " not in name}
    return any(name not in CARRIED[kind] or _FACETS.get((kind, name), name) in unread for name in asked)


def _instance(given: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(given)
    monitoring = found.get("Monitoring")
    if isinstance(monitoring, dict):
        found["Monitoring"] = monitoring.get("State") == "enabled"
    return found


def _trail(given: Mapping[str, Any]) -> dict[str, Any]:
    found = _renamed(given, LogFileValidationEnabled="EnableLogFileValidation", KmsKeyId="KMSKeyId", Name="TrailName")
    return _renamed(found, CloudWatchLogsLogGroupARN="CloudWatchLogsLogGroupArn")


def _key(given: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(given)
    status = found.get("KeyRotationStatus")
    if isinstance(status, dict):
        found["EnableKeyRotation"] = status.get("KeyRotationEnabled", False)
    return found


def _log_group(given: Mapping[str, Any]) -> dict[str, Any]:
    return _renamed(given, kmsKeyId="KmsKeyId", logGroupName="LogGroupName", retentionInDays="RetentionInDays")


def _database(given: Mapping[str, Any]) -> dict[str, Any]:
    return _renamed(given, EnabledCloudwatchLogsExports="EnableCloudwatchLogsExports")


def _bucket(given: Mapping[str, Any]) -> dict[str, Any]:
    found = _renamed(
        given,
        BucketReplication="ReplicationConfiguration",
        BucketVersioning="VersioningConfiguration",
        PublicAccessBlock="PublicAccessBlockConfiguration",
    )
    rules = _object(found.pop("BucketEncryption", None)).get("Rules")
    if isinstance(rules, list):
        found["BucketEncryption"] = {"ServerSideEncryptionConfiguration": [_encryption(rule) for rule in rules]}
    logging = _object(_object(found.pop("BucketLogging", None)).get("LoggingEnabled"))
    if logging:
        found["LoggingConfiguration"] = _renamed(
            logging, TargetBucket="DestinationBucketName", TargetPrefix="LogFilePrefix"
        )
    lock = _object(found.get("ObjectLockConfiguration"))
    if lock:
        found["ObjectLockEnabled"] = lock.get("ObjectLockEnabled") == "Enabled"
    return found


def _encryption(rule: Any) -> dict[str, Any]:
    found = _renamed(_object(rule), ApplyServerSideEncryptionByDefault="ServerSideEncryptionByDefault")
    default = found.get("ServerSideEncryptionByDefault")
    if isinstance(default, dict):
        found["ServerSideEncryptionByDefault"] = _renamed(default, KMSMasterKeyId="KMSMasterKeyID")
    return found


def _renamed(given: Mapping[str, Any], **names: str) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in given.items()}


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


_TRANSLATED: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "AWS::CloudTrail::Trail": _trail,
    "AWS::EC2::Instance": _instance,
    "AWS::KMS::Key": _key,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::RDS::DBInstance": _database,
    "AWS::S3::Bucket": _bucket,
}
