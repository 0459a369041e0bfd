"""An incomplete inventory proves no absence."""

from __future__ import annotations

from domain.inventory import FileReport, Gap, Inventory, RecordClass, absent
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import tenant_id


def item(uid: str) -> ConfigurationItem:
    return ConfigurationItem(
        tenant=tenant_id("demo"),
        uid=ResourceId(uid),
        provider=Provider.AWS,
        type="AWS::S3::Bucket",
        name=uid,
        scope="/accounts/1",
        region="",
        tags={},
        properties={},
        captured_at=None,
        digest="0" * 64,
        origin=Origin("a.json", 1),
    )


def inventory(*uids: str, gaps: tuple[Gap, ...] = ()) -> Inventory:
    return Inventory(tuple(map(item, uids)), (), gaps, (), 0)


PREVIOUS = frozenset({ResourceId("a"), ResourceId("b")})


def test_a_complete_inventory_shows_what_is_gone() -> None:
    assert absent(PREVIOUS, inventory("a")) == {"b"}
    assert inventory("a").is_complete


def test_a_gap_proves_no_absence() -> None:
    gappy = inventory("a", gaps=(Gap(Origin("b.json", 2), "broken JSON"),))
    assert absent(PREVIOUS, gappy) == frozenset()
    assert not gappy.is_complete


def test_everything_but_a_gap_counts_as_recognised() -> None:
    report = FileReport("a.json", "json", 5, ((RecordClass.RESOURCE, 3), (RecordClass.GAP, 2)), 3, ())
    assert report.recognised == 3
