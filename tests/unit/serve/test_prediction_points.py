"""What was told of a resource is read once, until a day is written or goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from actors.prediction_series import DayTold, PointTold, PredictionSeries
from domain.tenancy import TenantId
from serve import prediction_points
from serve.prediction_points import FRESH_S, PredictionPoints
from tests.unit.actors.shards.tenants import Watch

ACME = TenantId("acme")
FIRST = datetime(2026, 3, 2, 1, tzinfo=UTC)
UIDS = tuple(f"/r/{number:05d}" for number in range(9_000))


def _keep(folder: Path, at: datetime, p: float) -> None:
    told = np.full((len(UIDS), 3), p)
    PredictionSeries(folder).keep(DayTold(at, "m@1", "learned", UIDS, told, told))


def test_points_are_those_of_every_day_oldest_first_and_follow_what_is_written(tmp_path: Path) -> None:
    watch = Watch()
    points = PredictionPoints(lambda tenant: tmp_path / tenant, now_s=watch)
    assert points.of(ACME, UIDS[0]) == ()
    for day in (2, 0, 1):
        _keep(tmp_path / ACME, FIRST + timedelta(days=day), day / 10)
    assert points.of(ACME, UIDS[0]) == (), "a second has not passed"
    watch.now_s += FRESH_S
    assert [one.p[0] for one in points.of(ACME, "/R/08999")] == [0.0, 0.1, 0.2], "in the last of several row groups"
    _keep(tmp_path / ACME, FIRST + timedelta(days=2), 0.9)
    points.changed(ACME)
    assert [one.p[0] for one in points.of(ACME, UIDS[-1])] == [0.0, 0.1, 0.9]
    assert points.of(TenantId("globex"), UIDS[-1]) == ()


def test_a_resource_is_read_once_while_nothing_is_written_and_few_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _keep(tmp_path / ACME, FIRST, 0.5)
    monkeypatch.setattr(prediction_points, "POINTS_KEPT_MAX", 2)
    reads: list[str] = []
    read = PredictionSeries.of

    def noted(series: PredictionSeries, uid: str) -> tuple[PointTold, ...]:
        reads.append(uid)
        return read(series, uid)

    monkeypatch.setattr(PredictionSeries, "of", noted)
    points = PredictionPoints(lambda tenant: tmp_path / tenant)
    for uid in (UIDS[0], UIDS[0], UIDS[1], UIDS[2], UIDS[0]):
        assert len(points.of(ACME, uid)) == 1
    assert reads == [UIDS[0], UIDS[1], UIDS[2], UIDS[0]]
