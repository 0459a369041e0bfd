"""Drifts on pages of evidence: one artifact for many, the same entries whoever makes them, and pages that are torn."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson
import pytest

from assessment.drift_evidence import PAGE_ROWS_MAX, drift_events, paged, whole_pages
from chain.batch import EntryBatch
from domain.evidence_schema import require_body
from domain.tenancy import TenantId

TENANT = TenantId("acme")


def row(number: int) -> dict[str, Any]:
    drift = {
        "drift_id": f"drift-{number}",
        "kind": "changed",
        "resource_id": f"arn:aws:sqs:eu-central-1:123456789012:{number}",
        "severity": "low",
        "attributes": [{"path": "DelaySeconds", "expected": 0, "actual": number}],
    }
    return {"event": "detected", "at": "2026-03-01T12:00:00Z", "baseline_sha256": None, "drift": drift}


def rows(count: int) -> tuple[dict[str, Any], ...]:
    return paged([row(number) for number in range(count)])


def heard(told: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    """Rows as they come out of the feed."""
    return [orjson.loads(orjson.dumps(each)) for each in told]


def test_drifts_of_one_comparison_are_one_artifact_with_a_line_for_each() -> None:
    events = drift_events(rows(7), TENANT)
    (content,) = {event.artifacts["drift"].content for event in events}
    lines = content.split(b"\n")
    assert [orjson.loads(line)["drift_id"] for line in lines] == [f"drift-{number}" for number in range(7)]
    for event, line in zip(events, lines, strict=True):
        require_body(event.type, dict(event.body))
        assert event.body["current_sha256"] == sha256(line).hexdigest()
    batch = EntryBatch.encode(events)
    assert len({name for artifacts in batch.artifacts.values() for name in artifacts}) == 1


def test_whoever_makes_entries_of_the_same_rows_makes_the_same_entries() -> None:
    told = rows(2 * PAGE_ROWS_MAX + 3)
    here, there = EntryBatch.encode(drift_events(told, TENANT)), EntryBatch.encode(drift_events(heard(told), TENANT))
    assert (here.content, here.request_ids) == (there.content, there.request_ids)
    assert len(set(here.request_ids)) == len(told)
    second = heard(told)[PAGE_ROWS_MAX:]
    assert EntryBatch.encode(drift_events(second, TENANT)).request_ids == here.request_ids[PAGE_ROWS_MAX:]


def test_a_drift_that_comes_alone_is_an_artifact_of_its_own() -> None:
    (told,) = rows(1)
    assert "page" not in told
    (event,) = drift_events([told], TENANT)
    assert orjson.loads(event.artifacts["drift"].content)["drift_id"] == "drift-0"


@pytest.mark.parametrize(
    ("count", "expected"), [(0, 0), (1, 0), (PAGE_ROWS_MAX, PAGE_ROWS_MAX), (119, 100), (120, 120)]
)
def test_a_page_that_has_only_begun_to_come_is_waited_for(count: int, expected: int) -> None:
    assert whole_pages(rows(120)[:count]) == expected


def test_what_is_left_of_a_torn_page_is_recorded_drift_by_drift_under_other_names() -> None:
    told = rows(5)
    torn, whole = drift_events(told[1:4], TENANT), drift_events(told, TENANT)
    assert [orjson.loads(event.artifacts["drift"].content)["drift_id"] for event in torn] == [
        f"drift-{number}" for number in (1, 2, 3)
    ]
    assert not {event.request_id for event in torn} & {event.request_id for event in whole}
