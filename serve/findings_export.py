"""Findings as files: OCSF events (NDJSON), a CSV table that no spreadsheet takes for formulas, a Parquet table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from enum import StrEnum
from io import BytesIO, StringIO
from typing import Final

import orjson

from assessment.findings_ocsf import ocsf_event
from assessment.findings_rows import FindingRow
from domain.clock import parse_instant
from serve.render.csv import safe


class FindingsFormat(StrEnum):
    """How findings are written."""

    OCSF = "ocsf"
    CSV = "csv"
    PARQUET = "parquet"


MEDIA_TYPES: Final = {
    FindingsFormat.OCSF: "application/x-ndjson",
    FindingsFormat.CSV: "text/csv; charset=utf-8",
    FindingsFormat.PARQUET: "application/vnd.apache.parquet",
}
COLUMNS: Final = (
    "finding_id", "status", "severity", "policy_id", "title", "resource_id", "resource_name", "resource_type",
    "provider", "scope", "region", "is_new", "first_found", "seen_at", "controls", "remediation", "evidence",
    "exemption_id", "exemption_reason", "exemption_expires_at", "monthly_cost", "currency", "file", "line",
)  # fmt: skip
_TIMES: Final = ("first_found", "seen_at", "exemption_expires_at")


def format_of(accept: str | None) -> FindingsFormat:
    """The format that an `Accept` header asks for first; OCSF where it asks for none of ours."""
    for part in (accept or "").split(","):
        media = part.partition(";")[0].strip().lower()
        for each, known in MEDIA_TYPES.items():
            if media == known.partition(";")[0]:
                return each
    return FindingsFormat.OCSF


def findings_file(rows: Iterable[FindingRow], chosen: FindingsFormat, *, tenant: str, product_version: str) -> bytes:
    """The whole file; the same findings give the same bytes."""
    if chosen is FindingsFormat.OCSF:
        events = (ocsf_event(row, tenant=tenant, product_version=product_version) for row in rows)
        return b"".join(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE) for event in events)
    found = list(rows)
    return _csv(found) if chosen is FindingsFormat.CSV else _parquet(found)


def _csv(rows: Sequence[FindingRow]) -> bytes:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = {**_plain(row), "controls": "; ".join(_controls(row))}
        writer.writerow([safe("" if values[name] is None else values[name]) for name in COLUMNS])
    return out.getvalue().encode("utf-8")


def _parquet(rows: Sequence[FindingRow]) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 (only this format needs it)
    import pyarrow.parquet as pq  # noqa: PLC0415

    kinds = {"controls": pa.list_(pa.string()), "is_new": pa.bool_(), "line": pa.int64()}
    kinds |= dict.fromkeys(_TIMES, pa.timestamp("us", tz="UTC"))
    schema = pa.schema([pa.field(name, kinds.get(name, pa.string())) for name in COLUMNS])
    columns: dict[str, list[object]] = {name: [] for name in COLUMNS}
    for row in rows:
        values = {**_plain(row), "controls": _controls(row)}
        for name in COLUMNS:
            columns[name].append(_instant(values[name]) if name in _TIMES else values[name])
    out = BytesIO()
    pq.write_table(pa.table(columns, schema=schema), out, compression="zstd")
    return out.getvalue()


def _plain(row: FindingRow) -> dict[str, object]:
    """Values by column; several currencies are joined in the same order in both columns."""
    values: dict[str, object] = {
        name: getattr(row, name) for name in COLUMNS if name not in {"monthly_cost", "currency"}
    }
    values["monthly_cost"] = " + ".join(amount for _, amount in row.monthly_cost)
    values["currency"] = " + ".join(currency for currency, _ in row.monthly_cost)
    return values


def _controls(row: FindingRow) -> list[str]:
    return [str(control) for control in row.controls]


def _instant(text: object) -> object:
    return None if text is None else parse_instant(str(text))
