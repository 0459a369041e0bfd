"""The tenant's evidence: recording it, reading it, proving it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path

from domain.evidence import EntryId, EventType, EvidenceEvent, Receipt
from serve.api.context import ApiContext, Caller, CallerOf, Context, IdempotencyKey
from serve.api.models import (
    BatchBody,
    BlockView,
    CollectBody,
    EvidenceEntryView,
    ProofView,
    ReceiptsView,
    ReceiptView,
    VerificationView,
)
from serve.problem import problem_responses

_PROBLEMS = problem_responses(401, 422, 500, 503, 504)
evidence_router = APIRouter(prefix="/evidence", tags=["evidence"], responses=_PROBLEMS)
chain_router = APIRouter(prefix="/chain", tags=["chain"], responses=_PROBLEMS)

EvidenceId = Annotated[str, Path(max_length=40, description="Year and index of the entry, such as 2026-17")]
BlockId = Annotated[str, Path(max_length=40, description="Year and height of the block, such as 2026-3")]


@evidence_router.post("/collect", status_code=201, responses=problem_responses(409))
def collect(body: CollectBody, caller: CallerOf, context: Context, key: IdempotencyKey = None) -> ReceiptView:
    """Record one piece of evidence. Durable when answered; the same id (or key) again gives the first receipt."""
    return _record([body], caller, context, key)[0]


@evidence_router.post("/batch", status_code=201, responses=problem_responses(409))
def batch(body: BatchBody, caller: CallerOf, context: Context, key: IdempotencyKey = None) -> ReceiptsView:
    """Record many pieces at once, all of them or none."""
    return ReceiptsView(receipts=_record(body.items, caller, context, key))


@evidence_router.get("/{evidence_id}", responses=problem_responses(404))
def entry(evidence_id: EvidenceId, caller: CallerOf, context: Context) -> EvidenceEntryView:
    """One entry as recorded, with its hashes in both trees."""
    found = context.platform.evidence(caller.tenant, EntryId.parse(evidence_id))
    return EvidenceEntryView(
        evidence_id=str(found.id),
        index=found.id.index,
        entry=dict(found.entry),
        leaf_sha256=found.leaf_sha256,
        leaf_sha3_256=found.leaf_sha3_256,
    )


@chain_router.get("/verify", responses=problem_responses(404))
def verify(caller: CallerOf, context: Context) -> VerificationView:
    """Check every byte of the published log, as `pcg verify` does offline; the keys are the log's own."""
    found = context.platform.verify(caller.tenant)
    return VerificationView(
        ok=found.ok,
        origin=found.origin,
        entries=found.entries,
        blocks=found.blocks,
        root_sha256=found.root_sha256,
        root_sha3_256=found.root_sha3_256,
        key_trusted=found.key_trusted,
        findings=[str(finding) for finding in found.findings],
    )


@chain_router.get("/verify/{block_id}", responses=problem_responses(404))
def verify_block(
    block_id: BlockId,
    caller: CallerOf,
    context: Context,
) -> BlockView:
    """Compute what one block header states again, and compare."""
    found = context.platform.check_block(caller.tenant, EntryId.parse(block_id))
    return BlockView(
        ok=found.ok,
        block_id=str(found.id),
        height=found.id.index,
        evidence_id=str(found.entry_id),
        index=found.entry_id.index,
        size=found.size,
        root_sha256=found.root_sha256,
        root_sha3_256=found.root_sha3_256,
        differing=list(found.differing),
    )


@chain_router.get("/merkle-proof/{evidence_id}", responses=problem_responses(404))
def merkle_proof(evidence_id: EvidenceId, caller: CallerOf, context: Context) -> ProofView:
    """Inclusion proofs in both trees, under signed checkpoints."""
    found = context.platform.inclusion(caller.tenant, EntryId.parse(evidence_id))
    return ProofView(
        evidence_id=str(found.id),
        index=found.id.index,
        size=found.size,
        leaf_sha256=found.leaf_sha256,
        leaf_sha3_256=found.leaf_sha3_256,
        path_sha256=list(found.path_sha256),
        path_sha3_256=list(found.path_sha3_256),
        checkpoint=found.checkpoint,
        checkpoint_sha3=found.checkpoint_sha3,
    )


def _record(items: Sequence[CollectBody], caller: Caller, context: ApiContext, key: str | None) -> list[ReceiptView]:
    """Record; a repeat that names no time means the time of its first recording."""
    ids = [_request_id(body, place, key) for place, body in enumerate(items)]
    former = context.platform.recorded_at(caller.tenant, ids)
    now = context.clock.now()
    events = [
        EvidenceEvent(
            tenant=caller.tenant,
            request_id=request_id,
            type=EventType.EVIDENCE_COLLECTED,
            occurred_at=body.occurred_at or at or now,
            body={"id": body.id, "subject": body.subject, "body": body.body},
        )
        for body, request_id, at in zip(items, ids, former, strict=True)
    ]
    return [_receipt(receipt) for receipt in context.platform.collect(events)]


def _request_id(body: CollectBody, place: int, key: str | None) -> str:
    return f"api/id/{body.id}" if key is None else f"api/key/{key}/{place}"


def _receipt(found: Receipt) -> ReceiptView:
    return ReceiptView(
        request_id=found.request_id,
        evidence_id=str(found.id),
        origin=found.origin,
        index=found.index,
        leaf_sha256=found.leaf_sha256,
        leaf_sha3_256=found.leaf_sha3_256,
    )
