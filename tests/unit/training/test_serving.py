"""The served probability of an origin looks back, and only back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from tests.unit.training.made_history import START
from training.judgement import Judged, report
from training.logistic import logit
from training.models import HEURISTICS, LEARNERS
from training.rolling import Scored
from training.serving import SERVING, averaged, calibrated
from training.task import Task

MEMBERS = ("logistic", "boosting")


def _scored(weeks: int, *, rows: int = 3_000, overconfident: float = 1.0) -> list[Scored]:
    draw, found = np.random.default_rng(1), []
    for week in range(weeks):
        p = draw.beta(1, 12, rows)
        scores = {name: (p**overconfident).astype(np.float32) for name in MEMBERS}
        ranked = {one.name: p.astype(np.float32) for one in HEURISTICS[Task.CHANGE]}
        tenant = (np.arange(rows) % 2).astype(np.int16)
        found.append(Scored(START + timedelta(weeks=week), draw.random(rows) < p, tenant, {**scores, **ranked}))
    return found


def test_answers_of_an_origin_do_not_change_with_its_own_or_later_outcomes() -> None:
    scored = _scored(6)
    other = [*scored[:3], *(replace(one, labels=~one.labels) for one in scored[3:])]
    means = averaged(scored, MEMBERS)
    ours, theirs = calibrated(scored, means), calibrated(other, means)
    for at in range(4):
        np.testing.assert_array_equal(ours[at], theirs[at])
    assert not np.array_equal(ours[4], theirs[4])


def test_members_count_equally_as_logits() -> None:
    scored = _scored(1)
    one = replace(scored[0], scores={"logistic": np.array([0.2], np.float32), "boosting": np.array([0.6], np.float32)})
    expected = (logit(np.array([0.2])) + logit(np.array([0.6]))) / 2
    np.testing.assert_allclose(averaged([one], MEMBERS)[0], expected, rtol=1e-6)


def test_calibration_mends_members_that_say_too_little() -> None:
    part = report(Judged(Task.CHANGE, _scored(16, overconfident=2.0), burn_in=8), [("a", "aws"), ("b", "gcp")], seed=1)
    models = part["models"]
    assert isinstance(models, dict)
    served = models[SERVING]
    assert isinstance(served, dict)
    ece = served["ece"]
    assert isinstance(ece, dict)
    assert isinstance(ece["value"], float)
    assert ece["value"] < 0.02
    assert part["weeks"] == 8
    assert {one.name for one in LEARNERS[Task.CHANGE]} < set(models)
