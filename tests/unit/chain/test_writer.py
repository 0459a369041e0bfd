"""The writer records once, keeps what it acknowledged, and never signs a fork."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from chain.checkpoint import origin_of
from chain.durable import TEMPORARY_SUFFIX
from chain.proof import ConsistencyProof, check_consistency, check_inclusion, parse_proof
from chain.signer import FileSigner, Notary, Signer
from chain.tree_hash import SHA3_256, SHA256, Twin
from chain.verify import verify_directory
from chain.writer import EvidenceWriter
from domain.errors import AccessDenied, ConflictError, InputError, IntegrityError, NotFound, UnavailableError
from domain.evidence import Artifact
from tests.unit.chain.samples import (
    ACME,
    NOON,
    ORIGIN,
    chain_folder,
    event,
    open_writer,
    publish_small_log,
    published_folder,
    segment,
    shard_state,
    tenant_folder,
)


def test_receipts_name_index_and_leaves_of_both_trees(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        first, second = log.append([event("a"), event("b")])
        assert (first.index, second.index, first.origin) == (0, 1, ORIGIN)
        entry = log.shard.entry(1)
        assert second.leaf_sha256 == SHA256.leaf(entry).hex()
        assert second.leaf_sha3_256 == SHA3_256.leaf(entry).hex()
        assert json.loads(entry)["request_id"] == "b"


def test_a_repeated_request_is_recorded_once_across_restarts(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        receipts = log.append([event("a"), event("b"), event("a")])
        assert receipts[0] == receipts[2]
        assert log.append([event("b")]) == [receipts[1]]
    with open_writer(tmp_path) as log:
        assert log.append([event("a"), event("c")])[0] == receipts[0]
        assert log.shard.receipt("b") == receipts[1]
        assert log.shard.receipt("never") is None
        assert log.shard.size == 3


def test_a_request_id_with_another_content_is_refused_and_records_nothing(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        log.append([event("a")])
        for batch in ([event("a", body={"other": 1})], [event("n"), event("n", body={"other": 1})]):
            with pytest.raises(ConflictError, match="another content"):
                log.append(batch)
        assert log.shard.size == 1


def test_one_bad_event_keeps_the_whole_batch_out(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        with pytest.raises(InputError):
            log.append([event("a"), event("b", body={"n": 2**53})])
        assert log.shard.size == 0


def test_publishing_twice_changes_nothing(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        log.append([event("a")])
        head = log.publish()
        assert log.publish() == head == log.shard.head()
    with open_writer(tmp_path) as log:
        assert log.shard.head() == head
        assert log.publish() == head


def test_a_log_without_a_checkpoint_says_so(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log, pytest.raises(NotFound, match="no checkpoint yet"):
        log.shard.head()


def test_blocks_are_chained_and_state_both_roots(tmp_path: Path) -> None:
    publish_small_log(tmp_path)
    with open_writer(tmp_path) as log:
        blocks = [json.loads(log.shard.entry(index)) for index in (4, 10)]
        roots = log.shard.root(10)
    assert [block["body"]["height"] for block in blocks] == [0, 1]
    assert [block["body"]["size"] for block in blocks] == [4, 10]
    assert blocks[1]["body"]["root_sha3_256"] == roots.sha3_256.hex()
    assert blocks[0]["body"]["prev"] == "0" * 64 != blocks[1]["body"]["prev"]


def test_proofs_of_the_writer_hold_in_both_trees(tmp_path: Path) -> None:
    publish_small_log(tmp_path)
    with open_writer(tmp_path) as log:
        head, entry = log.shard.head(), log.shard.entry(6)
        proofs, texts = log.shard.inclusion_proof(6, head.size), log.shard.proof_texts(6)
        check_inclusion(SHA256, proofs.sha256, SHA256.leaf(entry), bytes.fromhex(head.root_sha256))
        check_inclusion(SHA3_256, proofs.sha3_256, SHA3_256.leaf(entry), bytes.fromhex(head.root_sha3_256))
        parsed = parse_proof(texts.sha3_256)
        assert (parsed.index, parsed.path, parsed.checkpoint) == (6, proofs.sha3_256.path, head.checkpoint_sha3)
        old, new = log.shard.root(5), log.shard.root(11)
        steps = log.shard.consistency_proof(5, 11)
        check_consistency(SHA256, steps.sha256, old.sha256, new.sha256)
        check_consistency(SHA3_256, steps.sha3_256, old.sha3_256, new.sha3_256)


@pytest.mark.parametrize("index", [-1, 11])
def test_entries_and_sizes_beyond_the_log_are_not_found(tmp_path: Path, index: int) -> None:
    publish_small_log(tmp_path)
    with open_writer(tmp_path) as log:
        with pytest.raises(NotFound):
            log.shard.entry(index)
        with pytest.raises(NotFound):
            log.shard.root(-1 if index < 0 else 12)
        with pytest.raises(InputError):
            log.shard.inclusion_proof(index)
        with pytest.raises(InputError):
            log.shard.consistency_proof(0, 3)


def test_a_second_writer_is_kept_out_until_the_first_closes(tmp_path: Path) -> None:
    with open_writer(tmp_path), pytest.raises(ConflictError, match="another process"):
        open_writer(tmp_path)
    open_writer(tmp_path).writer.close()


def test_a_writer_whose_lock_was_deleted_under_it_stops(tmp_path: Path) -> None:
    with open_writer(tmp_path) as paused:
        paused.append([event("before")])
        paused.publish()
        (chain_folder(tmp_path) / "lock").unlink()
        with open_writer(tmp_path) as newer:
            newer.append([event("a")])
            actions = (
                lambda: paused.append([event("b")]),
                lambda: paused.append([event("before")]),
                paused.publish,
                paused.writer.publish_platform,
                lambda: paused.shard.add_cosignatures("", []),
            )
            for action in actions:
                with pytest.raises(ConflictError, match="taken over"):
                    action()
            assert newer.shard.size == 3


def test_a_damaged_epoch_file_is_refused(tmp_path: Path) -> None:
    open_writer(tmp_path).writer.close()
    epoch = chain_folder(tmp_path) / "epoch"
    whole = epoch.read_bytes()
    epoch.write_text("many\n")
    for _ in range(2):  # a refused opening leaves no lock behind
        with pytest.raises(IntegrityError, match="epoch"):
            open_writer(tmp_path)
    epoch.write_bytes(whole)
    open_writer(tmp_path).writer.close()


def test_secrets_stay_in_the_state_directory_and_are_private(tmp_path: Path) -> None:
    folder = publish_small_log(tmp_path)
    state, chain = shard_state(tmp_path), chain_folder(tmp_path)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (state, chain, chain / "journal")} == {0o700}
    files = [state / "log.key", state / "log-sha3.key", state / "commitment.key", segment(tmp_path)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert not any(b"PRIVATE" in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_key_that_others_can_read_or_that_is_another_logs_is_refused(tmp_path: Path) -> None:
    publish_small_log(tmp_path)
    key = shard_state(tmp_path) / "log.key"
    key.chmod(0o644)
    with open_writer(tmp_path) as log, pytest.raises(AccessDenied, match="chmod 600"):
        log.publish()
    key.chmod(0o600)
    key.write_text(key.read_text().replace("acme", "acne"))
    with open_writer(tmp_path) as log, pytest.raises(IntegrityError, match="not the signing key"):
        log.publish()


def test_signers_of_another_name_are_refused(tmp_path: Path) -> None:
    signer = FileSigner(tmp_path / "key", name="elsewhere")
    with pytest.raises(InputError, match="other names"):
        open_writer(tmp_path, signers=lambda origin: [Twin(signer, signer)]).publish()


def test_given_signers_are_used(tmp_path: Path) -> None:
    asked: list[str] = []

    def signers(origin: str) -> list[Twin[Signer]]:
        asked.append(origin)
        name = f"{tmp_path}/{len(asked)}"
        first = FileSigner(Path(f"{name}.key"), name=origin)
        return [Twin(first, FileSigner(Path(f"{name}-sha3.key"), name=origin_of(origin, SHA3_256)))]

    with open_writer(tmp_path, signers=signers) as log:
        log.publish()
    assert asked == [ORIGIN, "example.org/evidence/_platform/2026"]
    assert (
        FileSigner(tmp_path / "1.key", name=ORIGIN).key.text
        in (published_folder(tmp_path) / "verifier_keys").read_text()
    )


def failing(error: int) -> Callable[[int], None]:
    def sync(handle: int) -> None:
        raise OSError(error, os.strerror(error))

    return sync


def test_a_sync_that_fails_stops_the_writer_until_it_is_opened_again(tmp_path: Path) -> None:
    with open_writer(tmp_path, sync=failing(errno.EIO)) as log:
        with pytest.raises(OSError, match="Input/output"):
            log.append([event("a")])
        with pytest.raises(UnavailableError, match="stopped"):
            log.append([event("b")])
    with open_writer(tmp_path) as log:
        log.append([event("a")])


def test_a_full_disk_records_nothing_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_writer(tmp_path) as log:
        log.append([event("a")])
        write = os.write

        def fill_up(handle: int, content: bytes) -> int:
            if len(content) > 100:
                return write(handle, content[:50])
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", fill_up)
            with pytest.raises(UnavailableError, match="Free space"):
                log.append([event("b")])
        assert log.append([event("b")])[0].index == 1
        log.publish()
    assert verify_directory(published_folder(tmp_path)).ok


def test_other_failures_of_the_disk_are_not_called_a_full_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int, content: bytes) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with open_writer(tmp_path) as log, monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(OSError, match="Input/output"):
            log.append([event("a")])


def test_a_lost_or_rewritten_journal_is_noticed_and_nothing_is_recorded_or_signed(tmp_path: Path) -> None:
    publish_small_log(tmp_path)
    shutil.rmtree(chain_folder(tmp_path) / "journal")
    with open_writer(tmp_path) as log, pytest.raises(IntegrityError, match="does not hold what was signed"):
        log.append([event("a")])
    for name in ("signed", "signed-sha3"):
        (shard_state(tmp_path) / name).unlink()
    with open_writer(tmp_path) as log, pytest.raises(IntegrityError, match="ahead of the journal"):
        log.append([event("a")])


def test_a_notary_signs_nothing_that_does_not_extend_the_last(tmp_path: Path) -> None:
    signer = FileSigner(tmp_path / "key", name="n")
    notary = Notary(signer, SHA256, tmp_path / "record")
    notary.sign(1, SHA256.leaf(b"a"), None)
    again = Notary(signer, SHA256, tmp_path / "record")
    for size, root, proof in [
        (1, SHA256.leaf(b"a"), None),
        (2, SHA256.leaf(b"b"), ConsistencyProof(1, 3, ())),
        (1, SHA256.leaf(b"b"), ConsistencyProof(1, 1, ())),
        (2, SHA256.leaf(b"b"), ConsistencyProof(1, 2, (SHA256.leaf(b"c"),))),
    ]:
        with pytest.raises(IntegrityError):
            again.sign(size, root, proof)
    root = SHA256.node(SHA256.leaf(b"a"), SHA256.leaf(b"b"))
    again.sign(2, root, ConsistencyProof(1, 2, (SHA256.leaf(b"b"),)))
    assert again.last is not None
    assert again.last.size == 2


def test_a_folder_that_is_gone_is_written_again_from_the_journal(tmp_path: Path) -> None:
    folder = publish_small_log(tmp_path)
    before = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    shutil.rmtree(folder)
    with open_writer(tmp_path) as log:
        log.publish()
    after = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert after.items() <= before.items()
    assert verify_directory(folder).ok


def test_an_interrupted_publication_is_completed_and_its_leftovers_removed(tmp_path: Path) -> None:
    folder = publish_small_log(tmp_path)
    (shard_state(tmp_path) / "publishing").touch()
    (folder / f"checkpoint{TEMPORARY_SUFFIX}").write_bytes(b"half")
    (folder / "tile/0/000.p/40").write_bytes(b"ahead")
    with open_writer(tmp_path) as log:
        log.publish()
    assert verify_directory(folder).ok


def test_every_crash_while_publishing_is_repaired_by_the_next_publication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_small_log(tmp_path)
    replace, moves = Path.replace, 0
    for survived in range(40):
        moves = 0

        def crash(path: Path, target: Path, survived: int = survived) -> Path:
            nonlocal moves
            moves += 1
            if moves > survived:
                raise KeyboardInterrupt
            return replace(path, target)

        with open_writer(tmp_path) as log:
            log.append([event(f"crash-{survived}", artifacts={"a": Artifact("text/plain", b"%d" % survived)})])
            with monkeypatch.context() as patch:
                patch.setattr(Path, "replace", crash)
                try:
                    log.publish()
                except KeyboardInterrupt:
                    continue
            break
    assert survived > 5
    with open_writer(tmp_path) as log:
        log.publish()
    assert verify_directory(published_folder(tmp_path)).findings == ()


@pytest.mark.parametrize("name", ["2026/notes.txt", "2026/checkpoint", "notes.txt", "checkpoint"])
def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, name: str) -> None:
    path = tenant_folder(tmp_path) / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xff mine")
    with open_writer(tmp_path) as log, pytest.raises(ConflictError):
        log.append([event("a")])
    assert path.read_bytes() == b"\xff mine"


def test_a_folder_of_another_log_is_left_alone(tmp_path: Path) -> None:
    shutil.copytree(publish_small_log(tmp_path / "one"), published_folder(tmp_path))
    with open_writer(tmp_path) as log, pytest.raises(ConflictError, match="another log"):
        log.append([event("a")])


def test_an_artifact_that_changed_in_the_state_directory_is_not_published(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        log.append([event("a", artifacts={"a": Artifact("text/plain", b"right")})])
        (kept,) = (shard_state(tmp_path) / "artifact").iterdir()
        kept.write_bytes(b"wrong")
        with pytest.raises(IntegrityError, match="artifact"):
            log.publish()


@pytest.mark.parametrize("prefix", ["", "a b", "a+b", "x" * 201, "a\nb", "x" * 195])
def test_logs_cannot_be_called_anything(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(InputError, match="origin"):
        EvidenceWriter(tmp_path / "chain", lambda tenant: tmp_path / tenant, origin_prefix=prefix).shard(ACME)


def test_noon_is_what_the_block_says(tmp_path: Path) -> None:
    publish_small_log(tmp_path, batches=(1,))
    with open_writer(tmp_path) as log:
        assert json.loads(log.shard.entry(2))["at"] == NOON.isoformat().replace("+00:00", "Z")
