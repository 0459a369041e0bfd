"""The schedule of retrainings: what is submitted, heard, kept, recorded and told, with jobs that are made up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from actors.retraining_book import RetrainingBook, Run, run_folder
from domain.errors import IntegrityError, NotFound, UnavailableError
from domain.evidence import EntryId, EvidenceEvent, Receipt
from domain.tenancy import PLATFORM, TenantId
from serve.bootstrap import schedule_of
from serve.render.predictions import retraining_lines
from serve.retraining_schedule import JobOrder, Jobs, JobSeen, RetrainingSchedule, ScheduleConfig
from serve.settings import Settings, load_settings, settings_environment
from serve.sole_worker import SoleWorker
from tests.unit.serve.test_prediction_nights import Watch
from training.promotion import Action
from training.schedule import Plan, Stand

ACME: Final = TenantId("acme")
START: Final = datetime(2026, 3, 2, 3, tzinfo=UTC)
DAY: Final = timedelta(days=1)
TICK: Final = timedelta(seconds=30)


class Cluster:
    """Takes jobs, or says that it takes none."""

    def __init__(self) -> None:
        self.orders: list[JobOrder] = []
        self.others: list[str] = []
        self.state: JobSeen | None = JobSeen(is_over=False)
        self.reason = ""

    def submit(self, order: JobOrder) -> None:
        self.running()
        self.orders.append(order)

    def running(self) -> list[str]:
        if self.reason:
            raise UnavailableError("the cluster takes no jobs", reason=self.reason, todo="Let ray_dashboard be true")
        return self.others

    def seen(self, job: str) -> JobSeen:
        self.running()
        if self.state is None:
            raise NotFound("the cluster that it was submitted to is gone", job=job)
        return self.state


class Told:
    """Quality that is set by hand."""

    def __init__(self) -> None:
        self.weeks, self.shifted, self.standing, self.asked = 8, 0.0, "serving", 0
        self.is_readable = True

    def quality(self, tenant: TenantId) -> dict[str, Any]:
        self.asked += 1
        if not self.is_readable:
            raise UnavailableError("the shard does not answer")
        rows = {name: {"positives": 40, "figures": "insufficient"} for name in ("T2", "T3")}
        figures = {"auroc": {"value": 0.9, "low": 0.8, "high": 0.95}}
        tasks = {**rows, "T4": {"positives": 40, "figures": figures}}
        return {"weeks": self.weeks, "tasks": tasks, "features": {"shifted_share": self.shifted}}

    def versions(self) -> dict[str, Any]:
        return {"versions": [{"model": "global@2", "standing": self.standing}]}


class World:
    """A schedule over a folder, with everything else made up."""

    def __init__(self, folder: Path, *tenants: TenantId) -> None:
        self.watch, self.cluster, self.told = Watch(START), Cluster(), Told()
        self.models, self.place = folder / "models", SoleWorker(folder / "lock")
        self.events: list[EvidenceEvent] = []
        self.is_logged = True
        self.config = ScheduleConfig(tenants, Plan(28 * DAY, shifted_min=0.5, auroc_min=0.6))
        self.schedule = self.again()

    def again(self, jobs: Jobs | None = None) -> RetrainingSchedule:
        """The platform started again."""
        book = RetrainingBook(self.models)
        parts: dict[str, Any] = {"record": self.record, "clock": self.watch, "place": self.place}
        return RetrainingSchedule(self.config, book, jobs or self.cluster, self.told, **parts)

    def record(self, events: Sequence[EvidenceEvent]) -> list[Receipt]:
        if not self.is_logged:
            raise UnavailableError("the log cannot be written now")
        self.events += events
        return [Receipt(one.request_id, "o", EntryId(2026, len(self.events)), "", "") for one in events]

    def after(self, time: timedelta) -> dict[str, Any]:
        """What is told after some time and a tick."""
        self.watch.at += time
        self.schedule.tick()
        return RetrainingBook(self.models).read().row()

    def decides(self, order: JobOrder, action: str, reason: str = "so") -> None:
        """The job leaves its document."""
        folder = run_folder(self.models, order.at)
        folder.mkdir(parents=True)
        document = {"as_of": order.at.isoformat(), "decision": {"action": action, "reason": reason}}
        (folder / "retraining.json").write_bytes(orjson.dumps(document))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, ACME)


def test_one_is_submitted_once_when_it_is_due_and_its_outcome_is_told_and_recorded(world: World) -> None:
    assert world.after(TICK)["stand"] == "not due"
    assert world.after(27 * DAY)["stand"] == "not due"
    told = world.after(DAY)
    assert (told["stand"], told["runs"][0]["outcome"]) == ("running", None)
    (order,) = world.cluster.orders
    assert (order.tenants, order.at) == ((ACME,), world.watch.at)
    for _ in range(3):
        world.after(TICK)
    assert len(world.cluster.orders) == 1
    world.decides(order, "promote", "the interval is above zero")
    told = world.after(TICK)
    assert (told["runs"][0]["outcome"], told["runs"][0]["reason"]) == ("promote", "the interval is above zero")
    assert told["runs"][0]["report"].endswith("report.html")
    assert [(one.tenant, one.body["change"], one.body["state"]) for one in world.events] == [
        (PLATFORM, "asked", "planned"),
        (PLATFORM, "promote", "applied"),
    ]
    assert (told["runs"][0]["asked_evidence_id"], told["runs"][0]["ended_evidence_id"]) == ("2026-1", "2026-2")


def test_quality_is_looked_at_once_a_day_and_a_restart_does_not_repeat_it(world: World) -> None:
    world.after(TICK)
    for _ in range(5):
        world.after(timedelta(hours=2))
    assert world.told.asked == 1
    world.schedule = world.again()
    world.after(timedelta(hours=2))
    assert world.told.asked == 1
    world.after(DAY)
    assert world.told.asked == 2


def test_a_shift_begins_one_before_the_cadence_does(world: World) -> None:
    world.after(TICK)
    world.told.shifted = 0.7
    told = world.after(DAY)
    assert told["stand"] == "running"
    assert "70 % of the features of acme" in told["runs"][0]["why"]


def test_one_that_fails_is_repeated_later_and_later_and_never_sooner(world: World) -> None:
    world.told.shifted = 0.7
    world.after(TICK)
    world.cluster.state = JobSeen(is_over=True, told="FAILED: no week of these tenants has ended yet")
    told = world.after(TICK)
    assert (told["stand"], told["runs"][0]["outcome"]) == ("backing off", "failed")
    assert "no week" in told["runs"][0]["reason"]
    assert world.events[-1].body["state"] == "rejected"
    world.after(DAY - TICK)
    assert len(world.cluster.orders) == 1
    world.after(TICK)
    assert len(world.cluster.orders) == 2
    world.after(TICK)
    world.after(DAY)
    assert len(world.cluster.orders) == 2, "two in a row: two days"


def test_where_no_job_can_be_submitted_that_is_told_and_tried_again_the_next_day(world: World) -> None:
    world.told.shifted, world.cluster.reason = 0.7, "connection refused"
    told = world.after(TICK)
    assert told["stand"] == "due, but no job can be submitted"
    assert "connection refused" in told["reason"]
    assert "ray_dashboard" in told["reason"]
    assert told["runs"] == []
    world.cluster.reason = ""
    assert world.after(DAY)["stand"] == "running"


def test_one_that_somebody_else_submitted_is_not_doubled(world: World) -> None:
    world.told.shifted, world.cluster.others = 0.7, ["by-hand"]
    told = world.after(TICK)
    assert told["stand"] == "running"
    assert "by-hand" in told["reason"]
    assert world.cluster.orders == []


def test_one_that_was_run_by_hand_counts_for_the_cadence(world: World) -> None:
    world.decides(JobOrder("", (ACME,), START - DAY), "promote")
    (document,) = world.models.rglob("retraining.json")
    os.utime(document, (world.watch.at.timestamp(),) * 2)
    told = world.after(TICK)
    assert (told["stand"], told["runs"][0]["job"]) == ("backing off", "")
    assert (world.after(7 * DAY)["stand"], world.after(DAY)["next_at"]) == ("not due", "2026-03-29T03:00:00Z")
    assert world.events == [], "its steps are recorded by the run itself"


def test_what_the_cluster_lost_counts_as_failed(world: World) -> None:
    world.told.shifted = 0.7
    world.after(TICK)
    world.cluster.state = None
    assert world.after(TICK)["runs"][0]["outcome"] == "failed"


def test_a_job_of_which_nothing_is_heard_counts_as_failed_after_a_day_and_is_believed_when_it_decides(
    world: World,
) -> None:
    world.told.shifted = 0.7
    world.after(TICK)
    (order,) = world.cluster.orders
    world.cluster.reason = "connection refused"
    assert world.after(DAY - TICK)["runs"][0]["outcome"] is None
    assert world.after(TICK)["runs"][0]["outcome"] == "failed"
    world.decides(order, "refuse")
    assert world.after(TICK)["runs"][0]["outcome"] == "refuse"
    assert [str(one.body["change"]) for one in world.events] == ["asked", "failed", "refuse"]


def test_a_model_that_waits_for_approval_keeps_others_back(world: World) -> None:
    world.told.shifted, world.told.standing = 0.7, "waiting for approval"
    assert world.after(TICK)["stand"] == "waiting for approval"
    assert world.told.asked == 0


def test_a_tenant_that_cannot_be_read_begins_nothing(world: World) -> None:
    world.told.is_readable = False
    assert world.after(TICK)["stand"] == "too few outcomes"


def test_what_the_log_did_not_take_is_recorded_later(world: World) -> None:
    world.told.shifted, world.is_logged = 0.7, False
    assert world.after(TICK)["runs"][0]["asked_evidence_id"] == ""
    world.is_logged = True
    assert world.after(TICK)["runs"][0]["asked_evidence_id"] == "2026-1"


def test_only_the_process_that_holds_the_place_works(world: World, tmp_path: Path) -> None:
    other = SoleWorker(tmp_path / "lock")
    assert other.is_mine()
    world.schedule.tick()
    assert world.told.asked == 0
    other.let_go()
    world.schedule.tick()
    assert world.told.asked == 1


def test_without_tenants_nothing_is_scheduled_and_a_former_plan_is_told_to_be_off(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.schedule.begin()
    assert world.after(99 * DAY)["stand"] == "off"
    assert not (tmp_path / "models").exists()
    world.config = World(tmp_path, ACME).config
    world.schedule = world.again()
    assert world.after(TICK)["plan"]["tenants"] == ["acme"]
    world.schedule.stop()
    off = World(tmp_path)
    off.schedule.begin()
    assert (off.after(TICK)["stand"], off.after(TICK)["plan"]) == ("off", {})


def test_another_plan_is_looked_at_at_once(world: World) -> None:
    world.after(TICK)
    world.config = ScheduleConfig((ACME,), Plan(7 * DAY))
    world.schedule = world.again()
    assert world.after(TICK)["plan"]["every_days"] == 7
    assert world.told.asked == 2


def test_a_schedule_that_is_damaged_is_not_taken_for_an_empty_one(world: World) -> None:
    world.after(TICK)
    (world.models / "schedule.json").write_text("{")
    with pytest.raises(IntegrityError):
        RetrainingBook(world.models).read()


def test_a_document_that_is_half_written_is_not_there_yet(world: World) -> None:
    folder = run_folder(world.models, START)
    folder.mkdir(parents=True)
    (folder / "retraining.json").write_text('{"as_of": ')
    assert RetrainingBook(world.models).read().runs == ()


def test_what_is_kept_is_read_as_it_was(world: World) -> None:
    world.told.shifted = 0.7
    world.after(TICK)
    book = RetrainingBook(world.models)
    kept = book.read()
    ended = kept.runs[0].ended(START, Action.REFUSE, "no")
    assert book.save(kept) == book.read()
    assert (ended.attempt.action, Run(START).attempt.ended_at) == (Action.REFUSE, None)
    assert kept.decided.stand is Stand.RUNNING


def test_it_is_told_in_lines_for_a_person(world: World) -> None:
    assert "No retraining yet." in retraining_lines(world.after(TICK))
    world.told.shifted = 0.7
    lines = "\n".join(retraining_lines(world.after(DAY)))
    assert "RETRAINING  running" in lines
    assert "from acme; decided 2026-03-03 03:00" in lines


def test_settings_say_when_and_from_whom_and_a_job_gets_them_as_variables(tmp_path: Path) -> None:
    assert schedule_of(Settings()) == ScheduleConfig((), Plan(28 * DAY, 0.5, 0.6), {})
    given = {"store_dir": tmp_path, "retraining_tenants": "acme, globex", "retraining_days": 0,
             "retraining_shifted": 0, "retraining_auroc": 0, "prediction_approval": True,
             "allowed_roots": (tmp_path, tmp_path / "b")}  # fmt: skip
    settings = load_settings(given, environment={})
    found = schedule_of(settings)
    assert (found.tenants, found.plan) == ((ACME, TenantId("globex")), Plan())
    assert found.environment == settings_environment(settings)
    assert load_settings(environment=found.environment) == settings
