"""Questions about the logs, as part of the evidence actor: entries, proofs, lists, checks. Run beside a write.

Where an answer needs a published checkpoint over what is recorded, it is published first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import orjson

from actors.evidence_pages import BlockPage, EvidencePage, EvidenceQuery
from actors.evidence_reader import Counts, EvidenceReader, LogStatus
from actors.messages import BlockCheck, EvidenceView, InclusionView
from actors.open_writer import OpenWriter
from chain.block_check import check_block
from chain.checkpoint_commitment import CheckpointOpening
from chain.read_models import LatestEvidence
from chain.shard import LogHead, ShardLog
from chain.signed_checkpoints import SignedPair
from chain.tree_hash import BOTH
from chain.verify import VerificationReport
from chain.writer import EvidenceWriter
from domain.clock import parse_instant
from domain.errors import NotFound
from domain.evidence import EntryId, LogName
from domain.tenancy import TenantId


class LogReading:
    """Reads the logs of all tenants."""

    def __init__(self, opened: OpenWriter) -> None:
        self._opened = opened
        self._reader = EvidenceReader(opened.shards, opened.lock, opened.folders.read_models)

    def recorded_at(self, tenant: TenantId, request_ids: Sequence[str]) -> list[datetime | None]:
        """The time in the entry of each request, None where it was never recorded."""
        with self._opened.held() as writer:
            shards = writer.shards(tenant)
            found = [next((hit for shard in shards if (hit := shard.find(name))), None) for name in request_ids]
        return [None if hit is None else parse_instant(orjson.loads(hit[1])["at"]) for hit in found]

    def opening(self, tenant: TenantId, log: LogName | None = None, note: str | None = None) -> CheckpointOpening:
        """What shows that the tenant's checkpoint, by default its newest, is in the platform log."""
        with self._opened.held() as writer:
            return writer.opening(tenant, log=log, note=note)

    def signed_checkpoints(self, tenant: TenantId, log: LogName) -> tuple[SignedPair, ...]:
        """What was signed of one of the tenant's logs, oldest first."""
        with self._opened.held() as writer:
            return writer.shard(tenant, log).signed_checkpoints()

    def key_entries(self, tenant: TenantId, log: LogName) -> tuple[int, ...]:
        """Places of what may be entries about the keys of one of the tenant's logs."""
        with self._opened.held() as writer:
            return tuple(writer.shard(tenant, log).log.key_entries)

    def entry(self, tenant: TenantId, entry_id: EntryId) -> EvidenceView:
        """One entry of the tenant's logs.

        Raises:
            NotFound: the tenant has no such entry.
        """
        with self._opened.held() as writer:
            content = writer.shard(tenant, entry_id.log).entry(entry_id.index)
        leaves = (BOTH.sha256.leaf(content).hex(), BOTH.sha3_256.leaf(content).hex())
        return EvidenceView(entry_id, orjson.loads(content), *leaves)

    def inclusion(self, tenant: TenantId, entry_id: EntryId) -> InclusionView:
        """Prove that an entry is under the published checkpoints; what is not yet published is published first.

        Raises:
            NotFound: the tenant has no such entry.
        """
        with self._opened.held() as writer:
            view = self.entry(tenant, entry_id)
            shard = writer.shard(tenant, entry_id.log)
            head = _head_over(writer, shard, entry_id.index)
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
        place = self._opened.place
        with self._opened.held() as writer:
            writer.shard(tenant).head()
            if isinstance(place.of(tenant), Path):
                return place.verify(tenant)
        return place.verify(tenant)

    def check_block(self, tenant: TenantId, block_id: EntryId) -> BlockCheck:
        """Compute a block's roots and its predecessor's hash again and compare them with its header.

        Raises:
            NotFound: the tenant has no such block.
        """
        with self._opened.held() as writer:
            index, block, differing = check_block(writer.shard(tenant, block_id.log), block_id.index)
        found = block_id.log.entry(index)
        return BlockCheck(block_id, found, block.size, block.root_sha256, block.root_sha3_256, differing)

    def ping(self) -> str:
        """Answer, to show that the writer is there."""
        return "ok"


def _head_over(writer: EvidenceWriter, shard: ShardLog, index: int) -> LogHead:
    try:
        head = shard.head()
    except NotFound:
        head = None
    if head is None or index >= head.size:
        writer.publish(shard.tenant)
    return shard.head()
