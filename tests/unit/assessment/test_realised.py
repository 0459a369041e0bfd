"""Savings by the bills: shown or not, shared or alone, and never more than there was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assessment.billing import import_billing
from assessment.ledger import NEXT, Saving, SavingStatus, SavingTrigger, Step, parse_saving, saving_row
from assessment.realised import in_order, observe
from cost.billing.store import BillingStore, Terms
from domain.errors import ConflictError, InputError
from domain.tenancy import TenantId
from tests.unit.connectors.bills import daily, write_csv

START = date(2025, 9, 1)
DAYS = 300
CHANGE = START + timedelta(days=240)


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def saving(
    name: str = "one",
    *,
    applied: date | None = CHANGE,
    ended: date | None = None,
    likely: str = "900",
    where: dict[str, tuple[str, ...]] | None = None,
) -> Saving:
    steps = [Step(SavingStatus.PREDICTED, at(START), "role:a"), Step(SavingStatus.APPROVED, at(START), "role:b")]
    steps += [Step(SavingStatus.APPLIED, at(applied), "role:c")] if applied else []
    steps += [Step(SavingStatus.ROLLED_BACK, at(ended), "role:c")] if ended else []
    amount = Decimal(likely)
    chosen = {"service": ("Compute",)} if where is None else where
    return Saving(f"sav-{name}", name, chosen, "USD", amount, amount, amount, tuple(steps))


def bills(folder: Path, level: float, *, noise: float = 0.02, days: int = DAYS) -> BillingStore:
    """A hundred a day, `level` of it from the change on; storage beside it stays."""
    generator = np.random.default_rng(4)
    factor = np.where(np.arange(days) >= 240, level, 1.0) * np.exp(generator.normal(0, noise, days))
    rows = [
        *daily(START, 100 * factor, ServiceName="Compute", ResourceId="i-1"),
        *daily(START, [50.0] * days, ServiceName="Storage", ResourceId="b-1"),
    ]
    store = BillingStore(folder / "store", TenantId("acme"))
    import_billing(
        store, [write_csv(folder / "bill.csv", rows)], at=at(date(2026, 8, 1)), terms=Terms(may_be_partial=True)
    )
    return store


def test_what_bills_show_is_realised_with_an_interval(tmp_path: Path) -> None:
    (seen,) = observe(bills(tmp_path, 0.7), [saving()])

    assert seen.is_realised
    assert seen.days == len(seen.by_day) == 59
    assert seen.realised == pytest.approx(30 * 59, rel=0.05)
    assert seen.low is not None
    assert seen.high is not None
    assert seen.low < 30 * 59 < seen.high
    assert seen.counterfactual - seen.paid == pytest.approx(seen.amount)
    assert seen.rows == 59


def test_what_bills_do_not_show_is_not_realised_whatever_was_promised(tmp_path: Path) -> None:
    (seen,) = observe(bills(tmp_path, 1.0), [saving(likely="100000")])
    assert not seen.is_realised
    assert seen.realised == 0


def test_a_change_that_cost_more_is_a_loss(tmp_path: Path) -> None:
    (seen,) = observe(bills(tmp_path, 1.3), [saving()])
    assert seen.is_loss
    assert seen.realised < 0


def test_savings_on_the_same_cost_add_up_to_what_was_saved_once(tmp_path: Path) -> None:
    store = bills(tmp_path, 0.7)
    alone = observe(store, [saving()])[0].amount

    both = observe(store, [saving("b", likely="300"), saving("a", likely="300")])

    assert [each.saving_id for each in both] == ["sav-a", "sav-b"]
    assert sum(each.amount for each in both) == pytest.approx(alone)
    assert both[0].amount == pytest.approx(10 * 59, rel=0.01)
    assert both[0].shares_with == ("sav-b",)


def test_an_overlap_in_part_counts_the_common_cost_once(tmp_path: Path) -> None:
    store = bills(tmp_path, 0.7)
    wide = saving("wide", where={"service": ("Compute", "Storage")}, likely="0")

    both = observe(store, [saving(likely="0"), wide])

    assert sum(each.amount for each in both) == pytest.approx(observe(store, [saving()])[0].amount, abs=1)


def test_a_saving_that_was_undone_counts_until_then(tmp_path: Path) -> None:
    (seen,) = observe(bills(tmp_path, 0.7), [saving(ended=CHANGE + timedelta(days=20))])
    assert len(seen.by_day) == 20
    assert seen.amount == pytest.approx(600, rel=0.1)


def test_savings_that_were_not_applied_are_not_observed(tmp_path: Path) -> None:
    assert observe(bills(tmp_path, 0.7), [saving(applied=None)]) == ()


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (saving(applied=START + timedelta(days=DAYS - 4)), "whole days of bills since"),
        (saving(applied=START + timedelta(days=10)), "days of bills before"),
        (saving(where={"service": ("Nothing",)}), "no billing row"),
    ],
)
def test_what_cannot_be_said_has_a_reason(tmp_path: Path, found: Saving, says: str) -> None:
    (seen,) = observe(bills(tmp_path, 0.7), [found])
    assert says in seen.reason
    assert (seen.realised, seen.low) == (0, None)


def test_a_short_history_has_no_interval_and_is_not_realised(tmp_path: Path) -> None:
    (seen,) = observe(bills(tmp_path, 1.0), [saving(applied=START + timedelta(days=60))])
    assert seen.low is None
    assert not seen.is_realised


def test_without_bills_nothing_is_observed(tmp_path: Path) -> None:
    (seen,) = observe(BillingStore(tmp_path, TenantId("acme")), [saving()])
    assert seen.reason == "no bills are stored"


def test_more_savings_than_can_be_told_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tell apart"):
        observe(bills(tmp_path, 1.0), [saving(str(number)) for number in range(61)])


@given(whole=st.floats(-1e6, 1e6), claims=st.lists(st.floats(0, 1e6), min_size=1, max_size=9))
def test_claims_share_the_whole_and_the_first_take_no_more_than_they_ask(whole: float, claims: list[float]) -> None:
    parts = in_order(whole, claims)
    assert sum(parts) == pytest.approx(whole, abs=1e-6)
    assert all(0 <= part <= claim for part, claim in zip(parts[:-1], claims[:-1], strict=True))


def test_the_ledgers_table_and_its_refusals_cover_every_pair() -> None:
    first = saving(applied=None)
    for status in SavingStatus:
        for trigger in SavingTrigger:
            now = replace(first, steps=(Step(status, at(START), "role:a"),))
            if (status, trigger) in NEXT:
                assert now.moved(trigger, at=at(CHANGE), by="role:b").status is NEXT[status, trigger]
            else:
                with pytest.raises(ConflictError):
                    now.moved(trigger, at=at(CHANGE), by="role:b")


def test_a_step_before_the_former_one_is_refused() -> None:
    with pytest.raises(InputError, match="before the former"):
        saving(applied=None).moved(SavingTrigger.APPLY, at=at(START - timedelta(days=1)), by="role:a")


def test_a_saving_is_stored_and_read_as_it_is() -> None:
    assert parse_saving(saving_row(saving())) == saving()


@pytest.mark.parametrize(
    ("low", "likely", "high"), [("1", "0", "2"), ("-1", "0", "2"), ("0", "3", "2"), ("0", "NaN", "2")]
)
def test_amounts_that_make_no_sense_are_refused(low: str, likely: str, high: str) -> None:
    with pytest.raises(InputError, match="predicted saving"):
        Saving("s", "t", {"service": ("x",)}, "USD", Decimal(low), Decimal(likely), Decimal(high), ())


@pytest.mark.parametrize("where", [{}, {"service": ()}, {"resource": tuple(map(str, range(10_001)))}])
def test_a_saving_of_nothing_or_of_too_much_is_refused(where: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(InputError):
        saving(where=where)
