"""Files of audit entries, recognised by content: CloudTrail, Azure Activity Log, Google Cloud audit logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.audit import activity_log, audit_log, cloudtrail
from connectors.files.decode import open_source
from connectors.files.paths import find_files
from connectors.files.records import json_records
from connectors.observation import Document
from domain.drift import AuditEntry
from domain.inventory import Gap
from domain.resource import Origin

ENTRIES_MAX: Final = 2_000_000
GAPS_MAX: Final = 1_000
_TODO: Final = "Give CloudTrail log files, an export of the Activity Log, or of Cloud Audit Logs"


@dataclass(frozen=True, slots=True)
class AuditReading:
    """What a reading came to.

    Args:
        entries: in order of time.
        gaps: what is no audit entry, or could not be read.
    """

    entries: tuple[AuditEntry, ...]
    gaps: tuple[Gap, ...]


_LISTS: Final[tuple[Callable[[Document], list[Document] | None], ...]] = (
    cloudtrail.records_of,
    activity_log.entries_of,
    audit_log.entries_of,
)
_ENTRIES: Final[tuple[tuple[Callable[[Document], bool], Callable[[Document], AuditEntry | None]], ...]] = (
    (cloudtrail.is_record, cloudtrail.entry),
    (audit_log.is_entry, audit_log.entry),
    (activity_log.is_entry, activity_log.entry),
)


def read_audit(paths: Sequence[str]) -> AuditReading:
    """Read files, directories and globs of audit entries."""
    entries: list[AuditEntry] = []
    gaps: list[Gap] = []
    for found in find_files(paths):
        if found.problem:
            gaps.append(Gap(Origin(found.path), found.problem, "Check the path and its permissions"))
            continue
        for line, body, problem in _documents(found.path):
            if problem or body is None:
                gaps.append(Gap(Origin(found.path, line), problem or "no object", _TODO))
            else:
                entries += entries_of(body, Origin(found.path, line), gaps)
        if len(entries) > ENTRIES_MAX:
            gaps.append(Gap(Origin(found.path), f"more than {ENTRIES_MAX} entries; the rest was left out", ""))
            break
    return AuditReading(tuple(sorted(entries[:ENTRIES_MAX], key=lambda each: each.at)), tuple(gaps[:GAPS_MAX]))


def entries_of(body: Document, origin: Origin, gaps: list[Gap]) -> list[AuditEntry]:
    """The entries in one document; what is none becomes a gap."""
    for rows_of in _LISTS:
        rows = rows_of(body)
        if rows is not None:
            return [entry for row in rows for entry in entries_of(row, origin, gaps)]
    for is_it, entry in _ENTRIES:
        if is_it(body):
            found = entry(body)
            return [] if found is None else [found]
    gaps.append(Gap(origin, "no audit entry is recognised in it", _TODO))
    return []


def _documents(path: str) -> Iterator[tuple[int, Document | None, str]]:
    source = open_source(path)
    for record in json_records(source.chunks()):
        values = record.value if isinstance(record.value, list) else [record.value]
        for value in values:
            yield record.line, value if isinstance(value, dict) else None, record.problem
    if source.problem:
        yield 0, None, source.problem
