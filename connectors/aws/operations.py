"""What AWS calls answer, as data: where the resources are in an answer, their type, and how they are identified.

Types are CloudFormation's names. An `arn` with braces is a template over the object's keys, `region` and `account`.
A call that is not here is read by its shape (`connectors.aws.inference`). Source: AWS API references, CloudFormation
resource type reference, and Service Authorization Reference for ARN formats, https://docs.aws.amazon.com.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One call.

    Args:
        path: keys from the answer to its resources, dots between, through lists; empty for the answer itself.
        is_summary: the call tells only part of each resource.
    """

    service: str
    name: str
    path: str
    type: str
    arn: str = ""
    id: str = ""
    label: str = ""
    is_summary: bool = False


def _ec2(name: str, path: str, type_: str, id_: str, noun: str, label: str = "") -> Operation:  # noqa: PLR0917
    arn = f"arn:aws:ec2:{{region}}:{{account}}:{noun}/{{{id_}}}"
    return Operation("ec2", name, path, f"AWS::EC2::{type_}", arn, id_, label)


_EC2 = (
    _ec2("DescribeInstances", "Reservations.Instances", "Instance", "InstanceId", "instance"),
    _ec2("DescribeVolumes", "Volumes", "Volume", "VolumeId", "volume"),
    _ec2("DescribeSnapshots", "Snapshots", "Snapshot", "SnapshotId", "snapshot"),
    _ec2("DescribeImages", "Images", "Image", "ImageId", "image", "Name"),
    _ec2("DescribeVpcs", "Vpcs", "VPC", "VpcId", "vpc"),
    _ec2("DescribeSubnets", "Subnets", "Subnet", "SubnetId", "subnet"),
    _ec2("DescribeSecurityGroups", "SecurityGroups", "SecurityGroup", "GroupId", "security-group", "GroupName"),
    _ec2("DescribeSecurityGroupRules", "SecurityGroupRules", "SecurityGroupRule", "SecurityGroupRuleId",
         "security-group-rule"),
    _ec2("DescribeNetworkInterfaces", "NetworkInterfaces", "NetworkInterface", "NetworkInterfaceId",
         "network-interface"),
    _ec2("DescribeNetworkAcls", "NetworkAcls", "NetworkAcl", "NetworkAclId", "network-acl"),
    _ec2("DescribeRouteTables", "RouteTables", "RouteTable", "RouteTableId", "route-table"),
    _ec2("DescribeInternetGateways", "InternetGateways", "InternetGateway", "InternetGatewayId", "internet-gateway"),
    _ec2("DescribeNatGateways", "NatGateways", "NatGateway", "NatGatewayId", "natgateway"),
    _ec2("DescribeVpnGateways", "VpnGateways", "VPNGateway", "VpnGatewayId", "vpn-gateway"),
    _ec2("DescribeVpnConnections", "VpnConnections", "VPNConnection", "VpnConnectionId", "vpn-connection"),
    _ec2("DescribeCustomerGateways", "CustomerGateways", "CustomerGateway", "CustomerGatewayId", "customer-gateway"),
    _ec2("DescribeVpcEndpoints", "VpcEndpoints", "VPCEndpoint", "VpcEndpointId", "vpc-endpoint"),
    _ec2("DescribeVpcPeeringConnections", "VpcPeeringConnections", "VPCPeeringConnection", "VpcPeeringConnectionId",
         "vpc-peering-connection"),
    _ec2("DescribeAddresses", "Addresses", "EIP", "AllocationId", "elastic-ip", "PublicIp"),
    _ec2("DescribeKeyPairs", "KeyPairs", "KeyPair", "KeyPairId", "key-pair", "KeyName"),
    _ec2("DescribeFlowLogs", "FlowLogs", "FlowLog", "FlowLogId", "vpc-flow-log"),
    _ec2("DescribeLaunchTemplates", "LaunchTemplates", "LaunchTemplate", "LaunchTemplateId", "launch-template",
         "LaunchTemplateName"),
    _ec2("DescribeTransitGateways", "TransitGateways", "TransitGateway", "TransitGatewayId", "transit-gateway"),
    _ec2("DescribeTransitGatewayAttachments", "TransitGatewayAttachments", "TransitGatewayAttachment",
         "TransitGatewayAttachmentId", "transit-gateway-attachment"),
    _ec2("DescribeReservedInstances", "ReservedInstances", "ReservedInstance", "ReservedInstancesId",
         "reserved-instances"),
    _ec2("DescribeSpotFleetRequests", "SpotFleetRequestConfigs", "SpotFleet", "SpotFleetRequestId",
         "spot-fleet-request"),
    _ec2("DescribeHosts", "Hosts", "Host", "HostId", "dedicated-host"),
    _ec2("DescribeManagedPrefixLists", "PrefixLists", "PrefixList", "PrefixListId", "prefix-list", "PrefixListName"),
    _ec2("DescribeDhcpOptions", "DhcpOptions", "DHCPOptions", "DhcpOptionsId", "dhcp-options"),
)  # fmt: skip

_IAM = (
    Operation("iam", "ListUsers", "Users", "AWS::IAM::User", "Arn", "UserId", "UserName"),
    Operation("iam", "GetUser", "User", "AWS::IAM::User", "Arn", "UserId", "UserName"),
    Operation("iam", "ListRoles", "Roles", "AWS::IAM::Role", "Arn", "RoleId", "RoleName"),
    Operation("iam", "GetRole", "Role", "AWS::IAM::Role", "Arn", "RoleId", "RoleName"),
    Operation("iam", "ListGroups", "Groups", "AWS::IAM::Group", "Arn", "GroupId", "GroupName"),
    Operation("iam", "GetGroup", "Group", "AWS::IAM::Group", "Arn", "GroupId", "GroupName"),
    Operation("iam", "ListPolicies", "Policies", "AWS::IAM::ManagedPolicy", "Arn", "PolicyId", "PolicyName"),
    Operation("iam", "GetPolicy", "Policy", "AWS::IAM::ManagedPolicy", "Arn", "PolicyId", "PolicyName"),
    Operation("iam", "ListInstanceProfiles", "InstanceProfiles", "AWS::IAM::InstanceProfile", "Arn",
              "InstanceProfileId", "InstanceProfileName"),
    Operation("iam", "GetInstanceProfile", "InstanceProfile", "AWS::IAM::InstanceProfile", "Arn",
              "InstanceProfileId", "InstanceProfileName"),
    Operation("iam", "ListServerCertificates", "ServerCertificateMetadataList", "AWS::IAM::ServerCertificate", "Arn",
              "ServerCertificateId", "ServerCertificateName"),
    Operation("iam", "ListSAMLProviders", "SAMLProviderList", "AWS::IAM::SAMLProvider", "Arn", "Arn", "",
              is_summary=True),
    Operation("iam", "ListAccessKeys", "AccessKeyMetadata", "AWS::IAM::AccessKey", "", "AccessKeyId", "AccessKeyId"),
    Operation("iam", "ListMFADevices", "MFADevices", "AWS::IAM::VirtualMFADevice", "SerialNumber", "SerialNumber"),
    Operation("iam", "ListVirtualMFADevices", "VirtualMFADevices", "AWS::IAM::VirtualMFADevice", "SerialNumber",
              "SerialNumber"),
)  # fmt: skip

_STORAGE_AND_DATA = (
    Operation("s3", "ListBuckets", "Buckets", "AWS::S3::Bucket", "arn:aws:s3:::{Name}", "Name", "Name"),
    Operation("rds", "DescribeDBInstances", "DBInstances", "AWS::RDS::DBInstance", "DBInstanceArn", "DbiResourceId",
              "DBInstanceIdentifier"),
    Operation("rds", "DescribeDBClusters", "DBClusters", "AWS::RDS::DBCluster", "DBClusterArn", "DbClusterResourceId",
              "DBClusterIdentifier"),
    Operation("rds", "DescribeDBSnapshots", "DBSnapshots", "AWS::RDS::DBSnapshot", "DBSnapshotArn",
              "DBSnapshotIdentifier", "DBSnapshotIdentifier"),
    Operation("rds", "DescribeDBClusterSnapshots", "DBClusterSnapshots", "AWS::RDS::DBClusterSnapshot",
              "DBClusterSnapshotArn", "DBClusterSnapshotIdentifier", "DBClusterSnapshotIdentifier"),
    Operation("rds", "DescribeDBSubnetGroups", "DBSubnetGroups", "AWS::RDS::DBSubnetGroup", "DBSubnetGroupArn",
              "DBSubnetGroupName", "DBSubnetGroupName"),
    Operation("rds", "DescribeDBParameterGroups", "DBParameterGroups", "AWS::RDS::DBParameterGroup",
              "DBParameterGroupArn", "DBParameterGroupName", "DBParameterGroupName"),
    Operation("redshift", "DescribeClusters", "Clusters", "AWS::Redshift::Cluster",
              "arn:aws:redshift:{region}:{account}:cluster:{ClusterIdentifier}", "ClusterIdentifier",
              "ClusterIdentifier"),
    Operation("dynamodb", "DescribeTable", "Table", "AWS::DynamoDB::Table", "TableArn", "TableId", "TableName"),
    Operation("elasticache", "DescribeCacheClusters", "CacheClusters", "AWS::ElastiCache::CacheCluster", "ARN",
              "CacheClusterId", "CacheClusterId"),
    Operation("elasticache", "DescribeReplicationGroups", "ReplicationGroups", "AWS::ElastiCache::ReplicationGroup",
              "ARN", "ReplicationGroupId", "ReplicationGroupId"),
    Operation("elasticfilesystem", "DescribeFileSystems", "FileSystems", "AWS::EFS::FileSystem", "FileSystemArn",
              "FileSystemId", "Name"),
    Operation("es", "DescribeElasticsearchDomain", "DomainStatus", "AWS::Elasticsearch::Domain", "ARN", "DomainId",
              "DomainName"),
    Operation("es", "DescribeElasticsearchDomains", "DomainStatusList", "AWS::Elasticsearch::Domain", "ARN",
              "DomainId", "DomainName"),
    Operation("ecr", "DescribeRepositories", "repositories", "AWS::ECR::Repository", "repositoryArn",
              "repositoryName", "repositoryName"),
    Operation("kafka", "ListClusters", "ClusterInfoList", "AWS::MSK::Cluster", "ClusterArn", "ClusterArn",
              "ClusterName"),
    Operation("kinesis", "DescribeStream", "StreamDescription", "AWS::Kinesis::Stream", "StreamARN", "StreamName",
              "StreamName"),
    Operation("glacier", "ListVaults", "VaultList", "AWS::Glacier::Vault", "VaultARN", "VaultName", "VaultName"),
    Operation("backup", "DescribeBackupVault", "", "AWS::Backup::BackupVault", "BackupVaultArn", "BackupVaultName",
              "BackupVaultName"),
    Operation("backup", "ListBackupVaults", "BackupVaultList", "AWS::Backup::BackupVault", "BackupVaultArn",
              "BackupVaultName", "BackupVaultName"),
    Operation("backup", "ListRecoveryPointsByResource", "RecoveryPoints", "AWS::Backup::RecoveryPoint",
              "RecoveryPointArn", "RecoveryPointArn", "", is_summary=True),
    Operation("backup", "ListRecoveryPointsByBackupVault", "RecoveryPoints", "AWS::Backup::RecoveryPoint",
              "RecoveryPointArn", "RecoveryPointArn", ""),
)  # fmt: skip

_COMPUTE = (
    Operation("lambda", "ListFunctions", "Functions", "AWS::Lambda::Function", "FunctionArn", "FunctionName",
              "FunctionName"),
    Operation("lambda", "GetFunctionConfiguration", "", "AWS::Lambda::Function", "FunctionArn", "FunctionName",
              "FunctionName"),
    Operation("lambda", "GetFunction", "Configuration", "AWS::Lambda::Function", "FunctionArn", "FunctionName",
              "FunctionName"),
    Operation("autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroups", "AWS::AutoScaling::AutoScalingGroup",
              "AutoScalingGroupARN", "AutoScalingGroupName", "AutoScalingGroupName"),
    Operation("autoscaling", "DescribeLaunchConfigurations", "LaunchConfigurations",
              "AWS::AutoScaling::LaunchConfiguration", "LaunchConfigurationARN", "LaunchConfigurationName",
              "LaunchConfigurationName"),
    Operation("autoscaling", "DescribePolicies", "ScalingPolicies", "AWS::AutoScaling::ScalingPolicy", "PolicyARN",
              "PolicyARN", "PolicyName"),
    Operation("ecs", "DescribeServices", "services", "AWS::ECS::Service", "serviceArn", "serviceName", "serviceName"),
    Operation("ecs", "DescribeClusters", "clusters", "AWS::ECS::Cluster", "clusterArn", "clusterName", "clusterName"),
    Operation("ecs", "DescribeTaskDefinition", "taskDefinition", "AWS::ECS::TaskDefinition", "taskDefinitionArn",
              "taskDefinitionArn", "family"),
    Operation("ecs", "DescribeTasks", "tasks", "AWS::ECS::Task", "taskArn", "taskArn", ""),
    Operation("ecs", "DescribeContainerInstances", "containerInstances", "AWS::ECS::ContainerInstance",
              "containerInstanceArn", "containerInstanceArn", ""),
    Operation("eks", "DescribeCluster", "cluster", "AWS::EKS::Cluster", "arn", "name", "name"),
    Operation("eks", "DescribeNodegroup", "nodegroup", "AWS::EKS::Nodegroup", "nodegroupArn", "nodegroupName",
              "nodegroupName"),
    Operation("elasticbeanstalk", "DescribeEnvironments", "Environments", "AWS::ElasticBeanstalk::Environment",
              "EnvironmentArn", "EnvironmentId", "EnvironmentName"),
    Operation("elasticloadbalancing", "DescribeLoadBalancers", "LoadBalancers",
              "AWS::ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerArn", "LoadBalancerName", "LoadBalancerName"),
    Operation("elasticloadbalancing", "DescribeTargetGroups", "TargetGroups",
              "AWS::ElasticLoadBalancingV2::TargetGroup", "TargetGroupArn", "TargetGroupName", "TargetGroupName"),
    Operation("elasticloadbalancing", "DescribeListeners", "Listeners", "AWS::ElasticLoadBalancingV2::Listener",
              "ListenerArn", "ListenerArn", ""),
    Operation("elasticmapreduce", "DescribeCluster", "Cluster", "AWS::EMR::Cluster", "ClusterArn", "Id", "Name"),
    Operation("cloudformation", "DescribeStacks", "Stacks", "AWS::CloudFormation::Stack", "StackId", "StackId",
              "StackName"),
    Operation("cloudfront", "ListDistributions", "DistributionList", "AWS::CloudFront::Distribution", "ARN", "Id",
              "Id"),
    Operation("cloudfront", "GetDistribution", "Distribution", "AWS::CloudFront::Distribution", "ARN", "Id", "Id"),
)  # fmt: skip

_SECURITY_AND_OPERATION = (
    Operation("kms", "DescribeKey", "KeyMetadata", "AWS::KMS::Key", "Arn", "KeyId", "KeyId"),
    Operation("kms", "ListKeys", "Keys", "AWS::KMS::Key", "KeyArn", "KeyId", "KeyId", is_summary=True),
    Operation("kms", "ListAliases", "Aliases", "AWS::KMS::Alias", "AliasArn", "AliasName", "AliasName"),
    Operation("secretsmanager", "ListSecrets", "SecretList", "AWS::SecretsManager::Secret", "ARN", "ARN", "Name"),
    Operation("secretsmanager", "DescribeSecret", "", "AWS::SecretsManager::Secret", "ARN", "ARN", "Name"),
    Operation("acm", "DescribeCertificate", "Certificate", "AWS::CertificateManager::Certificate", "CertificateArn",
              "CertificateArn", "DomainName"),
    Operation("acm", "ListCertificates", "CertificateSummaryList", "AWS::CertificateManager::Certificate",
              "CertificateArn", "CertificateArn", "DomainName", is_summary=True),
    Operation("cloudtrail", "DescribeTrails", "trailList", "AWS::CloudTrail::Trail", "TrailARN", "TrailARN", "Name"),
    Operation("cloudtrail", "GetTrail", "Trail", "AWS::CloudTrail::Trail", "TrailARN", "TrailARN", "Name"),
    Operation("cloudtrail", "ListTrails", "Trails", "AWS::CloudTrail::Trail", "TrailARN", "TrailARN", "Name",
              is_summary=True),
    Operation("guardduty", "GetDetector", "", "AWS::GuardDuty::Detector", "", "DetectorId", ""),
    Operation("wafv2", "GetWebACL", "WebACL", "AWS::WAFv2::WebACL", "ARN", "Id", "Name"),
    Operation("wafv2", "ListWebACLs", "WebACLs", "AWS::WAFv2::WebACL", "ARN", "Id", "Name", is_summary=True),
    Operation("sns", "GetTopicAttributes", "Attributes", "AWS::SNS::Topic", "TopicArn", "TopicArn", ""),
    Operation("sns", "ListTopics", "Topics", "AWS::SNS::Topic", "TopicArn", "TopicArn", "", is_summary=True),
    Operation("sns", "ListSubscriptions", "Subscriptions", "AWS::SNS::Subscription", "SubscriptionArn",
              "SubscriptionArn", ""),
    Operation("sns", "ListSubscriptionsByTopic", "Subscriptions", "AWS::SNS::Subscription", "SubscriptionArn",
              "SubscriptionArn", ""),
    Operation("sqs", "GetQueueAttributes", "Attributes", "AWS::SQS::Queue", "QueueArn", "QueueArn", ""),
    Operation("logs", "DescribeLogGroups", "logGroups", "AWS::Logs::LogGroup", "arn", "logGroupName", "logGroupName"),
    Operation("monitoring", "DescribeAlarms", "MetricAlarms", "AWS::CloudWatch::Alarm", "AlarmArn", "AlarmName",
              "AlarmName"),
    Operation("events", "ListRules", "Rules", "AWS::Events::Rule", "Arn", "Name", "Name"),
    Operation("states", "DescribeStateMachine", "", "AWS::StepFunctions::StateMachine", "stateMachineArn",
              "stateMachineArn", "name"),
    Operation("route53", "ListHostedZones", "HostedZones", "AWS::Route53::HostedZone",
              "arn:aws:route53:::{Id}", "Id", "Name"),
    Operation("organizations", "ListAccounts", "Accounts", "AWS::Organizations::Account", "Arn", "Id", "Name"),
    Operation("apigateway", "GetRestApis", "items", "AWS::ApiGateway::RestApi",
              "arn:aws:apigateway:{region}::/restapis/{id}", "id", "name"),
    Operation("apigateway", "GetRestApi", "", "AWS::ApiGateway::RestApi",
              "arn:aws:apigateway:{region}::/restapis/{id}", "id", "name"),
    Operation("codebuild", "BatchGetProjects", "projects", "AWS::CodeBuild::Project", "arn", "name", "name"),
    Operation("ssm", "DescribeParameters", "Parameters", "AWS::SSM::Parameter", "ARN", "Name", "Name"),
    Operation("access-analyzer", "ListAnalyzers", "analyzers", "AWS::AccessAnalyzer::Analyzer", "arn", "name",
              "name"),
)  # fmt: skip

_ALL = (*_EC2, *_IAM, *_STORAGE_AND_DATA, *_COMPUTE, *_SECURITY_AND_OPERATION)

OPERATIONS: Mapping[tuple[str, str], Operation] = {(row.service, row.name): row for row in _ALL}

CLASSIC_LOAD_BALANCER = Operation(
    "elasticloadbalancing", "DescribeLoadBalancers", "LoadBalancerDescriptions",
    "AWS::ElasticLoadBalancing::LoadBalancer",
    "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/{LoadBalancerName}", "LoadBalancerName",
    "LoadBalancerName",
)  # fmt: skip
"""The same call of the older API answers under another key."""

SERVICE_ALIASES: Mapping[str, str] = {
    "api.ecr": "ecr",
    "api.ecr-public": "ecr-public",
    "api.sagemaker": "sagemaker",
    "api.pricing": "pricing",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "efs": "elasticfilesystem",
    "emr": "elasticmapreduce",
    "cloudwatch": "monitoring",
    "service-quotas": "servicequotas",
    "stepfunctions": "states",
    "accessanalzyer": "access-analyzer",
    "accessanalyzer": "access-analyzer",
    "entitlement.marketplace": "marketplace",
    "ses": "email",
    "sesv2": "email",
    "apigatewayv2": "apigateway",
    "resourcegroupstaggingapi": "tagging",
    "opensearch": "es",
    "models.lex": "lex",
    "models-v2-lex": "lex",
}
"""Other names of a service, as the CLI, an SDK or an endpoint calls it."""

NAMESPACES: Mapping[str, str] = {
    "access-analyzer": "AccessAnalyzer",
    "acm": "CertificateManager",
    "acm-pca": "ACMPCA",
    "airflow": "MWAA",
    "aoss": "OpenSearchServerless",
    "apigateway": "ApiGateway",
    "appflow": "AppFlow",
    "application-autoscaling": "ApplicationAutoScaling",
    "appmesh": "AppMesh",
    "appsync": "AppSync",
    "autoscaling": "AutoScaling",
    "cassandra": "Cassandra",
    "cloudformation": "CloudFormation",
    "cloudfront": "CloudFront",
    "cloudhsmv2": "CloudHSMV2",
    "cloudtrail": "CloudTrail",
    "codeartifact": "CodeArtifact",
    "codebuild": "CodeBuild",
    "codecommit": "CodeCommit",
    "codedeploy": "CodeDeploy",
    "codepipeline": "CodePipeline",
    "cognito-identity": "Cognito",
    "cognito-idp": "Cognito",
    "dax": "DAX",
    "dlm": "DLM",
    "dms": "DMS",
    "ds": "DirectoryService",
    "dynamodb": "DynamoDB",
    "ec2": "EC2",
    "ecr": "ECR",
    "ecs": "ECS",
    "eks": "EKS",
    "elasticache": "ElastiCache",
    "elasticbeanstalk": "ElasticBeanstalk",
    "elasticfilesystem": "EFS",
    "elasticloadbalancing": "ElasticLoadBalancingV2",
    "elasticmapreduce": "EMR",
    "email": "SES",
    "es": "OpenSearchService",
    "fsx": "FSx",
    "globalaccelerator": "GlobalAccelerator",
    "guardduty": "GuardDuty",
    "iam": "IAM",
    "imagebuilder": "ImageBuilder",
    "iot": "IoT",
    "kafka": "MSK",
    "kinesisanalytics": "KinesisAnalyticsV2",
    "kinesisvideo": "KinesisVideo",
    "firehose": "KinesisFirehose",
    "kms": "KMS",
    "memory-db": "MemoryDB",
    "memorydb": "MemoryDB",
    "monitoring": "CloudWatch",
    "network-firewall": "NetworkFirewall",
    "qldb": "QLDB",
    "ram": "RAM",
    "rds": "RDS",
    "route53": "Route53",
    "route53domains": "Route53Domains",
    "route53resolver": "Route53Resolver",
    "s3": "S3",
    "s3-control": "S3",
    "sagemaker": "SageMaker",
    "secretsmanager": "SecretsManager",
    "servicecatalog": "ServiceCatalog",
    "servicediscovery": "ServiceDiscovery",
    "sns": "SNS",
    "sqs": "SQS",
    "ssm": "SSM",
    "sso": "SSO",
    "states": "StepFunctions",
    "storagegateway": "StorageGateway",
    "swf": "SWF",
    "vpc-lattice": "VpcLattice",
    "waf": "WAF",
    "waf-regional": "WAFRegional",
    "wafv2": "WAFv2",
    "workspaces": "WorkSpaces",
    "workspaces-web": "WorkSpacesWeb",
    "xray": "XRay",
}
"""CloudFormation's namespace of a service, where it is not the service's name with a capital."""


def canonical_service(service: str) -> str:
    """The one name of a service that the tables use."""
    lowered = service.lower().strip()
    return SERVICE_ALIASES.get(lowered, lowered)


def namespace(service: str) -> str:
    """CloudFormation's namespace: `AWS::` and this stand before a type's noun."""
    known = NAMESPACES.get(service)
    return known or "".join(part[:1].upper() + part[1:] for part in service.replace(".", "-").split("-"))
