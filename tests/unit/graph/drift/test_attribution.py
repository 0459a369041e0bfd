from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from domain.drift import AttributeDrift, AuditEntry, Drift, DriftKind
from domain.resource import Provider, ResourceId
from graph.drift.attribution import AuditIndex, attributed, words_of
from tests.unit.graph.drift.estate import BUCKET, NOW


def entry(operation: str, hours: float, *, who: str = "alice", uid: str = BUCKET, ok: bool = True) -> AuditEntry:
    return AuditEntry((uid,), NOW - timedelta(hours=hours), who, operation, Provider.AWS, f"e-{operation}", "", ok)


def drift(path: str, kind: DriftKind = DriftKind.CHANGED, uid: str = BUCKET) -> Drift:
    return Drift(
        "id", kind, ResourceId(uid), "AWS::S3::Bucket", "shop-data", "", "",
        attributes=(AttributeDrift(path, "a", "b"),) if path else (), changed_at=NOW,
    )  # fmt: skip


def who(found: Drift) -> str:
    return found.by.principal if found.by else ""


def told(found: Drift, *entries: AuditEntry, since: datetime | None = None) -> Drift:
    return attributed(found, AuditIndex.of(entries), since)


def test_the_operation_that_names_the_attribute_comes_before_a_later_one() -> None:
    found = told(
        drift("BucketEncryption.Rules"),
        entry("s3:PutBucketEncryption", 3, who="alice"),
        entry("s3:PutBucketTagging", 1, who="bob"),
    )
    assert who(found) == "alice"
    assert found.changed_at == NOW - timedelta(hours=3)


def test_among_equals_the_latest_counts() -> None:
    found = told(
        drift("BucketVersioning.Status"),
        entry("s3:PutBucketVersioning", 9, who="alice"),
        entry("s3:PutBucketVersioning", 2, who="bob"),
    )
    assert who(found) == "bob"


def test_calls_that_failed_or_came_before_the_baseline_or_after_the_observation_say_nothing() -> None:
    change = "s3:PutBucketVersioning"
    assert who(told(drift("BucketVersioning.Status"), entry(change, 1, ok=False))) == ""
    assert who(told(drift("BucketVersioning.Status"), entry(change, 9), since=NOW - timedelta(hours=5))) == ""
    assert who(told(drift("BucketVersioning.Status"), entry(change, -2))) == ""


def test_an_entry_may_name_a_resource_by_the_last_part_of_its_id() -> None:
    assert who(told(drift("tags.env"), entry("s3:PutBucketTagging", 1, uid="shop-data"))) == "alice"
    assert who(told(drift("tags.env"), entry("s3:PutBucketTagging", 1, uid="other"))) == ""


def test_a_missing_resource_was_deleted_by_someone() -> None:
    found = told(
        drift("", DriftKind.MISSING),
        entry("s3:DeleteBucket", 2, who="mallory"),
        entry("s3:PutBucketTagging", 1, who="bob"),
    )
    assert who(found) == "mallory"


def test_a_moved_resource_is_asked_about_under_both_ids() -> None:
    moved = replace(drift("", DriftKind.MOVED, uid="/subscriptions/S/a"), moved_to="/subscriptions/S/b")
    move = entry("Microsoft.Resources/subscriptions/resourceGroups/moveResources/action", 1, uid="/subscriptions/S/a")
    assert who(told(moved, move)) == "alice"


def test_words_of_names_meet_in_one_form() -> None:
    assert words_of("ec2:AuthorizeSecurityGroupIngress") >= {"security", "group", "ingress"}
    assert "tag" in words_of("CreateTags")
