"""Small items for tests of the graph."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from domain.inventory import Gap, Inventory
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from domain.value import Json

TENANT = TenantId("acme")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def item(
    uid: str,
    type_: str = "Example.Test/things",
    properties: Mapping[str, Json] | None = None,
    *,
    provider: Provider = Provider.AZURE,
    scope: str = "",
    captured_at: datetime | None = None,
    tags: Mapping[str, str] | None = None,
    tenant: TenantId = TENANT,
    unread: tuple[str, ...] = (),
    synthetic: bool = False,
    line: int = 1,
) -> ConfigurationItem:
    document = dict(properties or {})
    return ConfigurationItem(
        tenant=tenant,
        uid=ResourceId(uid),
        provider=provider,
        type=type_,
        name=uid.rpartition("/")[2],
        scope=scope,
        region="westeurope",
        tags=dict(tags or {}),
        properties=document,
        captured_at=captured_at,
        digest=hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest(),
        origin=Origin("export.ndjson", line),
        unread=unread,
        synthetic=synthetic,
    )


def inventory(
    *items: ConfigurationItem, former: tuple[ConfigurationItem, ...] = (), is_complete: bool = True
) -> Inventory:
    gaps = () if is_complete else (Gap(Origin("export.ndjson", 9), "broken line"),)
    return Inventory(items=items, former=former, gaps=gaps, files=(), repeated=len(former))
