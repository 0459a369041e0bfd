"""How far a job is, where Ray shows it: in the job's metadata, as gauges, and by the names of its tasks.

The metadata of a job that runs is changed through Ray's own store of jobs, for which there is no public call; where
that fails, the job goes on without it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Final

import ray
from ray.util.metrics import Gauge

WRITE_S: Final = 1.0
SUBMISSION: Final = "job_submission_id"
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """How far a bulk scan is."""

    parts: int
    parts_total: int
    buckets: int
    buckets_total: int
    resources: int
    resumed: int

    def metadata(self) -> dict[str, str]:
        """As a job's metadata has it: text by name."""
        total = max(1, self.parts_total + self.buckets_total)
        return {
            "pcg_progress_percent": str(100 * (self.parts + self.buckets) // total),
            "pcg_parts": f"{self.parts}/{self.parts_total}",
            "pcg_buckets": f"{self.buckets}/{self.buckets_total}",
            "pcg_resources": str(self.resources),
            "pcg_resumed": str(self.resumed),
        }


class JobProgress:
    """Tells Ray how far this job is."""

    def __init__(self) -> None:
        self._submission = _submission_id()
        self._written_at = -WRITE_S
        self._gauges = {
            name: Gauge(f"pcg_bulk_scan_{name}", description=text)
            for name, text in (
                ("parts_done", "Parts of the input that were read"),
                ("buckets_done", "Buckets of resources that were judged"),
                ("resources", "Resources that were judged"),
            )
        }

    def report(self, done: Done, *, is_last: bool = False) -> None:
        """Show this; more often than once a second only the gauges are moved."""
        for name, value in (("parts_done", done.parts), ("buckets_done", done.buckets), ("resources", done.resources)):
            self._gauges[name].set(value)
        if self._submission is None or (not is_last and monotonic() - self._written_at < WRITE_S):
            return
        self._written_at = monotonic()
        try:
            asyncio.run(_write(self._submission, done.metadata()))
        except (ImportError, AttributeError, RuntimeError, OSError, TypeError) as error:
            _LOG.warning("the job's metadata cannot be written: %s", error)
            self._submission = None


def _submission_id() -> str | None:
    """The id under which this job was submitted; None for a driver that was started otherwise."""
    found = dict(_worker().core_worker.get_job_config().metadata).get(SUBMISSION)
    return str(found) if found else None


async def _write(submission: str, metadata: Mapping[str, str]) -> None:
    from ray.dashboard.modules.job.common import JobInfoStorageClient  # noqa: PLC0415

    jobs: Any = JobInfoStorageClient(_worker().gcs_client)
    info = await jobs.get_info(submission)
    if info is not None:
        await jobs.put_info(submission, replace(info, metadata={**(info.metadata or {}), **metadata}))


def _worker() -> Any:
    return ray._private.worker.global_worker
