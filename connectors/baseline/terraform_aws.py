"""AWS resources as Terraform declares them, in the shape of AWS's own answers.

Source: Terraform registry documentation of the aws provider 5.x, https://registry.terraform.io/providers/hashicorp/aws;
AWS API references.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.baseline.shape import Each, One, Shape, Text, Words, Wrapped, listed, objects, parsed, write
from connectors.observation import Document, text
from domain.value import Json

_BUCKET: Final = "arn:aws:s3:::{bucket}"
_POLICY_ARN: Final = "AttachedPolicies"


def _permission(rule: Mapping[str, Json], own_id: str = "") -> Document:
    """One rule of a security group; ports beside all protocols mean nothing."""
    protocol = text(rule.get("protocol") or rule.get("ip_protocol"))
    groups = [*listed(rule.get("security_groups")), rule.get("referenced_security_group_id"),
              rule.get("source_security_group_id"), own_id if rule.get("self") is True else None]  # fmt: skip
    note = rule.get("description")
    told: Document = {"Description": note} if note else {}

    def ranges(many: str, one: str, member: str) -> list[Json]:
        found = [each for each in [*listed(rule.get(many)), rule.get(one)] if each]
        return [{member: each, **told} for each in found]

    pairs: list[Json] = [
        {"GroupId": str(group).rpartition("/")[2], **({"Description": note} if note else {})}
        for group in groups
        if group
    ]
    return {
        "IpProtocol": protocol,
        "FromPort": rule.get("from_port"),
        "ToPort": rule.get("to_port"),
        "IpRanges": ranges("cidr_blocks", "cidr_ipv4", "CidrIp"),
        "Ipv6Ranges": ranges("ipv6_cidr_blocks", "cidr_ipv6", "CidrIpv6"),
        "PrefixListIds": ranges("prefix_list_ids", "prefix_list_id", "PrefixListId"),
        "UserIdGroupPairs": pairs,
    }


def _security_group(document: Document, values: Mapping[str, Json]) -> None:
    own = text(values.get("id"))
    for name, path in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
        if name in values:
            document[path] = [_permission(rule, own) for rule in objects(values[name])]


def _group_rule(document: Document, values: Mapping[str, Json]) -> None:
    is_egress = values.get("type") == "egress"
    document["IpPermissionsEgress" if is_egress else "IpPermissions"] = [
        _permission(values, text(values.get("security_group_id")))
    ]


def _ingress_rule(document: Document, values: Mapping[str, Json]) -> None:
    document["IpPermissions"] = [_permission(values)]


def _egress_rule(document: Document, values: Mapping[str, Json]) -> None:
    document["IpPermissionsEgress"] = [_permission(values)]


def _table(document: Document, values: Mapping[str, Json]) -> None:
    """A table's units of capacity mean nothing where it pays per request; keys are in order of their kind."""
    keys: list[Json] = [
        {"AttributeName": values[name], "KeyType": kind}
        for name, kind in (("hash_key", "HASH"), ("range_key", "RANGE"))
        if values.get(name)
    ]
    document["KeySchema"] = keys
    if values.get("billing_mode") == "PAY_PER_REQUEST":
        document.pop("ProvisionedThroughput", None)


def _role(document: Document, values: Mapping[str, Json]) -> None:
    """Managed policies are those attached from anywhere, as the provider reads them."""
    arns = values.get("managed_policy_arns")
    if isinstance(arns, list):
        document[_POLICY_ARN] = [{"PolicyArn": arn} for arn in arns]


def _lifecycle(document: Document, values: Mapping[str, Json]) -> None:
    rules: list[Json] = [_lifecycle_rule(each) for each in objects(values.get("rule"))]
    document["BucketLifecycle"] = {"Rules": rules}


def _lifecycle_rule(rule: Document) -> Document:
    found: Document = {"ID": rule.get("id"), "Status": rule.get("status")}
    kept = next(iter(objects(rule.get("filter"))), None)
    if kept is not None and kept.get("prefix"):
        found["Filter"] = {"Prefix": kept["prefix"]}
    elif rule.get("prefix"):
        found["Prefix"] = rule["prefix"]
    expiry = next(iter(objects(rule.get("expiration"))), None)
    if expiry is not None:
        found["Expiration"] = {key: value for key, value in (
            ("Days", expiry.get("days") or None), ("Date", expiry.get("date") or None)) if value}  # fmt: skip
    old = next(iter(objects(rule.get("noncurrent_version_expiration"))), None)
    if old is not None:
        found["NoncurrentVersionExpiration"] = {"NoncurrentDays": old.get("noncurrent_days")}
    abort = next(iter(objects(rule.get("abort_incomplete_multipart_upload"))), None)
    if abort is not None:
        found["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": abort.get("days_after_initiation")}
    moves = [{"Days": each.get("days") or None, "StorageClass": each.get("storage_class")}
             for each in objects(rule.get("transition"))]  # fmt: skip
    if moves:
        found["Transitions"] = list[Json](moves)
    return found


def _route_table(document: Document, values: Mapping[str, Json]) -> None:
    document["Routes"] = [
        {key: value for key, value in (
            ("DestinationCidrBlock", route.get("cidr_block")),
            ("DestinationIpv6CidrBlock", route.get("ipv6_cidr_block")),
            ("GatewayId", route.get("gateway_id")),
            ("NatGatewayId", route.get("nat_gateway_id")),
            ("TransitGatewayId", route.get("transit_gateway_id")),
            ("VpcPeeringConnectionId", route.get("vpc_peering_connection_id")),
        ) if value}
        for route in objects(values.get("route"))
    ]  # fmt: skip
    document["Routes"] = [{"GatewayId": "local"}, *listed(document["Routes"])]


def _balancer(document: Document, values: Mapping[str, Json]) -> None:
    """Attributes are a list of pairs at the provider."""
    known = {
        "enable_deletion_protection": "deletion_protection.enabled",
        "drop_invalid_header_fields": "routing.http.drop_invalid_header_fields.enabled",
        "enable_http2": "routing.http2.enabled",
        "idle_timeout": "idle_timeout.timeout_seconds",
        "desync_mitigation_mode": "routing.http.desync_mitigation_mode",
    }
    document["LoadBalancerAttributes"] = [
        {"Key": key, "Value": str(values[name]).lower()} for name, key in known.items() if values.get(name) is not None
    ]


def _queue_policy(document: Document, values: Mapping[str, Json]) -> None:
    document["Policy"] = parsed(values.get("policy"))


_TOOL: Final = frozenset({
    "id", "arn", "timeouts", "tags", "tags_all", "force_destroy", "name_prefix", "region", "owner_id",
    "revoke_rules_on_delete", "force_detach_policies", "recovery_window_in_days", "deletion_window_in_days",
    "bypass_policy_lockout_safety_check", "skip_final_snapshot", "apply_immediately", "skip_destroy",
    "expected_bucket_owner", "unique_id", "create_date", "hosted_zone_id", "force_overwrite_replica_secret",
    "final_snapshot_identifier", "user_data_replace_on_change", "get_password_data", "password_data",
    "delete_automated_backups", "allow_major_version_upgrade", "bucket_prefix", "identifier_prefix", "content",
    "filename", "source_code_hash", "source_code_size", "publish", "last_modified", "qualified_arn",
    "qualified_invoke_arn", "invoke_arn", "version", "hibernation", "instance_state", "disable_api_stop",
})  # fmt: skip


def _encryption(document: Document, values: Mapping[str, Json]) -> None:
    rules: list[Json] = []
    for rule in objects(values.get("rule") or values.get("rules")):
        by_default = next(iter(objects(_one(rule.get("apply_server_side_encryption_by_default")))), {})
        by: Document = {"SSEAlgorithm": by_default.get("sse_algorithm")}
        if by_default.get("kms_master_key_id"):
            by["KMSMasterKeyID"] = by_default["kms_master_key_id"]
        found: Document = {"ApplyServerSideEncryptionByDefault": by}
        found["BucketKeyEnabled"] = rule.get("bucket_key_enabled")
        rules.append(found)
    document["BucketEncryption"] = {"Rules": rules}


def _one(block: Json) -> Json:
    return [block] if isinstance(block, dict) else block


def _instance(document: Document, values: Mapping[str, Json]) -> None:
    """A profile's name stands for its ARN; groups are a list of objects."""
    profile = text(values.get("iam_instance_profile"))
    document["IamInstanceProfile"] = {"Arn": profile} if profile else None
    groups = values.get("vpc_security_group_ids")
    if isinstance(groups, list):
        document["SecurityGroups"] = [{"GroupId": group} for group in groups]
    if values.get("monitoring") is not None:
        write(document, "Monitoring.State", "enabled" if values["monitoring"] else "disabled")


def _instance_parts(values: Mapping[str, Json]) -> list[tuple[str, str, Document]]:
    """Disks and the first interface of an instance, which Terraform declares inside it."""
    head = text(values.get("arn")).partition(":instance/")[0]
    found: list[tuple[str, str, Document]] = []
    for disk in (*objects(values.get("root_block_device")), *objects(values.get("ebs_block_device"))):
        if disk.get("volume_id"):
            document: Document = {
                "Size": disk.get("volume_size"),
                "VolumeType": disk.get("volume_type"),
                "Encrypted": disk.get("encrypted"),
            }
            found.append(("AWS::EC2::Volume", f"{head}:volume/{disk['volume_id']}", document))
    interface = text(values.get("primary_network_interface_id"))
    if interface:
        found.append(("AWS::EC2::NetworkInterface", f"{head}:network-interface/{interface}", {}))
    return found


def _vpc(document: Document, values: Mapping[str, Json]) -> None:
    for name, key in (("enable_dns_support", "EnableDnsSupport"), ("enable_dns_hostnames", "EnableDnsHostnames")):
        if values.get(name) is not None:
            write(document, f"VpcAttribute.{key}.Value", values[name])


_S3: Final = "AWS::S3::Bucket"
_GROUP: Final = "AWS::EC2::SecurityGroup"

SHAPES: Final[Mapping[str, Shape]] = {
    "aws_s3_bucket": Shape(_S3, {}, _BUCKET, ignored=frozenset({
        "acl", "bucket", "bucket_domain_name", "bucket_regional_domain_name", "cors_rule", "grant", "lifecycle_rule",
        "logging", "object_lock_configuration", "object_lock_enabled", "policy", "replication_configuration",
        "request_payer", "server_side_encryption_configuration", "versioning", "website", "website_domain",
        "website_endpoint", "acceleration_status"})),
    "aws_s3_bucket_versioning": Shape(_S3, {
        "versioning_configuration": One("BucketVersioning", {"status": "Status"})}, _BUCKET, is_aspect=True),
    "aws_s3_bucket_public_access_block": Shape(_S3, {
        "block_public_acls": "PublicAccessBlock.BlockPublicAcls",
        "block_public_policy": "PublicAccessBlock.BlockPublicPolicy",
        "ignore_public_acls": "PublicAccessBlock.IgnorePublicAcls",
        "restrict_public_buckets": "PublicAccessBlock.RestrictPublicBuckets"}, _BUCKET, is_aspect=True),
    "aws_s3_bucket_server_side_encryption_configuration": Shape(_S3, {}, _BUCKET, is_aspect=True,
                                                                 finish=_encryption),
    "aws_s3_bucket_policy": Shape(_S3, {"policy": Text("BucketPolicy")}, _BUCKET, is_aspect=True),
    "aws_s3_bucket_logging": Shape(_S3, {
        "target_bucket": "BucketLogging.LoggingEnabled.TargetBucket",
        "target_prefix": "BucketLogging.LoggingEnabled.TargetPrefix"}, _BUCKET, is_aspect=True),
    "aws_s3_bucket_lifecycle_configuration": Shape(_S3, {}, _BUCKET, is_aspect=True, finish=_lifecycle),
    "aws_s3_bucket_ownership_controls": Shape(_S3, {
        "rule": Each("BucketOwnershipControls.Rules", {"object_ownership": "ObjectOwnership"})},
        _BUCKET, is_aspect=True),
    "aws_security_group": Shape(_GROUP, {
        "name": "GroupName", "description": "Description", "vpc_id": "VpcId"},
        ignored=frozenset({"ingress", "egress"}), finish=_security_group),
    "aws_security_group_rule": Shape(_GROUP, {}, "{security_group_id}", is_aspect=True, finish=_group_rule),
    "aws_vpc_security_group_ingress_rule": Shape(_GROUP, {}, "{security_group_id}", is_aspect=True,
                                                  finish=_ingress_rule),
    "aws_vpc_security_group_egress_rule": Shape(_GROUP, {}, "{security_group_id}", is_aspect=True,
                                                 finish=_egress_rule),
    "aws_instance": Shape("AWS::EC2::Instance", {
        "ami": "ImageId", "instance_type": "InstanceType", "subnet_id": "SubnetId", "key_name": "KeyName",
        "ebs_optimized": "EbsOptimized", "source_dest_check": "SourceDestCheck", "tenancy": "Placement.Tenancy",
        "metadata_options": One("MetadataOptions", {
            "http_tokens": "HttpTokens", "http_endpoint": "HttpEndpoint",
            "http_put_response_hop_limit": "HttpPutResponseHopLimit",
            "instance_metadata_tags": "InstanceMetadataTags"})}, finish=_instance, parts=_instance_parts,
        ignored=frozenset({"iam_instance_profile", "vpc_security_group_ids", "monitoring", "security_groups"})),
    "aws_ebs_volume": Shape("AWS::EC2::Volume", {
        "encrypted": "Encrypted", "kms_key_id": "KmsKeyId", "size": "Size", "type": "VolumeType",
        "availability_zone": "AvailabilityZone", "iops": "Iops", "throughput": "Throughput",
        "multi_attach_enabled": "MultiAttachEnabled", "snapshot_id": "SnapshotId"}),
    "aws_vpc": Shape("AWS::EC2::VPC", {
        "cidr_block": "CidrBlock", "instance_tenancy": "InstanceTenancy"}, finish=_vpc,
        ignored=frozenset({"enable_dns_support", "enable_dns_hostnames"})),
    "aws_subnet": Shape("AWS::EC2::Subnet", {
        "vpc_id": "VpcId", "cidr_block": "CidrBlock", "availability_zone": "AvailabilityZone",
        "map_public_ip_on_launch": "MapPublicIpOnLaunch",
        "assign_ipv6_address_on_creation": "AssignIpv6AddressOnCreation",
        "map_customer_owned_ip_on_launch": "MapCustomerOwnedIpOnLaunch"}),
    "aws_route_table": Shape("AWS::EC2::RouteTable", {"vpc_id": "VpcId"}, finish=_route_table,
                             ignored=frozenset({"route", "propagating_vgws"})),
    "aws_internet_gateway": Shape("AWS::EC2::InternetGateway", {"vpc_id": "Attachments.VpcId"}),
    "aws_eip": Shape("AWS::EC2::EIP", {"domain": "Domain", "instance": "InstanceId"}, "{allocation_id}"),
    "aws_iam_role": Shape("AWS::IAM::Role", {
        "assume_role_policy": Text("AssumeRolePolicyDocument"), "description": "Description", "path": "Path",
        "max_session_duration": "MaxSessionDuration",
        "permissions_boundary": "PermissionsBoundary.PermissionsBoundaryArn"}, finish=_role,
        ignored=frozenset({"managed_policy_arns", "inline_policy"})),
    "aws_iam_role_policy_attachment": Shape("AWS::IAM::Role", {
        "policy_arn": Wrapped(_POLICY_ARN, "PolicyArn")}, "{role}", is_aspect=True),
    "aws_iam_user": Shape("AWS::IAM::User", {
        "path": "Path", "permissions_boundary": "PermissionsBoundary.PermissionsBoundaryArn"}),
    "aws_iam_group": Shape("AWS::IAM::Group", {"path": "Path"}),
    "aws_iam_policy": Shape("AWS::IAM::ManagedPolicy", {
        "policy": Text("PolicyVersion.Document"), "path": "Path", "description": "Description"},
        ignored=frozenset({"attachment_count", "policy_id"})),
    "aws_kms_key": Shape("AWS::KMS::Key", {
        "description": "Description", "enable_key_rotation": "KeyRotationStatus.KeyRotationEnabled",
        "is_enabled": "Enabled", "key_usage": "KeyUsage", "customer_master_key_spec": "KeySpec",
        "multi_region": "MultiRegion", "policy": Text("KeyPolicy")}),
    "aws_sqs_queue": Shape("AWS::SQS::Queue", {
        "visibility_timeout_seconds": "VisibilityTimeout", "message_retention_seconds": "MessageRetentionPeriod",
        "max_message_size": "MaximumMessageSize", "delay_seconds": "DelaySeconds",
        "receive_wait_time_seconds": "ReceiveMessageWaitTimeSeconds", "kms_master_key_id": "KmsMasterKeyId",
        "kms_data_key_reuse_period_seconds": "KmsDataKeyReusePeriodSeconds", "fifo_queue": "FifoQueue",
        "content_based_deduplication": "ContentBasedDeduplication", "redrive_policy": Text("RedrivePolicy"),
        "sqs_managed_sse_enabled": "SqsManagedSseEnabled", "policy": Text("Policy")}),
    "aws_sqs_queue_policy": Shape("AWS::SQS::Queue", {}, "{queue_url}", is_aspect=True, finish=_queue_policy),
    "aws_sns_topic": Shape("AWS::SNS::Topic", {
        "display_name": "DisplayName", "kms_master_key_id": "KmsMasterKeyId", "fifo_topic": "FifoTopic",
        "policy": Text("Policy"), "content_based_deduplication": "ContentBasedDeduplication",
        "signature_version": "SignatureVersion", "tracing_config": "TracingConfig",
        "delivery_policy": Text("DeliveryPolicy")}, ignored=frozenset({"owner"})),
    "aws_dynamodb_table": Shape("AWS::DynamoDB::Table", {
        "billing_mode": Words("BillingModeSummary.BillingMode", {}),
        "read_capacity": "ProvisionedThroughput.ReadCapacityUnits",
        "write_capacity": "ProvisionedThroughput.WriteCapacityUnits",
        "attribute": Each("AttributeDefinitions", {"name": "AttributeName", "type": "AttributeType"}),
        "deletion_protection_enabled": "DeletionProtectionEnabled",
        "table_class": "TableClassSummary.TableClass",
        "stream_enabled": "StreamSpecification.StreamEnabled",
        "stream_view_type": "StreamSpecification.StreamViewType",
        "point_in_time_recovery": One("ContinuousBackups.PointInTimeRecoveryDescription", {
            "enabled": Words("PointInTimeRecoveryStatus", {True: "ENABLED", False: "DISABLED"})})},
        finish=_table, ignored=frozenset({"hash_key", "range_key", "name", "server_side_encryption", "ttl"})),
    "aws_db_instance": Shape("AWS::RDS::DBInstance", {
        "publicly_accessible": "PubliclyAccessible", "storage_encrypted": "StorageEncrypted",
        "kms_key_id": "KmsKeyId", "multi_az": "MultiAZ", "backup_retention_period": "BackupRetentionPeriod",
        "deletion_protection": "DeletionProtection", "engine": "Engine",
        "iam_database_authentication_enabled": "IAMDatabaseAuthenticationEnabled",
        "auto_minor_version_upgrade": "AutoMinorVersionUpgrade", "instance_class": "DBInstanceClass",
        "allocated_storage": "AllocatedStorage", "storage_type": "StorageType", "iops": "Iops",
        "engine_version_actual": "EngineVersion", "copy_tags_to_snapshot": "CopyTagsToSnapshot",
        "monitoring_interval": "MonitoringInterval", "maintenance_window": "PreferredMaintenanceWindow",
        "backup_window": "PreferredBackupWindow", "max_allocated_storage": "MaxAllocatedStorage",
        "performance_insights_enabled": "PerformanceInsightsEnabled",
        "enabled_cloudwatch_logs_exports": "EnabledCloudwatchLogsExports",
        "vpc_security_group_ids": Wrapped("VpcSecurityGroups", "VpcSecurityGroupId"),
        "db_subnet_group_name": "DBSubnetGroup.DBSubnetGroupName"},
        ignored=frozenset({"engine_version", "identifier", "password", "username", "endpoint", "address", "status"})),
    "aws_lambda_function": Shape("AWS::Lambda::Function", {
        "runtime": "Runtime", "role": "Role", "kms_key_arn": "KMSKeyArn", "handler": "Handler",
        "memory_size": "MemorySize", "timeout": "Timeout", "description": "Description",
        "package_type": "PackageType", "architectures": "Architectures",
        "tracing_config": One("TracingConfig", {"mode": "Mode"}),
        "ephemeral_storage": One("EphemeralStorage", {"size": "Size"}),
        "environment": One("Environment", {"variables": "Variables"}),
        "dead_letter_config": One("DeadLetterConfig", {"target_arn": "TargetArn"}),
        "layers": Wrapped("Layers", "Arn"),
        "vpc_config": One("VpcConfig", {"subnet_ids": "SubnetIds", "security_group_ids": "SecurityGroupIds"})},
        ignored=frozenset({"function_name", "logging_config", "snap_start", "image_uri", "code_sha256"})),
    "aws_cloudwatch_log_group": Shape("AWS::Logs::LogGroup", {
        "retention_in_days": "retentionInDays", "kms_key_id": "kmsKeyId", "log_group_class": "logGroupClass"}),
    "aws_secretsmanager_secret": Shape("AWS::SecretsManager::Secret", {
        "description": "Description", "kms_key_id": "KmsKeyId"}, ignored=frozenset({"policy", "replica"})),
    "aws_lb": Shape("AWS::ElasticLoadBalancingV2::LoadBalancer", {
        "load_balancer_type": "Type", "security_groups": "SecurityGroups", "ip_address_type": "IpAddressType",
        "internal": Words("Scheme", {True: "internal", False: "internet-facing"})}, finish=_balancer,
        ignored=frozenset({"subnets", "subnet_mapping", "access_logs", "dns_name", "zone_id", "vpc_id"})),
    "aws_autoscaling_group": Shape("AWS::AutoScaling::AutoScalingGroup", {
        "min_size": "MinSize", "max_size": "MaxSize", "desired_capacity": "DesiredCapacity",
        "default_cooldown": "DefaultCooldown", "health_check_type": "HealthCheckType",
        "health_check_grace_period": "HealthCheckGracePeriod", "availability_zones": "AvailabilityZones",
        "target_group_arns": "TargetGroupARNs", "protect_from_scale_in": "NewInstancesProtectedFromScaleIn"}),
    "aws_ecr_repository": Shape("AWS::ECR::Repository", {
        "image_tag_mutability": "imageTagMutability",
        "image_scanning_configuration": One("imageScanningConfiguration", {"scan_on_push": "scanOnPush"}),
        "encryption_configuration": One("encryptionConfiguration", {
            "encryption_type": "encryptionType", "kms_key": "kmsKey"})}, ignored=frozenset({"registry_id"})),
    "aws_cloudtrail": Shape("AWS::CloudTrail::Trail", {
        "s3_bucket_name": "S3BucketName", "s3_key_prefix": "S3KeyPrefix", "kms_key_id": "KmsKeyId",
        "is_multi_region_trail": "IsMultiRegionTrail", "is_organization_trail": "IsOrganizationTrail",
        "enable_log_file_validation": "LogFileValidationEnabled",
        "include_global_service_events": "IncludeGlobalServiceEvents",
        "cloud_watch_logs_group_arn": "CloudWatchLogsLogGroupArn", "enable_logging": "TrailStatus.IsLogging"}),
    "aws_eks_cluster": Shape("AWS::EKS::Cluster", {
        "version": "version", "role_arn": "roleArn",
        "vpc_config": One("resourcesVpcConfig", {
            "endpoint_private_access": "endpointPrivateAccess", "endpoint_public_access": "endpointPublicAccess",
            "public_access_cidrs": "publicAccessCidrs", "subnet_ids": "subnetIds",
            "security_group_ids": "securityGroupIds"})}),
}  # fmt: skip
"""Every type that has a table; others are compared where names alike are found."""

IGNORED: Final = _TOOL
"""Attributes that say how Terraform works, of any type."""
