"""Scan exports in object storage on a Ray cluster.

    ray job submit --working-dir . -- python -m serve.jobs.bulk_scan --input s3://bucket/exports/ --out s3://bucket/result/

Tasks read parts and spread their resources over buckets; further tasks judge a bucket each and write its rows as
Parquet below the output. `summary.json` there names totals, policies and every gap. Exit status: 0 done (gaps are
allowed), 2 nothing readable.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import orjson
import polars as pl
import pyarrow.fs as pafs
import ray

from actors.messages import BUILTIN
from actors.policy_catalogue import chosen_policies
from assessment.inputs import AssessedPolicy
from domain.clock import format_instant, parse_instant
from domain.errors import InputError
from domain.inventory import FileReport
from domain.tenancy import TenantId, tenant_id
from policy.aliases import AliasTable
from serve.jobs.judging import BucketResult, PartReading, Row, judge, read_part
from serve.jobs.partition import Part, parts

PART_MIB = 64
BUCKETS_PER_CPU = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job."""
    given = _parser().parse_args(arguments)
    try:
        summary = bulk_scan(
            given.input,
            given.out,
            tenant=tenant_id(given.tenant),
            as_of=parse_instant(given.as_of) if given.as_of else datetime.now(UTC).replace(microsecond=0),
            policies=tuple(given.policies or [BUILTIN]),
            part_bytes=given.part_mib << 20,
        )
    except InputError as error:
        sys.stderr.write(f"{error.summary}\n  {error.facts.get('where', '')}\n  {error.facts.get('todo', '')}\n")
        return 2
    sys.stdout.write(f"{summary['resources']} resources, {summary['violations']} violations: {given.out}\n")
    return 0


def bulk_scan(
    inputs: Sequence[str],
    out: str,
    *,
    tenant: TenantId,
    as_of: datetime,
    policies: Sequence[str] = (BUILTIN,),
    part_bytes: int = PART_MIB << 20,
) -> dict[str, Any]:
    """Scan everything at the URIs and write the result below another; the summary.

    Raises:
        InputError: nothing readable, or a policy source that is none.
    """
    cut = [part for uri in inputs for part in parts(uri, bytes_max=part_bytes)]
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    buckets = max(1, min(len(cut), BUCKETS_PER_CPU * int(cast("Any", ray).cluster_resources().get("CPU", 1))))
    chosen = ray.put(chosen_policies(policies, (), AliasTable.builtin()).policies)
    read: list[Any] = [_read.options(num_returns=buckets + 1).remote(part, tenant, buckets) for part in cut]
    judged = [
        _judge.remote(chosen, tenant, as_of, out, number, *(each[number] for each in read)) for number in range(buckets)
    ]
    results: list[Row] = ray.get(judged)
    reports: list[FileReport] = [report for each in ray.get([each[buckets] for each in read]) for report in each]
    if not any(report.recognised for report in reports):
        raise InputError(
            "nothing readable", where=", ".join(inputs), todo="Give exports of a cloud, or Terraform state"
        )
    summary = _summary(results, reports, tenant=tenant, as_of=as_of)
    _write(out, "summary.json", orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return summary


@ray.remote(max_retries=3)
def _read(part: Part, tenant: TenantId, buckets: int) -> tuple[Any, ...]:
    """A part's resources, one value per bucket, and its reports last."""
    found: PartReading = read_part(part, tenant=tenant, buckets=buckets)
    return (*found.buckets, found.reports)


@ray.remote(max_retries=3)
def _judge(
    policies: tuple[AssessedPolicy, ...], tenant: TenantId, as_of: datetime, out: str, number: int, *items: Any
) -> Row:
    """Judge a bucket and write its rows; only counts come back. Repeating it writes the same files."""
    found: BucketResult = judge(items, tenant=tenant, as_of=as_of, policies=policies)
    for name, rows in (("violations", found.violations), ("predictions", found.predictions)):
        if rows:
            _write(out, f"{name}/part-{number:05d}.parquet", _parquet(rows))
    severities = Counter(row["severity"] for row in found.violations)
    return {
        "resources": found.resources,
        "severities": dict(severities),
        "predictions": len(found.predictions),
        "policies": found.policies,
    }


def _summary(
    results: Sequence[Row], reports: Sequence[FileReport], *, tenant: TenantId, as_of: datetime
) -> dict[str, Any]:
    severities: Counter[str] = Counter()
    policies: dict[str, Counter[str]] = {}
    for result in results:
        severities.update(result["severities"])
        for row in result["policies"]:
            counted = {name: row[name] for name in ("resources", "violations", "unknown")}
            policies.setdefault(row["id"], Counter()).update(counted)
    return {
        "version": "1",
        "tenant": tenant,
        "as_of": format_instant(as_of),
        "resources": sum(result["resources"] for result in results),
        "violations": severities.total(),
        "by_severity": dict(sorted(severities.items())),
        "predictions": sum(result["predictions"] for result in results),
        "policies": [
            {"id": name, **{key: policies[name][key] for key in sorted(policies[name])}} for name in sorted(policies)
        ],
        "records": sum(report.records for report in reports),
        "recognised": sum(report.recognised for report in reports),
        "gaps": [
            {"path": report.path, "line": gap.origin.line, "reason": gap.reason}
            for report in reports
            for gap in report.gaps
        ],
    }


def _parquet(rows: Sequence[Row]) -> bytes:
    """Rows as a Parquet file; nested values as JSON text."""
    flat = [
        {key: orjson.dumps(value).decode() if isinstance(value, dict | list) else value for key, value in row.items()}
        for row in rows
    ]
    buffer = BytesIO()
    pl.DataFrame(flat, infer_schema_length=None).write_parquet(buffer)
    return buffer.getvalue()


def _write(out: str, name: str, content: bytes) -> None:
    system, path = pafs.FileSystem.from_uri(out if "://" in out else str(Path(out).resolve()))
    target = f"{path.rstrip('/')}/{name}"
    system.create_dir(target.rpartition("/")[0], recursive=True)
    with system.open_output_stream(target) as stream:
        stream.write(content)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serve.jobs.bulk_scan", description="Scan exports in object storage."
    )
    parser.add_argument(
        "--input", action="append", required=True, metavar="URI", help="file or folder; may be repeated"
    )
    parser.add_argument("--out", required=True, metavar="URI", help="folder for the result")
    parser.add_argument("--tenant", default="default")
    parser.add_argument("--as-of", default=None, metavar="TIME", help="the only clock of the scan; now by default")
    parser.add_argument("--policies", action="append", metavar="builtin|PATH")
    parser.add_argument("--part-mib", type=int, default=PART_MIB, help="size of a part")
    return parser


if __name__ == "__main__":
    sys.exit(main())
