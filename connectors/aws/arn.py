"""ARNs taken apart: account, region, what comes last, and the type that service and resource part name.

Source: Service Authorization Reference, resource types of each service, https://docs.aws.amazon.com.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.aws.operations import canonical_service, namespace


def account_of(arn: str) -> str:
    """The account in an ARN; empty where it names none."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[0] == "arn" else ""


def region_of(arn: str) -> str:
    """The region in an ARN; empty where it names none."""
    parts = arn.split(":", 5)
    return parts[3] if len(parts) == 6 and parts[0] == "arn" else ""


def last_of(uid: str) -> str:
    """What comes last in an ARN: the name or id within its service."""
    return re.split(r"[:/]", uid)[-1]


def type_of_arn(arn: str) -> str:
    """The type that an ARN names: `arn:aws:ec2:…:security-group/sg-1` is `AWS::EC2::SecurityGroup`."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return ""
    service, rest = parts[2], parts[5]
    noun = re.split(r"[:/]", rest)[0] if re.search(r"[:/]", rest) else ""
    known = _TYPES.get((service, noun))
    if known:
        return known
    camel = "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_.]", noun)) or "Resource"
    return f"AWS::{namespace(canonical_service(service))}::{camel}"


_TYPES: Mapping[tuple[str, str], str] = {
    ("autoscaling", "autoScalingGroup"): "AWS::AutoScaling::AutoScalingGroup",
    ("cloudwatch", "alarm"): "AWS::CloudWatch::Alarm",
    ("codebuild", "project"): "AWS::CodeBuild::Project",
    ("codepipeline", ""): "AWS::CodePipeline::Pipeline",
    ("ec2", "dhcp-options"): "AWS::EC2::DHCPOptions",
    ("ec2", "elastic-ip"): "AWS::EC2::EIP",
    ("ec2", "natgateway"): "AWS::EC2::NatGateway",
    ("ec2", "vpc"): "AWS::EC2::VPC",
    ("ec2", "vpc-endpoint"): "AWS::EC2::VPCEndpoint",
    ("ec2", "vpc-flow-log"): "AWS::EC2::FlowLog",
    ("elasticloadbalancing", "loadbalancer"): "AWS::ElasticLoadBalancingV2::LoadBalancer",
    ("elasticloadbalancing", "targetgroup"): "AWS::ElasticLoadBalancingV2::TargetGroup",
    ("iam", "policy"): "AWS::IAM::ManagedPolicy",
    ("logs", "log-group"): "AWS::Logs::LogGroup",
    ("rds", "cluster"): "AWS::RDS::DBCluster",
    ("rds", "cluster-snapshot"): "AWS::RDS::DBClusterSnapshot",
    ("rds", "db"): "AWS::RDS::DBInstance",
    ("rds", "pg"): "AWS::RDS::DBParameterGroup",
    ("rds", "snapshot"): "AWS::RDS::DBSnapshot",
    ("rds", "subgrp"): "AWS::RDS::DBSubnetGroup",
    ("s3", ""): "AWS::S3::Bucket",
    ("secretsmanager", "secret"): "AWS::SecretsManager::Secret",
    ("sns", ""): "AWS::SNS::Topic",
    ("sqs", ""): "AWS::SQS::Queue",
}
