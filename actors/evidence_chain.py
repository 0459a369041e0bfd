"""The only writer of the evidence logs: one log per tenant, opened at first use.

Appends of a batch are grouped by tenant, one sync each. The lock below puts reads between writes, since a log writer
is not for several threads; a restart is a normal start, because everything acknowledged is in the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock

import orjson

from actors.folders import Folders
from actors.messages import BlockCheck, EvidenceView, InclusionView
from chain.entry import BLOCK_REQUEST_PREFIX
from chain.envelope import NO_BLOCK, BlockReference, block_hash, read_envelope
from chain.tree_hash import BOTH
from chain.verify import VerificationReport, verify_directory
from chain.writer import LogHead, LogWriter
from domain.clock import parse_instant
from domain.errors import NotFound
from domain.evidence import EvidenceEvent, Receipt
from domain.tenancy import TenantId


@dataclass(frozen=True, slots=True)
class PublishedHead:
    """A published log and the folder that holds it."""

    head: LogHead
    directory: Path


class EvidenceChain:
    """Records events, publishes logs and proves what is in them. Every method can be repeated safely."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._writers: dict[TenantId, LogWriter] = {}
        self._lock = RLock()

    def append(self, events: Sequence[EvidenceEvent]) -> list[Receipt]:
        """Record events, possibly of several tenants; receipts are in the order of the events.

        Raises:
            ConflictError: a request id came back with another content.
            UnavailableError: the disk is full or failed.
        """
        by_tenant: dict[TenantId, list[EvidenceEvent]] = {}
        for event in events:
            by_tenant.setdefault(event.tenant, []).append(event)
        with self._lock:
            receipts = {
                (tenant, receipt.request_id): receipt
                for tenant, own in by_tenant.items()
                for receipt in self._writer(tenant).append(own)
            }
        return [receipts[event.tenant, event.request_id] for event in events]

    def recorded_at(self, tenant: TenantId, request_ids: Sequence[str]) -> list[datetime | None]:
        """The time in the entry of each request, None where it was never recorded."""
        with self._lock:
            writer = self._writer(tenant)
            receipts = [writer.receipt(request_id) for request_id in request_ids]
            entries = [None if receipt is None else writer.entry(receipt.index) for receipt in receipts]
        return [None if entry is None else parse_instant(orjson.loads(entry)["at"]) for entry in entries]

    def publish(self, tenant: TenantId, at: datetime | None = None) -> PublishedHead:
        """Seal what is new, at a time or now, and write the tenant's folder."""
        with self._lock:
            return PublishedHead(self._writer(tenant).publish(at), self._folders.log(tenant).directory)

    def entry(self, tenant: TenantId, index: int) -> EvidenceView:
        """One entry of the tenant's log.

        Raises:
            NotFound: the tenant's log is not that long.
        """
        with self._lock:
            content = self._writer(tenant).entry(index)
        leaves = (BOTH.sha256.leaf(content).hex(), BOTH.sha3_256.leaf(content).hex())
        return EvidenceView(index, orjson.loads(content), *leaves)

    def inclusion(self, tenant: TenantId, index: int) -> InclusionView:
        """Prove that an entry is under the published checkpoints; what is not yet published is published first.

        Raises:
            NotFound: the tenant's log is not that long.
        """
        with self._lock:
            view = self.entry(tenant, index)
            writer = self._writer(tenant)
            head = self._head_over(writer, index)
            proofs = writer.inclusion_proof(index, head.size)
        return InclusionView(
            index=index,
            size=head.size,
            leaf_sha256=view.leaf_sha256,
            leaf_sha3_256=view.leaf_sha3_256,
            path_sha256=tuple(step.hex() for step in proofs.sha256.path),
            path_sha3_256=tuple(step.hex() for step in proofs.sha3_256.path),
            checkpoint=head.checkpoint,
            checkpoint_sha3=head.checkpoint_sha3,
        )

    def verify(self, tenant: TenantId) -> VerificationReport:
        """Check every byte of the tenant's published folder, as a stranger would.

        Raises:
            NotFound: nothing was published yet.
        """
        with self._lock:
            self._writer(tenant).head()
            return verify_directory(self._folders.log(tenant).directory)

    def check_block(self, tenant: TenantId, height: int) -> BlockCheck:
        """Compute a block's roots and its predecessor's hash again and compare them with its header.

        Raises:
            NotFound: the tenant's log has no such block.
        """
        with self._lock:
            return _check_block(self._writer(tenant), height)

    def ping(self) -> str:
        """Answer, to show that the writer is there."""
        return "ok"

    def close(self) -> None:
        """Let other writers in."""
        with self._lock:
            for writer in self._writers.values():
                writer.close()
            self._writers.clear()

    def _writer(self, tenant: TenantId) -> LogWriter:
        writer = self._writers.get(tenant)
        if writer is None:
            place = self._folders.log(tenant)
            writer = LogWriter(place.directory, place.state_directory, origin=place.origin, tenant=tenant)
            self._writers[tenant] = writer
        return writer

    def _head_over(self, writer: LogWriter, index: int) -> LogHead:
        try:
            head = writer.head()
        except NotFound:
            return writer.publish()
        return head if index < head.size else writer.publish()


def _check_block(writer: LogWriter, height: int) -> BlockCheck:
    receipt, block = _block(writer, height)
    former = NO_BLOCK if height == 0 else block_hash(writer.entry(_block(writer, height - 1)[0].index))
    roots = writer.root(block.size)
    compared = (
        ("prev", former, block.prev),
        ("root_sha256", roots.sha256.hex(), block.root_sha256),
        ("root_sha3_256", roots.sha3_256.hex(), block.root_sha3_256),
    )
    differing = tuple(field for field, expected, got in compared if expected != got)
    return BlockCheck(height, receipt.index, block.size, block.root_sha256, block.root_sha3_256, differing)


def _block(writer: LogWriter, height: int) -> tuple[Receipt, BlockReference]:
    receipt = writer.receipt(f"{BLOCK_REQUEST_PREFIX}{height}")
    block = None if receipt is None else read_envelope(writer.entry(receipt.index)).block
    if receipt is None or block is None:
        raise NotFound(
            "no such block", origin=writer.origin, height=height, todo="Blocks are sealed when a log is published"
        )
    return receipt, block
