"""What runs as a job: submitted through Ray's own interface for jobs, and what that shows of it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from ray.job_submission import JobStatus, JobSubmissionClient

from connectors.estate import write_estate
from domain.errors import NotFound
from graph.stores.duckdb import DuckDbStore
from serve.bootstrap import folders_of, schedule_of
from serve.jobs.submission import RayJobs
from serve.settings import Settings, settings_environment
from tests.cluster.drills.fleet import ray_cluster
from tests.unit.serve.lived import ACME, END, live
from tests.unit.serve.test_retraining_schedule import DAY, World

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(900)]
ROOT: Final = Path(__file__).parents[2]
AS_OF: Final = "2026-11-24"
TENANTS: Final = 4
WAIT_S: Final = 400.0
AGENT_S: Final = 90.0


@pytest.fixture(scope="module")
def jobs() -> Iterator[JobSubmissionClient]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_AUTH_MODE", "disabled")
        with cluster_that_takes_jobs() as client:
            yield client


@contextmanager
def cluster_that_takes_jobs() -> Iterator[JobSubmissionClient]:
    """A cluster with an agent, which takes jobs: Ray gives it 15 s to start, and a busy machine may take longer."""
    for is_last in (False, False, True):
        with ray_cluster(0, has_dashboard=True) as cluster:
            head: Any = cluster.head_node
            client = JobSubmissionClient(f"http://{head.webui_url}")
            if is_last or has_agent(client):
                yield client
                return


def has_agent(jobs: JobSubmissionClient) -> bool:
    """Whether a job that does nothing is taken before long."""
    end = time.monotonic() + AGENT_S
    while time.monotonic() < end:
        try:
            jobs.submit_job(entrypoint="true")
        except RuntimeError as error:
            if "No available agent" not in str(error):
                raise
            time.sleep(1.0)
        else:
            return True
    return False


def test_a_job_shows_how_far_it_is_until_it_is_done(jobs: JobSubmissionClient, tmp_path: Path) -> None:
    exports, out = tmp_path / "exports", tmp_path / "out"
    at = datetime.fromisoformat(AS_OF).replace(tzinfo=UTC)
    write_estate(exports, resources=120, tenants=TENANTS, days=30, seed=11, as_of=at)
    where = ["--input", f"file://{exports}", "--out", f"file://{out}", "--part-mib", "1", "--as-of", AS_OF]
    job = submitted(jobs, " ".join([sys.executable, "-m", "serve.jobs.bulk_scan", *where]))
    shown = seen_while_it_runs(jobs, job)
    assert jobs.get_job_status(job) == JobStatus.SUCCEEDED, jobs.get_job_logs(job)[-3_000:]
    percents = [int(each["pcg_progress_percent"]) for each in shown]
    assert percents
    assert percents == sorted(percents)
    assert percents[0] < 100
    last = jobs.get_job_info(job).metadata or {}
    assert (last["pcg_progress_percent"], last["asked_by"]) == ("100", "a test")
    assert json.loads((out / "summary.json").read_text())["resources"] == int(last["pcg_resources"])


def test_a_retraining_that_is_due_is_submitted_learns_by_tasks_and_decides(
    jobs: JobSubmissionClient, tmp_path: Path
) -> None:
    settings = Settings(store_dir=tmp_path, retraining_tenants=ACME)
    directory = folders_of(settings).graph(ACME)
    directory.mkdir(parents=True)
    with closing(DuckDbStore(directory, ACME)) as store:
        live(store)
    world = World(tmp_path, ACME)
    world.config, cluster = schedule_of(settings), RayJobs(settings_environment(settings))
    world.schedule, world.watch.at = world.again(cluster), END - 28 * DAY
    assert world.after(0 * DAY)["stand"] == "not due"
    (run,) = world.after(28 * DAY)["runs"]
    assert cluster.running() == [run["job"]]
    seen_while_it_runs(jobs, run["job"])
    told = jobs.get_job_logs(run["job"])
    assert jobs.get_job_status(run["job"]) == JobStatus.SUCCEEDED, told[-3_000:]
    (ended,) = world.after(0 * DAY)["runs"]
    (report,) = tmp_path.rglob("report.html")
    assert str(report) == ended["report"]
    assert ended["report"] in told
    assert told.startswith(ended["outcome"]) or f"\n{ended['outcome']}: " in told
    assert len(json.loads(report.with_name("retraining.json").read_bytes())["weeks_judged"]) == 8
    assert cluster.seen(run["job"]).is_over
    with pytest.raises(NotFound):
        cluster.seen("pcg-retrain-never")


def submitted(jobs: JobSubmissionClient, command: str) -> str:
    """The job's id."""
    return jobs.submit_job(
        entrypoint=command,
        runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}},
        metadata={"asked_by": "a test"},
    )


def seen_while_it_runs(jobs: JobSubmissionClient, job: str) -> list[dict[str, str]]:
    """Every progress that Ray tells of a job which has not ended."""
    found: list[dict[str, str]] = []
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        info = jobs.get_job_info(job)
        if info.status.is_terminal():
            return found
        metadata = info.metadata or {}
        if "pcg_progress_percent" in metadata and (not found or found[-1] != metadata):
            found.append(metadata)
        time.sleep(0.1)
    raise AssertionError(f"the job does not end: {jobs.get_job_logs(job)[-3_000:]}")
