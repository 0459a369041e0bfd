"""What a bulk scan has done so far, kept beside its result: whoever runs it again goes on with the rest.

Below `work/`: the plan, and a file for each part that was read and each bucket that was judged. A file is written as
a whole, so its being there is the mark. Another plan (other inputs, policies or time) begins anew. A read part's file
has a row group for each bucket, so a judge fetches its own rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.stream.codec import item_document, item_of
from domain.clock import format_instant, parse_instant
from domain.inventory import FileReport, Gap, RecordClass
from domain.resource import ConfigurationItem, Origin
from domain.tenancy import TenantId
from serve.jobs.partition import Part
from serve.jobs.place import Place

FORM: Final = 1
FOLDER: Final = "work"
_SCHEMA: Final = pa.schema([("item", pa.large_binary())])
_REPORTS: Final = b"reports"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does: a run with an equal digest continues another.

    Args:
        as_of: the scan's only clock; a run that goes on keeps the clock of the one before.
    """

    digest: str
    as_of: datetime
    buckets: int


def plan_digest(parts: Sequence[Part], policies: Sequence[str], *, tenant: TenantId, as_of: datetime | None) -> str:
    """A digest of everything that decides a result; without `as_of` any time will do."""
    said = [
        FORM,
        tenant,
        None if as_of is None else format_instant(as_of),
        [[part.uri, part.start, part.end, part.version] for part in parts],
        list(policies),
    ]
    return sha256(orjson.dumps(said)).hexdigest()


class Checkpoint:
    """Progress of one result. It travels to tasks."""

    def __init__(self, out: Place) -> None:
        self._folder = out.below(FOLDER)

    def resume(self, plan: Plan) -> Plan:
        """The plan to go on with: the one of a former run where its digest is the same, else this one, begun anew."""
        kept = self._folder.below("plan.json").read()
        if kept is not None:
            found = orjson.loads(kept)
            if found["digest"] == plan.digest:
                return Plan(found["digest"], parse_instant(found["as_of"]), found["buckets"])
            self._folder.clear()
        document = {"digest": plan.digest, "as_of": format_instant(plan.as_of), "buckets": plan.buckets}
        self._folder.below("plan.json").write(orjson.dumps(document))
        return plan

    def done(self) -> tuple[frozenset[int], frozenset[int]]:
        """Numbers of the parts that were read, and of the buckets that were judged."""
        names = [file.name for file in self._folder.files()]
        return _numbers(names, "read/", ".parquet"), _numbers(names, "judged/", ".json")

    def save_part(
        self, number: int, buckets: Sequence[Sequence[ConfigurationItem]], reports: Sequence[FileReport]
    ) -> None:
        """Keep what was read of a part."""
        schema = _SCHEMA.with_metadata({_REPORTS: orjson.dumps([_report_document(each) for each in reports])})
        content = BytesIO()
        with pq.ParquetWriter(content, schema, compression="zstd") as writer:
            for bucket in buckets:
                rows = [orjson.dumps(item_document(item)) for item in bucket]
                writer.write_table(pa.table([pa.array(rows, pa.large_binary())], schema=schema))
        self._read(number).write(content.getvalue())

    def items(self, number: int, bucket: int, tenant: TenantId) -> list[ConfigurationItem]:
        """The resources of a bucket that a part held."""
        with self._read(number).reading() as stream:
            rows = pq.ParquetFile(stream).read_row_group(bucket).column("item").to_pylist()
        return [item_of(orjson.loads(row), tenant) for row in rows]

    def reports(self, number: int) -> list[FileReport]:
        """What reading a part came to."""
        with self._read(number).reading() as stream:
            metadata = pq.ParquetFile(stream).schema_arrow.metadata
        return [_report(each) for each in orjson.loads(metadata[_REPORTS])]

    def save_bucket(self, number: int, counts: Row) -> None:
        """Keep what a bucket came to; its rows are written by then."""
        self._judged(number).write(orjson.dumps(counts))

    def bucket(self, number: int) -> Row:
        """What a bucket came to."""
        content = self._judged(number).read()
        assert content is not None, "asked before it was judged"
        found: Row = orjson.loads(content)
        return found

    def clear(self) -> None:
        """Forget everything, once the result is there."""
        self._folder.clear()

    def _read(self, number: int) -> Place:
        return self._folder.below(f"read/part-{number:06d}.parquet")

    def _judged(self, number: int) -> Place:
        return self._folder.below(f"judged/bucket-{number:05d}.json")


def _numbers(names: Sequence[str], folder: str, suffix: str) -> frozenset[int]:
    found = (name for name in names if name.startswith(folder) and name.endswith(suffix))
    return frozenset(int(name.removesuffix(suffix).rpartition("-")[2]) for name in found)


def _report_document(report: FileReport) -> Row:
    return {
        "path": report.path,
        "format": report.format,
        "records": report.records,
        "classes": [[kind, count] for kind, count in report.classes],
        "resources": report.resources,
        "gaps": [[gap.origin.file, gap.origin.line, gap.reason, gap.todo] for gap in report.gaps],
    }


def _report(document: Row) -> FileReport:
    return FileReport(
        document["path"],
        document["format"],
        document["records"],
        tuple((RecordClass(kind), count) for kind, count in document["classes"]),
        document["resources"],
        tuple(Gap(Origin(file, line), reason, todo) for file, line, reason, todo in document["gaps"]),
    )
