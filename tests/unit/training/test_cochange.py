"""Pairs: who may change with whom comes from the past, whether it did from the outcome."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from tests.unit.training.made_history import START, Tables
from training.cochange import PAIR_NAMES, PairRows, Surroundings, pair_rows
from training.history import Timeline
from training.recorded import read_histories
from training.task import features_of, see

DAY = timedelta(days=1)
CUTOFF = START + 30 * DAY


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    """A chain a - b - c - d - e; a and b were changed together three times, and are again after the cut-off."""
    tables = Tables()
    for name in "abcde":
        tables.event("org/r", START, f"s/aws_s3_bucket.{name}", "create", commit="born", commit_n_events=5)
    for one, other in zip("abcd", "bcde", strict=True):
        tables.edge("org/r", START, f"s/aws_s3_bucket.{one}", f"s/aws_s3_bucket.{other}")
    for day in (3, 9, 20, 31):
        for name in "ab":
            tables.event("org/r", START + day * DAY, f"s/aws_s3_bucket.{name}", "update", commit=f"c{day}")
    tables.event("org/r", START + 60 * DAY, "s/aws_s3_bucket.e", "update")
    tables.violation("org/r", START, "s/aws_s3_bucket.a", "X")
    return read_histories(tables.write(tmp_path_factory.mktemp("chain"))).timelines[0]


def _of(rows: PairRows, anchor: str, candidate: str) -> int:
    pair = (rows.anchors == "abcde".index(anchor)) & (rows.candidates == "abcde".index(candidate))
    return int(np.flatnonzero(pair)[0])


def test_candidates_are_those_within_three_hops_of_what_changed(history: Timeline) -> None:
    seen, prior = see([history], CUTOFF)
    rows = pair_rows(seen[0], features_of(seen[0], prior), history.outcome(CUTOFF), seed=1)
    pairs = {("abcde"[x], "abcde"[y]) for x, y in zip(rows.anchors, rows.candidates, strict=True)}
    assert pairs == {("a", "b"), ("a", "c"), ("a", "d"), ("b", "a"), ("b", "c"), ("b", "d"), ("b", "e")}
    assert rows.labels[_of(rows, "a", "b")]
    assert not rows.labels[_of(rows, "a", "c")]
    assert rows.labels.sum() == 2


def test_changes_together_are_counted_from_the_past_alone(history: Timeline) -> None:
    seen, prior = see([history], CUTOFF)
    rows = pair_rows(seen[0], features_of(seen[0], prior), history.outcome(CUTOFF), seed=1)
    together = rows.values[:, PAIR_NAMES.index("together")]
    assert together[_of(rows, "a", "b")] == pytest.approx(np.log1p(4))  # born together, and changed three times
    assert together[_of(rows, "a", "d")] == pytest.approx(np.log1p(1))
    assert rows.values[_of(rows, "b", "e"), PAIR_NAMES.index("hops")] == 3


def test_a_live_question_needs_no_outcome(history: Timeline) -> None:
    seen, prior = see([history], CUTOFF)
    found = features_of(seen[0], prior)
    asked = Surroundings.of(seen[0], found).candidates(np.array([0], np.int32))
    judged = pair_rows(seen[0], found, history.outcome(CUTOFF), seed=1)
    of_a = judged.anchors == 0
    np.testing.assert_array_equal(asked.values, judged.values[of_a])
    assert not asked.labels.any()


def test_nobody_changed_makes_no_pair(history: Timeline) -> None:
    quiet = CUTOFF + 9 * DAY
    seen, prior = see([history], quiet)
    rows = pair_rows(seen[0], features_of(seen[0], prior), history.outcome(quiet), seed=1)
    assert len(rows.labels) == 0


def test_a_pair_knows_the_rows_of_its_ends(history: Timeline) -> None:
    seen, prior = see([history], CUTOFF)
    rows = pair_rows(seen[0], features_of(seen[0], prior), history.outcome(CUTOFF), seed=1)
    np.testing.assert_array_equal(seen[0].state.rows[rows.rows[:, 0]], rows.anchors)
    np.testing.assert_array_equal(seen[0].state.rows[rows.rows[:, 1]], rows.candidates)
