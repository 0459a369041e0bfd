"""A tenant that has lived for months (synthetic), for whatever learns from a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from domain.finding import PolicyId, Severity, Violation
from domain.inventory import Inventory
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from graph.stores.contract import GraphStore, ScanRecord
from training.outcomes import WEEK

ACME: Final = TenantId("acme")
START: Final = datetime(2026, 1, 5, tzinfo=UTC)
WEEKS: Final = 15
END: Final = START + WEEK * (WEEKS + 1) + timedelta(hours=12)
RESOURCES: Final = 40
BUSY: Final = 12


def live(store: GraphStore) -> None:
    """Some buckets change most weeks and sometimes violate; the others hardly ever do (synthetic)."""
    draw, versions = np.random.default_rng(1), [0] * RESOURCES
    begun = [START] * RESOURCES
    for day in range(0, 7 * WEEKS + 8):
        at = START + timedelta(days=day, hours=1)
        for number in range(RESOURCES):
            if day and draw.random() < (0.12 if number < BUSY else 0.004):
                versions[number] += 1
                begun[number] = at
        items = tuple(_item(number, versions[number], begun[number]) for number in range(RESOURCES))
        store.put_inventory(Inventory(items, (), (), (), 0), "all", at)
        bad = [item for number, item in enumerate(items) if number < BUSY and versions[number] % 3 == 2]
        found = frozenset(Violation(item.uid, PolicyId("P"), Severity.HIGH) for item in bad)
        store.save_scan(ScanRecord(at.isoformat(), at, {"policies": ["P"], "scope": None, "type": None}, found))


def _item(number: int, version: int, at: datetime) -> ConfigurationItem:
    uid, scope = f"arn:aws:s3:::bucket-{number}", f"1/stack-{number % 6}"
    return ConfigurationItem(
        tenant=ACME, uid=ResourceId(uid), provider=Provider.AWS, type="AWS::S3::Bucket", name=f"b{number}",
        scope=scope, region="eu", tags={}, properties={"version": version}, captured_at=at, digest=f"{uid}{version}",
        origin=Origin("live"),
    )  # fmt: skip
