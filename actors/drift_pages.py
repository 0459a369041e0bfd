"""Pages of open drifts: worst first, then the oldest, so that a page behind a cursor stays behind it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import orjson

from assessment.drift import drift_row
from domain.clock import format_instant
from domain.drift import Drift, DriftKind
from domain.errors import InputError
from domain.finding import Severity
from domain.resource import resource_key
from domain.value import Json

LIMIT_MAX = 1_000


@dataclass(frozen=True, slots=True)
class DriftQuery:
    """Which open drifts, and how many of them.

    Args:
        severity: this and worse.
        scope: at or below it, without case.
        since: detected at or after it.
        cursor: `next_cursor` of the former page.
    """

    severity: Severity | None = None
    kind: DriftKind | None = None
    type: str | None = None
    scope: str | None = None
    baseline: str | None = None
    resource_id: str | None = None
    since: datetime | None = None
    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class DriftPage:
    """Rows, how many fit the query in all, and where the next page begins."""

    items: tuple[dict[str, Json], ...]
    total: int
    by_severity: dict[str, int]
    next_cursor: str | None


def page_of(drifts: Iterable[Drift], query: DriftQuery) -> DriftPage:
    """The page that a query asks for.

    Raises:
        InputError: the cursor is not one.
    """
    fitting = sorted((drift for drift in drifts if _fits(drift, query)), key=_place)
    after = None if query.cursor is None else _read(query.cursor)
    rest = fitting if after is None else [drift for drift in fitting if _place(drift) > after]
    shown = rest[: query.limit]
    counts = {severity.value: 0 for severity in Severity}
    for drift in fitting:
        counts[drift.severity.value] += 1
    more = len(rest) > len(shown)
    return DriftPage(tuple(map(drift_row, shown)), len(fitting), counts, _cursor(shown[-1]) if more and shown else None)


Place = tuple[int, str, str]


def _place(drift: Drift) -> Place:
    detected = "" if drift.detected_at is None else format_instant(drift.detected_at)
    return drift.severity.rank, detected, drift.drift_id


def _fits(drift: Drift, query: DriftQuery) -> bool:
    wanted = (
        query.severity is None or drift.severity.rank <= query.severity.rank,
        query.kind is None or drift.kind is query.kind,
        query.type is None or drift.type.lower() == query.type.lower(),
        query.scope is None or _is_below(drift.scope, query.scope),
        query.baseline is None or drift.baseline == query.baseline,
        query.resource_id is None or resource_key(drift.uid) == resource_key(query.resource_id),
        query.since is None or (drift.detected_at is not None and drift.detected_at >= query.since),
    )
    return all(wanted)


def _is_below(scope: str, above: str) -> bool:
    scope, above = scope.casefold(), above.casefold().rstrip("/")
    return scope == above or scope.startswith(f"{above}/")


def _cursor(drift: Drift) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(_place(drift))).decode().rstrip("=")


def _read(cursor: str) -> Place:
    try:
        rank, detected, drift_id = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return int(rank), str(detected), str(drift_id)
    except (binascii.Error, ValueError, TypeError):
        raise InputError("not a cursor", got=cursor[:80], todo="Give the next_cursor of the former page") from None
