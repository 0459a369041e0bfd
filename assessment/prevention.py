"""Predictions that were mended before they came true: how many, and in what time, from scan to scan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.clock import parse_instant
from domain.resource import resource_key
from training.outcomes import Deed, Why

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What one scan predicted and what it found: (resource, policy), predictions with their date where one decides."""

    at: datetime
    predicted: Mapping[Key, datetime | None]
    violated: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Prevention:
    """A prediction that is gone before its date, without a violation."""

    resource_id: str
    policy_id: str
    foreseen_at: datetime
    gone_at: datetime

    @property
    def hours(self) -> float:
        """From the scan that foresaw it to the first that did not."""
        return (self.gone_at - self.foreseen_at).total_seconds() / 3_600


def foreseen(document: Mapping[str, Any]) -> Foreseen:
    """What a scan document says of it; predictions that name no policy are left out."""
    return Foreseen(
        parse_instant(document["as_of"]),
        {
            (resource_key(row["resource_id"]), str(row["policy_id"])): (
                None if row["date"] is None else parse_instant(row["date"])
            )
            for row in document["predictions"]
            if row["policy_id"] is not None and (row["date"] is not None or row["probability"] is not None)
        },
        frozenset((resource_key(row["resource_id"]), str(row["policy_id"])) for row in document["violations"]),
    )


def exempted(documents: Iterable[Mapping[str, Any]]) -> tuple[Deed, ...]:
    """Violations that a scan found exempt and the scan before did not.

    Args:
        documents: of scans, in any order. When what the first one found exempt became so is not known.
    """
    ordered = sorted(documents, key=lambda each: parse_instant(each["as_of"]))
    waived = [
        frozenset((resource_key(row["resource_id"]), row["policy_id"]) for row in each["exempt"]) for each in ordered
    ]
    return tuple(
        Deed(parse_instant(document["as_of"]), uid, Why.EXEMPTED)
        for document, before, now in zip(ordered[1:], waived, waived[1:], strict=False)
        for uid in sorted({uid for uid, _ in now - before})
    )


def preventions(scans: Iterable[Foreseen]) -> tuple[Prevention, ...]:
    """What was prevented; a resource that was deleted counts, since its violation cannot come any more.

    Args:
        scans: in any order.
    """
    waiting: dict[Key, tuple[datetime, datetime | None]] = {}
    found = []
    for scan in sorted(scans, key=lambda each: each.at):
        for key in [key for key in waiting if key not in scan.predicted]:
            since, due = waiting.pop(key)
            if key not in scan.violated and (due is None or scan.at <= due):
                found.append(Prevention(key[0], key[1], since, scan.at))
        for key, due in scan.predicted.items():
            waiting.setdefault(key, (scan.at, due))
    return tuple(found)
