"""The synthetic estate: repeatable, labelled, connected, and of the size asked."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import polars as pl
import pytest

from connectors.estate import EstateSummary, ledger, write_estate
from connectors.files import Reading, read_inputs
from domain.errors import InputError
from domain.tenancy import tenant_id

AS_OF = datetime(2026, 11, 24, tzinfo=UTC)


def estate(
    out: Path, *, seed: int = 7, resources: int = 120, tenants: int = 1, format: str = "ndjson"
) -> EstateSummary:
    return write_estate(out, resources=resources, tenants=tenants, days=40, seed=seed, as_of=AS_OF, format=format)


def lines(summary: EstateSummary) -> list[dict[str, object]]:
    return [
        orjson.loads(line)
        for path in summary.files
        if path.suffix == ".ndjson"
        for line in path.read_bytes().splitlines()
    ]


def reading(summary: EstateSummary) -> Reading:
    return read_inputs([str(summary.out / "demo")], tenant=tenant_id("demo"))


def billing(summary: EstateSummary) -> pl.DataFrame:
    frame = pl.concat([pl.read_csv(p, infer_schema=False) for p in summary.files if p.suffix == ".csv"])
    return frame.with_columns(pl.col("^.*Cost$").cast(pl.Decimal(18, 2)))


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = estate(tmp_path / "a"), estate(tmp_path / "b")
    assert [p.read_bytes() for p in first.files] == [p.read_bytes() for p in second.files]


def test_another_seed_gives_other_bytes(tmp_path: Path) -> None:
    first, second = estate(tmp_path / "a"), estate(tmp_path / "b", seed=8)
    assert [p.read_bytes() for p in first.files] != [p.read_bytes() for p in second.files]


def test_every_line_is_labelled_synthetic(tmp_path: Path) -> None:
    assert all(line["synthetic"] is True for line in lines(estate(tmp_path / "a")))


def test_it_holds_exactly_the_number_of_resources_asked_over_all_tenants(tmp_path: Path) -> None:
    summary = estate(tmp_path / "a", resources=121, tenants=3)
    assert summary.resources == 121
    assert summary.tenants == ("demo-1", "demo-2", "demo-3")


def test_history_lies_before_the_present(tmp_path: Path) -> None:
    captured = [str(line["captured_at"]) for line in lines(estate(tmp_path / "a"))]
    assert max(captured) <= "2026-11-24T00:00:00Z"
    assert min(captured) < "2026-11-01T00:00:00Z"


def test_committed_use_is_billed_once_and_effective_where_it_is_used(tmp_path: Path) -> None:
    summary = estate(tmp_path / "a", resources=300)
    frame = billing(summary)
    covered = frame.filter(pl.col("CommitmentDiscountStatus") == "Used")
    purchases = frame.filter(pl.col("ChargeCategory") == "Purchase")
    assert covered["BilledCost"].sum() == Decimal(0)
    assert covered["EffectiveCost"].sum() > 0
    assert purchases["EffectiveCost"].sum() == Decimal(0)
    assert purchases["BilledCost"].sum() > 0


def test_a_commitment_costs_what_is_used_of_it_and_what_is_not(tmp_path: Path) -> None:
    frame = billing(estate(tmp_path / "a", resources=300))
    committed = frame.filter(pl.col("CommitmentDiscountId").is_not_null())
    by_status = dict(committed.group_by("CommitmentDiscountStatus").agg(pl.col("EffectiveCost").sum()).iter_rows())
    assert committed["BilledCost"].sum() == committed["EffectiveCost"].sum()
    assert 0 < by_status["Unused"] < by_status["Used"]


def test_usage_is_billed_by_the_day_while_resources_are_few(tmp_path: Path) -> None:
    usage = billing(estate(tmp_path / "a")).filter(pl.col("ResourceId").is_not_null())
    assert usage.group_by("ResourceId", "ChargePeriodStart").len()["len"].max() == 1
    assert usage.group_by("ResourceId").len()["len"].max() == 54


def test_usage_is_billed_by_the_month_where_resources_are_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "DAILY_RESOURCES_MAX", 10)
    usage = billing(estate(tmp_path / "a")).filter(pl.col("ResourceId").is_not_null())
    assert usage.group_by("ResourceId").len()["len"].max() == 2


@pytest.mark.parametrize("format", ["ndjson", "parquet"])
def test_a_bill_written_in_parts_amounts_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setattr(ledger, "DAILY_RESOURCES_MAX", 0)
    whole = effective_cost(reading(estate(tmp_path / "a", format=format)))
    monkeypatch.setattr(ledger, "PART_CHARGES", 7)
    assert effective_cost(reading(estate(tmp_path / "b", format=format))) == whole > 0


def effective_cost(read: Reading) -> Decimal:
    return Decimal(str(pl.concat([file.frame for file in read.billing])["EffectiveCost"].sum()))


def test_everything_is_read_without_a_gap_and_known_to_be_synthetic(tmp_path: Path) -> None:
    inventory = reading(estate(tmp_path / "a", resources=1200)).inventory
    assert inventory.gaps == ()
    assert len(inventory.items) == 1200
    assert all(item.synthetic for item in inventory.items)


def test_stacks_lean_on_what_their_landing_zone_shares(tmp_path: Path) -> None:
    documents = [orjson.dumps(line).decode() for line in lines(estate(tmp_path / "a", resources=1200))]
    for shared in (
        "/virtualNetworks/vnet-hub-",
        "/workspaces/log-hub-",
        "policy/boundary-hub-",
        "/cryptoKeys/platform",
    ):
        assert sum(shared in document for document in documents) > 5, shared


def test_what_could_not_be_asked_is_left_unread(tmp_path: Path) -> None:
    items = reading(estate(tmp_path / "a", resources=1200)).inventory.items
    buckets = [item for item in items if item.type == "AWS::S3::Bucket"]
    asked = [item for item in buckets if "BucketPolicyStatus" not in item.unread]
    assert len(asked) > len(buckets) * 0.8


def test_parquet_holds_the_same_documents(tmp_path: Path) -> None:
    text, columns = estate(tmp_path / "a"), estate(tmp_path / "b", format="parquet")
    frames = [pl.read_parquet(p) for p in columns.files if "billing" not in p.parts]
    documents = sorted(
        orjson.dumps(orjson.loads(value), option=orjson.OPT_SORT_KEYS)
        for frame in frames
        for name in ("resource", "asset", "data")
        if name in frame.columns
        for value in frame[name].drop_nulls()
    )
    expected = sorted(
        orjson.dumps(line.get("resource") or line.get("asset") or line.get("data"), option=orjson.OPT_SORT_KEYS)
        for line in lines(text)
    )
    assert documents == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"resources": 0}, "resources is out of bounds"),
        ({"tenants": 1000}, "tenants is out of bounds"),
        ({"format": "xml"}, "unknown format"),
    ],
)
def test_an_argument_out_of_bounds_is_refused_by_name(tmp_path: Path, arguments: dict[str, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        estate(tmp_path / "a", **arguments)  # type: ignore[arg-type]


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    with pytest.raises(InputError, match="not empty"):
        estate(tmp_path)
    assert (tmp_path / "kept.txt").read_text() == "kept"
