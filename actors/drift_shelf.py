"""What is kept of a tenant's drift: baselines, audit entries, and the journal of drifts, as files of its folder.

A baseline is a file that a new one replaces. Drifts are appended as they come and go, so that a change costs its own
size; the journal is written anew when it has grown to several times what is open.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from assessment.drift import drift_row
from connectors.baseline.parts import as_row, from_row
from domain.clock import format_instant, parse_instant
from domain.drift import (
    AttributeDrift,
    Attribution,
    AuditEntry,
    Baseline,
    BaselineSource,
    Drift,
    DriftKind,
    DriftTrigger,
)
from domain.errors import IntegrityError, UnavailableError
from domain.finding import PolicyId, Severity
from domain.inventory import Gap
from domain.resource import Origin, Provider, ResourceId
from domain.value import MISSING

JOURNAL: Final = "drifts.ndjson"
AUDIT: Final = "audit.ndjson"
BASELINES: Final = "baselines"
AUDIT_MAX: Final = 200_000
GROWTH_MAX: Final = 4
LINES_MIN: Final = 1_000


class DriftShelf:
    """The files of one tenant."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines = 0

    def baselines(self) -> tuple[Baseline, ...]:
        """Every baseline, in order of name.

        Raises:
            IntegrityError: a file is not as it was written.
        """
        found = [_baseline(path) for path in sorted((self._folder / BASELINES).glob("*.ndjson"))]
        return tuple(sorted(found, key=lambda each: each.name))

    def keep_baseline(self, baseline: Baseline) -> None:
        """Keep a baseline in the place of the one of its name.

        Raises:
            UnavailableError: the folder cannot be written.
        """
        head = {
            "name": baseline.name,
            "source": baseline.source.value,
            "digest": baseline.digest,
            "declared_at": None if baseline.declared_at is None else format_instant(baseline.declared_at),
            "gaps": [[each.origin.file, each.origin.line, each.reason, each.todo] for each in baseline.gaps],
        }
        self._write(self._path_of(baseline.name), [head, *map(as_row, baseline.resources)])

    def remove_baseline(self, name: str) -> None:
        """Forget a baseline."""
        self._path_of(name).unlink(missing_ok=True)

    def drifts(self) -> tuple[Drift, ...]:
        """The drifts that were open last."""
        found: dict[str, Drift] = {}
        self._lines = 0
        for row in _rows(self._folder / JOURNAL):
            self._lines += 1
            drift = _drift(row["drift"])
            if row["event"] == DriftTrigger.RESOLVED.value:
                found.pop(drift.drift_id, None)
            else:
                found[drift.drift_id] = drift
        return tuple(found.values())

    def append(self, rows: Sequence[Mapping[str, Any]], still_open: Mapping[str, Drift]) -> None:
        """Add what changed; where the journal has grown too long, write what is open anew."""
        self._lines += len(rows)
        if self._lines > max(LINES_MIN, GROWTH_MAX * len(still_open)):
            whole = [{"event": DriftTrigger.DETECTED.value, "drift": drift_row(each)} for each in still_open.values()]
            self._write(self._folder / JOURNAL, whole)
            self._lines = len(whole)
        else:
            self._append(JOURNAL, rows)

    def audit(self) -> tuple[AuditEntry, ...]:
        """The audit entries that were given, in order of time."""
        return tuple(_entry(row) for row in _rows(self._folder / AUDIT))

    def keep_audit(self, entries: Sequence[AuditEntry]) -> None:
        """Keep these entries, the newest where there are too many."""
        self._write(self._folder / AUDIT, [_entry_row(each) for each in entries[-AUDIT_MAX:]])

    def _path_of(self, name: str) -> Path:
        return self._folder / BASELINES / f"{sha256(name.encode()).hexdigest()[:24]}.ndjson"

    def _append(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        content = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (self._folder / name).open("ab") as file:
                file.write(content)
        except OSError as error:
            raise _unwritable(self._folder / name, error) from None

    def _write(self, path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> UnavailableError:
    todo = "Free some space, and repeat"
    return UnavailableError("drift cannot be written", path=str(path), reason=error.strerror, todo=todo)


def _rows(path: Path) -> list[dict[str, Any]]:
    """The lines of a file; a last one that was cut off by a crash is left out."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    found = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            found.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            if number == len(lines):
                break
            raise IntegrityError("a file of drift is not as it was written", where=f"{path}:{number}") from None
    return found


def _baseline(path: Path) -> Baseline:
    head, *rows = _rows(path)
    return Baseline(
        name=head["name"],
        source=BaselineSource(head["source"]),
        digest=head["digest"],
        declared_at=None if head["declared_at"] is None else parse_instant(head["declared_at"]),
        resources=tuple(map(from_row, rows)),
        gaps=tuple(Gap(Origin(file, line), reason, todo) for file, line, reason, todo in head["gaps"]),
    )


def _drift(row: Mapping[str, Any]) -> Drift:
    by = row["changed_by"]
    return Drift(
        drift_id=row["drift_id"],
        kind=DriftKind(row["kind"]),
        uid=ResourceId(row["resource_id"]),
        type=row["resource_type"],
        name=row["name"],
        scope=row["scope"],
        region=row["region"],
        baseline=row["baseline"] or "",
        address=row["address"] or "",
        attributes=tuple(
            AttributeDrift(each["path"], each.get("expected", MISSING), each.get("actual", MISSING))
            for each in row["attributes"]
        ),
        moved_to=row["moved_to"] or "",
        uncompared=row["uncompared"],
        severity=Severity(row["severity"]),
        policies=tuple(map(PolicyId, row["policies"])),
        detected_at=_instant(row["detected_at"]),
        changed_at=_instant(row["changed_at"]),
        by=None
        if by is None
        else Attribution(by["principal"], parse_instant(by["at"]), by["operation"], by["event_id"] or ""),
        synthetic=row["synthetic"],
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def _entry_row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "resources": list(entry.resources),
        "at": format_instant(entry.at),
        "principal": entry.principal,
        "operation": entry.operation,
        "provider": entry.provider.value,
        "event_id": entry.event_id,
        "source_address": entry.source_address,
        "is_success": entry.is_success,
    }


def _entry(row: Mapping[str, Any]) -> AuditEntry:
    return AuditEntry(
        resources=tuple(row["resources"]),
        at=parse_instant(row["at"]),
        principal=row["principal"],
        operation=row["operation"],
        provider=Provider(row["provider"]),
        event_id=row["event_id"],
        source_address=row["source_address"],
        is_success=row["is_success"],
    )
