"""Change messages of AWS Config: from its SNS topic or from EventBridge, bare or in the envelope of either, and of SQS.

**Source**: AWS Config Developer Guide, "Notifications that AWS Config sends to an Amazon SNS topic".
"""

from __future__ import annotations

from typing import Final

from connectors.aws import config
from connectors.change_message import Told, nested_json, require_instant
from connectors.observation import Document, text
from domain.errors import InputError

_CHANGE: Final = "ConfigurationItemChangeNotification"
_OVERSIZED: Final = "OversizedConfigurationItemChangeNotification"
_NOT_RECORDED: Final = frozenset({"ResourceNotRecorded"})


def is_message(body: Document) -> bool:
    """Whether this is a message that AWS Config or one of its carriers sends."""
    if isinstance(body.get("Message"), str) and isinstance(body.get("TopicArn"), str):
        return True
    if isinstance(body.get("detail-type"), str) and isinstance(body.get("detail"), dict):
        return True
    if isinstance(body.get("ReceiptHandle"), str | None) and isinstance(body.get("Body"), str):
        return True
    return isinstance(body.get("messageType"), str) or config.is_notification(body)


def read(body: Document, message_id: str = "") -> tuple[Told, ...]:
    """What a message tells; nothing where it reports no change of a resource.

    Raises:
        InputError: it is not whole, or says that something changed and not how.
    """
    if isinstance(body.get("Body"), str):
        return read(nested_json(body["Body"], what="Body"), text(body.get("MessageId")))
    if isinstance(body.get("Message"), str) and isinstance(body.get("TopicArn"), str):
        if text(body.get("Type")) != "Notification":
            return ()
        return read(nested_json(body["Message"], what="Message"), text(body.get("MessageId")))
    if isinstance(body.get("detail"), dict):
        return _of_event_bridge(body)
    return _of_config(body, message_id)


def _of_event_bridge(body: Document) -> tuple[Told, ...]:
    source, kind = text(body.get("source")), text(body.get("detail-type"))
    if source == "aws.config":
        return _of_config(nested_json(body["detail"], what="detail"), text(body.get("id")))
    if kind == "AWS API Call via CloudTrail":
        raise InputError(
            "the message names a call, not the state that it led to",
            got=kind,
            todo="Let AWS Config record the type, and publish its configuration item changes",
        )
    raise InputError("the message is not one of AWS Config", got=f"{source}: {kind}"[:100])


def _of_config(body: Document, message_id: str) -> tuple[Told, ...]:
    kind = text(body.get("messageType"), _CHANGE)
    if kind == _OVERSIZED:
        raise InputError(
            "the item is too large for a message",
            got=text(body.get("configurationItemSummary")) or kind,
            where=_where(body),
            todo="Read the object that s3DeliverySummary names, or collect this resource",
        )
    if kind != _CHANGE:
        return ()
    item = body.get("configurationItem")
    if not isinstance(item, dict):
        raise InputError("the message is without its configuration item", got=kind)
    return _of_item(item, message_id)


def _of_item(item: Document, message_id: str) -> tuple[Told, ...]:
    if text(item.get("configurationItemStatus")) in _NOT_RECORDED:
        return ()
    if "accountId" not in item and isinstance(item.get("awsAccountId"), str):
        item = {**item, "accountId": item["awsAccountId"]}
    seen = config.observe(item)
    if seen is None:
        raise InputError("the item has neither an ARN nor an id", got=text(item.get("resourceType")))
    at = config.instant(item.get("configurationItemCaptureTime"))
    if at is None:
        at = require_instant(None, what="configurationItemCaptureTime")
    return (Told(seen.uid, at, () if seen.absent else (seen,), message_id=message_id),)


def _where(body: Document) -> str:
    summary = body.get("s3DeliverySummary")
    return text(summary.get("s3BucketLocation")) if isinstance(summary, dict) else ""
