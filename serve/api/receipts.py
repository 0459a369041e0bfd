"""Receipts as JSON, written straight from a batch and its placements: ten thousand are one string.

What stands in them needs no escapes: ids and keys are of a form that the routes check, the rest is ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chain.batch import EntryBatch, Placements
from chain.tree_hash import HASH_SIZE_BYTES
from serve.api.submission import Submission


def receipt_lines(submissions: Sequence[Submission], batch: EntryBatch, placements: Placements) -> Iterator[str]:
    """One JSON object for each submission, as `ReceiptView` describes it."""
    sha256, sha3_256, width, at = batch.leaves.sha256.hex(), batch.leaves.sha3_256.hex(), 2 * HASH_SIZE_BYTES, 0
    for submission, owner, index in zip(submissions, placements.owners, placements.indexes, strict=True):
        origin, log = placements.logs[owner]
        yield (
            f'{{"id":"{submission.id}","request_id":"{submission.request_id}","evidence_id":"{log}-{index}",'
            f'"origin":"{origin}","index":{index},"leaf_sha256":"{sha256[at : at + width]}",'
            f'"leaf_sha3_256":"{sha3_256[at : at + width]}"}}'
        )
        at += width
