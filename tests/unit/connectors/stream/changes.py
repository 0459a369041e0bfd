"""Changes for tests, made and not recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import orjson

from domain.change import ChangeBatch, ChangeEvent
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from domain.value import Json

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT = TenantId("acme")


class FixedClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def item(name: str, *, tenant: TenantId = TENANT, **properties: Json) -> ConfigurationItem:
    uid = ResourceId(f"arn:aws:sqs:eu-central-1:123456789012:{name}")
    content: dict[str, Json] = {"QueueUrl": name, **properties}
    return ConfigurationItem(
        tenant,
        uid,
        Provider.AWS,
        "AWS::SQS::Queue",
        name,
        "/accounts/123456789012",
        "eu-central-1",
        {"team": "orders"},
        content,
        NOON,
        sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        Origin("changes.ndjson", 3),
        ("policy",),
        synthetic=True,
    )


def changed(name: str, *, at: datetime = NOON, tenant: TenantId = TENANT, **properties: Json) -> ChangeEvent:
    found = item(name, tenant=tenant, **properties)
    return ChangeEvent(found.uid, at, found, "arn:aws:iam::123456789012:user/ann", "SetQueueAttributes")


def deleted(name: str, *, at: datetime = NOON) -> ChangeEvent:
    return ChangeEvent(item(name).uid, at, None, "", "DeleteQueue")


def batch(batch_id: str, *events: ChangeEvent, tenant: TenantId = TENANT, source: str = "aws-config") -> ChangeBatch:
    return ChangeBatch(tenant, batch_id, source, NOON, events or (changed(f"queue-{batch_id}", tenant=tenant),))
