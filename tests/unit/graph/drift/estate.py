"""Small declarations and resources for the tests of drift."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson

from domain.drift import Baseline, BaselineSource, Declared
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from domain.value import Json

TENANT = TenantId("acme")
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
SCOPE = "/accounts/123456789012"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:orders"
BUCKET = "arn:aws:s3:::shop-data"


def item(
    uid: str = QUEUE,
    type_: str = "AWS::SQS::Queue",
    properties: Mapping[str, Json] | None = None,
    *,
    provider: Provider = Provider.AWS,
    tags: Mapping[str, str] | None = None,
    scope: str = SCOPE,
    name: str = "",
    region: str = "eu-central-1",
    unread: tuple[str, ...] = (),
    at: datetime = NOW,
) -> ConfigurationItem:
    return ConfigurationItem(
        TENANT,
        ResourceId(uid),
        provider,
        type_,
        name or uid.replace("/", ":").rpartition(":")[2],
        scope,
        region,
        tags or {},
        properties or {},
        at,
        sha256(orjson.dumps(properties or {}, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        Origin("test", 1),
        unread,
    )


def declared(
    uid: str = QUEUE,
    type_: str = "AWS::SQS::Queue",
    properties: Mapping[str, Json] | None = None,
    *,
    provider: Provider = Provider.AWS,
    address: str = "aws_sqs_queue.orders",
    **more: Any,
) -> Declared:
    name = more.pop("name", uid.replace("/", ":").rpartition(":")[2])
    return Declared(address, uid, provider, type_, name, **{"scope": SCOPE, "properties": properties or {}, **more})


def baseline(*resources: Declared, name: str = "shop", at: datetime | None = None) -> Baseline:
    return Baseline(name, BaselineSource.TERRAFORM_STATE, "1" * 64, at, resources)
