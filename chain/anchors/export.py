"""A receipt as files for a pack or an auditor's folder, with what stock programs need beside ours.

``openssl ts`` reads ``token.der`` beside ``note.txt``; the OpenTimestamps client reads ``note.txt.ots`` beside it.
"""

from __future__ import annotations

import hashlib

from chain.anchors.bitcoin import opentimestamps_proof, read_branch
from chain.anchors.opentimestamps import format_proof
from chain.anchors.receipt import NOTE, RECEIPT, STOCK_PROOF, Anchored, to_body
from chain.canonical import encode
from domain.anchoring import AnchorKind


def to_files(anchored: Anchored) -> dict[str, bytes]:
    """The note, the receipt and its files by name; `chain.anchors.receipt.read_files` reads them again."""
    receipt = anchored.receipt
    files = {NOTE: anchored.note, RECEIPT: encode(to_body(anchored)), **receipt.files}
    height = receipt.facts.get("height")
    if receipt.kind is AnchorKind.BITCOIN and receipt.is_final and isinstance(height, int):
        proof = opentimestamps_proof(
            transaction=receipt.files["transaction.bin"],
            branch=read_branch(receipt.files["branch.json"]),
            height=height,
            note_sha256=hashlib.sha256(anchored.note).digest(),
        )
        files[STOCK_PROOF] = format_proof(proof)
    if receipt.kind is AnchorKind.OPENTIMESTAMPS:
        files[STOCK_PROOF] = receipt.files["proof.ots"]
    return files
