"""Imports of billing deliveries: whole or not at all, the same again changes nothing, and every sum is the source's."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assessment.billing import ImportReport, import_billing, validate_billing
from cost.billing import intake, store
from cost.billing.intake import Intake, shares_of
from cost.billing.manifest import read_manifest, write_manifest
from cost.billing.query import BillingQuery, CostGroup, Measure, ask, rows_behind
from cost.billing.slices import Kind
from cost.billing.store import BillingStore, Outcome, Terms
from domain.errors import IncompleteError, InputError, IntegrityError, UnavailableError
from domain.tenancy import TenantId
from tests.unit.connectors.bills import day, october, write_csv
from tests.unit.connectors.test_billing_aws import PLAN, line

AT = datetime(2026, 11, 20, tzinfo=UTC)
EARLY = datetime(2026, 10, 20, tzinfo=UTC)
ACME = TenantId("acme")


@pytest.fixture
def bills(tmp_path: Path) -> BillingStore:
    return BillingStore(tmp_path / "store", ACME)


def taken(bills: BillingStore, *paths: Path, at: datetime = AT, terms: Terms | None = None) -> ImportReport:
    return import_billing(bills, paths, at=at, terms=terms)


def total(bills: BillingStore, measure: Measure = Measure.BILLED) -> Mapping[str, Decimal]:
    return {group.currency: group.amount for group in ask(bills, BillingQuery(by=(), measure=measure))}


def outcomes(report: ImportReport) -> list[Outcome]:
    return [change.outcome for change in report.changes]


def test_a_month_is_stored_and_sums_to_the_source(bills: BillingStore, tmp_path: Path) -> None:
    report = taken(bills, write_csv(tmp_path / "bill.csv", october()))

    assert outcomes(report) == [Outcome.NEW]
    assert report.content.by_currency()["USD"].billed == total(bills)["USD"] == 310
    assert report.judged.breaches == ()


def test_the_same_delivery_again_changes_nothing(bills: BillingStore, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bill.csv", october())
    taken(bills, path)
    before = bills.manifest()

    report = taken(bills, path)

    assert (outcomes(report), report.import_id, report.is_changed) == ([Outcome.UNCHANGED], "", False)
    assert bills.manifest() == before


def test_the_same_rows_in_another_order_and_format_change_nothing(bills: BillingStore, tmp_path: Path) -> None:
    taken(bills, write_csv(tmp_path / "bill.csv", october()))
    other = tmp_path / "other.parquet"
    pl.DataFrame(list(reversed(october()))).write_parquet(other)

    assert outcomes(taken(bills, other)) == [Outcome.UNCHANGED]


def test_a_new_delivery_takes_the_place_of_a_period_and_says_what_came_late(
    bills: BillingStore, tmp_path: Path
) -> None:
    taken(bills, write_csv(tmp_path / "first.csv", october()))

    report = taken(bills, write_csv(tmp_path / "second.csv", [*october(), day(30, BilledCost="7", ResourceId="late")]))

    (change,) = report.changes
    assert change.outcome is Outcome.REPLACED
    assert (change.before.rows, change.after.rows) == (31, 32)
    assert total(bills)["USD"] == 317


def test_a_period_of_another_account_or_provider_stays(bills: BillingStore, tmp_path: Path) -> None:
    taken(bills, write_csv(tmp_path / "a.csv", [*october(), *october(ProviderName="Microsoft")]))

    report = taken(bills, write_csv(tmp_path / "b.csv", october(BilledCost="1")))

    assert outcomes(report) == [Outcome.REPLACED]
    assert {group.keys[0]: group.amount for group in ask(bills, BillingQuery(("provider",), Measure.BILLED))} == {
        "AWS": 31,
        "Microsoft": 310,
    }


def test_incremental_exports_add_up_and_each_counts_once(bills: BillingStore, tmp_path: Path) -> None:
    first, second = (
        write_csv(tmp_path / "1.csv", october()[:15]),
        write_csv(tmp_path / "2.csv", october()[15:]),
    )
    adding = Terms(is_incremental=True)

    reports = [taken(bills, path, terms=adding) for path in (first, second, first, second)]

    assert [outcomes(report) for report in reports] == [
        [Outcome.NEW],
        [Outcome.ADDED],
        [Outcome.UNCHANGED],
        [Outcome.UNCHANGED],
    ]
    assert total(bills)["USD"] == 310
    whole = taken(bills, write_csv(tmp_path / "whole.csv", october()))
    assert outcomes(whole) == [Outcome.UNCHANGED]


def test_half_a_month_that_is_over_is_refused(bills: BillingStore, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bill.csv", october()[:15])

    with pytest.raises(IncompleteError) as caught:
        taken(bills, path)

    assert caught.value.facts["got"] == "usage of 2026-10-01 to 2026-10-15"
    assert bills.manifest().slices == {}
    assert outcomes(taken(bills, path, terms=Terms(may_be_partial=True))) == [Outcome.NEW]


def test_half_a_month_that_still_runs_is_taken(bills: BillingStore, tmp_path: Path) -> None:
    assert outcomes(taken(bills, write_csv(tmp_path / "b.csv", october()[:15]), at=EARLY)) == [Outcome.NEW]


def test_a_delivery_that_would_lose_stored_days_is_refused(bills: BillingStore, tmp_path: Path) -> None:
    taken(bills, write_csv(tmp_path / "whole.csv", october()[:15]), at=EARLY)

    with pytest.raises(IncompleteError) as caught:
        taken(bills, write_csv(tmp_path / "part.csv", october()[:10]), at=EARLY)

    assert caught.value.facts["expected"] == "also 2026-10-11 to 2026-10-15"
    assert total(bills)["USD"] == 150


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ({"BillingCurrency": "XYZ"}, "must be a code of ISO 4217"),
        ({"ConsumedQuantity": "-1"}, "must not be negative"),
        ({"BilledCost": "much"}, "must not be null"),
        ({"ChargeCategory": "Rent"}, "must be Usage"),
    ],
)
def test_one_bad_row_refuses_the_whole_delivery(
    bills: BillingStore, tmp_path: Path, cells: dict[str, str], text: str
) -> None:
    taken(bills, write_csv(tmp_path / "good.csv", october()))
    before = bills.manifest()

    with pytest.raises(InputError, match=text) as caught:
        taken(bills, write_csv(tmp_path / "bad.csv", [*october(BilledCost="1"), day(31, **cells)]))

    assert caught.value.facts["where"] == "bad.csv:32"
    assert bills.manifest() == before
    assert total(bills)["USD"] == 310


def test_rows_of_another_s_account_are_refused_until_the_account_is_named(bills: BillingStore, tmp_path: Path) -> None:
    taken(bills, write_csv(tmp_path / "mine.csv", october()))
    theirs = write_csv(tmp_path / "theirs.csv", october(BillingAccountId="acct-2"))

    with pytest.raises(InputError) as caught:
        taken(bills, theirs)

    assert (caught.value.facts["got"], caught.value.facts["expected"]) == ("acct-2", "acct-1")
    assert outcomes(taken(bills, theirs, terms=Terms(accounts=frozenset({"acct-2"})))) == [Outcome.NEW]
    assert outcomes(taken(bills, theirs)) == [Outcome.UNCHANGED]


def test_two_files_with_the_same_rows_are_refused(bills: BillingStore, tmp_path: Path) -> None:
    write_csv(tmp_path / "in" / "a.csv", october())
    pl.DataFrame(list(reversed(october()))).write_parquet(tmp_path / "in" / "b.parquet")

    with pytest.raises(InputError, match="same rows") as caught:
        taken(bills, tmp_path / "in")

    assert caught.value.facts["where"] == "b.parquet"
    assert bills.manifest().slices == {}


def test_two_equal_charges_in_one_file_are_two_charges(bills: BillingStore, tmp_path: Path) -> None:
    taken(bills, write_csv(tmp_path / "bill.csv", [*october(), day(3)]))

    assert total(bills)["USD"] == 320


def test_one_tenant_s_store_is_not_read_as_another_s(bills: BillingStore, tmp_path: Path) -> None:
    taken(bills, write_csv(tmp_path / "bill.csv", october()))

    with pytest.raises(IntegrityError) as caught:
        BillingStore(tmp_path / "store", TenantId("other")).manifest()

    assert caught.value.facts["got"] == "layout 1 of tenant acme"


def test_a_damaged_manifest_is_named(bills: BillingStore, tmp_path: Path) -> None:
    taken(bills, write_csv(tmp_path / "bill.csv", october()))
    (tmp_path / "store" / "manifest.json").write_text('{"layout": 1')

    with pytest.raises(IntegrityError, match="damaged"):
        bills.manifest()


def test_a_second_import_at_the_same_time_is_told_to_wait(bills: BillingStore, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bill.csv", october())

    with bills.intake("imp-1"), pytest.raises(UnavailableError) as caught:
        taken(bills, path)

    assert caught.value.facts["retry_after_s"] == 30


def test_an_import_that_dies_before_its_manifest_leaves_the_store_as_it_was(
    bills: BillingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(bills, write_csv(tmp_path / "first.csv", october()))
    stored = sorted((tmp_path / "store" / "rows").rglob("*.parquet"))
    again = write_csv(tmp_path / "second.csv", october(BilledCost="1"))
    monkeypatch.setattr(store, "write_manifest", lambda *_: (_ for _ in ()).throw(OSError("power")))

    with pytest.raises(OSError, match="power"):
        taken(bills, again)
    monkeypatch.undo()

    assert total(bills)["USD"] == 310
    taken(bills, again)
    assert total(bills)["USD"] == 31
    assert not (tmp_path / "store" / "staging").exists()
    taken(bills, again)
    left = sorted((tmp_path / "store" / "rows").rglob("*.parquet"))
    assert len(left) == 1
    assert left != stored


def test_rows_are_written_in_pieces_when_memory_holds_too_many(
    bills: BillingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "PIECE_ROWS", 20)
    monkeypatch.setattr(intake, "HELD_ROWS_MAX", 25)
    rows = [row for number in range(3) for row in october(BillingAccountId=f"acct-{number}")]

    import_billing(bills, [write_csv(tmp_path / "bill.csv", rows)], at=AT, rows=9)

    assert len(bills.manifest().files) > 3
    assert total(bills)["USD"] == 930


def test_a_row_that_is_refused_late_is_named_and_nothing_before_it_is_stored(
    bills: BillingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "PIECE_ROWS", 4)
    rows = october()
    rows[25]["BilledCost"] = "much"

    with pytest.raises(InputError) as caught:
        import_billing(bills, [write_csv(tmp_path / "bill.csv", rows)], at=AT, rows=2)

    assert (caught.value.facts["where"], caught.value.facts["rule"]) == ("bill.csv:26", "BilledCost-NotNull")
    assert bills.manifest().files == ()
    assert list((tmp_path / "store").rglob("*.parquet")) == []


def test_fingerprints_of_another_version_are_made_again(
    bills: BillingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_csv(tmp_path / "bill.csv", october())
    taken(bills, path)
    manifest = bills.manifest()
    old = {
        key: tuple(replace(part, hashed_by="polars 0", content=replace(part.content, fingerprint=1)) for part in parts)
        for key, parts in manifest.slices.items()
    }
    write_manifest(tmp_path / "store", replace(manifest, slices=old))

    assert outcomes(taken(bills, path)) == [Outcome.UNCHANGED]


def test_a_manifest_reads_back_as_it_was_written(bills: BillingStore, tmp_path: Path) -> None:
    taken(bills, write_csv(tmp_path / "bill.csv", october()))
    manifest = bills.manifest()

    write_manifest(tmp_path, manifest)

    assert read_manifest(tmp_path, ACME) == manifest


def test_what_credits_taxes_and_commitments_come_to_is_told_apart(bills: BillingStore, tmp_path: Path) -> None:
    plan = {"savings_plan_savings_plan_arn": PLAN}
    lines = [
        line(line_item_unblended_cost="5"),
        line("SavingsPlanCoveredUsage", line_item_unblended_cost="10", savings_plan_savings_plan_effective_cost="7",
             savings_plan_used_commitment="7", **plan),
        line("SavingsPlanNegation", line_item_unblended_cost="-10", **plan),
        line("SavingsPlanRecurringFee", line_item_unblended_cost="9", savings_plan_total_commitment_to_date="9",
             savings_plan_used_commitment="7", **plan),
        line("Credit", line_item_unblended_cost="-2"),
        line("Tax", line_item_unblended_cost="1"),
        line("Refund", line_item_unblended_cost="-4", bill_bill_type="Refund"),
    ]  # fmt: skip

    report = taken(bills, write_csv(tmp_path / "cur.csv", lines), terms=Terms(may_be_partial=True))

    amounts = {kind: (int(money.billed), int(money.effective)) for (_, kind), money in report.content.kinds.items()}
    assert amounts == {
        Kind.USAGE: (5, 5),
        Kind.COMMITMENT_USED: (0, 7),
        Kind.COMMITMENT_PURCHASE: (9, 0),
        Kind.COMMITMENT_UNUSED: (0, 2),
        Kind.CREDIT: (-2, -2),
        Kind.TAX: (1, 1),
        Kind.CORRECTION: (-4, -4),
    }
    assert total(bills)["USD"] == total(bills, Measure.EFFECTIVE)["USD"] == 9


def test_a_report_whose_rows_do_not_cancel_is_refused(bills: BillingStore, tmp_path: Path) -> None:
    covered = line("SavingsPlanCoveredUsage", line_item_unblended_cost="10", savings_plan_savings_plan_arn=PLAN,
                   savings_plan_savings_plan_effective_cost="7")  # fmt: skip

    with pytest.raises(InputError, match="another sum"):
        taken(bills, write_csv(tmp_path / "cur.csv", [covered]), terms=Terms(may_be_partial=True))

    assert bills.manifest().slices == {}


def test_validation_stores_nothing_and_counts_everything(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bill.csv", [*october(), day(3, BillingCurrency="XYZ")])

    judged = validate_billing([path])

    assert (judged.rows, [breach.rule_id for breach in judged.breaches]) == (32, ["BillingCurrency-ISO4217"])


def test_groups_filters_and_days_choose_what_is_summed(bills: BillingStore, tmp_path: Path) -> None:
    rows = [*october(), day(5, ServiceName="Storage", BilledCost="2", Tags='{"team": "data"}', ResourceId="")]
    taken(bills, write_csv(tmp_path / "bill.csv", rows))
    billed = Measure.BILLED

    assert ask(bills, BillingQuery(("service",), billed, date(2026, 10, 5), date(2026, 10, 7))) == (
        CostGroup(("Compute",), "USD", Decimal(20), 2),
        CostGroup(("Storage",), "USD", Decimal(2), 1),
    )
    assert ask(bills, BillingQuery(("tag:team",), billed, where={"service": "Storage"})) == (
        CostGroup(("data",), "USD", Decimal(2), 1),
    )
    assert [group.keys for group in ask(bills, BillingQuery(("resource",), billed, where={"resource": ""}))] == [("",)]
    assert [group.keys[0] for group in ask(bills, BillingQuery(("day",), billed))][:2] == ["2026-10-01", "2026-10-02"]
    assert ask(bills, BillingQuery(("month",), billed, start=date(2027, 1, 1))) == ()


def test_the_rows_behind_a_sum_name_their_file_and_row(bills: BillingStore, tmp_path: Path) -> None:
    taken(bills, write_csv(tmp_path / "bill.csv", [*october(), day(5, ServiceName="Storage", BilledCost="2")]))

    (row,) = rows_behind(bills, BillingQuery(where={"service": "Storage"}))

    assert (row["x_SourceFile"], row["x_SourceRow"], row["BilledCost"]) == ("bill.csv", 32, 2)


@pytest.mark.parametrize(
    "query",
    [
        BillingQuery(("colour",)),
        BillingQuery(("day", "day")),
        BillingQuery(limit=0),
        BillingQuery(("tag:",)),
        BillingQuery(('tag:a"b',)),
        BillingQuery(where={"1=1; --": ""}),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(bills: BillingStore, query: BillingQuery) -> None:
    with pytest.raises(InputError):
        ask(bills, query)


def test_a_tag_s_name_and_values_are_never_part_of_the_question(bills: BillingStore, tmp_path: Path) -> None:
    tags = json.dumps({"it's": "a'); DROP"})
    taken(bills, write_csv(tmp_path / "bill.csv", october(Tags=tags)))

    asked = BillingQuery(("tag:it's",), where={"tag:it's": "a'); DROP"})

    assert [group.keys for group in ask(bills, asked)] == [("a'); DROP",)]


def test_more_groups_than_the_limit_are_refused(bills: BillingStore, tmp_path: Path) -> None:
    taken(bills, write_csv(tmp_path / "bill.csv", october()))

    with pytest.raises(InputError, match="more groups"):
        ask(bills, BillingQuery(("day",), limit=30))


def test_what_a_reader_reads_stays_until_it_is_done_however_often_it_is_replaced(
    bills: BillingStore, tmp_path: Path
) -> None:
    taken(bills, write_csv(tmp_path / "first.csv", october()))
    with bills.reading() as manifest:
        files = [Path(path) for path in bills.paths(manifest.files)]
        for number in (2, 3, 4):
            taken(bills, write_csv(tmp_path / f"{number}.csv", october(BilledCost=str(number))))
        assert all(path.exists() for path in files)

    taken(bills, write_csv(tmp_path / "last.csv", october(BilledCost="5")))

    assert not any(path.exists() for path in files)


def test_readers_beside_imports_see_one_delivery_or_the_other(bills: BillingStore, tmp_path: Path) -> None:
    paths = [write_csv(tmp_path / f"{number}.csv", october(BilledCost=str(number))) for number in (1, 2)]
    taken(bills, paths[0])
    seen: set[Decimal] = set()

    def read() -> None:
        for _ in range(6):
            seen.add(total(bills)["USD"])

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(4):
        taken(bills, paths[(number + 1) % 2])
    reader.join()

    assert seen <= {Decimal(31), Decimal(62)}


_amounts = st.decimals(min_value=-(10**6), max_value=10**6, places=12, allow_nan=False)
_charges = st.builds(
    day,
    st.integers(1, 31),
    BilledCost=_amounts.map(str),
    BillingCurrency=st.sampled_from(["EUR", "USD", "JPY"]),
    BillingAccountId=st.sampled_from(["a", "b"]),
    ServiceName=st.sampled_from(["x", "y", ""]),
    ConsumedQuantity=st.just("1"),
)


@settings(max_examples=15)
@given(rows=st.lists(_charges, min_size=1, max_size=12), batch=st.integers(1, 5))
def test_every_currency_sums_to_the_source_however_rows_are_batched_and_asked(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], batch: int
) -> None:
    folder = tmp_path_factory.mktemp("bills")
    bills = BillingStore(folder / "store", ACME)
    path = write_csv(folder / "bill.csv", rows)

    import_billing(bills, [path], at=AT, terms=Terms(may_be_partial=True), rows=batch)

    expected: dict[str, Decimal] = {}
    for row in rows:
        currency = row["BillingCurrency"]
        expected[currency] = expected.get(currency, Decimal(0)) + Decimal(row["BilledCost"])
    assert total(bills) == expected
    for by in ("day", "service", "billing_account"):
        sums: dict[str, Decimal] = {}
        for group in ask(bills, BillingQuery((by,), Measure.BILLED)):
            sums[group.currency] = sums.get(group.currency, Decimal(0)) + group.amount
        assert sums == expected


def test_an_intake_takes_an_empty_batch_and_writes_nothing(tmp_path: Path) -> None:
    empty = Intake(tmp_path / "empty")
    empty.add(shares_of(pl.DataFrame()), file="none")
    empty.finish()
    assert (empty.files, empty.contents) == ({}, {})


def test_a_piece_that_cannot_be_written_fails_the_import_and_leaves_nothing(
    bills: BillingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(intake, "write_piece", full)

    with pytest.raises(OSError, match="No space"):
        taken(bills, write_csv(tmp_path / "bill.csv", october()))

    assert bills.manifest().files == ()
    assert list(tmp_path.rglob("*.parquet")) == []
