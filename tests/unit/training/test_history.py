"""The cut-off is enforced by the interface: a past cannot reach, and refuses to hold, anything later."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from domain.errors import InputError
from tests.unit.training.made_history import START, Tables, grown
from training.history import microseconds
from training.recorded import read_histories
from training.task import Task, features_of, labels, see

CUTOFF = START + timedelta(weeks=20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grown().write(tmp_path_factory.mktemp("history"))


def test_a_past_holds_nothing_later_and_owns_its_memory(folder: Path) -> None:
    past = read_histories(folder).timelines[0].until(CUTOFF)
    for table in (past.events, past.edges, past.findings):
        assert table.at.max() <= microseconds(CUTOFF)
        assert all(getattr(table, one.name).base is None for one in fields(table))
        with pytest.raises(ValueError, match="read-only"):
            table.at[0] = 0


def test_a_planted_future_is_refused(folder: Path) -> None:
    history = read_histories(folder).timelines[0]
    past, later = history.until(CUTOFF), history.until(CUTOFF + timedelta(weeks=1))
    for planted in ({"events": later.events}, {"edges": later.edges}, {"findings": later.findings}):
        with pytest.raises(InputError) as caught:
            replace(past, **planted)
        assert caught.value.facts["column"] == next(iter(planted))
        assert caught.value.facts["cutoff"] == CUTOFF.isoformat()


def test_another_future_changes_no_feature(folder: Path, tmp_path: Path) -> None:
    tables = grown()
    tables.events = [row for row in tables.events if row["time"] <= CUTOFF]  # type: ignore[operator]
    tables.edges = [row for row in tables.edges if row["time"] <= CUTOFF]  # type: ignore[operator]
    tables.violations = [row for row in tables.violations if row["time"] <= CUTOFF]  # type: ignore[operator]
    for repo in ("org/repo-0", "org/repo-1"):
        for number in range(30):
            at = CUTOFF + timedelta(hours=number + 1)
            tables.event(repo, at, f"stack-0/aws_s3_bucket.planted{number}", "create", author_hash="new")
            tables.violation(repo, at, f"stack-0/aws_s3_bucket.planted{number}", "PLANTED")
    other = read_histories(tables.write(tmp_path / "other"))
    seen, prior = see(read_histories(folder).timelines, CUTOFF)
    seen_other, prior_other = see(other.timelines, CUTOFF)
    for one, two in zip(seen, seen_other, strict=True):
        ours, theirs = features_of(one, prior), features_of(two, prior_other)
        assert len(ours.values) > 10
        np.testing.assert_array_equal(ours.values, theirs.values)


def test_an_event_at_the_cut_off_is_past_and_one_just_after_is_outcome(tmp_path: Path) -> None:
    tables = Tables()
    tables.event("org/r", CUTOFF, "s/aws_s3_bucket.a", "create")
    tables.event("org/r", CUTOFF + timedelta(microseconds=1), "s/aws_s3_bucket.a", "update")
    tables.event("org/r", CUTOFF + timedelta(days=30), "s/aws_s3_bucket.z", "create")
    tables.edge("org/r", CUTOFF, "s/aws_s3_bucket.a", "s/aws_s3_bucket.z")
    tables.violation("org/r", CUTOFF, "s/aws_s3_bucket.a", "X")
    history = read_histories(tables.write(tmp_path)).timelines[0]
    assert len(history.until(CUTOFF).events.at) == 1
    assert len(history.outcome(CUTOFF).events.at) == 1


def test_a_window_behind_the_end_of_the_data_is_refused(folder: Path) -> None:
    recorded = read_histories(folder)
    with pytest.raises(InputError, match="passes the end") as caught:
        recorded.timelines[0].outcome(recorded.end - timedelta(days=6))
    assert caught.value.facts["data_end"] == recorded.end.isoformat()


def test_labels_follow_their_definitions(tmp_path: Path) -> None:
    tables, day = Tables(), timedelta(days=1)
    for name in ("a", "b", "c", "d"):
        tables.event("org/r", CUTOFF - 9 * day, f"s/aws_s3_bucket.{name}", "create")
    tables.event("org/r", CUTOFF - 9 * day, "t/aws_s3_bucket.e", "create")
    tables.edge("org/r", CUTOFF - 9 * day, "s/aws_s3_bucket.a", "s/aws_s3_bucket.b")
    tables.edge("org/r", CUTOFF - 9 * day, "s/aws_s3_bucket.d", "s/aws_s3_bucket.b")
    tables.edge("org/r", CUTOFF - 8 * day, "s/aws_s3_bucket.d", "s/aws_s3_bucket.b", op="remove")
    tables.event("org/r", CUTOFF + day, "s/aws_s3_bucket.new", "create")
    tables.edge("org/r", CUTOFF + day, "s/aws_s3_bucket.c", "s/aws_s3_bucket.new")
    tables.violation("org/r", CUTOFF + day, "s/aws_s3_bucket.new", "X")
    tables.violation("org/r", CUTOFF + 2 * day, "s/aws_s3_bucket.b", "X")
    tables.event("org/r", CUTOFF + 3 * day, "s/aws_s3_bucket.a", "update")
    tables.event("org/r", CUTOFF + 3 * day, "s/aws_s3_bucket.d", "delete")
    tables.event("org/r", CUTOFF + 30 * day, "t/aws_s3_bucket.e", "update")
    histories = read_histories(tables.write(tmp_path)).timelines
    seen, _ = see(histories, CUTOFF)
    found = labels(seen[0], histories[0].outcome(CUTOFF))
    names = [seen[0].past.nodes.uids[row][-1] for row in seen[0].state.rows]
    assert names == list("abcde")
    assert found[Task.NEIGHBOURHOOD].tolist() == [True, True, True, False, False]
    assert found[Task.STACK].tolist() == [True, True, True, True, False]
    assert found[Task.CHANGE].tolist() == [True, False, False, False, False]


def test_a_folder_without_a_file_or_a_column_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        read_histories(tmp_path)
    with pytest.raises(InputError, match="no such repository"):
        read_histories(folder, only=frozenset({"org/none"}))


def test_instants_are_counted_in_microseconds() -> None:
    assert microseconds(datetime(1970, 1, 2, tzinfo=UTC)) == 86_400_000_000
