"""A birth is judged by what was entered before it, and by nothing that is unknown before it exists."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.unit.training.made_history import START, Tables, grown
from training.births import NAMES, Ledger, Place, births, changes
from training.history import microseconds
from training.recorded import read_histories

DAY = timedelta(days=1)
BUCKET = "resource:aws_s3_bucket"


def _place(stack: str = "s") -> Place:
    return Place("org/r", BUCKET, stack, "")


def _ledger(tables: Tables, folder: Path) -> Ledger:
    ledger, past = Ledger(), read_histories(tables.write(folder)).timelines[0].until(START + 99 * DAY)
    for change in changes(past):
        ledger.enter(change)
    return ledger


def test_rows_up_to_a_cut_off_are_those_of_a_history_that_ends_there(tmp_path: Path) -> None:
    histories = read_histories(grown(seed=3).write(tmp_path)).timelines
    cutoff = START + timedelta(weeks=20)
    whole, cut = (births([one.until(at) for one in histories]) for at in (START + timedelta(weeks=40), cutoff))
    before = whole.at <= microseconds(cutoff)
    assert 20 < before.sum() < len(before)
    np.testing.assert_array_equal(whole.values[before], cut.values)
    np.testing.assert_array_equal(whole.labels[before], cut.labels)


def test_what_is_created_together_is_not_known_to_each_other(tmp_path: Path) -> None:
    tables = Tables()
    for name in ("a", "b"):
        tables.event("org/r", START, f"s/aws_s3_bucket.{name}", "create")
        tables.violation("org/r", START, f"s/aws_s3_bucket.{name}", "X")
    for name in ("c", "d"):
        tables.event("org/r", START + DAY, f"s/aws_s3_bucket.{name}", "create")
    tables.violation("org/r", START + DAY, "s/aws_s3_bucket.d", "X")
    tables.edge("org/r", START, "s/aws_s3_bucket.a", "s/aws_s3_bucket.b")
    found = births([one.until(START + 2 * DAY) for one in read_histories(tables.write(tmp_path)).timelines])
    assert (found.unknown, found.unknown_born) == (2, 2)
    assert found.labels.tolist() == [False, True]
    np.testing.assert_array_equal(found.values[0], found.values[1])


def test_a_place_where_births_violate_is_rated_above_one_where_they_do_not(tmp_path: Path) -> None:
    tables = Tables()
    tables.edge("org/r", START, "bad/aws_s3_bucket.n0", "bad/aws_s3_bucket.n1")
    for number in range(6):
        for stack in ("bad", "good"):
            tables.event("org/r", START + number * DAY, f"{stack}/aws_s3_bucket.n{number}", "create")
        tables.violation("org/r", START + number * DAY, f"bad/aws_s3_bucket.n{number}", "X")
    ledger, at = _ledger(tables, tmp_path), microseconds(START + 9 * DAY)
    rate = NAMES.index("stack_type.rate")
    assert ledger.ask(_place("bad"), at)[rate] > 0.7 > 0.3 > ledger.ask(_place("good"), at)[rate]
    assert ledger.knows(BUCKET)
    assert not ledger.knows("resource:aws_sqs_queue")


@pytest.mark.parametrize("end", ["delete", "close"])
def test_a_violation_that_ended_is_no_longer_counted_as_open(tmp_path: Path, end: str) -> None:
    tables = Tables()
    tables.event("org/r", START, "s/aws_s3_bucket.a", "create")
    tables.edge("org/r", START, "s/aws_s3_bucket.a", "s/aws_s3_bucket.a")
    tables.violation("org/r", START, "s/aws_s3_bucket.a", "X")
    if end == "delete":
        tables.event("org/r", START + DAY, "s/aws_s3_bucket.a", "delete")
    tables.violation("org/r", START + DAY, "s/aws_s3_bucket.a", "X", status="closed")
    tally = _ledger(tables, tmp_path).tallies[_place().levels()[-1]]
    assert (tally.violating, tally.live) == (0, 0 if end == "delete" else 1)
