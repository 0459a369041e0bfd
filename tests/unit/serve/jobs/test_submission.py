"""Retrainings as jobs, over a client that is made up."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from ray.job_submission import JobStatus

from domain.errors import NotFound, UnavailableError
from domain.tenancy import TenantId
from serve.jobs.retrain import main
from serve.jobs.submission import RayJobs, entrypoint
from serve.retraining_schedule import JobOrder

ORDER = JobOrder("pcg-retrain-1", (TenantId("acme"), TenantId("globex")), datetime(2026, 3, 2, 3, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Job:
    entrypoint: str
    status: JobStatus
    submission_id: str | None = None
    job_id: str | None = None
    message: str | None = None


@dataclass
class Client:
    jobs: list[Job] = field(default_factory=list)
    submitted: list[dict[str, Any]] = field(default_factory=list)

    def submit_job(self, **given: Any) -> str:
        self.submitted.append(given)
        return str(given["submission_id"])

    def list_jobs(self) -> list[Job]:
        return self.jobs


def jobs_of(client: Client) -> RayJobs:
    return RayJobs({"PCG_STORE_DIR": "/var/lib/pcg"}, lambda: client)  # type: ignore[arg-type, return-value]


def test_a_job_gets_the_tenants_the_instant_and_the_settings_as_variables() -> None:
    client = Client()
    jobs_of(client).submit(ORDER)
    (given,) = client.submitted
    assert given["submission_id"] == "pcg-retrain-1"
    assert given["runtime_env"]["env_vars"]["PCG_STORE_DIR"] == "/var/lib/pcg"
    assert shlex.split(given["entrypoint"])[1:] == [
        "-m", "serve.jobs.retrain", "--tenant", "acme", "--tenant", "globex", "--as-of", "2026-03-02T03:00:00Z",
    ]  # fmt: skip


def test_the_command_is_one_that_the_job_understands(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*shlex.split(entrypoint(ORDER))[3:], "--config", "/nowhere.toml"]
    assert main(arguments) == 2
    assert "settings file does not exist" in capsys.readouterr().err


def test_only_retrainings_that_have_not_ended_run() -> None:
    mine = entrypoint(ORDER)
    client = Client([
        Job(mine, JobStatus.RUNNING, "a"), Job(mine, JobStatus.PENDING, None, "02"), Job(mine, JobStatus.FAILED, "c"),
        Job("python -m serve.jobs.bulk_scan", JobStatus.RUNNING, "d"),
    ])  # fmt: skip
    assert jobs_of(client).running() == ["a", "02"]


def test_a_job_is_over_when_its_status_is_and_says_how_it_ended() -> None:
    client = Client([Job("x", JobStatus.FAILED, "a", message="exit code 2: no week"), Job("x", JobStatus.RUNNING, "b")])
    seen = jobs_of(client).seen("a")
    assert seen.is_over
    assert seen.told == "FAILED: exit code 2: no week"
    assert not jobs_of(client).seen("b").is_over
    with pytest.raises(NotFound):
        jobs_of(client).seen("c")


@pytest.mark.parametrize(
    "error", [ConnectionError("refused"), RuntimeError("No available agent"), ValueError("no url")]
)
def test_a_cluster_that_takes_no_jobs_is_unavailable_and_says_what_to_do(error: Exception) -> None:
    def connect() -> Any:
        raise error

    jobs = RayJobs({}, connect)
    for ask in (lambda: jobs.submit(ORDER), jobs.running, lambda: jobs.seen("a")):
        with pytest.raises(UnavailableError, match="takes no jobs") as caught:
            ask()
        assert str(error) in str(caught.value.facts["reason"])
        assert "ray_dashboard" in str(caught.value.facts["todo"])
