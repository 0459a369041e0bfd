"""How the estate changed: earlier observations of its resources, in bursts as teams work.

A resource that drifts shows its other value for some days and is then put back, so that a later observation
of the same id replaces an earlier one. Most changes come in the stack's own busy weeks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import cast

import orjson

from connectors.estate.company import Record
from domain.value import Json

CHANGED_SHARE = 0.3
BUSY_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Observation:
    """A record at a moment."""

    record: Record
    captured_at: datetime
    document: dict[str, Json]


def observations(records: list[Record], *, as_of: datetime, days: int, random: Random) -> Iterator[Observation]:
    """The last observation of every record, after the earlier ones of those that changed.

    Args:
        records: one stack's records.
        days: how far back history goes; 0 gives the present only.
    """
    burst_days = random.randint(1, max(days - 1, 1))
    for record in records:
        last = as_of - timedelta(hours=random.randint(1, 12))
        if days and record.drift is not None and random.random() < CHANGED_SHARE:
            yield from _drifted(record, record.drift, as_of=as_of, days=days, burst_days=burst_days, random=random)
        yield Observation(record, last.replace(minute=0, second=0, microsecond=0), record.document)


def _drifted(
    record: Record, drift: tuple[str, Json], *, as_of: datetime, days: int, burst_days: int, random: Random
) -> Iterator[Observation]:
    path, value = drift
    changed = orjson.loads(orjson.dumps(record.document))
    _set(changed, path.split("."), value)
    age = burst_days if random.random() < BUSY_SHARE else random.randint(1, max(days - 1, 1))
    start = as_of - timedelta(days=age, hours=random.randint(0, 20))
    yield Observation(record, as_of - timedelta(days=days), record.document)
    yield Observation(record, start, changed)
    back = start + timedelta(days=random.randint(1, 6))
    if back < as_of - timedelta(hours=13):
        yield Observation(record, back, record.document)


def _set(document: dict[str, Json], path: list[str], value: Json) -> None:
    *parents, last = path
    for key in parents:
        document = cast("dict[str, Json]", document[key])
    document[last] = value
