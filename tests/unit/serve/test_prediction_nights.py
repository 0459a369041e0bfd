"""Every tenant is scored once a night, each by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.errors import UnavailableError
from domain.tenancy import TenantId
from domain.value import Json
from serve.prediction_nights import NEVER, PredictionNights, next_night
from serve.sole_worker import SoleWorker

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TENANTS = tuple(map(TenantId, ("acme", "broken", "globex")))


class Watch:
    """A clock that is set by hand."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class Scores:
    """Remembers who was scored when; one tenant fails, one was scored already."""

    def __init__(self, *done: str) -> None:
        self.done = set(done)
        self.scored: list[tuple[TenantId, datetime]] = []
        self.collected: list[TenantId] = []

    def is_scored(self, tenant: TenantId) -> bool:
        return tenant in self.done

    def score(self, tenant: TenantId, as_of: datetime) -> dict[str, Json]:
        if tenant == "broken":
            raise UnavailableError("no")
        self.scored.append((tenant, as_of))
        return {}

    def collect(self, tenant: TenantId) -> int:
        self.collected.append(tenant)
        return 1


@pytest.mark.parametrize(
    ("now", "hour", "expected"),
    [(NOON, 2, NOON.replace(hour=2) + timedelta(days=1)), (NOON, 13, NOON.replace(hour=13)),
     (NOON, 12, NOON + timedelta(days=1)), (NOON, NEVER, None)],
)  # fmt: skip
def test_the_next_night_lies_ahead(now: datetime, hour: int, expected: datetime | None) -> None:
    assert next_night(now, hour) == expected


def test_each_tenant_is_scored_once_a_night_whatever_happens_to_another(tmp_path: Path) -> None:
    watch, scores = Watch(NOON), Scores()
    nights = PredictionNights(scores, lambda: TENANTS, watch, SoleWorker(tmp_path / "nights"), hour=2)
    nights.tick()
    assert scores.scored == [], "it is not night"
    watch.at = NOON + timedelta(hours=14, minutes=1)
    nights.tick()
    nights.tick()
    assert [tenant for tenant, _ in scores.scored] == ["acme", "globex"]
    watch.at += timedelta(days=1)
    nights.tick()
    assert [tenant for tenant, _ in scores.scored] == ["acme", "globex"] * 2


def test_who_was_asked_about_today_is_not_scored_again(tmp_path: Path) -> None:
    watch, scores = Watch(NOON), Scores("acme")
    nights = PredictionNights(scores, lambda: TENANTS, watch, SoleWorker(tmp_path / "nights"), hour=13)
    watch.at += timedelta(hours=1)
    nights.tick()
    assert [tenant for tenant, _ in scores.scored] == ["globex"]
    assert scores.collected == ["acme", "globex"], "what came is collected all the same"


def test_of_several_processes_one_scores_and_another_goes_on_when_it_ends(tmp_path: Path) -> None:
    watch, one, two = Watch(NOON), Scores(), Scores()
    nights = [
        PredictionNights(scores, lambda: TENANTS[:1], watch, SoleWorker(tmp_path / "nights"), hour=13)
        for scores in (one, two)
    ]
    watch.at += timedelta(hours=1)
    for night in nights:
        night.tick()
    nights[0].stop()
    watch.at += timedelta(days=1)
    nights[1].tick()
    assert (len(one.scored), len(two.scored)) == (1, 1)
