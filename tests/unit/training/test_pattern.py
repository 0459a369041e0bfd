"""Rhythms and sequences are told when chance does not explain them, and not when it does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest

from tests.unit.training.made_history import START, Tables
from training.__main__ import main
from training.pattern import Opening, PatternKind, expected, patterns
from training.pattern_check import planted


def _noise(seed: int, *, places: int = 30, days: float = 300) -> list[Opening]:
    draw = np.random.default_rng(seed)
    return [
        Opening(float(at), f"p{place}", f"c{draw.integers(6)}")
        for place in range(places)
        for at in draw.uniform(0, days, draw.poisson(20))
    ]


def _weekly(place: str = "p0", what: str = "backup") -> list[Opening]:
    return [Opening(3.0 + 7 * week, place, what) for week in range(40)]


def test_what_comes_back_every_week_is_a_rhythm_of_seven_days() -> None:
    found = patterns([*_noise(1), *_weekly()], now_days=300)
    rhythms = [one for one in found if one.kind is PatternKind.RHYTHM]
    assert [(one.place, one.then, one.days) for one in rhythms] == [("p0", "backup", 7.0)]
    assert rhythms[0].times == rhythms[0].chances == 39
    assert rhythms[0].probability > 0.95


@pytest.mark.parametrize("seed", range(5))
def test_openings_at_random_make_no_pattern(seed: int) -> None:
    assert len(patterns(_noise(seed), now_days=300)) <= 1


def test_what_follows_on_a_deployment_is_a_sequence() -> None:
    draw = np.random.default_rng(3)
    followed = [
        one
        for place in range(10)
        for at in draw.uniform(0, 280, 3)
        for one in (Opening(float(at), f"p{place}", "deploy"), Opening(float(at) + 2, f"p{place}", "drift"))
    ]
    found = patterns([*_noise(2), *followed], now_days=300)
    assert [(one.first, one.then) for one in found if one.kind is PatternKind.SEQUENCE] == [("deploy", "drift")]


def test_a_rhythm_expects_its_next_time_and_nothing_when_it_is_not_due() -> None:
    openings = _weekly()
    found = patterns(openings, now_days=280)
    (soon,) = expected(found, openings, now_days=280)
    assert (soon.place, soon.what) == ("p0", "backup")
    assert expected(found, openings, now_days=330) == ()


def test_a_sequence_expects_its_second_only_while_it_is_outstanding() -> None:
    draw = np.random.default_rng(4)
    history = [
        one
        for place in range(10)
        for at in draw.uniform(0, 200, 3)
        for one in (Opening(float(at), f"p{place}", "deploy"), Opening(float(at) + 2, f"p{place}", "drift"))
    ]
    found = patterns(history, now_days=250)
    begun = [*history, Opening(249.0, "p3", "deploy")]
    assert [(one.place, one.what) for one in expected(found, begun, now_days=250)] == [("p3", "drift")]
    ended = [*begun, Opening(249.5, "p3", "drift")]
    assert expected(found, ended, now_days=250) == ()


def test_what_opens_after_the_instant_is_not_looked_at() -> None:
    past = [one for one in _weekly() if one.at_days <= 100]
    assert patterns(_weekly(), now_days=100) == patterns(past, now_days=100)


def test_planted_patterns_are_found_and_nothing_else() -> None:
    told = planted(seed=7)
    assert told["planted"] == told["found"] == 11
    assert told["false"] == 0


def test_forecasts_are_judged_from_recorded_histories(tmp_path: Path) -> None:
    tables = Tables()
    tables.event("org/r", START, "s/aws_s3_bucket.a", "create")
    tables.edge("org/r", START, "s/aws_s3_bucket.a", "s/aws_s3_bucket.a")
    for week in range(30):
        tables.violation("org/r", START + timedelta(weeks=week, hours=1), "s/aws_s3_bucket.a", "WEEKLY")
    out, first = tmp_path / "patterns.json", START + timedelta(weeks=15)
    dates = ["--from", f"{first:%Y-%m-%d}", "--to", f"{first + timedelta(weeks=4):%Y-%m-%d}"]
    assert main(["patterns", str(tables.write(tmp_path / "data")), *dates, "--json", str(out)]) == 0
    real = orjson.loads(out.read_bytes())["next seven days (real)"]
    assert (real["expected"], real["came"], real["precision"]) == (5, 5, 1.0)


def test_a_folder_without_violations_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["patterns", str(tmp_path), "--from", "2025-01-06", "--to", "2025-01-13"]) == 2
    assert "missing" in capsys.readouterr().err
