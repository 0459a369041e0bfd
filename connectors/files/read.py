"""Reading everything a person pointed at: what is there, what it costs, and what could not be read.

No record stops the rest. Secrets are gone before anything leaves: documents are cleaned in the merge, reasons here.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl

from connectors.files import tables
from connectors.files.classify import classify, classify_resource_of_call, unwrap
from connectors.files.decode import Source, open_source
from connectors.files.merge import Merger
from connectors.files.paths import Found, find_files
from connectors.files.records import Record, json_records, sniff
from connectors.focus import versions
from connectors.focus.normalize import normalize
from connectors.observation import Classified, Envelope
from connectors.redaction import clean_text
from domain.errors import InputError
from domain.inventory import FileReport, Gap, Inventory, RecordClass
from domain.resource import Origin
from domain.tenancy import TenantId

GAPS_MAX = 1_000
"""Gaps named per file; further ones are counted in one more."""

PROGRESS_RECORDS = 10_000
_DATA_SUFFIXES = (".json", ".ndjson", ".jsonl", ".csv", ".parquet", ".tfstate")
_FOCUS_TODO = "Export FOCUS 1.0 or newer from the provider, or convert the file"


@dataclass(frozen=True, slots=True)
class ReadProgress:
    """How far reading has come: bytes of the file on disk, and records over all files."""

    file: str
    bytes_done: int
    bytes_total: int
    records: int


@dataclass(frozen=True, slots=True)
class BillingFile:
    """One billing file: rows in the columns of `domain.focus`."""

    path: str
    version: str
    frame: pl.DataFrame
    rows: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading came to."""

    inventory: Inventory
    billing: tuple[BillingFile, ...]


def read_inputs(
    paths: Sequence[str],
    *,
    tenant: TenantId,
    aws_operation: str | None = None,
    progress: Callable[[ReadProgress], None] | None = None,
) -> Reading:
    """Read files, directories and globs.

    Args:
        aws_operation: the call that plain AWS answers come from, such as ``ec2:DescribeVpcs``.

    Raises:
        InputError: nothing in them can be read.
    """
    reader = _Reader(tenant, aws_operation, progress)
    with _without_cycle_search():
        for found in find_files(paths):
            reader.read(found)
        return reader.finish(paths)


@contextmanager
def _without_cycle_search() -> Iterator[None]:
    """Documents form no cycles; looking for some while millions of objects are made would double the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@dataclass(slots=True)
class _Tally:
    """What one file comes to while it is read."""

    path: str
    classes: Counter[RecordClass] = field(default_factory=Counter)
    formats: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    gaps: list[Gap] = field(default_factory=list)
    gaps_unnamed: int = 0

    def gap(self, line: int, reason: str, todo: str = "", *, is_record: bool = True) -> None:
        if is_record:
            self.classes[RecordClass.GAP] += 1
        if len(self.gaps) < GAPS_MAX:
            self.gaps.append(Gap(Origin(self.path, line), clean_text(reason), todo))
        else:
            self.gaps_unnamed += 1

    def report(self) -> FileReport:
        gaps = list(self.gaps)
        if self.gaps_unnamed:
            gaps.append(Gap(Origin(self.path), f"{self.gaps_unnamed} more gaps in this file"))
        formats = self.formats or {"empty"}
        return FileReport(
            path=self.path,
            format=next(iter(formats)) if len(formats) == 1 else "mixed",
            records=self.classes.total(),
            classes=tuple(sorted(self.classes.items(), key=lambda each: (-each[1], each[0].value))),
            resources=len(self.keys),
            gaps=tuple(gaps),
        )


class _Reader:
    """Reads file after file into one merger."""

    def __init__(
        self, tenant: TenantId, aws_operation: str | None, progress: Callable[[ReadProgress], None] | None
    ) -> None:
        self._merger = Merger(tenant)
        self._aws_operation = aws_operation
        self._progress = progress
        self._records = 0
        self._reports: list[FileReport] = []
        self._billing: list[BillingFile] = []

    def read(self, found: Found) -> None:
        """Read one file; nothing in it stops the rest."""
        tally = _Tally(found.path)
        if found.problem:
            tally.gap(0, found.problem, "Check the path and its permissions")
            tally.formats.add("unreadable")
        else:
            try:
                self._read_file(found, tally)
            except OSError as error:
                tally.gap(0, error.strerror or "cannot be read", "Check the file's permissions")
                tally.formats.add("unreadable")
        self._reports.append(tally.report())

    def finish(self, paths: Sequence[str]) -> Reading:
        """Merge what was seen.

        Raises:
            InputError: there was nothing.
        """
        reports = tuple(sorted(self._reports, key=lambda report: report.path))
        gaps = tuple(gap for report in reports for gap in report.gaps)
        if not any(report.recognised for report in reports):
            first = f"{gaps[0].origin}: {gaps[0].reason}" if gaps else "no data file in it"
            raise InputError(
                "nothing readable",
                paths=list(paths),
                files=len(reports),
                first=first,
                todo="Give an export of Azure, AWS, Google Cloud, Kubernetes or Terraform, or FOCUS billing",
            )
        merged = self._merger.merge()
        inventory = Inventory(merged.items, merged.former, gaps, reports, merged.repeated)
        return Reading(inventory, tuple(self._billing))

    def _read_file(self, found: Found, tally: _Tally) -> None:
        source = open_source(found.path)
        chunks = source.chunks()
        head = next(chunks, b"")
        kind = sniff(head)
        if kind == "json":
            self._read_records(json_records(_again(head, chunks)), source, tally)
        elif kind in {"table", "parquet"} and (found.is_named or kind == "parquet" or _is_data(found.path)):
            self._read_table(kind, source, head, tally)
        elif source.problem:
            tally.formats.add("gzip")
        else:
            self._pass_over(kind, found, tally)
        if source.problem:
            tally.gap(0, source.problem, "Export the file again; what came before the break was read")
        self._report_progress(source)

    def _pass_over(self, kind: str, found: Found, tally: _Tally) -> None:
        """A file that holds no data: a gap where it was named or calls itself data, else only mentioned."""
        tally.formats.add(kind)
        if kind == "empty":
            tally.classes[RecordClass.EMPTY] += 1
        elif found.is_named or _is_data(found.path):
            what = "a binary file" if kind == "binary" else "text that is no JSON, CSV or Parquet"
            tally.gap(0, what, "Give JSON, NDJSON, CSV, Parquet or a Terraform state")

    def _read_records(self, records: Iterator[Record], source: Source, tally: _Tally) -> None:
        for record in records:
            self._records += 1
            if record.problem:
                tally.gap(record.line, record.problem)
                tally.formats.add("json")
            else:
                self._read_record(record, tally)
            if self._progress and self._records % PROGRESS_RECORDS == 0:
                self._report_progress(source)

    def _read_record(self, record: Record, tally: _Tally) -> None:
        value = record.value
        envelope = unwrap(value, tally.path) if isinstance(value, dict) else Envelope(value, hint=tally.path)
        try:
            found = self._classify(envelope, is_wrapped=envelope.body is not value, raw=value)
            tally.formats.add(found.format)
            if found.kind is RecordClass.GAP:
                tally.gap(record.line, found.reason, found.todo)
                return
            origin = Origin(tally.path, record.line)
            for seen in found.observations:
                captured = envelope.captured_at or seen.captured_at
                tally.keys.add(self._merger.add(seen, captured, origin, synthetic=envelope.synthetic))
        except RecursionError:
            tally.gap(record.line, "nested too deeply")
            return
        tally.classes[found.kind] += 1
        for number, reason in found.gaps:
            tally.gap(record.line, f"member {number}: {reason}", is_record=False)

    def _classify(self, envelope: Envelope, *, is_wrapped: bool, raw: object) -> Classified:
        if is_wrapped and envelope.operation and isinstance(raw, dict) and "resource" in raw:
            return classify_resource_of_call(envelope)
        return classify(envelope, aws_operation=self._aws_operation)

    def _read_table(self, kind: str, source: Source, head: bytes, tally: _Tally) -> None:
        frame = tables.read_parquet(source) if kind == "parquet" else tables.read_csv(source, head)
        if isinstance(frame, str):
            source.problem = ""
            tally.formats.add(kind)
            tally.gap(0, frame, "Export the file again")
            return
        native = versions.native_name(frame.columns)
        if versions.is_focus(frame.columns):
            self._read_focus(frame, tally, is_csv=kind == "table")
        elif native:
            tally.formats.add("billing-native")
            tally.gap(0, f"{native} with {frame.height} rows, not FOCUS: its rows are not costed", _FOCUS_TODO)
        elif tables.holds_records(frame):
            self._read_records(tables.rows(frame, first_line=2 if kind == "table" else 1), source, tally)
        else:
            tally.formats.add("table")
            tally.classes[RecordClass.CATALOGUE] += frame.height
        self._records += frame.height

    def _read_focus(self, frame: pl.DataFrame, tally: _Tally, *, is_csv: bool) -> None:
        version = versions.version_of(frame.columns)
        tally.formats.add(f"focus-{version}")
        lacking = versions.missing(frame.columns)
        if lacking:
            tally.gap(
                0,
                f"FOCUS {version} without the mandatory column{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}",
                "Export the file with every mandatory column",
            )
            return
        costed = normalize(frame)
        tally.classes[RecordClass.BILLING] += costed.frame.height
        for row, reason in costed.left_out:
            tally.gap(row + 1 if is_csv else row, reason, "Correct the row, or export the period again")
        self._billing.append(BillingFile(tally.path, version, costed.frame, costed.frame.height))

    def _report_progress(self, source: Source) -> None:
        if self._progress:
            done = min(source.bytes_done, source.bytes_total)
            self._progress(ReadProgress(str(source.path), done, source.bytes_total, self._records))


def _again(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _is_data(path: str) -> bool:
    return path.lower().removesuffix(".gz").endswith(_DATA_SUFFIXES)
