"""Scores for live tenants: named, explained, kept by day, told apart by model, and answered when the network is not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.day_files import RETENTION_DAYS
from actors.prediction_series import PredictionSeries
from assessment.learned import CoChanging, Prepared
from domain.errors import NotFound, UnavailableError
from domain.resource import resource_key
from domain.tenancy import TenantId
from serve.arms import Arms
from serve.breaker import Breaker, Patience
from serve.kept_answers import ANSWERS_MAX, KeptAnswers
from serve.predictions import ModelHere
from serve.predictor import GLOBAL, OWN, PredictionService, Question
from serve.tenant_graphs import BASELINE, FRESH_S, FRESH_S_MAX, FRESH_SHARE, LEARNED
from tests.unit.actors.shards.tenants import Watch
from tests.unit.training.made_network import drawn_relations, drawn_values
from tests.unit.training.made_predictor import drawn_predictor, with_pairing
from training import shift
from training.cochange import NAMES
from training.forward import Floats
from training.outcomes import WEEK, Came, Deed, Settled, Why
from training.pairing import SHARE, ToldPairs
from training.predictor import Predictor
from training.scoring import Asked, AskedPairs, Graph, Told
from training.task import Task

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACME = TenantId("acme")
ROWS = 40
UIDS = tuple(f"/r/{number}" for number in range(ROWS))
SERVING, CANDIDATE = with_pairing(drawn_predictor(seed=1)), drawn_predictor(seed=2)


class Shards:
    """One tenant's graph, and what came of it (synthetic)."""

    def __init__(self) -> None:
        self.asked, self.takes_s, self.watch = 0, 0.0, Watch()
        self.now = NOW
        self.positive = 0.2
        self.unknown = 0
        self.settlings = 0
        self.version, self.races, self.changes = 1, 0, 3
        self.alone: frozenset[str] = frozenset()

    def prepared_graph(
        self, tenant: TenantId, *, as_of: datetime, known: tuple[int, datetime] | None
    ) -> Prepared | None:
        self.asked += 1
        self.watch.now_s += self.takes_s
        self.now = as_of
        if known == (self.version, as_of):
            return None
        return Prepared(self.version, as_of, UIDS, SERVING.names, drawn_values(ROWS), drawn_relations(ROWS, edges=90))

    def cochanging(self, tenant: TenantId, resource_id: str, *, as_of: datetime) -> CoChanging | None:
        del tenant
        others = (
            () if resource_id in self.alone else tuple(uid for uid in UIDS[:12] if uid != resource_key(resource_id))
        )
        values = np.abs(drawn_values(len(others), features=len(NAMES)))
        values[:, 0] = 1 + np.arange(len(others)) % 3
        values[:, SHARE] /= 4
        self.version += self.races > 0
        self.races = max(self.races - 1, 0)
        return CoChanging(self.version, as_of, self.changes, others, values.astype(np.float32))

    def settled(
        self, tenant: TenantId, cutoffs: Sequence[datetime], deeds: Sequence[Deed], *, now: datetime
    ) -> Mapping[datetime, Settled]:
        self.settlings += 1
        draw = np.random.default_rng(1)
        found = {}
        for at in cutoffs:
            came = (draw.random((ROWS, 3)) < self.positive).astype(np.uint8)
            came[: self.unknown] = Came.UNKNOWN
            found[at] = Settled(UIDS, came, np.where(came == Came.UNKNOWN, Why.NOT_SEEN, 0).astype(np.uint8))
        return {at: one for at, one in found.items() if at + WEEK <= now}


class Silent(ModelHere):
    """A model elsewhere that does not answer."""

    async def explain(self, asked: Asked, placed: Graph) -> Told:
        raise UnavailableError("no answer")

    def whole(self, asked: Asked, placed: Graph, *, deadline_s: float | None = None) -> Floats:
        raise UnavailableError("no answer")

    def pairs(self, asked: AskedPairs, placed: Graph) -> ToldPairs:
        raise UnavailableError("no answer")


class Faltering(ModelHere):
    """A model that does not answer the first question."""

    has_failed = False

    async def explain(self, asked: Asked, placed: Graph) -> Told:
        if not self.has_failed:
            self.has_failed = True
            raise UnavailableError("no answer")
        return await super().explain(asked, placed)


def _service(folder: Path, arms: Arms | None = None, **more: Any) -> PredictionService:
    shards = more.pop("shards", None) or Shards()
    arms = arms or Arms(SERVING)
    model = more.pop("model", None) or ModelHere(arms)
    return PredictionService(arms, model, shards, lambda tenant: folder / tenant, now=lambda: shards.now, **more)


def _told(service: PredictionService, asked: Question) -> dict[str, Any]:
    return asyncio.run(service.timeline(asked))


def _answered(service: PredictionService) -> int:
    figures: dict[str, Any] = service.figures()
    return int(figures["arms"]["serving"]["answered"])


def _broken() -> Predictor:
    arrays = {name: one for name, one in SERVING.network.arrays.items() if name != "head.bias"}
    return replace(SERVING, network=replace(SERVING.network, arrays=arrays))


def test_a_resource_is_scored_explained_and_named(tmp_path: Path) -> None:
    found: dict[str, Any] = _told(_service(tmp_path), Question(ACME, UIDS[3], NOW))
    assert [one["task"] for one in found["tasks"]] == ["T2", "T3", "T4"]
    assert (found["source"], found["calibration"]) == (LEARNED, GLOBAL)
    graph = Shards().prepared_graph(ACME, as_of=NOW, known=None)
    assert graph is not None
    p = SERVING.answer(graph.values, graph.relations)[Task.CHANGE].p[3]
    assert found["tasks"][2]["probability"] == pytest.approx(p, rel=1e-4)
    assert found["tasks"][2]["features"][0]["name"] in SERVING.names
    assert {one["resource_id"] for one in found["tasks"][2]["neighbours"]} <= set(UIDS) - {UIDS[3]}


def test_one_resource_alone_is_explained_as_in_the_whole(tmp_path: Path) -> None:
    whole: dict[str, Any] = _told(_service(tmp_path / "a"), Question(ACME, UIDS[3], NOW))
    service = _service(tmp_path / "b")
    service.score(ACME, NOW)
    service = _service(tmp_path / "b")  # another process scored the tenant that day
    alone: dict[str, Any] = _told(service, Question(ACME, UIDS[3], NOW))
    for one, other in zip(whole["tasks"], alone["tasks"], strict=True):
        assert one["probability"] == pytest.approx(other["probability"], rel=1e-4)
        assert [n["resource_id"] for n in one["neighbours"]] == [n["resource_id"] for n in other["neighbours"]]


def test_the_series_has_one_point_a_day_and_forgets_after_its_time(tmp_path: Path) -> None:
    service = _service(tmp_path)
    for day in (0, 1, RETENTION_DAYS):
        for _ in range(2):
            _told(service, Question(ACME, UIDS[0], NOW + timedelta(days=day)))
    found: dict[str, Any] = _told(service, Question(ACME, UIDS[0], NOW + timedelta(days=RETENTION_DAYS)))
    assert [one["at"][:10] for one in found["series"]] == ["2026-03-03", "2026-05-31"]
    assert all(0 <= one["T4"] <= 1 and one["source"] == LEARNED for one in found["series"])


@pytest.mark.parametrize(("takes_s", "fresh_s"), [(0.0, FRESH_S), (2.0, 2.0 / FRESH_SHARE), (100.0, FRESH_S_MAX)])
def test_a_graph_answers_for_a_while_and_longer_where_it_takes_long_to_read(
    tmp_path: Path, takes_s: float, fresh_s: float
) -> None:
    shards = Shards()
    service = _service(tmp_path, shards=shards, now_s=shards.watch)
    shards.takes_s = takes_s
    for passed_s, times in ((0.0, 1), (fresh_s - 0.1, 1), (0.2, 2)):
        shards.watch.now_s += passed_s
        _told(service, Question(ACME, UIDS[3], NOW))
        assert shards.asked == times
    _told(service, Question(ACME, UIDS[3], NOW + timedelta(hours=1)))
    assert shards.asked == 3, "features are of another hour"


def test_a_resource_that_a_kept_graph_lacks_is_looked_for_in_the_present_one(tmp_path: Path) -> None:
    shards = Shards()
    service = _service(tmp_path, shards=shards, now_s=shards.watch)
    _told(service, Question(ACME, UIDS[3], NOW))
    with pytest.raises(NotFound):
        _told(service, Question(ACME, "/r/unknown", NOW))
    assert shards.asked == 2


def test_another_day_than_today_is_told_and_not_kept(tmp_path: Path) -> None:
    series = PredictionSeries(tmp_path)
    service = PredictionService(Arms(SERVING), ModelHere(Arms(SERVING)), Shards(), lambda _: tmp_path, now=lambda: NOW)
    found: dict[str, Any] = _told(service, Question(ACME, UIDS[0], NOW + timedelta(days=900)))
    assert found["source"] == LEARNED
    assert found["series"] == []
    assert series.days() == ()


def test_what_did_not_change_is_not_read_or_asked_again(tmp_path: Path) -> None:
    shards = Shards()
    service = _service(tmp_path, shards=shards, now_s=shards.watch)
    one = _told(service, Question(ACME, UIDS[0], NOW))
    shards.watch.now_s += FRESH_S
    assert _told(service, Question(ACME, UIDS[0], NOW)) == one
    assert (shards.asked, _answered(service)) == (2, 1), "the shard says that its graph is the same"
    shards.version += 1
    shards.watch.now_s += FRESH_S
    assert _told(service, Question(ACME, UIDS[0], NOW)) == one
    assert _answered(service) == 2, "of another graph it is another question"


def test_what_stood_in_for_the_model_is_not_told_again(tmp_path: Path) -> None:
    arms = Arms(SERVING)
    model = Faltering(arms)
    service = _service(tmp_path, arms, model=model)
    assert [_told(service, Question(ACME, UIDS[0], NOW))["source"] for _ in range(2)] == [BASELINE, LEARNED]


def test_as_many_answers_are_kept_as_there_is_room_for() -> None:
    kept = KeptAnswers()
    for row in range(ANSWERS_MAX):
        kept.keep(("a", row), [row])
    assert kept.of(("a", 0)) == [0]
    assert kept.of(("b", 0)) is None, "of another graph it is another question"
    kept.keep(("b", 0), [])
    assert kept.of(("a", 1)) is None, "the one that was asked for longest ago"
    assert kept.of(("a", 0)) == [0]


def test_a_network_that_fails_is_stood_for_by_the_regression(tmp_path: Path) -> None:
    service = _service(tmp_path, Arms(_broken()))
    found: dict[str, Any] = _told(service, Question(ACME, UIDS[3], NOW))
    graph = Shards().prepared_graph(ACME, as_of=NOW, known=None)
    assert graph is not None
    assert found["source"] == BASELINE
    told = SERVING.baseline(graph.values)[Task.NEIGHBOURHOOD].p[3]
    assert found["tasks"][0]["probability"] == pytest.approx(told, rel=1e-5)
    assert found["tasks"][0]["features"] == [], "the regression gives no reasons"
    figures: dict[str, Any] = service.figures()
    assert figures["arms"]["serving"]["failed"] >= 1
    for _ in range(3):
        _told(service, Question(ACME, UIDS[3], NOW))
    refused: dict[str, Any] = service.figures()
    assert refused["arms"]["serving"]["refused"] >= 1, "after failures in a row it is left alone"


def test_an_answer_that_is_late_counts_as_a_failure() -> None:
    breaker = Breaker(failures_max=2, rest_s=10, late_s=1)
    breaker.succeeded(0, 1.5)
    breaker.succeeded(2, 1.5)
    assert not breaker.lets_through(11.9)
    assert breaker.lets_through(12)
    breaker.failed(12)
    assert not breaker.lets_through(13), "one failure is enough while it tries again"
    breaker.succeeded(23, 0.1)
    breaker.failed(24)
    assert breaker.lets_through(24)


def test_a_model_that_does_not_answer_is_stood_for_and_its_day_is_not_kept(tmp_path: Path) -> None:
    service = _service(tmp_path, model=Silent(Arms(SERVING)))
    found: dict[str, Any] = _told(service, Question(ACME, UIDS[3], NOW))
    assert (found["source"], found["series"]) == (BASELINE, [])
    assert not service.is_scored(ACME)
    assert service.score(ACME, NOW)["source"] == BASELINE, "who orders it gets what there is"
    assert service.is_scored(ACME)


def test_questions_of_several_threads_are_all_answered_and_counted(tmp_path: Path) -> None:
    service = _service(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda uid: _told(service, Question(ACME, uid, NOW)), UIDS))
    assert {one["source"] for one in found} == {LEARNED}
    figures: dict[str, Any] = service.figures()
    assert figures["arms"]["serving"]["answered"] == ROWS
    assert figures["arms"]["serving"]["tenants_scored"] == 1, "the day is scored once"


def test_who_starts_when_asked_is_waited_for_longer_and_once() -> None:
    patience = Patience(warm_s=5, cold_s=20, idle_s=3_600)
    assert patience.left_s(0) == 20
    assert patience.left_s(12) == 8, "the second question waits for the same start"
    assert patience.left_s(60) == 5, "who did not come is not waited for again"
    patience.answered(70)
    assert patience.left_s(1_000) == 5
    assert patience.left_s(70 + 1_800) == 20, "it may have ended meanwhile"


def test_a_candidate_that_runs_along_is_counted_and_not_heard(tmp_path: Path) -> None:
    alone, beside = _service(tmp_path / "a"), _service(tmp_path / "b", Arms(SERVING, CANDIDATE))
    asked = Question(ACME, UIDS[3], NOW)
    assert _told(beside, asked)["tasks"] == _told(alone, asked)["tasks"]
    figures: dict[str, Any] = beside.figures()
    assert figures["arms"]["candidate"]["answered"] == 1
    assert figures["arms"]["candidate"]["mean_difference_from_serving"] > 0


def test_a_candidate_answers_its_share_of_tenants_and_each_always(tmp_path: Path) -> None:
    arms = Arms(SERVING, CANDIDATE, share=0.3)
    tenants = [TenantId(f"t{number}") for number in range(400)]
    share = sum(arms.of(one) == "candidate" for one in tenants) / len(tenants)
    assert 0.2 < share < 0.4
    theirs = next(one for one in tenants if arms.of(one) == "candidate")
    service = _service(tmp_path, arms)
    assert _told(service, Question(theirs, UIDS[0], NOW))["arm"] == "candidate"
    figures: dict[str, Any] = service.figures()
    assert (figures["arms"]["candidate"]["answered"], figures["arms"]["serving"]["answered"]) == (1, 0)


def test_a_tenant_with_finished_weeks_is_calibrated_on_them(tmp_path: Path) -> None:
    service = _service(tmp_path)
    for week in range(14):
        service.score(ACME, NOW + timedelta(weeks=week))
    found: dict[str, Any] = _told(_service(tmp_path), Question(ACME, UIDS[0], NOW + timedelta(weeks=15)))
    assert found["calibration"] == OWN
    assert found["tasks"][2]["probability"] == pytest.approx(0.2, abs=0.15), "which is how often it came true here"


def test_an_unknown_resource_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        _told(_service(tmp_path), Question(ACME, "/r/none", NOW))


def _watched(folder: Path, *, weeks: int, **facts: Any) -> tuple[PredictionService, Shards]:
    shards = Shards()
    for name, value in facts.items():
        setattr(shards, name, value)
    service = _service(folder, shards=shards)
    for week in range(weeks):
        service.score(ACME, NOW + timedelta(weeks=week))
    shards.now = NOW + timedelta(weeks=weeks, days=1)
    return service, shards


def test_what_came_is_kept_and_figures_are_made_of_it(tmp_path: Path) -> None:
    service, shards = _watched(tmp_path, weeks=9, positive=0.5)
    found: dict[str, Any] = service.quality(ACME)
    assert found["weeks"] == 8
    task = found["tasks"]["T4"]
    assert task["rows"] == 8 * ROWS
    assert task["figures"]["auroc"]["low"] <= task["figures"]["auroc"]["value"] <= task["figures"]["auroc"]["high"]
    assert 0.35 < task["base_rate"]["now"]["value"] < 0.65
    before = shards.settlings
    assert service.quality(ACME) == found
    assert shards.settlings == before, "what is known for good is not asked again"


def test_what_nobody_knows_is_asked_again_until_it_is_too_late(tmp_path: Path) -> None:
    service, shards = _watched(tmp_path, weeks=1, unknown=10)
    assert service.collect(ACME) == 1
    shards.unknown = 4
    shards.now += timedelta(days=5)
    assert service.collect(ACME) == 1
    found: dict[str, Any] = service.quality(ACME)
    assert found["tasks"]["T2"]["unknown"] == 4
    assert found["tasks"]["T2"]["figures"] == "insufficient"
    shards.now += timedelta(days=10)
    assert service.collect(ACME) == 1
    assert service.collect(ACME) == 0


def test_a_tenant_that_was_told_nothing_has_no_figures(tmp_path: Path) -> None:
    found: dict[str, Any] = _service(tmp_path).quality(ACME)
    assert found["weeks"] == 0
    assert {one["figures"] for one in found["tasks"].values()} == {"insufficient"}
    assert found["features"]["state"] == found["features_against_learned"]["state"] == "insufficient"


def test_shift_is_told_against_the_tenants_own_first_week(tmp_path: Path) -> None:
    service, _ = _watched(tmp_path, weeks=2)
    found: dict[str, Any] = service.quality(ACME)
    assert found["features"]["reference"].startswith("this tenant's own first week")
    assert found["features"]["reference_at"].startswith("2026-03-02")
    assert {one["psi"] for one in found["features"]["shifted"]} == {0.0}
    assert found["features"]["state"] == "insufficient", "forty resources are too few"
    assert "do not say" in found["features_against_learned"]["reason"]


def test_how_unlike_what_was_learned_from_a_tenant_is_stands_beside_it(tmp_path: Path) -> None:
    names, values = SERVING.names, drawn_values(ROWS)
    told = replace(SERVING, reference=shift.counted(np.repeat(values + 2, 5, axis=0)))
    service = _service(tmp_path, Arms(told))
    service.score(ACME, NOW)
    found: dict[str, Any] = service.quality(ACME)
    assert "no former week" in found["features"]["reason"], "nothing has moved that is known of"
    unlike = found["features_against_learned"]
    assert unlike["reference"] == "what the weights that are served learned from"
    assert (unlike["rows_before"], unlike["rows_now"]) == (5 * ROWS, ROWS)
    assert unlike["shifted"][0]["psi"] > 1
    assert {one["feature"] for one in unlike["shifted"]} <= set(names)


def test_outcomes_that_nobody_knows_do_not_calibrate(tmp_path: Path) -> None:
    service, _ = _watched(tmp_path, weeks=14, unknown=ROWS)
    found: dict[str, Any] = _told(service, Question(ACME, UIDS[0], NOW + timedelta(weeks=15)))
    assert found["calibration"] == GLOBAL


def test_who_changes_with_a_resource_is_told_most_likely_first_with_reasons(tmp_path: Path) -> None:
    found: dict[str, Any] = _service(tmp_path).cochange(Question(ACME, "/R/3", NOW), 5)
    rows = found["candidates"]
    assert (found["source"], found["calibration"], found["candidates_total"]) == (LEARNED, GLOBAL, 11)
    assert [one["probability"] for one in rows] == sorted((one["probability"] for one in rows), reverse=True)
    assert len(rows) == 5
    assert "/r/3" not in {one["resource_id"] for one in rows}
    assert all(one["features"] and one["hops"] in (1, 2, 3) and one["reasons"] for one in rows)
    assert found["note"] == ""


def test_where_the_network_does_not_answer_counting_does_and_says_so(tmp_path: Path) -> None:
    found: dict[str, Any] = _service(tmp_path, model=Silent(Arms(SERVING))).cochange(Question(ACME, UIDS[3], NOW), 20)
    assert found["source"] == BASELINE
    assert SERVING.pairing is not None
    shares = np.array([one["share"] for one in found["candidates"]])
    told = [one["probability"] for one in found["candidates"]]
    np.testing.assert_allclose(told, SERVING.pairing.baseline.apply(shares), rtol=1e-6)
    assert told == sorted(told, reverse=True)
    assert all(one["features"] == [] for one in found["candidates"])


def test_a_model_without_a_head_ranks_by_the_share_and_tells_no_probability(tmp_path: Path) -> None:
    found: dict[str, Any] = _service(tmp_path, Arms(CANDIDATE)).cochange(Question(ACME, UIDS[3], NOW), 20)
    assert found["source"] == BASELINE
    assert {one["probability"] for one in found["candidates"]} == {None}
    shares = [one["share"] for one in found["candidates"]]
    assert shares == sorted(shares, reverse=True)


def test_a_resource_alone_one_without_changes_and_an_unknown_one_are_told_apart(tmp_path: Path) -> None:
    shards = Shards()
    shards.alone, shards.changes = frozenset({UIDS[5]}), 0
    service = _service(tmp_path, shards=shards)
    alone: dict[str, Any] = service.cochange(Question(ACME, UIDS[5], NOW), 20)
    assert (alone["candidates"], alone["candidates_total"]) == ([], 0)
    assert "no relationship" in alone["note"]
    assert "no change of it is known" in str(service.cochange(Question(ACME, UIDS[3], NOW), 20)["note"])
    with pytest.raises(NotFound):
        service.cochange(Question(ACME, "/r/none", NOW), 20)


def test_a_graph_that_changes_while_it_is_read_is_read_again_and_not_for_ever(tmp_path: Path) -> None:
    shards = Shards()
    shards.races = 1
    assert _service(tmp_path / "a", shards=shards).cochange(Question(ACME, UIDS[3], NOW), 3)["source"] == LEARNED
    shards.races = 1_000
    with pytest.raises(UnavailableError, match="changes while it is read"):
        _service(tmp_path / "b", shards=shards).cochange(Question(ACME, UIDS[3], NOW), 3)
