"""Predictions that were mended before they came true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assessment.prevention import Foreseen, Key, exempted, foreseen, preventions
from domain.clock import format_instant
from training.outcomes import Deed, Why

DAY = datetime(2026, 1, 1, tzinfo=UTC)
KEY: Key = ("r", "p")


def scan(day: int, predicted: dict[Key, datetime | None], *violated: Key) -> Foreseen:
    return Foreseen(DAY + timedelta(days=day), predicted, frozenset(violated))


def test_a_prediction_that_is_gone_before_its_date_was_prevented() -> None:
    due = DAY + timedelta(days=6)
    (found,) = preventions([scan(2, {}), scan(0, {KEY: due}), scan(1, {KEY: due})])
    assert (found.resource_id, found.hours) == ("r", 48)


@pytest.mark.parametrize(
    "scans",
    [
        [scan(0, {KEY: None}), scan(1, {}, KEY)],
        [scan(0, {KEY: DAY + timedelta(days=1)}), scan(3, {})],
        [scan(0, {KEY: None}), scan(1, {KEY: None})],
        [],
    ],
)
def test_what_came_true_or_passed_unseen_or_still_waits_was_not(scans: list[Foreseen]) -> None:
    assert preventions(scans) == ()


def test_a_document_says_what_it_foresees_and_a_mere_rank_is_no_prediction() -> None:
    row = {"resource_id": "r", "policy_id": "p", "date": None, "probability": 0.5}
    document = {
        "as_of": "2026-01-01T00:00:00Z",
        "predictions": [row, {**row, "resource_id": "s", "probability": None}, {**row, "policy_id": None}],
        "violations": [{"resource_id": "v", "policy_id": "p"}],
    }
    assert foreseen(document) == Foreseen(DAY, {KEY: None}, frozenset({("v", "p")}))


def _document(at: datetime, *exempt: str) -> dict[str, Any]:
    return {"as_of": format_instant(at), "exempt": [{"resource_id": uid, "policy_id": "P"} for uid in exempt]}


def test_an_exemption_counts_from_the_first_scan_that_shows_it_and_not_in_the_first_of_all() -> None:
    days = [datetime(2026, 3, number, tzinfo=UTC) for number in (1, 2, 3, 4)]
    documents = [
        _document(days[0], "/r/old"), _document(days[1], "/r/old", "/R/New"), _document(days[2], "/r/old", "/r/new"),
        _document(days[3], "/r/new"),
    ]  # fmt: skip
    expected = (Deed(days[1], "/r/new", Why.EXEMPTED),)
    assert exempted(documents) == exempted(documents[::-1]) == expected
    assert exempted(documents[:1]) == exempted([]) == ()
