"""Signed checkpoints are kept: across restarts and crashes, in a file that stays small."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from chain.batch import EntryBatch
from chain.checkpoint import parse_checkpoint
from chain.durable import replace_file
from chain.fsck import check_state
from chain.note import parse_note
from chain.signed_checkpoints import SignedCheckpoints, SignedPair
from chain.tree_hash import Twin
from chain.writer import EvidenceWriter
from domain.errors import IntegrityError
from tests.unit.chain.samples import ACME, Wrist, chain_folder, event, open_store, tenant_folder


def pair(size: int) -> SignedPair:
    return SignedPair(size, Twin(f"log\n{size}\n\n— log sig\n", f"log/sha3\n{size}\n\n— log sig\n"))


def publish(writer: EvidenceWriter, name: str) -> None:
    writer.append(EntryBatch.encode([event(name)]))
    writer.publish(ACME)


def kept_file(store: Path) -> Path:
    return chain_folder(store) / "logs" / "acme" / "2026" / "checkpoints"


def test_what_is_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state" / "checkpoints"
    kept = SignedCheckpoints(path)
    assert kept.pairs() == ()
    for size in (2, 5, 5, 4, 9):
        kept.keep(pair(size))
    assert SignedCheckpoints(path).pairs() == kept.pairs() == (pair(2), pair(5), pair(9))


@pytest.mark.parametrize("torn", range(1, 40, 13))
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "checkpoints"
    SignedCheckpoints(path).keep(pair(2))
    whole = path.read_bytes()
    SignedCheckpoints(path).keep(pair(5))
    path.write_bytes(path.read_bytes()[: len(whole) + torn])
    again = SignedCheckpoints(path)
    assert again.pairs() == (pair(2),)
    again.keep(pair(7))
    assert SignedCheckpoints(path).pairs() == (pair(2), pair(7))


def test_a_full_file_is_thinned_and_keeps_both_ends(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints"
    kept = SignedCheckpoints(path, kept_max=16)
    for size in range(1, 101):
        kept.keep(pair(size))
    sizes = [each.size for each in kept.pairs()]
    assert len(sizes) <= 17
    assert (sizes[0], sizes[-9:]) == (1, list(range(92, 101)))
    assert SignedCheckpoints(path).pairs() == kept.pairs()


def test_a_line_that_could_not_be_written_is_written_by_the_next_attempt(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints"
    kept = SignedCheckpoints(path)
    kept.keep(pair(2))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 9, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            kept.keep(pair(5))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    kept.keep(pair(5))
    assert SignedCheckpoints(path).pairs() == (pair(2), pair(5))


def test_every_publication_is_kept(tmp_path: Path) -> None:
    with open_store(tmp_path, Wrist()) as writer:
        assert writer.shard(ACME).signed_checkpoints() == ()
        for name in ("a", "b", "c"):
            publish(writer, name)
        writer.publish(ACME)
        head, found = writer.shard(ACME).head(), writer.shard(ACME).signed_checkpoints()
    assert [each.size for each in found] == [2, 4, 6]
    assert found[-1].notes == Twin(head.checkpoint, head.checkpoint_sha3)
    assert parse_checkpoint(parse_note(found[0].notes.sha3_256).text).size == 2


def test_a_pair_that_a_crash_left_out_is_kept_by_the_next_publication(tmp_path: Path) -> None:
    with open_store(tmp_path, Wrist()) as writer:
        publish(writer, "a")
        before = kept_file(tmp_path).read_bytes()
        publish(writer, "b")
    replace_file(kept_file(tmp_path), before, mode=0o600)
    with open_store(tmp_path, Wrist()) as writer:
        publish(writer, "c")
        assert [each.size for each in writer.shard(ACME).signed_checkpoints()] == [2, 4, 6]


@pytest.mark.parametrize("at", [0, 30, 64, 70, 200])
def test_a_changed_byte_is_noticed_by_the_log_and_by_fsck(tmp_path: Path, at: int) -> None:
    with open_store(tmp_path, Wrist()) as writer:
        publish(writer, "a")
        publish(writer, "b")
    assert check_state(chain_folder(tmp_path), [tenant_folder(tmp_path)]).ok
    content = kept_file(tmp_path).read_bytes()
    kept_file(tmp_path).write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    with open_store(tmp_path, Wrist()) as writer, pytest.raises(IntegrityError, match="kept checkpoints are damaged"):
        publish(writer, "c")
    found = check_state(chain_folder(tmp_path), [tenant_folder(tmp_path)]).findings
    assert [finding.where for finding in found] == ["checkpoints"]


def test_fsck_names_a_line_that_is_not_whole(tmp_path: Path) -> None:
    with open_store(tmp_path, Wrist()) as writer:
        publish(writer, "a")
    kept_file(tmp_path).write_bytes(kept_file(tmp_path).read_bytes()[:-1])
    found = check_state(chain_folder(tmp_path), [tenant_folder(tmp_path)]).findings
    assert [finding.where for finding in found] == ["checkpoints"]
