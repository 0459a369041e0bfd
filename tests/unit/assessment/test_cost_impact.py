"""What a policy costs and saves is a part of the bill: parts are the whole, fixes never save more than there is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assessment.billing import import_billing
from assessment.cost_impact import NO_RESOURCE, UNUSED, policy_entry, policy_money, require_known
from assessment.spend import NO_POLICY
from cost.billing.query import BillingQuery
from cost.billing.store import BillingStore, Terms
from cost.sharing import Method, SharingRule
from domain.errors import InputError, NotFound
from domain.tenancy import TenantId
from tests.unit.connectors.bills import day, october, write_csv

AT = datetime(2026, 11, 20, tzinfo=UTC)
TAGS = {"disk": "unattached-disk", "address": "unused-address", "public": None}
TAX = {"ChargeCategory": "Tax", "ResourceId": "", "SkuId": "", "SkuPriceId": "", "PricingQuantity": "",
       "PricingUnit": "", "PricingCategory": "", "ConsumedQuantity": "", "ConsumedUnit": "",
       "ChargeFrequency": "One-Time"}  # fmt: skip


def violation(policy: str, uid: str) -> dict[str, Any]:
    return {"policy_id": policy, "resource_id": uid, "resource_name": uid, "scope": "/accounts/sub-1"}


def stored(folder: Path, rows: list[dict[str, str]]) -> BillingStore:
    bills = BillingStore(folder / "store", TenantId("acme"))
    import_billing(bills, [write_csv(folder / "bill.csv", rows)], at=AT, terms=Terms(may_be_partial=True))
    return bills


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> BillingStore:
    unused = {"CommitmentDiscountId": "plan", "CommitmentDiscountStatus": "Unused", "ResourceId": "",
              "BilledCost": "0", "EffectiveCost": "1", "PricingCategory": "Committed"}  # fmt: skip
    rows = [
        *october(),
        *october(ResourceId="i-2", EffectiveCost="4"),
        *october(ResourceId="i-3", EffectiveCost="2"),
        *october(ResourceId=""),
        *october(**unused),
        day(1, EffectiveCost="60", **TAX),
    ]
    return stored(tmp_path_factory.mktemp("bills"), rows)


VIOLATIONS = [violation("disk", "i-1"), violation("public", "i-1"), violation("disk", "i-2"),
              violation("address", "i-2")]  # fmt: skip


def money(bills: BillingStore, policy: str, *rules: SharingRule, query: BillingQuery | None = None) -> Any:
    (found,), (whole,) = policy_money(bills, {"id": policy}, VIOLATIONS, query or BillingQuery(()), rules, tags=TAGS)
    return found, whole


def test_a_policy_has_its_part_of_each_resource_and_the_parts_are_the_bill(bills: BillingStore) -> None:
    disk, whole = money(bills, "disk")
    assert (disk.own, disk.at_risk, disk.total) == (Decimal(217), Decimal(434), Decimal(217))
    assert whole.billed == whole.shared.whole == Decimal(310 + 124 + 62 + 310 + 31 + 60)
    assert {each.key: each.total for each in whole.shared.shares} == {
        "disk": 217, "public": 155, "address": 62, NO_POLICY: 62, NO_RESOURCE: 310, UNUSED: 31, "(tax)": 60,
    }  # fmt: skip
    assert disk.resources[0] == ("i-1", Decimal(310), Decimal(155))
    assert disk.rows == 62


def test_declared_rules_give_shared_cost_out_and_nothing_is_lost(bills: BillingStore) -> None:
    rules = [
        SharingRule("tax", frozenset({"(tax)"}), Method.PROPORTIONAL),
        SharingRule("rest", frozenset({UNUSED, NO_RESOURCE}), Method.WEIGHTS, {"disk": Decimal(1)}),
    ]
    disk, whole = money(bills, "disk", *rules)
    assert disk.given["rest"] == Decimal(341)
    assert disk.total == disk.own + sum(disk.given.values())
    assert whole.shared.whole == whole.billed == Decimal(897)
    assert whole.shared.undistributed == {}


def test_wasteful_policies_share_a_resource_s_saving_and_others_do_not_know_theirs(bills: BillingStore) -> None:
    disk, address, public = (money(bills, name)[0] for name in ("disk", "address", "public"))
    assert (disk.saving, address.saving) == (Decimal(310 + 62), Decimal(62))
    assert public.saving is None
    assert "does not say" in public.reason


def test_only_the_days_that_are_asked_count(bills: BillingStore) -> None:
    first = BillingQuery((), start=date(2026, 10, 1), end=date(2026, 10, 2))
    disk, whole = money(bills, "disk", query=first)
    assert (disk.at_risk, whole.billed) == (Decimal(14), Decimal(10 + 4 + 2 + 10 + 1 + 60))


def test_without_bills_nothing_is_said(tmp_path: Path) -> None:
    empty = BillingStore(tmp_path / "none", TenantId("acme"))
    assert policy_money(empty, {"id": "disk"}, VIOLATIONS, BillingQuery(()), tags=TAGS) == ((), ())


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(st.sampled_from(["disk", "address", "public"]), st.sampled_from(["i-1", "i-2", "i-3"]))))
def test_policies_and_the_rest_are_the_whole_and_fixes_never_add_up_to_more_than_their_resources(
    bills: BillingStore, pairs: list[tuple[str, str]]
) -> None:
    violations = [violation(policy, uid) for policy, uid in pairs]
    saved = Decimal(0)
    for name in TAGS:
        (found,), (whole,) = policy_money(bills, {"id": name}, violations, BillingQuery(()), tags=TAGS)
        assert whole.shared.whole == whole.billed
        assert sum(each.total for each in whole.shared.shares) == whole.billed
        assert (found.saving or 0) <= found.at_risk
        saved += found.saving or 0
    costs = {"i-1": 310, "i-2": 124, "i-3": 62}
    assert saved <= sum(costs[uid] for uid in {uid for _, uid in pairs})


def test_rules_must_name_shared_cost_and_policies() -> None:
    for rule in (
        SharingRule("r", frozenset({"disk"}), Method.EVEN),
        SharingRule("r", frozenset({"(tax)"}), Method.EVEN, receivers=frozenset({"nobody"})),
    ):
        with pytest.raises(InputError, match="neither shared cost nor a policy"):
            require_known([rule], TAGS)
    require_known([SharingRule("r", frozenset({"(tax)"}), Method.EVEN, receivers=frozenset({"disk"}))], TAGS)


def test_a_policy_that_the_scan_did_not_know_is_not_found() -> None:
    with pytest.raises(NotFound):
        policy_entry({"policies": [{"id": "a"}]}, "b")
    assert policy_entry({"policies": [{"id": "a"}]}, "a") == {"id": "a"}


def test_a_charge_by_a_plain_id_finds_the_resource_that_an_arn_names(tmp_path: Path) -> None:
    arn = "arn:aws:ec2:eu-west-1:123456789012:instance/i-9"
    rows = [day(1, ResourceId="i-9", SubAccountId="123456789012"), day(2, ResourceId="i-9", SubAccountId="999")]
    bills_ = stored(tmp_path, rows)
    (found,), _ = policy_money(bills_, {"id": "disk"}, [violation("disk", arn)], BillingQuery(()), tags=TAGS)
    assert found.resources == ((arn, Decimal(10), Decimal(10)),)
