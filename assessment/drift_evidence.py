"""Drift in the evidence log: an entry for each thing that happened to a drift, and the drifts themselves as artifacts.

Nothing names a person or a resource in the log: digests do. Drifts that one comparison found are kept together, a page
of them as one artifact, since keeping an artifact costs two syncs of the disk whatever its size. Which page a drift is
on is told with it, so whoever makes entries of the same rows makes the same entries, and they are recorded once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from domain.clock import parse_instant
from domain.evidence import Artifact, EventType, EvidenceEvent
from domain.resource import resource_key
from domain.tenancy import TenantId
from domain.value import Json

Row = Mapping[str, Any]
"""What listeners were told of one drift."""

ATTRIBUTES_MAX: Final = 200
PAGE_ROWS_MAX: Final = 100

_NO_BASELINE: Final = hashlib.sha256(b"").hexdigest()


def paged(rows: Sequence[dict[str, Json]]) -> tuple[dict[str, Json], ...]:
    """The rows of one comparison, each with the page of evidence that it is on; who is alone needs none."""
    found: list[dict[str, Json]] = []
    for start in range(0, len(rows), PAGE_ROWS_MAX):
        page = rows[start : start + PAGE_ROWS_MAX]
        if len(page) == 1:
            found += page
            continue
        sha256 = hashlib.sha256(_content(page)).hexdigest()
        found += [
            {**row, "page": {"sha256": sha256, "line": line, "lines": len(page)}} for line, row in enumerate(page)
        ]
    return tuple(found)


def whole_pages(rows: Sequence[Row]) -> int:
    """How many of some rows, from the first on, are there with everything that is on their pages."""
    page = rows[-1].get("page") if rows else None
    return len(rows) if page is None or page["line"] + 1 == page["lines"] else max(0, len(rows) - page["line"] - 1)


def drift_events(rows: Sequence[Row], tenant: TenantId) -> tuple[EvidenceEvent, ...]:
    """The entries about what happened to drifts, of the rows that listeners were told, in their order.

    An entry says which attributes, against which baseline, as digests. A page of which a part is missing counts for
    nothing: then each drift is an artifact of its own.
    """
    return tuple(event for page in _pages(rows) for event in _events(page, tenant))


def _pages(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Rows that follow each other and are on one page."""
    start = 0
    for at in range(1, len(rows) + 1):
        if at == len(rows) or not _follows(rows[at - 1], rows[at]):
            yield rows[start:at]
            start = at


def _follows(before: Row, row: Row) -> bool:
    first, second = before.get("page"), row.get("page")
    return (
        first is not None
        and second is not None
        and (first["sha256"], first["line"] + 1) == (second["sha256"], second["line"])
    )


def _events(page: Sequence[Row], tenant: TenantId) -> Iterator[EvidenceEvent]:
    content = _content(page)
    told = page[0].get("page")
    if told is not None and hashlib.sha256(content).hexdigest() == told["sha256"]:
        whole = {"drift": Artifact("application/x-ndjson", content)}
        yield from (_event(row, tenant, whole, told["sha256"]) for row in page)
    else:
        yield from (_event(row, tenant, {"drift": Artifact("application/json", _line(row))}, "") for row in page)


def _event(row: Row, tenant: TenantId, artifacts: Mapping[str, Artifact], page: str) -> EvidenceEvent:
    drift = row["drift"]
    uid = resource_key(drift["resource_id"]).encode("utf-8", "surrogatepass")
    body: dict[str, Json] = {
        "as_of": row["at"],
        "resource_sha256": hashlib.sha256(uid).hexdigest(),
        "attributes": [_cut(str(each["path"])) for each in drift["attributes"][:ATTRIBUTES_MAX]],
        "baseline_sha256": row["baseline_sha256"] or _NO_BASELINE,
        "current_sha256": hashlib.sha256(_line(row)).hexdigest(),
        "severity": drift["severity"],
        "source": f"{row['event']} {drift['kind']}",
    }
    parts = (tenant, drift["drift_id"], row["event"], row["at"], body["current_sha256"], *((page,) if page else ()))
    return EvidenceEvent(
        tenant=tenant,
        request_id=f"drift-{hashlib.sha256(orjson.dumps(parts)).hexdigest()}",
        type=EventType.DRIFT_DETECTED,
        occurred_at=parse_instant(row["at"]),
        body=body,
        artifacts=artifacts,
    )


def _content(rows: Sequence[Row]) -> bytes:
    return b"\n".join(map(_line, rows))


def _line(row: Row) -> bytes:
    return orjson.dumps(row["drift"], option=orjson.OPT_SORT_KEYS)


def _cut(path: str) -> str:
    return path if len(path) <= 300 else f"{path[:299]}…"
