"""Small logs for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chain.batch import EntryBatch
from chain.file_journal import FileJournal, Sync
from chain.shard import LogHead, OpenSigners, ShardLog
from chain.writer import EvidenceWriter
from domain.evidence import Artifact, EventType, EvidenceEvent, Receipt
from domain.tenancy import TenantId
from domain.value import Json

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
PREFIX = "example.org/evidence"
ORIGIN = f"{PREFIX}/acme/2026"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass
class Wrist:
    """A clock that stands still until it is set."""

    time: datetime = NOON

    def now(self) -> datetime:
        return self.time


def event(
    request_id: str,
    *,
    body: Mapping[str, Json] | None = None,
    artifacts: Mapping[str, Artifact] | None = None,
    tenant: TenantId = ACME,
    type: EventType = EventType.POLICY_EVALUATED,
) -> EvidenceEvent:
    return EvidenceEvent(
        tenant=tenant,
        request_id=request_id,
        type=type,
        occurred_at=NOON,
        body=body or {"policy": "pcg-1", "result": f"for {request_id}"},
        artifacts=artifacts or {},
    )


def chain_folder(path: Path) -> Path:
    """What the writer alone sees."""
    return path / "chain"


def shard_state(path: Path) -> Path:
    """Keys and signed checkpoints of acme's log."""
    return chain_folder(path) / "logs/acme/2026"


def segment(path: Path, number: int = 1, year: int = 2026) -> Path:
    """A file of the journal."""
    return chain_folder(path) / f"journal/{number:08d}-{year}"


def tenant_folder(path: Path, tenant: TenantId = ACME) -> Path:
    return path / "evidence" if tenant == ACME else path / f"evidence of {tenant}"


def published_folder(path: Path) -> Path:
    """What a stranger gets of acme's log."""
    return tenant_folder(path) / "2026"


def open_store(
    path: Path, clock: Wrist | None = None, *, journal: FileJournal | None = None, signers: OpenSigners | None = None
) -> EvidenceWriter:
    return EvidenceWriter(
        chain_folder(path),
        lambda tenant: tenant_folder(path, tenant),
        origin_prefix=PREFIX,
        clock=clock or Wrist(),
        journal=journal,
        signers=signers,
    )


@dataclass
class AcmeLog:
    """The one log of most tests, and the writer that it belongs to."""

    writer: EvidenceWriter

    @property
    def shard(self) -> ShardLog:
        return self.writer.shard(ACME)

    def append(self, events: Sequence[EvidenceEvent]) -> list[Receipt]:
        batch = EntryBatch.encode(events)
        return self.writer.append(batch).receipts(batch)

    def publish(self) -> LogHead:
        return self.writer.publish(ACME)

    def __enter__(self) -> AcmeLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()


def open_writer(path: Path, *, sync: Sync | None = None, signers: OpenSigners | None = None) -> AcmeLog:
    journal = FileJournal(chain_folder(path), sync=sync) if sync else None
    return AcmeLog(open_store(path, journal=journal, signers=signers))


def publish_small_log(path: Path, *, batches: tuple[int, ...] = (3, 4)) -> Path:
    """A log of several publications with one artifact; returns the published folder."""
    with open_writer(path) as log:
        for number, count in enumerate(batches):
            log.append([event(f"{number}-{item}") for item in range(count)])
            log.append([event(f"{number}-with", artifacts={"a.txt": Artifact("text/plain", b"attached")})])
            log.publish()
    return published_folder(path)
