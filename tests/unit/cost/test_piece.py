"""Stored rows, held small and written: what is read back is what was given, whatever their texts repeat."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.focus.cells import DECIMAL, INSTANT, Dtype, dtype_of
from cost.billing.piece import STORED, compact, write_piece
from domain.focus import FOCUS_COLUMNS, SOURCE_ROW

SCHEMA: dict[str, Dtype] = {
    **{name: pl.String() for name in STORED},
    **{column.name: dtype_of(column.kind) for column in FOCUS_COLUMNS},
    SOURCE_ROW: pl.Int64(),
}
TEXTS = st.one_of(st.none(), st.text(max_size=8))


def frame(services: list[str | None], cost: str = "1.5") -> pl.DataFrame:
    rows = len(services)
    given_ = {
        "ServiceName": pl.Series(services, dtype=pl.String),
        "BillingCurrency": pl.Series(["USD"] * rows, dtype=pl.String),
        "BilledCost": pl.Series([cost] * rows, dtype=pl.String).cast(DECIMAL),
        "ChargePeriodStart": pl.Series(range(rows), dtype=pl.Int64).cast(INSTANT),
        SOURCE_ROW: pl.Series(range(1, rows + 1), dtype=pl.Int64),
    }
    columns = [given_.get(name, pl.Series([None] * rows, dtype=SCHEMA[name])).alias(name) for name in STORED]
    return pl.DataFrame(columns)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(TEXTS, min_size=1, max_size=6), min_size=1, max_size=4))
def test_batches_read_back_as_one_table_in_their_order(batches: list[list[str | None]]) -> None:
    frames = [frame(batch) for batch in batches]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "piece.parquet"

        write_piece(path, [compact(each) for each in frames])

        found = pl.read_parquet(path)
    assert found.schema == frames[0].schema
    assert found.equals(pl.concat(frames))


def test_a_text_that_every_row_says_is_kept_once() -> None:
    (currency,) = compact(frame(["a", "b", "a"]))["BillingCurrency"].chunks
    assert isinstance(currency, pa.DictionaryArray)
    assert currency.dictionary.to_pylist() == ["USD"]


def test_times_alone_have_statistics(tmp_path: Path) -> None:
    write_piece(tmp_path / "piece.parquet", [compact(frame(["a", "b"]))])

    group = pq.read_metadata(tmp_path / "piece.parquet").row_group(0)
    told = {STORED[at] for at in range(len(STORED)) if group.column(at).is_stats_set}
    assert told == {column.name for column in FOCUS_COLUMNS if dtype_of(column.kind) == INSTANT}
