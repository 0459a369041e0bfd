"""Logs that only a careless or lying owner can sign: right by every hash, and wrong in what they say."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from chain.checkpoint import Checkpoint, origin_of
from chain.finding import Findings
from chain.merkle import Tree
from chain.note import Note, Signature
from chain.pack import LogRange, Manifest, WindowProofs
from chain.pack_log import LogCheck
from chain.proof import prove_consistency
from chain.signer import FileSigner
from chain.tree_hash import BOTH, Twin
from chain.trust import TrustPolicy
from chain.window import prove_window
from domain.value import Json
from tests.unit.chain.packs import FIRST
from tests.unit.chain.samples import ORIGIN

LATER = FIRST + timedelta(hours=1)


def entry(kind: str, request_id: str, body: Json) -> bytes:
    fields = {"v": 1, "tenant": "acme", "type": kind, "request_id": request_id, "at": "2026-03-02T12:00:00Z"}
    return json.dumps({**fields, "artifacts": {}, "body": body}, separators=(",", ":")).encode()


def with_block(before: list[bytes], **changes: Any) -> list[bytes]:
    """The entries, and a header over them that says something else where it is told to."""
    trees = [Tree(BOTH.sha256), Tree(BOTH.sha3_256)]
    for tree in trees:
        tree.extend(tree.hash.leaves(before))
    roots = {"root_sha256": trees[0].root().hex(), "root_sha3_256": trees[1].root().hex()}
    body: dict[str, Json] = {"height": 0, "prev": "0" * 64, "size": len(before), **roots, "ts": "2026-03-02T12:00:00Z"}
    return [*before, entry("BlockSealed", f"block/{len(before)}", {**body, **changes})]


def fields_of(
    path: Path, entries: list[bytes], *, start: int = 0, end: int | None = None
) -> list[tuple[str, int | None]]:
    """What is found in a part of a log of these entries that is signed and proven as it should be."""
    end = len(entries) if end is None else end
    trees = Twin(Tree(BOTH.sha256), Tree(BOTH.sha3_256))
    files: dict[str, bytes] = {}
    signers = []
    for tree, name in ((trees.sha256, "checkpoint"), (trees.sha3_256, "checkpoint-sha3")):
        tree.extend(tree.hash.leaves(entries))
        signer = FileSigner(path / name, name=origin_of(ORIGIN, tree.hash))
        text = Checkpoint(signer.key.name, tree.size, tree.root()).text
        line = Signature(signer.key.name, signer.key.key_id, signer.sign(text.encode()))
        files[name] = str(Note(text, (line,))).encode()
        signers.append(signer.key)
    proofs = WindowProofs(
        Twin(prove_window(trees.sha256, start, end), prove_window(trees.sha3_256, start, end)),
        Twin(prove_consistency(trees.sha256, start), prove_consistency(trees.sha3_256, start)) if start else None,
        None,
    )
    part = entries[start:end]
    files["entries.jsonl"] = b"".join(line + b"\n" for line in part)
    files["leaves"] = "".join(f"{leaf.hex()}\n" for leaf in BOTH.sha256.leaves(part)).encode()
    files["window.json"] = proofs.encode()
    log = LogRange("log/2026", ORIGIN, start, end, len(entries))
    manifest = Manifest("acme", FIRST, LATER, (), (log,), {})
    findings = Findings()
    LogCheck(log, manifest, TrustPolicy(tuple(signers)), findings).run(files, lambda name, envelope: None)
    return [(item.field, item.entry_index) for item in findings.all]


def test_a_log_that_says_what_it_is_passes(tmp_path: Path) -> None:
    assert fields_of(tmp_path, with_block([entry("a", "1", {}), entry("a", "2", {})])) == []


def test_a_request_that_is_recorded_twice_is_named(tmp_path: Path) -> None:
    entries = with_block([entry("a", "1", {}), entry("b", "1", {})])
    assert fields_of(tmp_path, entries) == [("request_id", 1)]


def test_a_line_that_is_no_entry_is_named_and_the_rest_still_read(tmp_path: Path) -> None:
    entries = with_block([entry("a", "1", {}), b"{}", entry("b", "1", {})], height=5, prev="1" * 64)
    assert fields_of(tmp_path, entries) == [("form", 1), ("request_id", 2)]


def test_a_header_that_states_another_log_is_named(tmp_path: Path) -> None:
    for field, wrong in (("height", 1), ("prev", "1" * 64), ("size", 7), ("root_sha256", "2" * 64)):
        path = tmp_path / field
        path.mkdir()
        assert fields_of(path, with_block([entry("a", "1", {})], **{field: wrong})) == [(f"body.{field}", 1)]


def test_an_opening_without_its_former_log_is_named(tmp_path: Path) -> None:
    assert fields_of(tmp_path, with_block([entry("shard_opened", "1", {"year": 2026})])) == [("body.former", 0)]


def test_a_part_that_ends_within_the_window_is_named(tmp_path: Path) -> None:
    entries = [*with_block([entry("a", "1", {})]), entry("a", "2", {}), entry("a", "3", {})]
    assert fields_of(tmp_path, entries, end=2) == [("body.ts", 1)]
    assert fields_of(tmp_path, entries, end=3) == [("body.ts", None)]


def test_a_part_that_begins_without_a_header_is_named(tmp_path: Path) -> None:
    entries = [*with_block([entry("a", "1", {})]), entry("a", "2", {})]
    assert fields_of(tmp_path, entries, start=2) == [("body.ts", None)]


def test_a_header_without_a_time_is_named(tmp_path: Path) -> None:
    entries = [*with_block([entry("a", "1", {})], ts="noon"), entry("a", "2", {})]
    assert fields_of(tmp_path, entries, end=2) == [("body.ts", None)]
