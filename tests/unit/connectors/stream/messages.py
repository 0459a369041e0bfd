"""Change messages in the shape of each provider's own, made for tests."""

from __future__ import annotations

import base64
from typing import Any

import orjson

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:orders"
SITE = "/subscriptions/0b1f6471-1bf0-4dda-aec3-111122223333/resourceGroups/shop/providers/Microsoft.Web/sites/shop"
VM = "//compute.googleapis.com/projects/shop-1/zones/europe-west1-b/instances/web"
Message = dict[str, Any]


def config_notification(status: str = "OK", **item: object) -> Message:
    return {
        "configurationItemDiff": {"changedProperties": {}, "changeType": "UPDATE"},
        "configurationItem": {
            "relatedEvents": [],
            "relationships": [],
            "configuration": {"QueueUrl": "https://sqs/orders", "SqsManagedSseEnabled": False},
            "supplementaryConfiguration": {},
            "tags": {"team": "orders"},
            "configurationItemVersion": "1.3",
            "configurationItemCaptureTime": "2026-03-01T11:59:30.123Z",
            "configurationStateId": 1772366370123,
            "awsAccountId": "123456789012",
            "configurationItemStatus": status,
            "resourceType": "AWS::SQS::Queue",
            "resourceId": "https://sqs/orders",
            "resourceName": "orders",
            "ARN": QUEUE,
            "awsRegion": "eu-central-1",
            **item,
        },
        "notificationCreationTime": "2026-03-01T11:59:40.000Z",
        "messageType": "ConfigurationItemChangeNotification",
        "recordVersion": "1.3",
    }


def in_sns(message: object) -> Message:
    return {
        "Type": "Notification",
        "MessageId": "6d4f-sns",
        "TopicArn": "arn:aws:sns:eu-central-1:123456789012:config",
        "Subject": "[AWS Config:eu-central-1] AWS::SQS::Queue orders Updated",
        "Message": orjson.dumps(message).decode(),
        "Timestamp": "2026-03-01T11:59:41.000Z",
    }


def in_sqs(message: object) -> Message:
    return {"MessageId": "99-sqs", "ReceiptHandle": "handle", "Body": orjson.dumps(message).decode()}


def in_event_bridge(
    detail: object, kind: str = "Config Configuration Item Change", source: str = "aws.config"
) -> Message:
    return {
        "version": "0",
        "id": "7c1a-bridge",
        "detail-type": kind,
        "source": source,
        "account": "123456789012",
        "time": "2026-03-01T11:59:41Z",
        "region": "eu-central-1",
        "resources": [QUEUE],
        "detail": detail,
    }


def event_grid(kind: str = "CreatedOrUpdated", **info: object) -> Message:
    return {
        "id": "1fb6-grid",
        "topic": SITE.partition("/resourceGroups")[0],
        "subject": SITE,
        "eventType": f"Microsoft.ResourceNotifications.Resources.{kind}",
        "eventTime": "2026-03-01T11:59:31.9245071Z",
        "dataVersion": "1",
        "metadataVersion": "1",
        "data": {
            "resourceInfo": {
                "id": SITE,
                "name": "shop",
                "type": "Microsoft.Web/sites",
                "location": "West Europe",
                "tags": {"owner": "shop"},
                "properties": {"httpsOnly": False, "state": "Running"},
                **info,
            },
            "operationalInfo": {"resourceEventTime": "2026-03-01T11:59:30.9245071Z"},
            "apiVersion": "2023-12-01",
        },
    }


def cloud_event(kind: str = "CreatedOrUpdated") -> Message:
    grid = event_grid(kind)
    return {
        "id": grid["id"],
        "source": grid["topic"],
        "subject": SITE,
        "type": grid["eventType"],
        "time": grid["eventTime"],
        "specversion": "1.0",
        "data": grid["data"],
    }


def plain_event(kind: str = "ResourceDeleteSuccess") -> Message:
    return {
        "id": "4e-plain",
        "topic": SITE.partition("/resourceGroups")[0],
        "subject": SITE,
        "eventType": f"Microsoft.Resources.{kind}",
        "eventTime": "2026-03-01T11:59:30Z",
        "data": {
            "operationName": "Microsoft.Web/sites/delete",
            "resourceUri": SITE,
            "status": "Succeeded",
            "claims": {"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": "ann@example.org"},
        },
    }


def activity(operation: str = "Microsoft.Web/sites/write", **fields: object) -> Message:
    answer = {"id": SITE, "name": "shop", "type": "Microsoft.Web/sites", "location": "West Europe"}
    return {
        "eventDataId": "77-activity",
        "caller": "ann@example.org",
        "operationName": {"value": operation, "localizedValue": "Update web app"},
        "resourceId": SITE,
        "status": {"value": "Succeeded"},
        "eventTimestamp": "2026-03-01T11:59:30.1Z",
        "properties": {"responseBody": orjson.dumps({**answer, "properties": {"httpsOnly": True}}).decode()},
        **fields,
    }


def asset_feed(**fields: object) -> Message:
    return {
        "asset": {
            "ancestors": ["projects/163454223397", "folders/7", "organizations/3"],
            "assetType": "compute.googleapis.com/Instance",
            "name": VM,
            "resource": {
                "data": {"name": "web", "status": "RUNNING", "labels": {"team": "shop"}, "canIpForward": False},
                "discoveryName": "Instance",
                "location": "europe-west1-b",
                "version": "v1",
            },
            "updateTime": "2026-03-01T11:59:29.759449Z",
        },
        "priorAssetState": "PRESENT",
        "window": {"startTime": "2026-03-01T11:59:30.801629Z"},
        **fields,
    }


def in_pubsub(message: object) -> Message:
    content = message if isinstance(message, str) else orjson.dumps(message).decode()
    return {
        "message": {"data": base64.b64encode(content.encode()).decode(), "messageId": "55-pubsub", "attributes": {}},
        "subscription": "projects/shop-1/subscriptions/feed",
    }
