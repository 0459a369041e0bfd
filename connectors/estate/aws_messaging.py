"""Queues, topics and streams that some AWS stacks have."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.aws_document import arn_of, config, key_arn
from connectors.estate.company import Record, Stack
from domain.value import Json


def messaging(stack: Stack) -> Iterator[Record]:
    """One service in one stack, another in the next."""
    if stack.has(0.5):
        yield _queue(stack)
    if stack.has(0.4):
        yield _topic(stack)
    if stack.has(0.15):
        yield _stream(stack)


def _queue(stack: Stack) -> Record:
    name = f"{stack.name}-work"
    arn = arn_of(stack, "sqs", name)
    configuration: dict[str, Json] = {"QueueArn": arn, "VisibilityTimeout": "30", "MessageRetentionPeriod": "345600"}
    if stack.is_flawed():
        configuration["SqsManagedSseEnabled"] = "false"
    else:
        configuration["KmsMasterKeyId"] = key_arn(stack)
    return config(stack, "AWS::SQS::Queue", name, arn, configuration, cost=2, service="Amazon Simple Queue Service")


def _topic(stack: Stack) -> Record:
    name = f"{stack.name}-news"
    arn = arn_of(stack, "sns", name)
    configuration: dict[str, Json] = {"TopicArn": arn, "DisplayName": name}
    if not stack.is_flawed():
        configuration["KmsMasterKeyId"] = key_arn(stack)
    return config(
        stack, "AWS::SNS::Topic", name, arn, configuration, cost=1, service="Amazon Simple Notification Service"
    )


def _stream(stack: Stack) -> Record:
    name = f"{stack.name}-clicks"
    arn = arn_of(stack, "kinesis", f"stream/{name}")
    encryption = stack.either("KMS", "NONE")
    configuration: dict[str, Json] = {"name": name, "arn": arn, "encryptionType": encryption, "keyId": key_arn(stack)}
    return config(stack, "AWS::Kinesis::Stream", name, arn, configuration, cost=28, service="Amazon Kinesis")
