"""Bitcoin and OpenTimestamps receipts: transaction, branch, header, and the reader's own headers."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from chain.anchors.bitcoin import opentimestamps_proof, read_branch, read_header
from chain.anchors.check import BITCOIN_TIME_SLACK, check_receipt
from chain.anchors.opentimestamps import (
    SHA256,
    BlockAttestation,
    DetachedTimestamp,
    PendingAttestation,
    Timestamp,
    format_proof,
    parse_proof,
)
from chain.anchors.verdict import AnchorTrust, AnchorVerdict, Standing
from domain.anchoring import AnchorKind, AnchorReceipt
from domain.errors import InputError, IntegrityError
from tests.unit.chain.anchors.blocks import EASY_BITS, carrying, mine, transaction

NOTE = b"a signed note\n"
DIGEST = hashlib.sha256(NOTE).digest()
HEIGHT = 830_000
BOUND = datetime.fromtimestamp(1_772_366_400, UTC) + BITCOIN_TIME_SLACK
OTHERS = [transaction(bytes([0x51, n])) for n in range(4)]
BLOCK = mine([*OTHERS[:2], carrying(DIGEST), *OTHERS[2:]], 2)
FILES = {"transaction.bin": carrying(DIGEST), "header.bin": BLOCK.header, "branch.json": BLOCK.branch}
PROOF = opentimestamps_proof(
    transaction=carrying(DIGEST), branch=read_branch(BLOCK.branch), height=HEIGHT, note_sha256=DIGEST
)


def _receipt(kind: AnchorKind = AnchorKind.BITCOIN, **changes: Any) -> AnchorReceipt:
    fields: dict[str, Any] = {
        "note_sha256": DIGEST.hex(),
        "stated_at": None,
        "is_final": True,
        "facts": {"height": HEIGHT},
        "files": FILES,
    }
    return AnchorReceipt(kind=kind, target="chain", **{**fields, **changes})


def _judge(trust: AnchorTrust | None = None, **changes: Any) -> AnchorVerdict:
    return check_receipt(_receipt(**changes), NOTE, trust or AnchorTrust())


def _stamped(proof: DetachedTimestamp, trust: AnchorTrust | None = None) -> AnchorVerdict:
    return _judge(trust, kind=AnchorKind.OPENTIMESTAMPS, files={"proof.ots": format_proof(proof)})


def test_a_block_that_the_reader_knows_proves_a_time() -> None:
    verdict = _judge(AnchorTrust(bitcoin_headers={HEIGHT: BLOCK.header}))
    assert (verdict.standing, verdict.not_after, verdict.unchecked) == (Standing.PROVED, BOUND, ())


def test_a_block_that_the_reader_does_not_know_is_named_and_not_trusted() -> None:
    verdict = _judge()
    assert verdict.standing is Standing.CONDITIONAL
    assert "not independently trusted" in verdict.unchecked[0]
    assert read_header(BLOCK.header).block in verdict.unchecked[0]


def test_another_block_at_that_height_refutes() -> None:
    other = mine(OTHERS, 0)
    verdict = _judge(AnchorTrust(bitcoin_headers={HEIGHT: other.header}))
    assert verdict.findings[0].field == "block is not in the chain"


def test_a_note_that_was_altered_is_refuted() -> None:
    verdict = check_receipt(_receipt(), NOTE + b" ", AnchorTrust())
    assert verdict.findings[0].field == "receipt is for another note"


def test_an_unconfirmed_receipt_is_pending() -> None:
    assert _judge(is_final=False).standing is Standing.PENDING


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("transaction.bin", transaction(b"\x51"), "transaction does not carry the note's digest"),
        ("transaction.bin", carrying(bytes(32)), "transaction does not carry the note's digest"),
        ("transaction.bin", carrying(DIGEST) + b"\0", "not a Bitcoin transaction without witness"),
        ("transaction.bin", carrying(DIGEST)[:-1], "not a Bitcoin transaction"),
        ("transaction.bin", bytes(64), "not a Bitcoin transaction"),
        ("transaction.bin", bytes(100_001), "not a Bitcoin transaction"),
        (
            "transaction.bin",
            b"\x01\0\0\0\xfd\0\0\xfe\0\0\0\0" + bytes(4),
            "transaction does not carry the note's digest",
        ),
        ("header.bin", mine(OTHERS, 0).header, "transaction is not in the block"),
        ("header.bin", BLOCK.header[:-1], "not a Bitcoin block header"),
        ("branch.json", orjson.dumps({"index": 2}), "not a Merkle branch"),
        ("branch.json", b"[]", "not a Merkle branch"),
        ("branch.json", orjson.dumps({"index": 1, "path": []}), "not a Merkle branch"),
        ("branch.json", orjson.dumps({"index": True, "path": []}), "not a Merkle branch"),
        ("branch.json", orjson.dumps({"index": 0, "path": ["00"]}), "not a Merkle branch"),
        ("branch.json", orjson.dumps({"index": 0, "path": ["zz"]}), "not a Merkle branch"),
        ("branch.json", orjson.dumps({"index": 0, "path": [1]}), "not a Merkle branch"),
        ("branch.json", orjson.dumps({"index": 0, "path": ["AA" * 32]}), "not a Merkle branch"),
    ],
)
def test_a_file_that_is_wrong_refutes(name: str, content: bytes, found: str) -> None:
    assert _judge(files={**FILES, name: content}).findings[0].field == found


def test_a_missing_file_refutes() -> None:
    assert _judge(files={}).findings[0].field == "receipt comes without a file"


def test_every_flipped_byte_of_the_evidence_is_noticed() -> None:
    trust = AnchorTrust(bitcoin_headers={HEIGHT: BLOCK.header})
    for name, content in FILES.items():
        for position in range(len(content)):
            flipped = content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]
            assert _judge(trust, files={**FILES, name: flipped}).standing is Standing.REFUTED, (name, position)


@pytest.mark.parametrize(("bits", "target"), [(0x1D00FFFF, 0xFFFF << 208), (0x02008000, 0x80), (0x03123456, 0x123456)])
def test_targets_are_read_from_their_compact_form(bits: int, target: int) -> None:
    header = BLOCK.header[:72] + bits.to_bytes(4, "little") + BLOCK.header[76:]
    with pytest.raises(IntegrityError, match="proof of work") as caught:
        read_header(header)
    assert caught.value.facts["expected"] == f"at most {target:064x}"


@pytest.mark.parametrize("bits", [0, 0x1D800001, 0x21000001])
def test_a_target_that_is_none_is_refused(bits: int) -> None:
    with pytest.raises(InputError, match="target is not valid"):
        read_header(BLOCK.header[:72] + bits.to_bytes(4, "little") + BLOCK.header[76:])


def test_the_genesis_block_has_difficulty_one() -> None:
    genesis = bytes.fromhex(
        "01000000"
        + "00" * 32
        + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
    )
    header = read_header(genesis)
    assert header.block == "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
    assert (header.difficulty, header.time.year) == (1, 2009)
    assert EASY_BITS > 0x1D00FFFF


def test_a_receipt_becomes_an_opentimestamps_proof_of_the_same_block() -> None:
    proof = parse_proof(format_proof(PROOF))
    (found,) = proof.attested()
    assert proof.is_of(NOTE)
    assert found.attestation == BlockAttestation("bitcoin", HEIGHT)
    assert found.message == read_header(BLOCK.header).merkle_root


def test_an_opentimestamps_proof_is_held_to_the_readers_header() -> None:
    verdict = _stamped(PROOF, AnchorTrust(bitcoin_headers={HEIGHT: BLOCK.header}))
    assert (verdict.standing, verdict.not_after) == (Standing.PROVED, BOUND)
    assert _stamped(PROOF).standing is Standing.CONDITIONAL
    other = AnchorTrust(bitcoin_headers={HEIGHT: mine(OTHERS, 0).header})
    assert _stamped(PROOF, other).findings[0].field == "proof does not lead to the block"


def test_an_opentimestamps_proof_of_another_note_or_of_no_block_is_refuted() -> None:
    pending = Timestamp((PendingAttestation("http://127.0.0.1/"),))
    assert _stamped(DetachedTimestamp(SHA256, DIGEST, pending)).findings[0].field == "proof leads to no Bitcoin block"
    other = DetachedTimestamp(SHA256, bytes(32), pending)
    assert _stamped(other).findings[0].field == "proof is for another note"


@pytest.mark.parametrize("kind", [AnchorKind.S3_OBJECT_LOCK, AnchorKind.AZURE_IMMUTABLE_BLOB, AnchorKind.ETHEREUM])
def test_what_only_the_outside_party_can_confirm_is_stated_and_bounds_no_time(kind: AnchorKind) -> None:
    verdict = _judge(kind=kind, stated_at=BOUND - timedelta(hours=3), files={})
    assert (verdict.standing, verdict.not_after) == (Standing.STATED, None)
    assert "cannot be checked offline" in verdict.unchecked[0]
