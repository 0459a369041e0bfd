"""What was told of a resource is read once, until a day is written or goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.prediction_series import DayTold, PredictionSeries
from actors.series_points import PointTold, SeriesPoints
from domain.tenancy import TenantId
from serve import prediction_points
from serve.prediction_points import FRESH_S, PredictionPoints
from tests.unit.actors.shards.tenants import Watch

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
FIRST = datetime(2026, 3, 2, 1, tzinfo=UTC)
UIDS = tuple(f"/r/{number:05d}" for number in range(9_000))


def _keep(folder: Path, at: datetime, p: float, uids: tuple[str, ...] = UIDS) -> None:
    told = np.full((len(uids), 3), p)
    PredictionSeries(folder).keep(DayTold(at, f"m@{p}", "learned", uids, told, told))


@pytest.mark.parametrize("rows_max", [100_000, 0])
def test_points_are_those_of_every_day_oldest_first_and_follow_what_is_written(
    tmp_path: Path, rows_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_points, "WHOLE_ROWS_MAX", rows_max)
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
    assert [(one.p[0], one.model) for one in points.of(ACME, UIDS[-1])] == [
        (0.0, "m@0.0"),
        (0.1, "m@0.1"),
        (0.9, "m@0.9"),
    ]
    assert points.of(GLOBEX, UIDS[-1]) == ()


@given(days=st.lists(st.sets(st.sampled_from(UIDS[:7])), max_size=4))
def test_a_series_in_memory_tells_what_its_files_tell(
    tmp_path_factory: pytest.TempPathFactory, days: list[set[str]]
) -> None:
    series = PredictionSeries(folder := tmp_path_factory.mktemp("series"))
    for number, uids in enumerate(days):
        _keep(folder, FIRST + timedelta(days=number), number / 10, tuple(uids))
    whole = series.points(rows_max=sum(map(len, days)))
    assert whole is not None
    for uid in (*UIDS[:7], "/r/none", ""):
        assert whole.of(uid) == series.of(uid)
    if any(days):
        assert series.points(rows_max=sum(map(len, days)) - 1) is None


def test_a_series_is_read_once_while_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _keep(tmp_path / ACME, FIRST, 0.5)
    reads = []
    read = PredictionSeries.points

    def noted(series: PredictionSeries, *, rows_max: int) -> SeriesPoints | None:
        reads.append(rows_max)
        return read(series, rows_max=rows_max)

    monkeypatch.setattr(PredictionSeries, "points", noted)
    points = PredictionPoints(lambda tenant: tmp_path / tenant)
    assert points.at_hand(ACME, UIDS[0]) is None, "nothing was read yet"
    assert not points.is_known_to_have(ACME, FIRST.date())
    for uid in UIDS[:3]:
        assert points.of(ACME, uid) == points.at_hand(ACME, uid) != ()
    assert points.has(ACME, FIRST.date())
    assert points.is_known_to_have(ACME, FIRST.date())
    assert len(reads) == 1


def test_as_many_series_are_held_as_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_points, "ROWS_MAX", 5)
    tenants = [TenantId(f"t{number}") for number in range(3)]
    points = PredictionPoints(lambda tenant: tmp_path / tenant)
    for tenant in tenants:
        _keep(tmp_path / tenant, FIRST, 0.5, UIDS[:2])
        assert len(points.of(tenant, UIDS[0])) == 1
    assert [points.at_hand(tenant, UIDS[0]) is None for tenant in tenants] == [True, False, False]


def test_single_resources_of_a_large_tenant_are_read_once_and_few_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _keep(tmp_path / ACME, FIRST, 0.5)
    monkeypatch.setattr(prediction_points, "WHOLE_ROWS_MAX", len(UIDS) - 1)
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
