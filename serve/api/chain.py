"""The tenant's logs: events with whole bodies, proofs, blocks, and what is published."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response

from actors.messages import InclusionView
from chain.proof import InclusionProof, format_proof
from domain.evidence import EntryId
from serve.api.context import CallerOf, Context
from serve.api.evidence import Cursor, EvidenceId, receipt
from serve.api.evidence_models import (
    BlockRow,
    BlocksView,
    BlockView,
    HeadsView,
    HeadView,
    ProofView,
    ReceiptView,
    VerificationView,
)
from serve.api.raw_body import described
from serve.api.submission import submission_of_event
from serve.evidence_rows import head_row
from serve.problem import problem_responses

router = APIRouter(
    prefix="/chain",
    tags=["chain"],
    responses=problem_responses(401, 422, 500, 503, 504),
)

TEXT: Final = "text/plain"
BlockId = Annotated[str, Path(max_length=40, description="Year and height of the block, such as 2026-3")]
_PROOF: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {TEXT: {"schema": {"type": "string"}}}}}


@router.post(
    "/add",
    status_code=201,
    response_model=ReceiptView,
    responses=problem_responses(409, 429),
    openapi_extra=described("EventBody"),
)
async def add(request: Request) -> Response:
    """Record an event whose whole body you write, as its type's schema has it. Durable when answered."""
    return await receipt(request, submission_of_event)


@router.get("/head")
def head(caller: CallerOf, context: Context) -> HeadsView:
    """The tenant's logs, one a year: what is recorded, and the signed checkpoints of what is published."""
    return HeadsView(logs=[HeadView(**head_row(found)) for found in context.platform.heads(caller.tenant)])


@router.post("/publish")
def publish(caller: CallerOf, context: Context) -> HeadsView:
    """Seal what is new in a block, sign both checkpoints, and write the files below `/log/`."""
    context.platform.publish(caller.tenant)
    return HeadsView(logs=[HeadView(**head_row(found)) for found in context.platform.heads(caller.tenant)])


@router.get("/blocks")
def blocks(
    caller: CallerOf, context: Context, limit: Annotated[int, Query(ge=1, le=1_000)] = 100, cursor: Cursor = None
) -> BlocksView:
    """Blocks, newest first."""
    before = None if cursor is None else EntryId.parse(cursor)
    page = context.platform.block_page(caller.tenant, before=before, limit=limit)
    items = [
        BlockRow(
            block_id=str(row.id),
            evidence_id=str(row.entry_id),
            size=row.size,
            sealed_at=row.sealed_at,
            root_sha256=row.root_sha256,
            root_sha3_256=row.root_sha3_256,
        )
        for row in page.items
    ]
    return BlocksView(items=items, next_cursor=None if page.next_cursor is None else str(page.next_cursor))


@router.get("/verify", responses=problem_responses(404))
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


@router.get("/verify/{block_id}", responses=problem_responses(404))
def verify_block(block_id: BlockId, caller: CallerOf, context: Context) -> BlockView:
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


@router.get("/merkle-proof/{evidence_id}", response_model=ProofView, responses={**problem_responses(404), **_PROOF})
def merkle_proof(  # noqa: PLR0917 (each is a parameter of the request)
    evidence_id: EvidenceId,
    caller: CallerOf,
    context: Context,
    format: Annotated[Literal["json", "tlog-proof"] | None, Query(description="By default by `Accept`")] = None,
    tree: Annotated[Literal["sha256", "sha3-256"], Query(description="Of a tlog-proof")] = "sha256",
    accept: Annotated[str | None, Header()] = None,
) -> ProofView | Response:
    """Inclusion proofs in both trees, under signed checkpoints; or one of them as a C2SP tlog-proof."""
    found = context.platform.inclusion(caller.tenant, EntryId.parse(evidence_id))
    is_text = format == "tlog-proof" if format else accept is not None and accept.startswith(TEXT)
    if is_text:
        return Response(_proof_text(found, tree), media_type=f"{TEXT}; charset=utf-8")
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


def _proof_text(found: InclusionView, tree: str) -> str:
    path, checkpoint = (
        (found.path_sha256, found.checkpoint) if tree == "sha256" else (found.path_sha3_256, found.checkpoint_sha3)
    )
    steps = tuple(bytes.fromhex(step) for step in path)
    return format_proof(InclusionProof(found.id.index, found.size, steps), checkpoint)
