"""Anchors in a pack lead from a receipt to the log's own entries, and every step that does not hold is refuted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from chain.anchors.receipt import Anchored
from chain.anchors.verdict import AnchorTrust
from chain.checkpoint_commitment import CheckpointOpening
from chain.finding import Findings
from chain.pack_anchors import PackAnchors, encode_opening, read_trust
from chain.reports.anchors import AnchorSource, PlatformOpening
from chain.reports.packing import draft_pack, sign_pack
from chain.reports.source import PackRequest
from chain.writer import EvidenceWriter
from domain.anchoring import AnchorKind, AnchorReceipt
from domain.errors import InputError
from domain.tenancy import PLATFORM
from tests.unit.chain.anchors.authority import AT, STAMPING, Draft, Holder, authority_extensions, issue
from tests.unit.chain.packs import DAY, FIRST, check, pack_request, record_scans
from tests.unit.chain.reports.samples import signer
from tests.unit.chain.samples import ACME, Wrist, open_store


@dataclass
class Anchoring:
    """A store with a tenant's log, a platform log over it, and more recorded since."""

    writer: EvidenceWriter
    request: PackRequest
    opening: CheckpointOpening
    platform_note: str
    own_note: str


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anchoring]:
    path, clock = tmp_path_factory.mktemp("store"), Wrist(FIRST)
    with open_store(path, clock) as writer:
        record_scans(writer, [FIRST], clock)
        opening = writer.opening(ACME)
        own = writer.shard(ACME).head().checkpoint
        note = writer.publish_platform().checkpoint
        record_scans(writer, [FIRST + DAY], clock)
        writer.publish_platform()
        yield Anchoring(writer, pack_request(path, [writer.shard(ACME)]), opening, note, own)


def anchored(
    note: str, kind: AnchorKind = AnchorKind.S3_OBJECT_LOCK, files: Mapping[str, bytes] | None = None
) -> Anchored:
    digest = hashlib.sha256(note.encode()).hexdigest()
    return Anchored(
        AnchorReceipt(
            kind, "bucket/one", digest, AT if kind is AnchorKind.RFC3161 else FIRST, is_final=True, files=files or {}
        ),
        note.encode(),
        FIRST,
    )


def through_platform(store: Anchoring, receipt: Anchored | None = None) -> AnchorSource:
    platform = store.writer.shard(PLATFORM)
    return AnchorSource(receipt or anchored(store.platform_note), PlatformOpening(store.opening, platform))


def packed(store: Anchoring, *sources: AnchorSource) -> dict[str, bytes]:
    return sign_pack(draft_pack(replace(store.request, anchors=sources)), signer())


def test_an_anchor_of_the_platform_log_reaches_the_tenants_entries(store: Anchoring) -> None:
    files = packed(store, through_platform(store), AnchorSource(anchored(store.own_note)))
    report = check(files, check_anchors=PackAnchors())
    assert report.ok, report.findings
    assert [note.text.partition(" (")[0] for note in report.anchors] == [
        "entries below 4 of example.org/evidence/acme/2026"
    ] * 2
    assert b"anchor    bucket/one: entries below 4 of" in files["verify.txt"]


def test_a_time_stamp_of_a_trusted_authority_bounds_the_time(store: Anchoring, tmp_path: Path) -> None:
    root, token = stamped(store.platform_note)
    receipt = anchored(store.platform_note, AnchorKind.RFC3161, {"token.der": token})
    files = packed(store, through_platform(store, receipt))
    pem = tmp_path / "root.pem"
    pem.write_bytes(root.certificate.public_bytes(Encoding.PEM))
    report = check(files, check_anchors=PackAnchors(read_trust(pem)))
    assert f"existed not after {AT:%Y-%m-%d}" in report.anchors[0].text
    assert "(proved)" in report.anchors[0].text
    assert b"(conditional)" in files["verify.txt"]
    assert read_trust(None) == AnchorTrust()
    with pytest.raises(InputError, match="certificates of authorities"):
        read_trust(tmp_path / "nothing")


def stamped(note: str) -> tuple[Holder, bytes]:
    root = issue("root", extensions=authority_extensions())
    return root, Draft(issue("stamper", issuer=root, extensions=[STAMPING]), note.encode()).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("receipt/note.txt", b"another note"),
        ("receipt/receipt.json", b"{}"),
        ("opening.json", b"[]"),
        ("opening.json", b'{"nonce":"zz","note":""}'),
        ("opening.json", encode_opening("another", "00")),
        ("entry.tlog-proof", b""),
        ("entry.json", b"{}"),
        ("link.json", b"{}"),
        ("link.json", b"[]"),
    ],
)
def test_a_step_that_does_not_hold_is_refuted(store: Anchoring, name: str, content: bytes) -> None:
    assert findings(store, {name: content})


def test_a_proof_under_another_checkpoint_is_refuted(store: Anchoring) -> None:
    files = anchor_files(store)
    newer = store.writer.shard(PLATFORM).proof_texts(store.opening.platform_id.index).sha256
    assert newer.encode() != files["entry.tlog-proof"]
    assert findings(store, {"entry.tlog-proof": newer.encode()})


def test_an_anchor_of_a_log_that_is_not_in_the_pack_is_refuted(store: Anchoring) -> None:
    files = {f"anchors/one/{name}": content for name, content in anchor_files(store).items()}
    found = Findings()
    assert PackAnchors()(files, {}, found) == ()
    assert "not in this pack" in found.all[0].got


def test_receipts_of_other_logs_or_newer_checkpoints_are_not_taken_into_a_pack(store: Anchoring) -> None:
    with pytest.raises(InputError, match="no log of this pack"):
        packed(store, AnchorSource(anchored(store.platform_note)))


def anchor_files(store: Anchoring) -> dict[str, bytes]:
    prefix = "anchors/00-bucket-one/"
    files = draft_pack(replace(store.request, anchors=(through_platform(store),))).files
    return {name.removeprefix(prefix): content for name, content in files.items() if name.startswith(prefix)}


def findings(store: Anchoring, changed: Mapping[str, bytes]) -> list[str]:
    files = {f"anchors/one/{name}": content for name, content in {**anchor_files(store), **changed}.items()}
    found = Findings()
    head = store.writer.shard(ACME).head()
    PackAnchors()(files, {head.origin: head.checkpoint.encode()}, found)
    return [item.got for item in found.all]


def test_unchanged_files_of_an_anchor_hold(store: Anchoring) -> None:
    assert findings(store, {}) == []
