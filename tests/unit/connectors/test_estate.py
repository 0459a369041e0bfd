"""The synthetic estate: repeatable, labelled, connected, and of the size asked."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import polars as pl
import pytest

from connectors.estate import EstateSummary, write_estate
from domain.errors import InputError

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
    frame = pl.concat([pl.read_csv(p, infer_schema=False) for p in summary.files if p.suffix == ".csv"])
    frame = frame.with_columns(pl.col("BilledCost", "EffectiveCost").cast(pl.Decimal(18, 2)))
    covered = frame.filter(pl.col("CommitmentDiscountStatus") == "Used")
    purchases = frame.filter(pl.col("ChargeCategory") == "Purchase")
    assert covered["BilledCost"].sum() == Decimal(0)
    assert covered["EffectiveCost"].sum() > 0
    assert purchases["EffectiveCost"].sum() == Decimal(0)
    assert purchases["BilledCost"].sum() > 0


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
