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
from connectors.estate.aws_zone import aws_zone
from connectors.estate.azure import azure_stack
from connectors.estate.azure_zone import azure_zone
from connectors.estate.billing import months
from connectors.estate.company import Record, Stack, landing_zone, stacks
from connectors.estate.gcp import gcp_stack
from connectors.estate.gcp_zone import gcp_zone
from connectors.estate.history import Observation, observations
from connectors.estate.ledger import Ledger
from domain.clock import format_instant
from domain.errors import InputError
from domain.resource import Provider
from domain.value import Json

RESOURCES_MAX = 2_000_000
DAYS_MAX = 731
TENANTS_MAX = 100
FORMATS = ("ndjson", "parquet")
BATCH_LINES = {"ndjson": 2_000, "parquet": 50_000}
"""How many lines are written at once; each batch of Parquet is a file."""

NOTE = """This folder holds a synthetic estate: a made-up company that no cloud ever ran.
Every record is marked "synthetic": true and every resource is tagged synthetic.
Made with: pcg estate --resources {resources} --tenants {tenants} --days {days} --seed {seed} --as-of {as_of}
"""

_BUILDERS = {Provider.AZURE: azure_stack, Provider.AWS: aws_stack, Provider.GCP: gcp_stack}
_ZONES = {Provider.AZURE: azure_zone, Provider.AWS: aws_zone, Provider.GCP: gcp_zone}


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
        batches = _batches(tenant, share, seed=seed, as_of=as_of)
        written = _write_tenant(out / tenant, batches, days=days, seed=seed, as_of=as_of, format=format)
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


@dataclass(frozen=True, slots=True)
class _Batch:
    """The records of one stack or landing zone, and how many resources they describe."""

    stack: Stack
    records: list[Record]
    resources: int


def _batches(tenant: str, resources: int, *, seed: int, as_of: datetime) -> Iterator[_Batch]:
    """Stacks until the number of distinct resources is reached; the last one is cut.

    The first stack in a place brings that place's landing zone with it.
    """
    left = resources
    founded: set[tuple[Provider, str]] = set()
    for stack in stacks(tenant=tenant, seed=seed, as_of=as_of):
        place = (stack.provider, stack.place.hub)
        if place not in founded:
            founded.add(place)
            zone = landing_zone(stack, seed=seed)
            batch = _batch(zone, _ZONES[stack.provider](zone), left)
            left -= batch.resources
            yield batch
        if left:
            batch = _batch(stack, _BUILDERS[stack.provider](stack), left)
            left -= batch.resources
            yield batch
        if not left:
            return


def _batch(stack: Stack, records: Iterator[Record], resources_max: int) -> _Batch:
    kept: list[Record] = []
    count = 0
    for record in records:
        if not record.is_aspect:
            if count == resources_max:
                break
            count += 1
        kept.append(record)
    return _Batch(stack, kept, count)


def _write_tenant(
    folder: Path, batches: Iterator[_Batch], *, days: int, seed: int, as_of: datetime, format: str
) -> EstateSummary:
    folder.mkdir()
    lines = _Lines(folder, format)
    ledger = Ledger(folder / "billing", months(as_of=as_of, days=days), format)
    resources = 0
    for batch in batches:
        stack = batch.stack
        random = Random(f"{seed}/{stack.tenant}/{stack.name}/history")  # noqa: S311 (repeatable, no secret)
        for observation in observations(batch.records, as_of=as_of, days=days, random=random):
            lines.write(observation)
        for record in batch.records:
            if record.cents_month:
                ledger.add(record)
        resources += batch.resources
    files = (*lines.close(), *ledger.close())
    return EstateSummary(folder, (), resources, lines.count, ledger.count, files)


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
        if len(pending) >= BATCH_LINES[self._format]:
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
