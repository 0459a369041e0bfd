"""Retrainings as jobs of the Ray cluster that the platform runs on.

A cluster takes jobs where its dashboard runs (`ray_dashboard` on one machine). The address is the one that the cluster
itself tells; a job gets the platform's settings as variables, and its own process attaches to the platform's actors.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import ray

from domain.clock import format_instant
from domain.errors import NotFound, UnavailableError
from serve.retraining_schedule import JobOrder, JobSeen

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

MODULE: Final = "serve.jobs.retrain"
ROOT: Final = Path(__file__).parents[2]
TOLD_MAX: Final = 600
TODO: Final = f"Let ray_dashboard be true, or submit it by hand: python -m {MODULE} (docs/prediction.md)"


class RayJobs:
    """Jobs of the cluster that this process is part of.

    Args:
        environment: variables of every job.
        connect: opens a client; the cluster's own where not given.
    """

    def __init__(
        self, environment: Mapping[str, str], connect: Callable[[], JobSubmissionClient] | None = None
    ) -> None:
        self._environment, self._connect = environment, connect or _connected

    def submit(self, order: JobOrder) -> None:
        """Begin a retraining.

        Raises:
            UnavailableError: no job can be submitted now.
        """
        with self._asking() as client:
            client.submit_job(
                entrypoint=entrypoint(order),
                submission_id=order.job,
                runtime_env={"env_vars": {**self._environment, "PYTHONPATH": str(ROOT)}},
                metadata={"asked_by": "the schedule of retrainings"},
            )

    def seen(self, job: str) -> JobSeen:
        """How a job is, and the end of what it said.

        Raises:
            NotFound: the cluster knows no such job: it is another one than that it was submitted to.
            UnavailableError: the cluster does not say.
        """
        with self._asking() as client:
            found = {one.submission_id: one for one in client.list_jobs()}.get(job)
        if found is None:
            raise NotFound("the cluster that it was submitted to is gone", job=job, todo="The schedule repeats it")
        return JobSeen(found.status.is_terminal(), f"{found.status.value}: {(found.message or '')[-TOLD_MAX:]}")

    def running(self) -> list[str]:
        """Retrainings that have not ended, whoever submitted them.

        Raises:
            UnavailableError: the cluster does not say.
        """
        with self._asking() as client:
            jobs = [one for one in client.list_jobs() if MODULE in one.entrypoint and not one.status.is_terminal()]
        return [str(one.submission_id or one.job_id) for one in jobs]

    @contextmanager
    def _asking(self) -> Iterator[JobSubmissionClient]:
        try:
            yield self._connect()
        except (OSError, RuntimeError, ValueError) as error:  # what Ray's client raises, whatever is wrong
            raise UnavailableError(
                "the cluster takes no jobs", reason=f"{type(error).__name__}: {error}"[:300], todo=TODO
            ) from error


def entrypoint(order: JobOrder) -> str:
    """The command that a job runs."""
    tenants = [part for tenant in order.tenants for part in ("--tenant", tenant)]
    return shlex.join([sys.executable, "-m", MODULE, *tenants, "--as-of", format_instant(order.at)])


def _connected() -> JobSubmissionClient:
    from ray.job_submission import JobSubmissionClient  # noqa: PLC0415 (a second, of a process that may never need it)

    return JobSubmissionClient(ray.get_runtime_context().gcs_address)
