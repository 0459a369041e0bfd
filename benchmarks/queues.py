"""A synthetic tenant of queues for what measures changes: its resources, its store, and batches that change it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from actors.folders import Folders
from domain.change import ChangeEvent
from domain.clock import format_instant
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from graph.stores.duckdb import DuckDbStore

STATE = "DelaySeconds"
"""The property that a change sets."""


def fill(folder: Path, tenant: TenantId, size: int) -> None:
    """Put a tenant's resources into its store."""
    store = DuckDbStore(Folders(folder).graph(tenant), tenant)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    items = [queue(tenant, number, 0) for number in range(size)]
    store.apply([ChangeEvent(item.uid, at, item) for item in items])
    store.close()


def queue(tenant: TenantId, number: int, state: int) -> ConfigurationItem:
    """One resource in one state; it names another, so that there are edges."""
    uid = ResourceId(f"arn:aws:sqs:eu-central-1:123456789012:{tenant}-{number}")
    other = f"arn:aws:sqs:eu-central-1:123456789012:{tenant}-{number // 10}"
    return ConfigurationItem(
        tenant=tenant,
        uid=uid,
        provider=Provider.AWS,
        type="AWS::SQS::Queue",
        name=f"{tenant}-{number}",
        scope="/accounts/123456789012",
        region="eu-central-1",
        tags={"team": "orders"},
        properties={"RedrivePolicy": {"deadLetterTargetArn": other}, STATE: state},
        captured_at=None,
        digest=f"{number:032x}{state:032x}",
        origin=Origin("synthetic"),
        synthetic=True,
    )


def message(batch_id: str, items: Sequence[ConfigurationItem], at: datetime) -> bytes:
    """A batch in the form in which anybody publishes changes over HTTP."""
    fields = ("provider", "type", "scope", "region", "tags", "properties")
    events = [
        {"uid": item.uid, "at": format_instant(at), "item": {name: getattr(item, name) for name in fields}}
        for item in items
    ]
    return orjson.dumps({"batch_id": batch_id, "source": "benchmark", "events": events})
