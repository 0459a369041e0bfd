"""CloudFormation's properties in the shape of AWS's own answers.

Most properties have the API's name; a table says which, and how the others are called.
Source: AWS CloudFormation resource type reference; AWS API references, https://docs.aws.amazon.com.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.baseline.shape import One, Shape, Where, Wrapped, listed, objects, write
from connectors.observation import Document, text
from domain.value import Json


def _same(*names: str) -> dict[str, Where]:
    return {name: name for name in names}


def _permission(rule: Mapping[str, Json]) -> Document:
    told: Document = {"Description": rule["Description"]} if rule.get("Description") else {}

    def one(name: str, member: str, path: str) -> Document:
        return {path: [{member: rule[name], **told}]} if rule.get(name) else {}

    group = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    prefix = rule.get("SourcePrefixListId") or rule.get("DestinationPrefixListId")
    return {
        "IpProtocol": text(rule.get("IpProtocol")) or str(rule.get("IpProtocol")),
        "FromPort": rule.get("FromPort"),
        "ToPort": rule.get("ToPort"),
        **one("CidrIp", "CidrIp", "IpRanges"),
        **one("CidrIpv6", "CidrIpv6", "Ipv6Ranges"),
        **({"UserIdGroupPairs": [{"GroupId": group, **told}]} if group else {}),
        **({"PrefixListIds": [{"PrefixListId": prefix, **told}]} if prefix else {}),
    }


def _security_group(document: Document, values: Mapping[str, Json]) -> None:
    for name, path in (("SecurityGroupIngress", "IpPermissions"), ("SecurityGroupEgress", "IpPermissionsEgress")):
        if name in values:
            document[path] = [_permission(rule) for rule in objects(values[name])]


def _ingress(document: Document, values: Mapping[str, Json]) -> None:
    document["IpPermissions"] = [_permission(values)]


def _egress(document: Document, values: Mapping[str, Json]) -> None:
    document["IpPermissionsEgress"] = [_permission(values)]


def _bucket(document: Document, values: Mapping[str, Json]) -> None:
    encryption = values.get("BucketEncryption")
    rules = encryption.get("ServerSideEncryptionConfiguration") if isinstance(encryption, dict) else None
    if rules is not None:
        document["BucketEncryption"] = {
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault"),
                    **({"BucketKeyEnabled": rule["BucketKeyEnabled"]} if "BucketKeyEnabled" in rule else {}),
                }
                for rule in objects(rules)
            ]
        }
    logging = values.get("LoggingConfiguration")
    if isinstance(logging, dict):
        write(document, "BucketLogging.LoggingEnabled.TargetBucket", logging.get("DestinationBucketName"))
        write(document, "BucketLogging.LoggingEnabled.TargetPrefix", logging.get("LogFilePrefix"))


def _role(document: Document, values: Mapping[str, Json]) -> None:
    arns = values.get("ManagedPolicyArns")
    if isinstance(arns, list):
        document["AttachedPolicies"] = [{"PolicyArn": arn} for arn in arns]


def _instance(document: Document, values: Mapping[str, Json]) -> None:
    if isinstance(values.get("Monitoring"), bool):
        document["Monitoring"] = {"State": "enabled" if values["Monitoring"] else "disabled"}


def _function(document: Document, values: Mapping[str, Json]) -> None:
    layers = values.get("Layers")
    if isinstance(layers, list):
        document["Layers"] = [{"Arn": layer} for layer in layers]


def _vpc(document: Document, values: Mapping[str, Json]) -> None:
    for name in ("EnableDnsSupport", "EnableDnsHostnames"):
        if name in values:
            write(document, f"VpcAttribute.{name}.Value", values[name])


def _table(document: Document, values: Mapping[str, Json]) -> None:
    recovery = values.get("PointInTimeRecoverySpecification")
    if isinstance(recovery, dict) and "PointInTimeRecoveryEnabled" in recovery:
        is_on = str(recovery["PointInTimeRecoveryEnabled"]).lower() == "true"
        path = "ContinuousBackups.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus"
        write(document, path, "ENABLED" if is_on else "DISABLED")


def _balancer(document: Document, values: Mapping[str, Json]) -> None:
    attributes = values.get("LoadBalancerAttributes")
    if isinstance(attributes, list):
        document["LoadBalancerAttributes"] = listed(attributes)


_BUCKET: Final = "AWS::S3::Bucket"
_GROUP: Final = "AWS::EC2::SecurityGroup"

SHAPES: Final[Mapping[str, Shape]] = {
    _BUCKET: Shape(_BUCKET, {
        "PublicAccessBlockConfiguration": "PublicAccessBlock",
        "VersioningConfiguration": "BucketVersioning",
        "OwnershipControls": "BucketOwnershipControls"}, finish=_bucket, ignored=frozenset({
            "BucketName", "BucketEncryption", "LoggingConfiguration", "LifecycleConfiguration", "Tags",
            "AccessControl", "NotificationConfiguration", "CorsConfiguration", "WebsiteConfiguration"})),
    "AWS::S3::BucketPolicy": Shape(_BUCKET, {"PolicyDocument": "BucketPolicy"}, "{Bucket}", is_aspect=True),
    _GROUP: Shape(_GROUP, {
        "GroupName": "GroupName", "GroupDescription": "Description", "VpcId": "VpcId"}, finish=_security_group,
        ignored=frozenset({"SecurityGroupIngress", "SecurityGroupEgress"})),
    "AWS::EC2::SecurityGroupIngress": Shape(_GROUP, {}, "{GroupId}", is_aspect=True, finish=_ingress),
    "AWS::EC2::SecurityGroupEgress": Shape(_GROUP, {}, "{GroupId}", is_aspect=True, finish=_egress),
    "AWS::EC2::Instance": Shape("AWS::EC2::Instance", {
        **_same("ImageId", "InstanceType", "KeyName", "SubnetId", "EbsOptimized", "SourceDestCheck"),
        "SecurityGroupIds": Wrapped("SecurityGroups", "GroupId"), "IamInstanceProfile": "IamInstanceProfile.Arn",
        "Tenancy": "Placement.Tenancy"}, finish=_instance, ignored=frozenset({
            "Monitoring", "UserData", "BlockDeviceMappings", "NetworkInterfaces", "SecurityGroups"})),
    "AWS::EC2::Volume": Shape("AWS::EC2::Volume", _same(
        "AvailabilityZone", "Encrypted", "Iops", "KmsKeyId", "Size", "SnapshotId", "Throughput", "VolumeType")),
    "AWS::EC2::VPC": Shape("AWS::EC2::VPC", _same("CidrBlock", "InstanceTenancy"), finish=_vpc,
                           ignored=frozenset({"EnableDnsSupport", "EnableDnsHostnames"})),
    "AWS::EC2::Subnet": Shape("AWS::EC2::Subnet", _same(
        "AvailabilityZone", "CidrBlock", "MapPublicIpOnLaunch", "VpcId", "AssignIpv6AddressOnCreation")),
    "AWS::IAM::Role": Shape("AWS::IAM::Role", {
        **_same("AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "Path"),
        "PermissionsBoundary": "PermissionsBoundary.PermissionsBoundaryArn"}, finish=_role,
        ignored=frozenset({"ManagedPolicyArns", "Policies", "RoleName"})),
    "AWS::IAM::ManagedPolicy": Shape("AWS::IAM::ManagedPolicy", {
        **_same("Description", "Path"), "PolicyDocument": "PolicyVersion.Document"},
        ignored=frozenset({"ManagedPolicyName", "Roles", "Users", "Groups"})),
    "AWS::IAM::User": Shape("AWS::IAM::User", _same("Path"), ignored=frozenset({"UserName", "Policies", "Groups"})),
    "AWS::KMS::Key": Shape("AWS::KMS::Key", {
        **_same("Description", "Enabled", "KeyPolicy", "KeySpec", "KeyUsage", "MultiRegion"),
        "EnableKeyRotation": "KeyRotationStatus.KeyRotationEnabled"}, ignored=frozenset({"PendingWindowInDays"})),
    "AWS::SQS::Queue": Shape("AWS::SQS::Queue", {
        **_same("VisibilityTimeout", "MessageRetentionPeriod", "MaximumMessageSize", "DelaySeconds",
                "ReceiveMessageWaitTimeSeconds", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "FifoQueue",
                "ContentBasedDeduplication", "RedrivePolicy", "SqsManagedSseEnabled")},
        ignored=frozenset({"QueueName"})),
    "AWS::SNS::Topic": Shape("AWS::SNS::Topic", _same("DisplayName", "KmsMasterKeyId", "FifoTopic"),
                             ignored=frozenset({"TopicName", "Subscription"})),
    "AWS::DynamoDB::Table": Shape("AWS::DynamoDB::Table", {
        **_same("AttributeDefinitions", "KeySchema", "ProvisionedThroughput", "StreamSpecification",
                "DeletionProtectionEnabled"),
        "BillingMode": "BillingModeSummary.BillingMode", "TableClass": "TableClassSummary.TableClass"},
        finish=_table, ignored=frozenset({"TableName", "PointInTimeRecoverySpecification", "SSESpecification"})),
    "AWS::RDS::DBInstance": Shape("AWS::RDS::DBInstance", {
        **_same("AllocatedStorage", "AutoMinorVersionUpgrade", "BackupRetentionPeriod", "CopyTagsToSnapshot",
                "DBInstanceClass", "DeletionProtection", "Engine", "Iops", "KmsKeyId", "MonitoringInterval", "MultiAZ",
                "PreferredBackupWindow", "PreferredMaintenanceWindow", "PubliclyAccessible", "StorageEncrypted",
                "StorageType", "MaxAllocatedStorage"),
        "EnableIAMDatabaseAuthentication": "IAMDatabaseAuthenticationEnabled",
        "EnablePerformanceInsights": "PerformanceInsightsEnabled",
        "EnableCloudwatchLogsExports": "EnabledCloudwatchLogsExports",
        "DBSubnetGroupName": "DBSubnetGroup.DBSubnetGroupName",
        "VPCSecurityGroups": Wrapped("VpcSecurityGroups", "VpcSecurityGroupId")},
        ignored=frozenset({"DBInstanceIdentifier", "MasterUsername", "MasterUserPassword", "DBName", "EngineVersion",
                           "DBParameterGroupName", "DBSecurityGroups"})),
    "AWS::Lambda::Function": Shape("AWS::Lambda::Function", {
        **_same("Description", "Handler", "MemorySize", "Runtime", "Timeout", "Role", "TracingConfig", "Environment",
                "Architectures", "EphemeralStorage", "DeadLetterConfig", "PackageType"),
        "KmsKeyArn": "KMSKeyArn",
        "VpcConfig": One("VpcConfig", _same("SubnetIds", "SecurityGroupIds"))}, finish=_function,
        ignored=frozenset({"Code", "FunctionName", "Layers", "ReservedConcurrentExecutions"})),
    "AWS::Logs::LogGroup": Shape("AWS::Logs::LogGroup", {
        "RetentionInDays": "retentionInDays", "KmsKeyId": "kmsKeyId", "LogGroupClass": "logGroupClass"},
        ignored=frozenset({"LogGroupName"})),
    "AWS::SecretsManager::Secret": Shape("AWS::SecretsManager::Secret", _same("Description", "KmsKeyId"),
                                         ignored=frozenset({"Name", "GenerateSecretString", "SecretString"})),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Shape(
        "AWS::ElasticLoadBalancingV2::LoadBalancer", _same("IpAddressType", "Scheme", "SecurityGroups", "Type"),
        finish=_balancer, ignored=frozenset({"Name", "Subnets", "SubnetMappings", "LoadBalancerAttributes"})),
    "AWS::CloudTrail::Trail": Shape("AWS::CloudTrail::Trail", {
        **_same("S3BucketName", "S3KeyPrefix", "IsMultiRegionTrail", "IsOrganizationTrail",
                "IncludeGlobalServiceEvents", "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn"),
        "KMSKeyId": "KmsKeyId", "EnableLogFileValidation": "LogFileValidationEnabled",
        "IsLogging": "TrailStatus.IsLogging"}, ignored=frozenset({"TrailName"})),
    "AWS::ECR::Repository": Shape("AWS::ECR::Repository", {
        "ImageTagMutability": "imageTagMutability", "ImageScanningConfiguration": "imageScanningConfiguration",
        "EncryptionConfiguration": "encryptionConfiguration"}, ignored=frozenset({"RepositoryName"})),
}  # fmt: skip
"""Every type that has a table; of others, properties are compared where names alike are found."""

ARNS: Final[Mapping[str, str]] = {
    _BUCKET: "arn:{partition}:s3:::{id}",
    "AWS::DynamoDB::Table": "arn:{partition}:dynamodb:{region}:{account}:table/{id}",
    "AWS::EC2::Instance": "arn:{partition}:ec2:{region}:{account}:instance/{id}",
    "AWS::EC2::Volume": "arn:{partition}:ec2:{region}:{account}:volume/{id}",
    "AWS::EC2::VPC": "arn:{partition}:ec2:{region}:{account}:vpc/{id}",
    "AWS::EC2::Subnet": "arn:{partition}:ec2:{region}:{account}:subnet/{id}",
    _GROUP: "arn:{partition}:ec2:{region}:{account}:security-group/{id}",
    "AWS::KMS::Key": "arn:{partition}:kms:{region}:{account}:key/{id}",
    "AWS::Lambda::Function": "arn:{partition}:lambda:{region}:{account}:function:{id}",
    "AWS::Logs::LogGroup": "arn:{partition}:logs:{region}:{account}:log-group:{id}",
    "AWS::RDS::DBInstance": "arn:{partition}:rds:{region}:{account}:db:{id}",
    "AWS::ECR::Repository": "arn:{partition}:ecr:{region}:{account}:repository/{id}",
}
"""ARN of a resource by its physical id, where the id is no ARN."""

LINKS: Final = frozenset({
    "AWS::CDK::Metadata", "AWS::CloudFormation::WaitCondition", "AWS::CloudFormation::WaitConditionHandle",
    "AWS::EC2::VPCGatewayAttachment", "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::Route", "AWS::IAM::Policy",
    "AWS::EC2::VolumeAttachment", "AWS::Lambda::Permission", "AWS::KMS::Alias", "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy", "AWS::EC2::EIPAssociation", "AWS::IAM::UserToGroupAddition", "AWS::IAM::AccessKey",
})  # fmt: skip
"""Types that declare a link, or only how the tool works: no item shows them."""
