"""Small logs for tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from chain.writer import LogWriter
from domain.evidence import Artifact, EventType, EvidenceEvent
from domain.tenancy import TenantId
from domain.value import Json

ACME = TenantId("acme")
ORIGIN = "example.org/evidence/acme"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Noon:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOON


def event(
    request_id: str,
    *,
    body: Mapping[str, Json] | None = None,
    artifacts: Mapping[str, Artifact] | None = None,
    tenant: TenantId = ACME,
) -> EvidenceEvent:
    return EvidenceEvent(
        tenant=tenant,
        request_id=request_id,
        type=EventType.POLICY_EVALUATED,
        occurred_at=NOON,
        body=body or {"policy": "pcg-1", "result": f"for {request_id}"},
        artifacts=artifacts or {},
    )


def open_writer(path: Path, **options: object) -> LogWriter:
    return LogWriter(path / "evidence", path / "state", origin=ORIGIN, clock=Noon(), **options)  # type: ignore[arg-type]


def publish_small_log(path: Path, *, batches: tuple[int, ...] = (3, 4)) -> Path:
    """A log of several publications with one artifact; returns the published folder."""
    with open_writer(path) as writer:
        for number, count in enumerate(batches):
            writer.append([event(f"{number}-{item}") for item in range(count)])
            writer.append([event(f"{number}-with", artifacts={"a.txt": Artifact("text/plain", b"attached")})])
            writer.publish()
    return path / "evidence"
