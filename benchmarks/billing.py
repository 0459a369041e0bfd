"""Taking bills in and asking them, beside the limit of the same run.

The limit of an import is the same file read, its columns typed, and written as Parquet by polars alone: no judging,
no provenance, no fingerprints, no sums. The limit of a question is DuckDB asking that copy. Rows are synthetic.

    python -m benchmarks.billing [--rows N] [--csv-rows N] [--folder DIR]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from assessment.billing import import_billing
from benchmarks.report import Row, publish
from connectors.focus.cells import whole_texts, with_instants
from connectors.focus.normalize import INSTANTS, focus_columns
from cost.billing.query import BillingQuery, ask
from cost.billing.store import BillingStore
from domain.tenancy import TenantId

AT = datetime(2026, 11, 20, tzinfo=UTC)
RATE_MIN = 500_000
MEMORY_MIB_MAX = 2_048
CHUNK = 250_000
SERVICES = ("Amazon EC2", "Amazon S3", "AWS Lambda", "Amazon RDS", "Amazon VPC", "Amazon CloudWatch")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows in Parquet")
    parser.add_argument("--csv-rows", type=int, default=300_000, help="rows in CSV")
    parser.add_argument("--folder", type=Path, help="where to write; default is the temporary folder")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        table, text = folder / "parquet", folder / "csv"
        write_bill(table, options.rows, is_csv=False)
        write_bill(text, options.csv_rows, is_csv=True)
        rows = measure_import(table, folder, options.rows, "Parquet") + measure_import(
            text, folder, options.csv_rows, "CSV"
        )
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows.append(
            Row("peak memory of the process", memory, "MiB", "", None, f"<= {MEMORY_MIB_MAX}", memory <= MEMORY_MIB_MAX)
        )
    publish("billing", rows)
    return 0


def measure_import(source: Path, folder: Path, count: int, kind: str) -> list[Row]:
    """Import, import again, ask, each beside its limit. Ratios are of CPU seconds: others disturb those less."""
    copy = folder / f"copy of {kind}"
    copy.mkdir()
    limit = timed(lambda: bare_copy(source, copy))
    bills = BillingStore(folder / f"store of {kind}", TenantId("bench"))
    imported = timed(lambda: import_billing(bills, [source], at=AT))
    again = timed(lambda: import_billing(bills, [source], at=AT))
    query = BillingQuery(("day", "service"), start=None)
    asked = min(timed(lambda: ask(bills, query)) for _ in range(3))
    floor = min(timed(lambda: bare_question(copy)) for _ in range(3))
    rate, against = count / imported.wall_s, "reading and writing alone"
    aim, met = (f">= {RATE_MIN:,} rows/s", rate >= RATE_MIN) if kind == "Parquet" else ("", None)
    return [
        Row(f"{kind}: import {count:,} rows", rate, "rows/s", against, limit.cpu_s / imported.cpu_s, aim, met),
        Row(f"{kind}: import, of CPU", count / imported.cpu_s, "rows/CPU s"),
        Row(f"{kind}: the same again", count / again.wall_s, "rows/s", against, limit.cpu_s / again.cpu_s),
        Row(f"{kind}: by day and service", asked.wall_s * 1e3, "ms", "DuckDB on the copy", floor.cpu_s / asked.cpu_s),
    ]


def bare_copy(source: Path, target: Path) -> None:
    """Read, type and write, and nothing else."""
    for place, path in enumerate(sorted(source.iterdir())):
        scan = pl.scan_csv(path, infer_schema=False) if path.suffix == ".csv" else pl.scan_parquet(path)
        for number, batch in enumerate(scan.collect_batches(chunk_size=CHUNK, lazy=True, engine="streaming")):
            read = with_instants(batch, INSTANTS)
            typed = read.select(**focus_columns(read.schema, whole_texts(read)))
            typed.write_parquet(target / f"{place}-{number}.parquet", compression="zstd", compression_level=1)


def bare_question(folder: Path) -> None:
    """The same sums by DuckDB over Parquet."""
    duckdb.execute(
        "SELECT CAST(make_timestamp(epoch_us(ChargePeriodStart)) AS DATE), ServiceName, BillingCurrency,"
        f" SUM(EffectiveCost), COUNT(*) FROM read_parquet('{folder}/*.parquet') GROUP BY ALL ORDER BY ALL"
    ).fetchall()


def write_bill(folder: Path, count: int, *, is_csv: bool) -> None:
    """A synthetic month of one account, in files of a quarter million rows."""
    folder.mkdir()
    generator = np.random.default_rng(7)
    for number, start in enumerate(range(0, count, CHUNK)):
        frame = synthetic(generator, min(CHUNK, count - start), start)
        if is_csv:
            frame.write_csv(folder / f"{number:04}.csv")
        else:
            frame.write_parquet(folder / f"{number:04}.parquet", compression="snappy")


def synthetic(generator: np.random.Generator, count: int, start: int) -> pl.DataFrame:
    """Rows of hourly usage: as many columns as a provider's FOCUS export fills."""
    day = generator.integers(0, 31, count)
    hour = generator.integers(0, 24, count)
    quantity = generator.integers(1, 10_000, count)
    service = generator.integers(0, len(SERVICES), count)
    base = pl.DataFrame({"day": day, "hour": hour, "quantity": quantity, "service": service})
    begin = pl.datetime(2026, 10, 1, time_zone="UTC") + pl.duration(days="day", hours="hour")
    cost = (pl.col("quantity") * 0.000_37).cast(pl.Decimal(38, 12))
    resource_id = pl.lit("arn:aws:ec2:eu-west-1:123456789012:instance/i-") + (
        pl.int_range(start, start + count) % 50_000
    ).cast(pl.String)
    said = {
        "BillingCurrency": "USD",
        "BillingAccountId": "123456789012",
        "BillingAccountName": "Synthetic",
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargeDescription": "synthetic usage per hour",
        "ConsumedUnit": "Hours",
        "PricingUnit": "Hours",
        "PricingCategory": "Standard",
        "ProviderName": "AWS",
        "PublisherName": "AWS",
        "InvoiceIssuerName": "Amazon Web Services, Inc.",
        "ServiceCategory": "Compute",
        "SubAccountId": "210987654321",
        "SubAccountName": "Shop",
        "RegionId": "eu-west-1",
        "RegionName": "EU (Ireland)",
        "SkuId": "SYNTHETIC",
        "SkuPriceId": "SYNTHETIC.HOURS",
        "ResourceType": "instance",
        "Tags": '{"team": "web", "environment": "prod"}',
    }
    quantities = pl.col("quantity").cast(pl.Decimal(38, 12))
    return base.select(
        BillingPeriodStart=pl.datetime(2026, 10, 1, time_zone="UTC"),
        BillingPeriodEnd=pl.datetime(2026, 11, 1, time_zone="UTC"),
        ChargePeriodStart=begin,
        ChargePeriodEnd=begin + pl.duration(hours=1),
        BilledCost=cost,
        EffectiveCost=cost,
        ListCost=cost,
        ContractedCost=cost,
        ChargeClass=pl.lit(None, dtype=pl.String),
        ConsumedQuantity=quantities,
        PricingQuantity=quantities,
        ServiceName=pl.col("service").replace_strict(dict(enumerate(SERVICES)), return_dtype=pl.String),
        ResourceId=resource_id,
        **{name: pl.lit(text) for name, text in said.items()},
    )


@dataclass(frozen=True, slots=True, order=True)
class Took:
    """Seconds that something took: on the clock, and of all cores."""

    wall_s: float
    cpu_s: float


def timed(act: Callable[[], object]) -> Took:
    """How long something takes."""
    started, cpu = time.perf_counter(), time.process_time()
    act()
    return Took(time.perf_counter() - started, time.process_time() - cpu)


if __name__ == "__main__":
    main()
