"""Scan exports in object storage on a Ray cluster.

    ray job submit --working-dir . -- python -m serve.jobs.bulk_scan --input s3://bucket/exports/ --out s3://bucket/result/

Tasks read parts and spread their resources over buckets; further tasks judge a bucket each and write its rows as
Parquet below the output. `summary.json` there names totals, policies and every gap. What was done is kept beside the
output until then: the same command again goes on with the rest. Exit status: 0 done (gaps are allowed), 2 nothing
readable, 4 storage that cannot be used now.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Final, cast

import orjson
import polars as pl
import ray

from actors.messages import BUILTIN
from actors.policy_catalogue import chosen_policies
from assessment.inputs import AssessedPolicy
from domain.clock import format_instant, parse_instant
from domain.errors import InputError, PolicyCortexError, UnavailableError
from domain.inventory import FileReport
from domain.tenancy import TenantId, tenant_id
from policy.aliases import AliasTable
from serve.jobs.checkpoint import Checkpoint, Plan, plan_digest
from serve.jobs.judging import BucketResult, PartReading, Row, judge, read_part
from serve.jobs.partition import Part, parts
from serve.jobs.place import Place
from serve.jobs.progress import Done, JobProgress

PART_MIB: Final = 64
BUCKETS_PER_CPU: Final = 2
IN_FLIGHT_PER_CPU: Final = 4
RETRIES: Final = 3
ROWS: Final = ("violations", "predictions")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job."""
    given = _parser().parse_args(arguments)
    try:
        summary = bulk_scan(
            given.input,
            given.out,
            tenant=tenant_id(given.tenant),
            as_of=parse_instant(given.as_of) if given.as_of else None,
            policies=tuple(given.policies or [BUILTIN]),
            part_bytes=given.part_mib << 20,
        )
    except (InputError, UnavailableError) as error:
        sys.stderr.write(f"{error.summary}\n  {error.facts.get('where', '')}\n  {error.facts.get('todo', '')}\n")
        return 4 if isinstance(error, UnavailableError) else 2
    resumed = f", {summary['resumed']} steps of a former run" if summary["resumed"] else ""
    sys.stdout.write(
        f"{summary['resources']} resources, {summary['violations']} violations{resumed}: {Place(given.out).shown}\n"
    )
    return 0


def bulk_scan(
    inputs: Sequence[str],
    out: str,
    *,
    tenant: TenantId,
    as_of: datetime | None = None,
    policies: Sequence[str] = (BUILTIN,),
    part_bytes: int = PART_MIB << 20,
) -> dict[str, Any]:
    """Scan everything at the URIs and write the result below another; the summary.

    Args:
        as_of: the scan's only clock; by default that of the run that is continued, else now.

    Raises:
        InputError: nothing readable, or a policy source that is none.
        UnavailableError: storage cannot be used now; what was done is kept.
    """
    cut = [part for uri in inputs for part in parts(uri, bytes_max=part_bytes)]
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    cpus = int(cast("Any", ray).cluster_resources().get("CPU", 1))
    chosen = chosen_policies(policies, (), AliasTable.builtin()).policies
    checkpoint = Checkpoint(Place(out))
    digest = plan_digest(cut, [f"{each.policy_id} {each.digest}" for each in chosen], tenant=tenant, as_of=as_of)
    buckets = max(1, min(len(cut), BUCKETS_PER_CPU * cpus))
    begun = Plan(digest, as_of or datetime.now(UTC).replace(microsecond=0), buckets)
    plan = checkpoint.resume(begun)
    if plan is begun:
        for name in ROWS:
            Place(out).below(name).clear()
    run = _Run(checkpoint, plan, tenant, cut, cpus * IN_FLIGHT_PER_CPU)
    run.read()
    reports = [report for number in range(len(cut)) for report in checkpoint.reports(number)]
    if not any(report.recognised for report in reports):
        checkpoint.clear()
        raise InputError(
            "nothing readable",
            where=", ".join(Place(uri).shown for uri in inputs),
            todo="Give exports of a cloud, or Terraform state",
        )
    run.judge(ray.put(chosen), Place(out))
    results = [checkpoint.bucket(number) for number in range(plan.buckets)]
    summary = _summary(results, reports, tenant=tenant, as_of=plan.as_of) | {"resumed": run.resumed}
    content = orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    Place(out).below("summary.json").write(content)
    checkpoint.clear()
    return summary


class _Run:
    """The steps of one plan that are not done yet, and how far they are."""

    def __init__(
        self, checkpoint: Checkpoint, plan: Plan, tenant: TenantId, cut: Sequence[Part], in_flight_max: int
    ) -> None:
        self._checkpoint = checkpoint
        self._plan = plan
        self._tenant = tenant
        self._cut = cut
        self._in_flight_max = in_flight_max
        self._read, self._judged = map(set, checkpoint.done())
        self._progress = JobProgress()
        self._resources = 0
        self.resumed = len(self._read) + len(self._judged)

    def read(self) -> None:
        """Read the parts that are left."""
        for number in _finished(self._readings(), self._in_flight_max):
            self._read.add(number)
            self._report()

    def judge(self, policies: Any, out: Place) -> None:
        """Judge the buckets that are left."""
        for number in _finished(self._judgements(policies, out), self._in_flight_max):
            self._judged.add(number)
            self._resources += int(self._checkpoint.bucket(number)["resources"])
            self._report(is_last=len(self._judged) == self._plan.buckets)

    def _readings(self) -> Iterator[Any]:
        task: Any = ray.remote(_read).options(name="read part", max_retries=RETRIES)
        for number, part in enumerate(self._cut):
            if number not in self._read:
                yield task.remote(self._checkpoint, number, part, self._tenant, self._plan.buckets)

    def _judgements(self, policies: Any, out: Place) -> Iterator[Any]:
        task: Any = ray.remote(_judge).options(name="judge bucket", max_retries=RETRIES)
        plan = self._plan
        for number in range(plan.buckets):
            if number not in self._judged:
                order = _BucketOrder(self._checkpoint, number, len(self._cut), self._tenant, plan.as_of, out)
                yield task.remote(order, policies)

    def _report(self, *, is_last: bool = False) -> None:
        done = Done(
            len(self._read), len(self._cut), len(self._judged), self._plan.buckets, self._resources, self.resumed
        )
        self._progress.report(done, is_last=is_last)


def _finished(tasks: Iterator[Any], in_flight_max: int) -> Iterator[int]:
    """What tasks return, as they end; the next is begun when fewer are in flight than allowed."""
    waiting: list[Any] = []
    for task in tasks:
        waiting.append(task)
        if len(waiting) >= in_flight_max:
            ended, waiting = ray.wait(waiting)
            yield from _results(ended)
    while waiting:
        ended, waiting = ray.wait(waiting)
        yield from _results(ended)


def _results(ended: Sequence[Any]) -> list[int]:
    try:
        found: list[int] = ray.get(list(ended))
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, PolicyCortexError):
            raise error.cause from None
        raise
    return found


def _read(checkpoint: Checkpoint, number: int, part: Part, tenant: TenantId, buckets: int) -> int:
    """Read a part and keep its resources; only its number comes back. Repeating it writes the same file."""
    found: PartReading = read_part(part, tenant=tenant, buckets=buckets)
    checkpoint.save_part(number, found.buckets, found.reports)
    return number


@dataclass(frozen=True, slots=True)
class _BucketOrder:
    """A bucket to be judged, over all parts."""

    checkpoint: Checkpoint
    number: int
    parts: int
    tenant: TenantId
    as_of: datetime
    out: Place


def _judge(order: _BucketOrder, policies: tuple[AssessedPolicy, ...]) -> int:
    """Judge a bucket and write its rows; only its number comes back. Repeating it writes the same files."""
    items = (order.checkpoint.items(part, order.number, order.tenant) for part in range(order.parts))
    found: BucketResult = judge(items, tenant=order.tenant, as_of=order.as_of, policies=policies)
    for name, rows in zip(ROWS, (found.violations, found.predictions), strict=True):
        if rows:
            order.out.below(f"{name}/part-{order.number:05d}.parquet").write(_parquet(rows))
    counts = {
        "resources": found.resources,
        "severities": dict(Counter(row["severity"] for row in found.violations)),
        "predictions": len(found.predictions),
        "policies": found.policies,
    }
    order.checkpoint.save_bucket(order.number, counts)
    return order.number


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
