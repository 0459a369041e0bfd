"""The only writer of the evidence logs of all tenants, opened at first use.

Entries arrive encoded and hashed. The lock below puts reads between writes, since a writer is not for several threads;
a restart is a normal start, because everything acknowledged is in the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock

import orjson

from actors.evidence_pages import BlockPage, EvidencePage, EvidenceQuery
from actors.evidence_reader import Counts, EvidenceReader, LogStatus
from actors.folders import Folders
from actors.log_custody import CustodyOrder, LogKeyRow, carry_out, list_keys, report_keys
from actors.log_pages import Page, artifact_of, entries_after, entries_before
from actors.messages import BlockCheck, EvidenceView, InclusionView
from chain.batch import EntryBatch, Placements
from chain.block_check import check_block
from chain.checkpoint_commitment import CheckpointOpening
from chain.keys.log_key_places import LogKeyPlaces
from chain.keys.reference import KeySources, no_secrets
from chain.read_models import LatestEvidence
from chain.shard import LogHead, ShardLog
from chain.tree_hash import BOTH
from chain.verify import VerificationReport, verify_directory
from chain.writer import LOGS, EvidenceWriter
from domain.clock import Clock, parse_instant
from domain.errors import NotFound
from domain.evidence import EntryId, EvidenceEvent, LogName, Receipt
from domain.tenancy import PLATFORM, TenantId


@dataclass(frozen=True, slots=True)
class PublishedHead:
    """A published log and the folder that holds the tenant's logs of all years."""

    head: LogHead
    directory: Path


class EvidenceChain:
    """Records entries, publishes logs and proves what is in them. Every method can be repeated safely."""

    def __init__(self, folders: Folders, clock: Clock | None = None, *, log_keys: LogKeyPlaces | None = None) -> None:
        self._folders = folders
        self._log_keys = log_keys or LogKeyPlaces(folders.chain / LOGS, KeySources(no_secrets))
        self._clock = clock
        self._opened: EvidenceWriter | None = None
        self._lock = RLock()
        self._reader = EvidenceReader(self._shards, self._lock, folders.read_models)

    def append(self, batch: EntryBatch) -> Placements:
        """Record entries, possibly of several tenants, with one sync.

        Raises:
            ConflictError: a request id came back with another content.
            UnavailableError: the disk is full or failed.
        """
        with self._lock:
            return self._writer.append(batch)

    def platform_append(self, events: Sequence[EvidenceEvent]) -> list[Receipt]:
        """Record what concerns the platform as a whole."""
        with self._lock:
            return self._writer.platform_append(events)

    def platform_entries(self, after: EntryId | None, count: int) -> Page:
        """Entries of the platform log behind one, oldest first."""
        with self._lock:
            return entries_after(self._writer.shards(PLATFORM), after, count)

    def platform_entries_before(self, before: EntryId | None, count: int) -> Page:
        """Entries of the platform log ahead of one, or of its end, newest first."""
        with self._lock:
            return entries_before(self._writer.shards(PLATFORM), before, count)

    def platform_artifact(self, sha256: str) -> bytes:
        """An artifact of the platform log."""
        with self._lock:
            return artifact_of(self._writer.shards(PLATFORM), sha256)

    def recorded_at(self, tenant: TenantId, request_ids: Sequence[str]) -> list[datetime | None]:
        """The time in the entry of each request, None where it was never recorded."""
        with self._lock:
            shards = self._writer.shards(tenant)
            found = [next((hit for shard in shards if (hit := shard.find(name))), None) for name in request_ids]
        return [None if hit is None else parse_instant(orjson.loads(hit[1])["at"]) for hit in found]

    def publish(self, tenant: TenantId, at: datetime | None = None) -> PublishedHead:
        """Seal what is new, at a time or now, and write the tenant's folder."""
        with self._lock:
            return PublishedHead(self._writer.publish(tenant, at), self._folders.evidence_of(tenant))

    def publish_platform(self) -> PublishedHead:
        """Publish the platform log, over the newest checkpoint of every tenant."""
        with self._lock:
            return PublishedHead(self._writer.publish_platform(), self._folders.evidence_of(PLATFORM))

    def opening(self, tenant: TenantId, log: LogName | None = None, note: str | None = None) -> CheckpointOpening:
        """What shows that the tenant's checkpoint, by default its newest, is in the platform log."""
        with self._lock:
            return self._writer.opening(tenant, log=log, note=note)

    def entry(self, tenant: TenantId, entry_id: EntryId) -> EvidenceView:
        """One entry of the tenant's logs.

        Raises:
            NotFound: the tenant has no such entry.
        """
        with self._lock:
            content = self._writer.shard(tenant, entry_id.log).entry(entry_id.index)
        leaves = (BOTH.sha256.leaf(content).hex(), BOTH.sha3_256.leaf(content).hex())
        return EvidenceView(entry_id, orjson.loads(content), *leaves)

    def inclusion(self, tenant: TenantId, entry_id: EntryId) -> InclusionView:
        """Prove that an entry is under the published checkpoints; what is not yet published is published first.

        Raises:
            NotFound: the tenant has no such entry.
        """
        with self._lock:
            view = self.entry(tenant, entry_id)
            shard = self._writer.shard(tenant, entry_id.log)
            head = self._head_over(shard, entry_id.index)
            proofs = shard.inclusion_proof(entry_id.index, head.size)
        return InclusionView(
            id=entry_id,
            size=head.size,
            leaf_sha256=view.leaf_sha256,
            leaf_sha3_256=view.leaf_sha3_256,
            path_sha256=tuple(step.hex() for step in proofs.sha256.path),
            path_sha3_256=tuple(step.hex() for step in proofs.sha3_256.path),
            checkpoint=head.checkpoint,
            checkpoint_sha3=head.checkpoint_sha3,
        )

    def heads(self, tenant: TenantId) -> list[LogStatus]:
        """The tenant's logs, oldest first."""
        return self._reader.heads(tenant)

    def page(self, tenant: TenantId, query: EvidenceQuery) -> EvidencePage:
        """A page of evidence, newest first."""
        return self._reader.page(tenant, query)

    def blocks(self, tenant: TenantId, *, before: EntryId | None, limit: int) -> BlockPage:
        """A page of blocks, newest first."""
        return self._reader.blocks(tenant, before=before, limit=limit)

    def counts(self, tenant: TenantId) -> Counts:
        """Entries by type and day."""
        return self._reader.counts(tenant)

    def latest(self, tenant: TenantId, matter: str, *, after: str = "", limit: int) -> list[LatestEvidence]:
        """The newest evidence on each control, subject or policy, by name."""
        return self._reader.latest(tenant, matter, after=after, limit=limit)

    def commitments(self, tenant: TenantId, pseudonym: str) -> int:
        """How many commitments the tenant's entries hold under a pseudonym."""
        return self._reader.commitments(tenant, pseudonym)

    def verify(self, tenant: TenantId) -> VerificationReport:
        """Check every byte of the tenant's published folder, as a stranger would.

        Raises:
            NotFound: nothing was published yet.
        """
        with self._lock:
            self._writer.shard(tenant).head()
            return verify_directory(self._folders.evidence_of(tenant))

    def check_block(self, tenant: TenantId, block_id: EntryId) -> BlockCheck:
        """Compute a block's roots and its predecessor's hash again and compare them with its header.

        Raises:
            NotFound: the tenant has no such block.
        """
        with self._lock:
            index, block, differing = check_block(self._writer.shard(tenant, block_id.log), block_id.index)
        found = block_id.log.entry(index)
        return BlockCheck(block_id, found, block.size, block.root_sha256, block.root_sha3_256, differing)

    def log_keys(self, tenant: TenantId) -> list[LogKeyRow]:
        """The keys of the tenant's logs and what each is to its log."""
        with self._lock:
            return list_keys(self._writer, tenant)

    def keep_keys(self, tenant: TenantId, order: CustodyOrder) -> list[LogKeyRow]:
        """Rotate the keys of the tenant's newest log, end an overlap, or freeze the log and begin its successor."""
        with self._lock:
            return carry_out(self._writer, self._log_keys, tenant, order)

    def report_keys(self) -> list[str]:
        """Digests of the keys that sign report packs, oldest first, as the platform log has them."""
        with self._lock:
            return report_keys(self._writer)

    def ping(self) -> str:
        """Answer, to show that the writer is there."""
        return "ok"

    def close(self) -> None:
        """Let other writers in."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = None

    def _shards(self, tenant: TenantId) -> list[ShardLog]:
        return self._writer.shards(tenant)

    @property
    def _writer(self) -> EvidenceWriter:
        if self._opened is None:
            folders = self._folders
            folders.require_present_layout()
            self._opened = EvidenceWriter(
                folders.chain,
                folders.evidence_of,
                origin_prefix=folders.origin_prefix,
                signers=self._log_keys.held,
                clock=self._clock,
            )
        return self._opened

    def _head_over(self, shard: ShardLog, index: int) -> LogHead:
        try:
            head = shard.head()
        except NotFound:
            head = None
        if head is None or index >= head.size:
            self._writer.publish(shard.tenant)
        return shard.head()
