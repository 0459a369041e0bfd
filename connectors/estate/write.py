"""Write the estate: exports per tenant and cloud, FOCUS billing per month, and a note that all of it is synthetic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import IO

import orjson
import polars as pl

from connectors.estate.aws import aws_stack
from connectors.estate.azure import azure_stack
from connectors.estate.billing import Month, Row, account_rows, months, usage_rows
from connectors.estate.company import Record, Stack, stacks
from connectors.estate.gcp import gcp_stack
from connectors.estate.history import Observation, observations
from domain.clock import format_instant
from domain.errors import InputError
from domain.resource import Provider
from domain.value import Json

RESOURCES_MAX = 2_000_000
DAYS_MAX = 731
TENANTS_MAX = 100
FORMATS = ("ndjson", "parquet")
DAILY_BILLING_RESOURCES_MAX = 1_000
BATCH_LINES = 50_000

NOTE = """This folder holds a synthetic estate: a made-up company that no cloud ever ran.
Every record is marked "synthetic": true and every resource is tagged synthetic.
Made with: pcg estate --resources {resources} --tenants {tenants} --days {days} --seed {seed} --as-of {as_of}
"""

_BUILDERS = {Provider.AZURE: azure_stack, Provider.AWS: aws_stack, Provider.GCP: gcp_stack}


@dataclass(frozen=True, slots=True)
class EstateSummary:
    """What was written."""

    out: Path
    tenants: tuple[str, ...]
    resources: int
    observations: int
    billing_rows: int
    files: tuple[Path, ...]


def write_estate(
    out: Path, *, resources: int, tenants: int, days: int, seed: int, as_of: datetime, format: str = "ndjson"
) -> EstateSummary:
    """Write a synthetic estate below `out`, a folder per tenant.

    Args:
        resources: number of distinct resources over all tenants.
        days: days of change history and billing before `as_of`.
        seed: the same seed and arguments give the same bytes.
        format: ``ndjson`` (billing as CSV) or ``parquet``.

    Raises:
        InputError: an argument is out of bounds, or `out` holds something already.
    """
    _check(out, resources=resources, tenants=tenants, days=days, format=format)
    out.mkdir(parents=True, exist_ok=True)
    names = tuple("demo" if tenants == 1 else f"demo-{number}" for number in range(1, tenants + 1))
    total = EstateSummary(out, names, 0, 0, 0, ())
    for number, tenant in enumerate(names):
        share = resources // tenants + (1 if number < resources % tenants else 0)
        records = _records(tenant, share, seed=seed, as_of=as_of)
        written = _write_tenant(out / tenant, records, days=days, seed=seed, as_of=as_of, format=format)
        total = EstateSummary(
            out,
            names,
            total.resources + written.resources,
            total.observations + written.observations,
            total.billing_rows + written.billing_rows,
            total.files + written.files,
        )
    note = NOTE.format(resources=resources, tenants=tenants, days=days, seed=seed, as_of=format_instant(as_of))
    (out / "SYNTHETIC.txt").write_text(note)
    return total


def _check(out: Path, *, resources: int, tenants: int, days: int, format: str) -> None:
    bounds = (
        ("resources", resources, 1, RESOURCES_MAX),
        ("tenants", tenants, 1, TENANTS_MAX),
        ("days", days, 0, DAYS_MAX),
    )
    for name, got, low, high in bounds:
        if not low <= got <= high:
            raise InputError(f"{name} is out of bounds", expected=f"{low} to {high}", got=got, todo=f"Change --{name}")
    if format not in FORMATS:
        raise InputError("unknown format", expected=" or ".join(FORMATS), got=format, todo="Change --format")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("the folder is not empty", where=str(out), todo="Choose a new folder with --out")


@dataclass(slots=True)
class _StackRecords:
    stack: Stack
    records: list[Record]


def _records(tenant: str, resources: int, *, seed: int, as_of: datetime) -> Iterator[_StackRecords]:
    """Stacks until the number of distinct resources is reached; the last one is cut."""
    left = resources
    for stack in stacks(tenant=tenant, seed=seed, as_of=as_of):
        kept: list[Record] = []
        seen: set[str] = set()
        for record in _BUILDERS[stack.provider](stack):
            if record.uid not in seen and len(seen) == left:
                break
            seen.add(record.uid)
            kept.append(record)
        left -= len(seen)
        yield _StackRecords(stack, kept)
        if left == 0:
            return


def _write_tenant(
    folder: Path, batches: Iterator[_StackRecords], *, days: int, seed: int, as_of: datetime, format: str
) -> EstateSummary:
    folder.mkdir()
    lines = _Lines(folder, format)
    kept: list[Record] = []
    resources: set[str] = set()
    for batch in batches:
        random = Random(f"{seed}/{batch.stack.tenant}/{batch.stack.number}/history")  # noqa: S311 (repeatable, no secret)
        for observation in observations(batch.records, as_of=as_of, days=days, random=random):
            lines.write(observation)
        resources.update(record.uid for record in batch.records)
        kept.extend(record for record in batch.records if record.cost_month > 0)
    rows, files = _write_billing(folder, kept, months(as_of=as_of, days=days), format=format)
    return EstateSummary(folder, (), len(resources), lines.count, rows, (*lines.close(), *files))


class _Lines:
    """Observation lines, one file a cloud; Parquet is written in batches as a column of JSON documents."""

    def __init__(self, folder: Path, format: str) -> None:
        self._folder = folder
        self._format = format
        self._open: dict[Provider, IO[bytes]] = {}
        self._pending: dict[Provider, list[bytes]] = {}
        self._files: list[Path] = []
        self.count = 0

    def write(self, observation: Observation) -> None:
        self.count += 1
        line: dict[str, Json] = {
            **observation.record.beside,
            "captured_at": format_instant(observation.captured_at),
            "synthetic": True,
            observation.record.wrapper: observation.document,
        }
        pending = self._pending.setdefault(observation.record.provider, [])
        pending.append(orjson.dumps(line))
        if len(pending) >= BATCH_LINES:
            self._flush(observation.record.provider)

    def close(self) -> tuple[Path, ...]:
        for provider in sorted(self._pending):
            self._flush(provider)
        for stream in self._open.values():
            stream.close()
        return tuple(sorted(self._files))

    def _flush(self, provider: Provider) -> None:
        lines, self._pending[provider] = self._pending[provider], []
        if not lines:
            return
        if self._format == "parquet":
            part = sum(1 for path in self._files if path.name.startswith(f"{provider}-"))
            path = self._folder / f"{provider}-{part:04d}.parquet"
            _parquet(lines).write_parquet(path)
            self._files.append(path)
            return
        if provider not in self._open:
            path = self._folder / f"{provider}.ndjson"
            self._open[provider] = path.open("wb")
            self._files.append(path)
        self._open[provider].write(b"\n".join(lines) + b"\n")


def _parquet(lines: list[bytes]) -> pl.DataFrame:
    """Lines as rows: a column for every key, documents as JSON text."""
    rows = [
        {key: orjson.dumps(value).decode() if isinstance(value, dict) else value for key, value in row.items()}
        for row in map(orjson.loads, lines)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _write_billing(folder: Path, records: list[Record], periods: list[Month], *, format: str) -> tuple[int, list[Path]]:
    by_day = len(records) <= DAILY_BILLING_RESOURCES_MAX
    count, files = 0, []
    (folder / "billing").mkdir()
    for month in periods:
        rows: list[Row] = [row for record in records for row in usage_rows(record, month, by_day=by_day)]
        for account in sorted({record.account for record in records}):
            rows.extend(account_rows([r for r in records if r.account == account], month))
        frame = pl.DataFrame(rows, infer_schema_length=None)
        costs = [column for column in frame.columns if column.endswith("Cost")]
        frame = frame.with_columns(pl.col(costs).cast(pl.Decimal(18, 2)))
        path = folder / "billing" / f"focus-{month.label}.{'parquet' if format == 'parquet' else 'csv'}"
        if format == "parquet":
            frame.write_parquet(path)
        else:
            frame.write_csv(path)
        count += frame.height
        files.append(path)
    return count, files
