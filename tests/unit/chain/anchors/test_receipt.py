"""Receipts go into entries and come back as they were."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from chain.anchors.export import to_files
from chain.anchors.opentimestamps import parse_proof
from chain.anchors.receipt import FILE_SIZE_BYTES_MAX, Anchored, read_entry, read_files, to_artifacts, to_body
from chain.entry import ArtifactDigest
from domain.anchoring import AnchorKind, AnchorReceipt
from domain.errors import InputError, IntegrityError
from domain.evidence import Artifact
from tests.unit.chain.anchors.blocks import carrying, mine

NOTE = b"a signed note\n"
DUE = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECEIPT = AnchorReceipt(
    AnchorKind.RFC3161,
    "tsa",
    hashlib.sha256(NOTE).hexdigest(),
    DUE,
    is_final=True,
    facts={"serial": "17"},
    files={"token.der": b"token", "branch.json": b"{}", "transaction.bin": b"tx"},
)
ANCHORED = Anchored(RECEIPT, NOTE, DUE)


def _entry(anchored: Anchored = ANCHORED, **changes: Any) -> dict[str, Any]:
    named = {name: ArtifactDigest.of(one).as_json() for name, one in to_artifacts(anchored).items()}
    return {"type": "anchor_receipt", "body": {**to_body(anchored), **changes}, "artifacts": named}


def _source(artifacts: Mapping[str, Artifact]) -> Callable[[str], bytes]:
    return {hashlib.sha256(one.content).hexdigest(): one.content for one in artifacts.values()}.__getitem__


def _read(entry: object) -> Anchored:
    return read_entry(orjson.dumps(entry), _source(to_artifacts(ANCHORED)))


@pytest.mark.parametrize("stated_at", [DUE, None])
def test_a_receipt_comes_back_as_it_was(stated_at: datetime | None) -> None:
    receipt = AnchorReceipt(
        RECEIPT.kind,
        RECEIPT.target,
        RECEIPT.note_sha256,
        stated_at,
        stated_at is not None,
        RECEIPT.facts,
        RECEIPT.files,
    )
    anchored = Anchored(receipt, NOTE, DUE)
    assert _read(_entry(anchored)) == anchored


def test_files_have_the_media_type_of_their_name() -> None:
    kinds = {name: one.media_type for name, one in to_artifacts(ANCHORED).items()}
    assert kinds == {
        "note.txt": "text/plain; charset=utf-8",
        "token.der": "application/timestamp-token",
        "branch.json": "application/json",
        "transaction.bin": "application/octet-stream",
    }


@pytest.mark.parametrize("files", [{"../x": b""}, {"big.bin": bytes(FILE_SIZE_BYTES_MAX + 1)}])
def test_a_file_that_cannot_be_kept_is_refused(files: dict[str, bytes]) -> None:
    receipt = AnchorReceipt(RECEIPT.kind, "tsa", RECEIPT.note_sha256, DUE, is_final=True, files=files)
    with pytest.raises(InputError, match="cannot be kept"):
        to_artifacts(Anchored(receipt, NOTE, DUE))


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"kind": "pigeon"},
        {"note_sha256": "00"},
        {"facts": []},
        {"target": 1},
        {"more": 1},
        {"due_at": "soon"},
    ],
)
def test_a_body_that_is_not_a_receipts_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        _read(_entry(**change))


@pytest.mark.parametrize("change", [{"type": "BlockSealed"}, {"artifacts": []}, {"artifacts": {}}, {"body": None}])
def test_an_entry_that_is_no_receipts_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        _read({**_entry(), **change})


@pytest.mark.parametrize("digests", [None, {}, {"sha256": "00"}])
def test_a_file_without_its_digest_is_refused(digests: object) -> None:
    entry = _entry()
    entry["artifacts"]["token.der"] = digests
    with pytest.raises(InputError, match="without its digest"):
        _read(entry)


def test_a_file_that_was_exchanged_is_refused() -> None:
    with pytest.raises(IntegrityError, match="not the one"):
        read_entry(orjson.dumps(_entry()), lambda digest: b"another")


def test_a_receipt_comes_back_from_its_files() -> None:
    files = to_files(ANCHORED)
    assert read_files(files) == ANCHORED
    assert files.keys() == {"note.txt", "receipt.json", *RECEIPT.files}


@pytest.mark.parametrize(
    "change",
    [
        {"receipt.json": b"[]"},
        {"receipt.json": b"{}"},
        {"token.der": bytes(FILE_SIZE_BYTES_MAX + 1)},
        {"note.txt": None},
    ],
)
def test_files_that_are_no_receipts_are_refused(change: dict[str, bytes | None]) -> None:
    files = {name: content for name, content in {**to_files(ANCHORED), **change}.items() if content is not None}
    with pytest.raises(InputError):
        read_files(files)


def test_a_bitcoin_receipt_comes_with_a_proof_for_stock_programs() -> None:
    digest = hashlib.sha256(NOTE).digest()
    block = mine([carrying(digest)], 0)
    files = {"transaction.bin": carrying(digest), "header.bin": block.header, "branch.json": block.branch}
    receipt = AnchorReceipt(AnchorKind.BITCOIN, "btc", digest.hex(), DUE, True, {"height": 5}, files)
    written = to_files(Anchored(receipt, NOTE, DUE))
    assert parse_proof(written["note.txt.ots"]).is_of(NOTE)
    assert read_files(written).receipt == receipt


def test_an_opentimestamps_receipts_proof_is_given_under_the_name_that_its_client_expects() -> None:
    receipt = AnchorReceipt(
        AnchorKind.OPENTIMESTAMPS, "ots", RECEIPT.note_sha256, None, False, {}, {"proof.ots": b"proof"}
    )
    assert to_files(Anchored(receipt, NOTE, DUE))["note.txt.ots"] == b"proof"
