"""What a receipt proves, kind by kind, without network.

A verdict says both what was checked and what was not, so that a receipt that only we can vouch for is never read as a
proof.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from chain.anchors.bitcoin import Header, commitment_at, double_sha256, read_branch, read_header
from chain.anchors.opentimestamps import SHA256, BlockAttestation, parse_proof
from chain.anchors.rfc3161 import read_token
from chain.anchors.verdict import AnchorTrust, AnchorVerdict, Standing
from chain.finding import Finding
from domain.anchoring import AnchorKind, AnchorReceipt
from domain.errors import InputError, IntegrityError

BITCOIN_TIME_SLACK: Final = timedelta(hours=2)
"""How far a block's stated time may be from the true one by the network's rules."""


def check_receipt(receipt: AnchorReceipt, note: bytes, trust: AnchorTrust) -> AnchorVerdict:
    """Judge a receipt. It never raises: what does not hold is a finding of the verdict."""
    try:
        _require_digest(receipt, note)
        if not receipt.is_final:
            return _verdict(receipt, Standing.PENDING, unchecked=("the target has not confirmed it yet",))
        return _CHECKS[receipt.kind](receipt, trust)
    except (InputError, IntegrityError) as error:
        facts = error.facts
        finding = Finding(
            where=receipt.target,
            entry_index=None,
            field=error.summary,
            expected=str(facts.get("expected", "")),
            got=str(facts.get("got", "")),
        )
        return _verdict(receipt, Standing.REFUTED, findings=(finding,))


def _require_digest(receipt: AnchorReceipt, note: bytes) -> None:
    digest = hashlib.sha256(note).hexdigest()
    if digest != receipt.note_sha256:
        raise IntegrityError("receipt is for another note", expected=digest, got=receipt.note_sha256)


def _require_time(receipt: AnchorReceipt, at: datetime) -> None:
    """The time that the receipt repeats is the one in its files."""
    if receipt.stated_at is not None and receipt.stated_at != at:
        raise IntegrityError("receipt states another time than its files", expected=at, got=receipt.stated_at)


def _check_rfc3161(receipt: AnchorReceipt, trust: AnchorTrust) -> AnchorVerdict:
    token = read_token(_file(receipt, "token.der"))
    if token.stamp.imprint.hex() != receipt.note_sha256:
        raise IntegrityError("token stamps another note", expected=receipt.note_sha256, got=token.stamp.imprint.hex())
    _require_time(receipt, token.stamp.at)
    checked = ("the token stamps the SHA-256 digest of this note",)
    if not trust.tsa_roots:
        unchecked = ("no time stamp authority's root certificate was given, so the signature was not judged",)
        return _verdict(receipt, Standing.CONDITIONAL, checked=checked, unchecked=unchecked)
    signer = token.verify(roots=trust.tsa_roots, certificates=trust.tsa_certificates)
    return _verdict(
        receipt,
        Standing.PROVED,
        not_after=token.stamp.at + token.stamp.accuracy,
        checked=(*checked, f"signed by {signer.subject.rfc4514_string()}, whose chain ends at a root that was given"),
        unchecked=("whether the authority's certificate has been revoked",),
    )


def _check_bitcoin(receipt: AnchorReceipt, trust: AnchorTrust) -> AnchorVerdict:
    transaction = _file(receipt, "transaction.bin")
    commitment_at(transaction, bytes.fromhex(receipt.note_sha256))
    header = read_header(_file(receipt, "header.bin"))
    root = read_branch(_file(receipt, "branch.json")).root(double_sha256(transaction))
    if root != header.merkle_root:
        raise IntegrityError("transaction is not in the block", expected=header.merkle_root.hex(), got=root.hex())
    _require_time(receipt, header.time)
    checked = ("the transaction carries the SHA-256 digest of this note", "the transaction is in the block")
    return _judge_header(receipt, header, trust, checked)


def _judge_header(
    receipt: AnchorReceipt, header: Header, trust: AnchorTrust, checked: tuple[str, ...]
) -> AnchorVerdict:
    """A header of one's own settles it; otherwise the block's place in the chain stays open."""
    height = receipt.facts.get("height")
    own = trust.bitcoin_headers.get(height) if isinstance(height, int) else None
    work = f"the header meets its own target, {header.difficulty} times the least difficulty of the main network"
    bound = header.time + BITCOIN_TIME_SLACK
    if own is None:
        unchecked = (f"block header not independently trusted: look for block {header.block} at height {height}",)
        return _verdict(receipt, Standing.CONDITIONAL, not_after=bound, checked=(*checked, work), unchecked=unchecked)
    if own != header.encoded:
        raise IntegrityError(
            "block is not in the chain", expected=double_sha256(own)[::-1].hex(), got=header.block, height=height
        )
    known = f"the block is the one that was given for height {height}"
    return _verdict(receipt, Standing.PROVED, not_after=bound, checked=(*checked, work, known))


def _check_opentimestamps(receipt: AnchorReceipt, trust: AnchorTrust) -> AnchorVerdict:
    """The earliest block with a header of the reader's own counts; without one the blocks are named."""
    proof = parse_proof(_file(receipt, "proof.ots"))
    if proof.digest_type != SHA256 or proof.digest.hex() != receipt.note_sha256:
        raise IntegrityError("proof is for another note", expected=receipt.note_sha256, got=proof.digest.hex())
    roots = {
        found.attestation.height: found.message
        for found in proof.attested()
        if isinstance(found.attestation, BlockAttestation) and found.attestation.chain == "bitcoin"
    }
    if not roots:
        raise IntegrityError("proof leads to no Bitcoin block", expected="a Bitcoin attestation")
    checked = ("the proof leads from the SHA-256 digest of this note to what the calendar attests",)
    for height, root in sorted(roots.items()):
        if height in trust.bitcoin_headers:
            header = read_header(trust.bitcoin_headers[height])
            if header.merkle_root != root:
                raise IntegrityError(
                    "proof does not lead to the block", expected=header.merkle_root.hex(), got=root.hex()
                )
            known = f"which is the Merkle root of the header that was given for height {height}"
            bound = header.time + BITCOIN_TIME_SLACK
            return _verdict(receipt, Standing.PROVED, not_after=bound, checked=(*checked, known))
    unchecked = tuple(
        f"block header not independently trusted: the Merkle root of block {height} must be {root[::-1].hex()}"
        for height, root in sorted(roots.items())
    )
    return _verdict(receipt, Standing.CONDITIONAL, checked=checked, unchecked=unchecked)


def _check_stored(receipt: AnchorReceipt, trust: AnchorTrust) -> AnchorVerdict:
    del trust
    unchecked = ("stated by us, cannot be checked offline: ask the store for the lock of this object version",)
    return _verdict(receipt, Standing.STATED, unchecked=unchecked)


def _check_ethereum(receipt: AnchorReceipt, trust: AnchorTrust) -> AnchorVerdict:
    del trust
    unchecked = ("stated by us, cannot be checked offline: ask a node of the chain for this transaction",)
    return _verdict(receipt, Standing.STATED, unchecked=unchecked)


def _verdict(receipt: AnchorReceipt, standing: Standing, **more: object) -> AnchorVerdict:
    return replace(AnchorVerdict(receipt.kind, receipt.target, standing), **more)  # type: ignore[arg-type]


def _file(receipt: AnchorReceipt, name: str) -> bytes:
    content = receipt.files.get(name)
    if content is None:
        raise InputError("receipt comes without a file", expected=name, got=sorted(receipt.files))
    return content


_CHECKS: Mapping[AnchorKind, Callable[[AnchorReceipt, AnchorTrust], AnchorVerdict]] = {
    AnchorKind.RFC3161: _check_rfc3161,
    AnchorKind.BITCOIN: _check_bitcoin,
    AnchorKind.OPENTIMESTAMPS: _check_opentimestamps,
    AnchorKind.ETHEREUM: _check_ethereum,
    AnchorKind.S3_OBJECT_LOCK: _check_stored,
    AnchorKind.AZURE_IMMUTABLE_BLOB: _check_stored,
}
