"""Smaller sizes only where processor and memory were seen to fit, at the customer's own prices."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cost.machine_prices import MachinePrices
from cost.machine_sizes import family_sizes, machine_size
from cost.prices import UnitPrice
from cost.rightsizing import Machine, Proposal, Refusal, Refused, read_metrics, rightsize
from domain.errors import InputError
from domain.money import Money

START = datetime(2026, 10, 1, tzinfo=UTC)


def price(meter: str, amount: str, *, provider: str = "AWS", unit: str = "Hrs", category: str = "Standard",
          currency: str = "USD", region: str = "eu-west-1") -> UnitPrice:  # fmt: skip
    value = Decimal(amount)
    return UnitPrice(
        provider, region, "compute", "sku", meter, unit, currency, category, value, value, value, value, value,
        Decimal(100), 10, date(2026, 10, 31),
    )  # fmt: skip


PRICES = MachinePrices([price("EU-BoxUsage:m5.4xlarge", "0.80"), price("EU-BoxUsage:m5.large", "0.10")])


def machine(size: str = "m5.4xlarge", amount: str = "584", committed: str = "0") -> Machine:
    return Machine("vm", size, "eu-west-1", Money(Decimal(amount), "USD"), Decimal(committed))


def samples(*, cpu: float | None = 10, memory: float | None = 10, days: int = 21, every: int = 1) -> pl.DataFrame:
    rows = [
        {"resource_id": "vm", "metric": metric, "at": START + timedelta(hours=hour), "value": value}
        for metric, value in (("cpu_percent", cpu), ("memory_percent", memory))
        if value is not None
        for hour in range(0, days * 24, every)
    ]
    schema = pl.Schema(
        {"resource_id": pl.String(), "metric": pl.String(), "at": pl.Datetime("us", "UTC"), "value": pl.Float64()}
    )
    return read_metrics(pl.DataFrame(rows, schema=schema))


def judged(metrics: pl.DataFrame, of: Machine | None = None, prices: MachinePrices = PRICES) -> Proposal | Refused:
    proposals, refused = rightsize([of or machine()], metrics, prices)
    return proposals[0] if proposals else refused[0]


def test_a_machine_that_needs_a_tenth_gets_the_smallest_size_that_carries_it() -> None:
    found = judged(samples(cpu=10, memory=10))
    assert isinstance(found, Proposal)
    assert found.size.name == "m5.large"
    assert found.needed_cores == pytest.approx(16 * 0.12)
    assert found.saving == Money(Decimal("511.000000000000"), "USD")
    assert (found.now.basis, found.then.basis) == ("billed", "billed")


def test_memory_decides_as_much_as_the_processor() -> None:
    found = judged(samples(cpu=5, memory=45))
    assert isinstance(found, Refused)
    assert found.reason is Refusal.FITS
    found = judged(samples(cpu=5, memory=40))
    assert isinstance(found, Proposal)
    assert found.size.name == "m5.2xlarge"
    assert found.then.basis == "capacity"


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        (samples(memory=None), Refusal.NO_MEMORY),
        (samples(cpu=None), Refusal.NO_CPU),
        (samples(days=13), Refusal.TOO_SHORT),
        (samples(every=2), Refusal.GAPS),
        (samples(cpu=99), Refusal.FITS),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason(metrics: pl.DataFrame, reason: Refusal) -> None:
    found = judged(metrics)
    assert isinstance(found, Refused)
    assert found.reason is reason


def test_sizes_that_are_not_understood_are_refused() -> None:
    for size, reason in (("x9.huge", Refusal.UNKNOWN_SIZE), ("t3.large", Refusal.BURSTABLE)):
        found = judged(samples(), machine(size))
        assert isinstance(found, Refused)
        assert found.reason is reason


def test_without_a_price_in_the_same_region_and_currency_there_is_no_saving() -> None:
    other = MachinePrices([price("BoxUsage:m5.4xlarge", "0.8", currency="EUR"),
                           price("BoxUsage:m5.4xlarge", "0.8", region="us-east-1"),
                           price("SpotUsage:m5.4xlarge", "0.3", category="Dynamic")])  # fmt: skip
    found = judged(samples(), prices=other)
    assert isinstance(found, Refused)
    assert found.reason is Refusal.NO_PRICE


def test_what_a_commitment_covers_is_not_saved_but_freed() -> None:
    found = judged(samples(), machine(committed="584"))
    assert isinstance(found, Proposal)
    assert found.saving.amount == 0
    assert found.committed_saving.amount == Decimal("511.000000000000")


@settings(deadline=None, max_examples=40)
@given(amount=st.decimals("-100", "10000", places=2), committed=st.decimals("0", "20000", places=2))
def test_a_saving_is_never_more_than_the_cost(amount: Decimal, committed: Decimal) -> None:
    found = judged(samples(), machine(amount=str(amount), committed=str(committed)))
    assert isinstance(found, Proposal)
    assert found.saving.amount >= 0
    assert found.saving.amount + found.committed_saving.amount <= max(amount, Decimal(0))


def test_google_prices_cores_and_memory_apart_and_azure_names_the_size() -> None:
    google = MachinePrices([
        price("N2 Instance Core running in Frankfurt", "0.03", provider="Google Cloud", unit="hour"),
        price("N2 Instance Ram running in Frankfurt", "0.004", provider="Google Cloud", unit="gibibyte hour"),
        price("N2 Preemptible Instance Core", "0.001", provider="Google Cloud", unit="hour"),
    ])  # fmt: skip
    size = machine_size("n2-standard-4")
    assert size is not None
    found = google.of(size, region="eu-west-1", currency="USD")
    assert found is not None
    assert found.amount == Decimal("0.184")
    azure = MachinePrices([price("D4s v5", "20", provider="Microsoft", unit="100 Hours")])
    size = machine_size("Standard_D4s_v5")
    assert size is not None
    found = azure.of(size, region="eu-west-1", currency="USD")
    assert found is not None
    assert found.amount == Decimal("0.2")


@pytest.mark.parametrize(
    ("name", "cores", "memory", "successor"),
    [
        ("m7g.xlarge", 4, 16, None),
        ("c5.large", 2, 4, None),
        ("r6i.2xlarge", 8, 64, None),
        ("m4.large", 0, 0, "m7i"),
        ("t3.small", 2, 2, None),
        ("Standard_E8s_v5", 8, 64, None),
        ("Standard_D2_v2", 2, 7, "d_v5"),
        ("projects/p/zones/z/machineTypes/n1-standard-4", 4, 15, "n2"),
        ("e2-highmem-8", 8, 64, None),
    ],
)
def test_names_say_how_large_a_machine_is(name: str, cores: float, memory: float, successor: str | None) -> None:
    size = machine_size(name)
    assert size is not None
    assert (size.cores, size.memory_gib, size.successor) == (cores, memory, successor)


@pytest.mark.parametrize("name", ["m5.tiny", "Standard_Q4", "n2-custom-4-8192", "", "x1e.32xlarge"])
def test_names_that_do_not_say_it_are_not_guessed(name: str) -> None:
    assert machine_size(name) is None


@pytest.mark.parametrize("name", ["m5.xlarge", "Standard_D4s_v5", "n2-standard-8", "c6g.large"])
def test_sizes_of_a_family_come_smallest_first_with_the_machine_s_own(name: str) -> None:
    size = machine_size(name)
    assert size is not None
    sizes = family_sizes(size)
    assert size in sizes
    assert [each.cores for each in sizes] == sorted(each.cores for each in sizes)
    assert {each.family for each in sizes} == {size.family}


def test_samples_are_checked() -> None:
    with pytest.raises(InputError, match="lack a column"):
        read_metrics(pl.DataFrame({"resource_id": ["a"]}))
    good = {"resource_id": "a", "metric": "CPU_Percent", "at": "2026-10-01T00:00:00Z", "value": "5"}
    assert read_metrics(pl.DataFrame([good])).row(0) == ("a", "cpu_percent", START, 5.0)
    for bad in ({"value": "101"}, {"value": "x"}, {"at": "yesterday"}):
        with pytest.raises(InputError, match="not a percentage"):
            read_metrics(pl.DataFrame([{**good, **bad}]))
    with pytest.raises(InputError, match="head-room"):
        rightsize([machine()], samples(), PRICES, headroom=-1)
