"""Rows held small, and written as the Parquet files that are the store.

A bill says the same few words over and over: texts are numbered by their distinct values once, are held so, and are
written without being looked up again. Only times get statistics, since questions pass over row groups by nothing else
that rows are in order of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from domain.focus import FOCUS_COLUMNS, PROVENANCE, FocusKind

GROUP_ROWS: Final = 250_000
"""Rows of a group within a file: fewer cost more to write, more are read where a question needs few."""
STORED: Final = (*(column.name for column in FOCUS_COLUMNS), *PROVENANCE)
_TIMES: Final = tuple(column.name for column in FOCUS_COLUMNS if column.kind is FocusKind.INSTANT)


def compact(frame: pl.DataFrame) -> pa.Table:
    """The stored columns of a batch; its texts become numbers of their distinct values."""
    texts = [name for name in STORED if frame.schema[name] == pl.String]
    single = _single_values(frame, texts)
    numbers = pa.array(np.zeros(frame.height, dtype=np.int32)), pa.nulls(frame.height, pa.int32())
    columns = {name: _one_text(single[name], *numbers) if name in single else _column(frame[name]) for name in STORED}
    return pa.table(columns)


def write_piece(path: Path, tables: Sequence[pa.Table]) -> None:
    """Write compact rows as one file, in the order given."""
    whole = pa.concat_tables(tables).unify_dictionaries()
    pq.write_table(
        whole, path, compression="zstd", compression_level=1, row_group_size=GROUP_ROWS,
        write_statistics=list(_TIMES), store_schema=False,
    )  # fmt: skip


def _single_values(frame: pl.DataFrame, texts: Sequence[str]) -> Mapping[str, str | None]:
    """The columns that say one thing, or nothing, in every row: most of them, and told much quicker than numbered."""
    firsts = frame.select(pl.col(texts).first()).row(0, named=True)
    same = frame.select(pl.col(name).eq_missing(pl.lit(first)).all() for name, first in firsts.items()).row(0)
    return {name: first for (name, first), is_single in zip(firsts.items(), same, strict=True) if is_single}


def _one_text(value: str | None, zeros: Any, nulls: Any) -> Any:
    distinct = pa.array([] if value is None else [value], pa.large_string())
    return pa.DictionaryArray.from_arrays(nulls if value is None else zeros, distinct)


def _column(values: pl.Series) -> Any:
    arrow = values.to_arrow()
    return pc.dictionary_encode(arrow) if values.dtype == pl.String else arrow
