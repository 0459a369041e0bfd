"""Waste is found with evidence, and what cannot be known is unknown with the reason, never clean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cost.waste import Case, Estate, Known, Undecided, WasteKind, find_waste, judged_types, rules_of, savings_of
from domain.money import Money
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from domain.value import Json

NOW = datetime(2026, 11, 20, tzinfo=UTC)
COST = (Money(Decimal(20), "USD"),)
ARN = "arn:aws:ec2:eu-west-1:123456789012"


def item(
    kind: str,
    properties: Mapping[str, Json],
    *,
    uid: str = "r",
    tags: Mapping[str, str] | None = None,
    unread: tuple[str, ...] = (),
) -> ConfigurationItem:
    return ConfigurationItem(
        TenantId("acme"), ResourceId(uid), Provider.AWS, kind, "r", "/accounts/1", "eu-west-1", dict(tags or {}),
        dict(properties), NOW, "d", Origin("f", 1), unread,
    )  # fmt: skip


def world(*present: str, complete: bool = True) -> Estate:
    return Estate(NOW, lambda uid: uid in present, complete)


def judged(
    of: ConfigurationItem, kind: WasteKind, known: Known | None = None, estate: Estate | None = None
) -> Case | Undecided | None:
    found = find_waste([(of, known or Known(monthly=COST))], estate or world())
    both: Sequence[Case | Undecided] = [*found.cases, *found.undecided]
    return next((each for each in both if each.kind is kind), None)


CASES: list[tuple[str, Mapping[str, Json], WasteKind]] = [
    ("AWS::EC2::Volume", {"State": "available"}, WasteKind.UNATTACHED),
    ("AWS::EC2::Volume", {"State": "in-use", "VolumeType": "gp2"}, WasteKind.OLD_GENERATION),
    ("Microsoft.Compute/disks", {"properties": {"diskState": "Unattached"}}, WasteKind.UNATTACHED),
    ("compute.googleapis.com/Disk", {"users": []}, WasteKind.UNATTACHED),
    ("AWS::EC2::EIP", {"PublicIp": "203.0.113.1"}, WasteKind.UNATTACHED),
    ("Microsoft.Network/publicIPAddresses", {"properties": {}}, WasteKind.UNATTACHED),
    ("compute.googleapis.com/Address", {"status": "RESERVED"}, WasteKind.UNATTACHED),
    ("Microsoft.Network/loadBalancers", {"properties": {"backendAddressPools": []}}, WasteKind.UNATTACHED),
    ("Microsoft.Network/natGateways", {"properties": {}}, WasteKind.UNATTACHED),
    ("AWS::EC2::Instance", {"State": {"Name": "stopped"}}, WasteKind.IDLE),
    ("AWS::EC2::Instance", {"InstanceType": "m4.large"}, WasteKind.OLD_GENERATION),
    ("Microsoft.Compute/virtualMachines", {"properties": {"hardwareProfile": {"vmSize": "Standard_D2_v2"}}},
     WasteKind.OLD_GENERATION),
    ("compute.googleapis.com/Instance", {"machineType": "zones/z/machineTypes/n1-standard-4"},
     WasteKind.OLD_GENERATION),
    ("AWS::S3::Bucket", {"BucketLifecycle": {"Rules": []}}, WasteKind.NO_LIFECYCLE),
    ("storage.googleapis.com/Bucket", {}, WasteKind.NO_LIFECYCLE),
    ("AWS::Logs::LogGroup", {}, WasteKind.NO_LIFECYCLE),
]  # fmt: skip
CLEAN: list[tuple[str, Mapping[str, Json], WasteKind]] = [
    ("AWS::EC2::Volume", {"State": "in-use", "VolumeType": "gp3"}, WasteKind.UNATTACHED),
    ("AWS::EC2::Volume", {"State": "in-use", "VolumeType": "gp3"}, WasteKind.OLD_GENERATION),
    ("compute.googleapis.com/Disk", {"users": ["vm"]}, WasteKind.UNATTACHED),
    ("AWS::EC2::EIP", {"AssociationId": "a"}, WasteKind.UNATTACHED),
    ("AWS::EC2::Instance", {"InstanceType": "m7g.large"}, WasteKind.OLD_GENERATION),
    ("AWS::S3::Bucket", {"BucketLifecycle": {"Rules": [{"Status": "Enabled"}]}}, WasteKind.NO_LIFECYCLE),
    ("AWS::Logs::LogGroup", {"RetentionInDays": 30}, WasteKind.NO_LIFECYCLE),
]


@pytest.mark.parametrize(("kind", "properties", "waste"), CASES)
def test_each_kind_is_found_with_where_it_was_read(kind: str, properties: Mapping[str, Json], waste: WasteKind) -> None:
    found = judged(item(kind, properties), waste)
    assert isinstance(found, Case)
    assert found.facts


@pytest.mark.parametrize(("kind", "properties", "waste"), CLEAN)
def test_what_is_in_use_is_no_case(kind: str, properties: Mapping[str, Json], waste: WasteKind) -> None:
    assert judged(item(kind, properties), waste) is None


@pytest.mark.parametrize("kind", sorted(judged_types()))
def test_of_a_resource_that_nobody_read_nothing_is_known_and_nothing_is_clean(kind: str) -> None:
    found = find_waste([(item(kind, {}, unread=("*",)), Known(monthly=COST))], world(complete=False))
    decided = {case.kind for case in found.cases}
    assert not decided
    open_kinds = {waste for waste, _ in rules_of(kind)} - {WasteKind.FORGOTTEN}
    assert {each.kind for each in found.undecided} == open_kinds
    assert all(each.reason for each in found.undecided)


def test_a_snapshot_is_orphaned_only_where_the_inventory_is_complete() -> None:
    snapshot = item("AWS::EC2::Snapshot", {"VolumeId": "vol-1"}, uid=f"{ARN}:snapshot/snap-1")
    gone = judged(snapshot, WasteKind.ORPHANED)
    assert isinstance(gone, Case)
    assert gone.saving == COST
    assert judged(snapshot, WasteKind.ORPHANED, estate=world(f"{ARN}:volume/vol-1")) is None
    unsure = judged(snapshot, WasteKind.ORPHANED, estate=world(complete=False))
    assert isinstance(unsure, Undecided)
    assert "gaps" in unsure.reason


def test_a_balancer_is_unused_only_where_no_target_group_refers_to_it() -> None:
    balancer = item("AWS::ElasticLoadBalancingV2::LoadBalancer", {})
    listener = f"{ARN}:listener/app/x"
    assert isinstance(judged(balancer, WasteKind.UNATTACHED, Known(users=[listener], monthly=COST)), Case)
    used = Known(users=[f"{ARN}:targetgroup/web/1"], monthly=COST)
    assert judged(balancer, WasteKind.UNATTACHED, used) is None
    assert isinstance(judged(balancer, WasteKind.UNATTACHED, Known(users=[]), world(complete=False)), Undecided)


@pytest.mark.parametrize(("p99", "is_idle"), [(3.0, True), (60.0, False)])
def test_a_running_machine_is_idle_by_measured_use_alone(p99: float, *, is_idle: bool) -> None:
    running = item("AWS::EC2::Instance", {"State": {"Name": "running"}})
    assert isinstance(judged(running, WasteKind.IDLE, Known(cpu_p99=p99)), Case) is is_idle
    unmeasured = judged(running, WasteKind.IDLE)
    assert isinstance(unmeasured, Undecided)
    assert "not measured" in unmeasured.reason


def test_a_test_environment_is_forgotten_without_owner_and_change_for_three_months() -> None:
    left = item("AWS::EC2::Volume", {"State": "in-use"}, tags={"Environment": "sandbox"})
    long_ago = NOW - timedelta(days=200)
    known = Known(history_since=long_ago, monthly=COST)
    found = judged(left, WasteKind.FORGOTTEN, known)
    assert isinstance(found, Case)
    assert "200 days" in found.text
    touched = Known(changed_at=NOW - timedelta(days=3), history_since=long_ago)
    assert judged(left, WasteKind.FORGOTTEN, touched) is None
    unsure = judged(left, WasteKind.FORGOTTEN, Known(history_since=NOW - timedelta(days=5)))
    assert isinstance(unsure, Undecided)
    for tags in ({"Environment": "prod"}, {"Environment": "sandbox", "Owner": "web"}, {}):
        owned = item("AWS::EC2::Volume", {"State": "in-use"}, tags=tags)
        assert judged(owned, WasteKind.FORGOTTEN, known) is None


def test_savings_count_a_resource_once_and_only_what_ends_with_it() -> None:
    twice = item("AWS::EC2::Volume", {"State": "available", "VolumeType": "gp2"}, tags={"env": "dev"}, uid="a")
    cheaper = item("AWS::EC2::Volume", {"State": "in-use", "VolumeType": "gp2"}, uid="b")
    credited = item("AWS::EC2::Volume", {"State": "available"}, uid="c")
    known = Known(history_since=NOW - timedelta(days=365), monthly=COST)
    back = Known(monthly=(Money(Decimal(-5), "USD"), Money(Decimal(1), "EUR")))
    found = find_waste([(twice, known), (cheaper, known), (credited, back)], world())
    assert len([case for case in found.cases if case.item.uid == "a"]) == 3
    savings = savings_of(found.cases)
    assert savings == {"EUR": Decimal(1), "USD": Decimal(20)}
    billed = sum(money.amount for money in (*COST, *COST) if money.currency == "USD")
    assert savings["USD"] <= billed


def test_types_without_rules_are_left_alone() -> None:
    found = find_waste([(item("AWS::IAM::Role", {}), Known(monthly=COST))], world())
    assert (found.cases, found.undecided, savings_of(found.cases)) == ((), (), {})
