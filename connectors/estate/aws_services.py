"""What runs without machines in an AWS stack: functions, containers and their images, notebooks, logs."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.aws_document import arn_of, config, key_arn, role_arn, short_id
from connectors.estate.company import Record, Stack
from domain.value import Json

_RUNTIMES = ("python3.13", "nodejs22.x", "python3.12")


def services(stack: Stack) -> Iterator[Record]:
    """A function and its log in every stack; containers, images and notebooks in some."""
    yield _log_group(stack, f"/aws/lambda/fn-{stack.name}")
    yield _function(stack)
    if stack.has(0.3):
        yield from _containers(stack)
    if stack.has(0.25):
        yield _cluster(stack)
    if stack.has(0.4):
        yield _images(stack)
    if stack.has(0.12):
        yield _notebook(stack)


def _log_group(stack: Stack, name: str) -> Record:
    arn = arn_of(stack, "logs", f"log-group:{name}")
    configuration: dict[str, Json] = {"logGroupName": name, "arn": arn}
    if not stack.is_flawed(1.5):
        configuration["retentionInDays"] = 90
    if not stack.is_flawed(2):
        configuration["kmsKeyId"] = key_arn(stack)
    return config(stack, "AWS::Logs::LogGroup", name, arn, configuration, cost=9, service="Amazon CloudWatch")


def _function(stack: Stack) -> Record:
    name = f"fn-{stack.name}"
    arn = arn_of(stack, "lambda", f"function:{name}")
    principal: Json = "*" if stack.is_flawed(0.25) else {"Service": "s3.amazonaws.com"}
    allowed: Json = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction", "Resource": arn}],
    }
    runtime = stack.either(stack.random.choice(_RUNTIMES), "python3.9")
    configuration: dict[str, Json] = {
        "functionName": name,
        "functionArn": arn,
        "runtime": runtime,
        "role": role_arn(stack),
        "timeout": 30,
        "kMSKeyArn": key_arn(stack),
        "vpcConfig": {"subnetIds": [short_id(stack, "subnet")], "securityGroupIds": [short_id(stack, "sg")]},
        "tracingConfig": {"mode": stack.either("Active", "PassThrough", 1.5)},
    }
    return config(
        stack,
        "AWS::Lambda::Function",
        name,
        arn,
        configuration,
        supplementary={"Policy": allowed},
        cost=6,
        service="AWS Lambda",
        drift=("configuration.timeout", 300),
    )


def _containers(stack: Stack) -> Iterator[Record]:
    cluster = arn_of(stack, "ecs", f"cluster/{stack.name}")
    settings: dict[str, Json] = {"clusterArn": cluster, "clusterName": stack.name, "status": "ACTIVE"}
    yield config(stack, "AWS::ECS::Cluster", stack.name, cluster, settings, service="Amazon Elastic Container Service")
    name = f"svc-{stack.name}"
    service = arn_of(stack, "ecs", f"service/{stack.name}/{name}")
    configuration: dict[str, Json] = {
        "serviceArn": service,
        "serviceName": name,
        "cluster": cluster,
        "launchType": "FARGATE",
        "desiredCount": 3,
        "role": role_arn(stack),
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": [short_id(stack, "subnet")],
                "securityGroups": [short_id(stack, "sg")],
                "assignPublicIp": stack.either("DISABLED", "ENABLED", 0.6),
            }
        },
    }
    yield config(
        stack, "AWS::ECS::Service", name, service, configuration, cost=130,
        service="Amazon Elastic Container Service", drift=("configuration.desiredCount", 6),
    )  # fmt: skip


def _cluster(stack: Stack) -> Record:
    name = f"eks-{stack.name}"
    arn = arn_of(stack, "eks", f"cluster/{name}")
    logs: list[Json] = ["api", "audit"] if not stack.is_flawed() else ["api"]
    encryption: list[Json] = [{"resources": ["secrets"], "provider": {"keyArn": key_arn(stack)}}]
    configuration: dict[str, Json] = {
        "name": name,
        "arn": arn,
        "version": "1.33",
        "roleArn": role_arn(stack),
        "resourcesVpcConfig": {
            "endpointPublicAccess": stack.either(False, True),
            "publicAccessCidrs": ["0.0.0.0/0"],
            "subnetIds": [short_id(stack, "subnet", index) for index in range(2)],
            "securityGroupIds": [short_id(stack, "sg")],
        },
        "logging": {"clusterLogging": [{"types": logs, "enabled": True}]},
        "encryptionConfig": encryption if not stack.is_flawed() else [],
    }
    return config(
        stack, "AWS::EKS::Cluster", name, arn, configuration, cost=73, service="Amazon Elastic Kubernetes Service"
    )


def _images(stack: Stack) -> Record:
    name = f"{stack.application}/{stack.name}"
    configuration: dict[str, Json] = {
        "repositoryName": name,
        "repositoryArn": arn_of(stack, "ecr", f"repository/{name}"),
        "imageTagMutability": stack.either("IMMUTABLE", "MUTABLE", 1.5),
        "imageScanningConfiguration": {"scanOnPush": stack.either(True, False)},
        "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": key_arn(stack)},
    }
    arn = arn_of(stack, "ecr", f"repository/{name}")
    return config(
        stack, "AWS::ECR::Repository", name, arn, configuration, cost=3, service="Amazon Elastic Container Registry"
    )


def _notebook(stack: Stack) -> Record:
    name = f"nb-{stack.name}"
    arn = arn_of(stack, "sagemaker", f"notebook-instance/{name}")
    configuration: dict[str, Json] = {
        "notebookInstanceName": name,
        "notebookInstanceArn": arn,
        "directInternetAccess": stack.either("Disabled", "Enabled"),
        "rootAccess": stack.either("Disabled", "Enabled"),
        "roleArn": role_arn(stack),
        "subnetId": short_id(stack, "subnet"),
        "kmsKeyId": key_arn(stack),
    }
    type_ = "AWS::SageMaker::NotebookInstance"
    return config(stack, type_, name, arn, configuration, cost=64, service="Amazon SageMaker")
