"""A tenant's samples of how much machines are used: one Parquet file, checked before it replaces the former one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from actors.folders import Folders
from cost.rightsizing import Metric, read_metrics
from domain.errors import InputError, NotFound
from domain.tenancy import TenantId

METRICS_NAME: Final = "metrics.parquet"
IDLE_DAYS_MIN: Final = 14


def metrics_file(folders: Folders, tenant: TenantId) -> Path:
    """Where the tenant's samples are."""
    return folders.billing(tenant) / METRICS_NAME


def keep_metrics(folders: Folders, tenant: TenantId, file: Path) -> int:
    """Check and keep a file of samples, CSV or Parquet; how many there are.

    Raises:
        NotFound: there is no such file.
        InputError: it is no table of samples.
    """
    if not file.exists():
        raise NotFound("no such file", path=str(file), todo="Check the path")
    try:
        read = pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0][:200]
        raise InputError("the samples cannot be read", where=file.name, reason=reason, todo="Export again") from None
    checked = read_metrics(read)
    place = metrics_file(folders, tenant)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = place.with_suffix(".new")
    checked.write_parquet(fresh)
    fresh.replace(place)
    return checked.height


def metrics_of(folders: Folders, tenant: TenantId) -> pl.DataFrame:
    """The tenant's samples; none where none were given."""
    place = metrics_file(folders, tenant)
    if place.exists():
        return pl.read_parquet(place)
    return read_metrics(pl.DataFrame(schema={"resource_id": pl.String, "metric": pl.String, "at": pl.Datetime("us"),
                                             "value": pl.Float64}))  # fmt: skip


def processor_use(folders: Folders, tenant: TenantId) -> dict[str, float]:
    """The 99th percentile of processor use, in percent, of resources with at least two weeks of samples."""
    cpu = metrics_of(folders, tenant).filter(pl.col("metric") == Metric.CPU.value)
    span = (pl.col("at").max() - pl.col("at").min()).dt.total_days()
    sums = cpu.group_by("resource_id").agg(pl.col("value").quantile(0.99, "higher").alias("p99"), span.alias("days"))
    known = sums.filter(pl.col("days") >= IDLE_DAYS_MIN - 1)
    return dict(zip(known["resource_id"].to_list(), known["p99"].to_list(), strict=True))
