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
from chain.journal import Journal
from chain.proof import ConsistencyProof, check_consistency, check_inclusion, parse_proof
from chain.signer import FileSigner, Notary
from chain.tree_hash import BOTH, SHA3_256, SHA256, Twin
from chain.verify import verify_directory
from chain.writer import LogWriter
from domain.errors import AccessDenied, ConflictError, InputError, IntegrityError, NotFound, UnavailableError
from domain.evidence import Artifact
from domain.tenancy import TenantId
from tests.unit.chain.samples import ACME, NOON, ORIGIN, event, open_writer, publish_small_log


def test_receipts_name_index_and_leaves_of_both_trees(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        first, second = writer.append([event("a"), event("b")])
        assert (first.index, second.index, first.origin) == (0, 1, ORIGIN)
        entry = writer.entry(1)
        assert second.leaf_sha256 == SHA256.leaf(entry).hex()
        assert second.leaf_sha3_256 == SHA3_256.leaf(entry).hex()
        assert json.loads(entry)["request_id"] == "b"


def test_a_repeated_request_is_recorded_once_across_restarts(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        receipts = writer.append([event("a"), event("b"), event("a")])
        assert receipts[0] == receipts[2]
        assert writer.append([event("b")]) == [receipts[1]]
    with open_writer(tmp_path) as writer:
        assert writer.append([event("a"), event("c")])[0] == receipts[0]
        assert writer.receipt("b") == receipts[1]
        assert writer.receipt("never") is None
        assert writer.size == 3


def test_a_request_id_with_another_content_is_refused_and_records_nothing(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        writer.append([event("a")])
        for batch in ([event("a", body={"other": 1})], [event("n"), event("n", body={"other": 1})]):
            with pytest.raises(ConflictError, match="another content"):
                writer.append(batch)
        assert writer.size == 1


def test_one_bad_event_keeps_the_whole_batch_out(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        with pytest.raises(InputError):
            writer.append([event("a"), event("b", body={"n": 2**53})])
        assert writer.size == 0


def test_another_tenants_event_is_not_found_here(tmp_path: Path) -> None:
    with open_writer(tmp_path, tenant=ACME) as writer:
        with pytest.raises(NotFound):
            writer.append([event("a", tenant=TenantId("other"))])
        writer.append([event("a")])
        writer.publish()
        assert json.loads(writer.entry(1))["tenant"] == "acme"


def test_publishing_twice_changes_nothing(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        writer.append([event("a")])
        head = writer.publish()
        assert writer.publish() == head == writer.head()
    with open_writer(tmp_path) as writer:
        assert writer.head() == head
        assert writer.publish() == head


def test_a_log_without_a_checkpoint_says_so(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer, pytest.raises(NotFound, match="no checkpoint yet"):
        writer.head()


def test_blocks_are_chained_and_state_both_roots(tmp_path: Path) -> None:
    publish_small_log(tmp_path)
    with open_writer(tmp_path) as writer:
        blocks = [json.loads(writer.entry(index)) for index in (4, 10)]
        roots = writer.root(10)
    assert [block["body"]["height"] for block in blocks] == [0, 1]
    assert [block["body"]["size"] for block in blocks] == [4, 10]
    assert blocks[1]["body"]["root_sha3_256"] == roots.sha3_256.hex()
    assert blocks[0]["body"]["prev"] == "0" * 64 != blocks[1]["body"]["prev"]


def test_proofs_of_the_writer_hold_in_both_trees(tmp_path: Path) -> None:
    publish_small_log(tmp_path)
    with open_writer(tmp_path) as writer:
        head, entry = writer.head(), writer.entry(6)
        proofs, texts = writer.inclusion_proof(6, head.size), writer.proof_texts(6)
        check_inclusion(SHA256, proofs.sha256, SHA256.leaf(entry), bytes.fromhex(head.root_sha256))
        check_inclusion(SHA3_256, proofs.sha3_256, SHA3_256.leaf(entry), bytes.fromhex(head.root_sha3_256))
        parsed = parse_proof(texts.sha3_256)
        assert (parsed.index, parsed.path, parsed.checkpoint) == (6, proofs.sha3_256.path, head.checkpoint_sha3)
        old, new = writer.root(5), writer.root(11)
        steps = writer.consistency_proof(5, 11)
        check_consistency(SHA256, steps.sha256, old.sha256, new.sha256)
        check_consistency(SHA3_256, steps.sha3_256, old.sha3_256, new.sha3_256)


@pytest.mark.parametrize("index", [-1, 11])
def test_entries_and_sizes_beyond_the_log_are_not_found(tmp_path: Path, index: int) -> None:
    publish_small_log(tmp_path)
    with open_writer(tmp_path) as writer:
        with pytest.raises(NotFound):
            writer.entry(index)
        with pytest.raises(NotFound):
            writer.root(-1 if index < 0 else 12)
        with pytest.raises(InputError):
            writer.inclusion_proof(index)
        with pytest.raises(InputError):
            writer.consistency_proof(0, 3)


def test_a_second_writer_is_kept_out_until_the_first_closes(tmp_path: Path) -> None:
    with open_writer(tmp_path), pytest.raises(ConflictError, match="another process"):
        open_writer(tmp_path)
    open_writer(tmp_path).close()


def test_a_writer_whose_lock_was_deleted_under_it_stops(tmp_path: Path) -> None:
    with open_writer(tmp_path) as paused:
        (tmp_path / "state/lock").unlink()
        with open_writer(tmp_path) as newer:
            newer.append([event("a")])
            for action in (lambda: paused.append([event("b")]), paused.publish):
                with pytest.raises(ConflictError, match="taken over"):
                    action()
            assert newer.size == 1


def test_a_damaged_epoch_file_is_refused(tmp_path: Path) -> None:
    open_writer(tmp_path).close()
    (tmp_path / "state/epoch").write_text("many\n")
    with pytest.raises(IntegrityError, match="epoch"):
        open_writer(tmp_path)


def test_secrets_stay_in_the_state_directory_and_are_private(tmp_path: Path) -> None:
    folder = publish_small_log(tmp_path)
    state = tmp_path / "state"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert {stat.S_IMODE((state / name).stat().st_mode) for name in ("log.key", "log-sha3.key", "journal")} == {0o600}
    assert not any(b"PRIVATE" in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_key_that_others_can_read_or_that_is_another_logs_is_refused(tmp_path: Path) -> None:
    publish_small_log(tmp_path)
    key = tmp_path / "state/log.key"
    key.chmod(0o644)
    with pytest.raises(AccessDenied, match="chmod 600"):
        open_writer(tmp_path)
    key.chmod(0o600)
    with pytest.raises(IntegrityError, match="not the signing key"):
        LogWriter(tmp_path / "evidence", tmp_path / "state", origin="example.org/other")


def test_signers_of_another_name_are_refused(tmp_path: Path) -> None:
    signer = FileSigner(tmp_path / "key", name="elsewhere")
    with pytest.raises(InputError, match="other names"):
        open_writer(tmp_path, signers=Twin(signer, signer))


def test_given_signers_are_used(tmp_path: Path) -> None:
    first = FileSigner(tmp_path / "1", name=ORIGIN)
    second = FileSigner(tmp_path / "2", name=origin_of(ORIGIN, SHA3_256))
    with open_writer(tmp_path, signers=Twin(first, second)) as writer:
        writer.publish()
    assert first.key.text in (tmp_path / "evidence/verifier_keys").read_text()


def test_what_was_never_acknowledged_may_be_torn_and_is_cut_off(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        writer.append([event("a"), event("b")])
        whole = (tmp_path / "state/journal").read_bytes()
        writer.append([event("c")])
    longer = (tmp_path / "state/journal").read_bytes()
    for cut in range(len(whole) + 1, len(longer)):
        (tmp_path / "state/journal").write_bytes(longer[:cut])
        with open_writer(tmp_path) as writer:
            assert writer.size == 2
        assert (tmp_path / "state/journal").read_bytes() == whole
    assert list((tmp_path / "state").glob("journal.torn-*"))


def test_a_last_frame_that_was_not_wholly_written_is_cut_off(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        writer.append([event("a")])
        writer.append([event("b")])
    whole = (tmp_path / "state/journal").read_bytes()
    (tmp_path / "state/journal").write_bytes(whole[:-40] + b"\0" * 40)
    with open_writer(tmp_path) as writer:
        assert writer.size == 1


@pytest.mark.parametrize("end", [b"\0" * 500, b"\0" * 10])
def test_an_end_that_was_made_but_never_written_is_cut_off(tmp_path: Path, end: bytes) -> None:
    with open_writer(tmp_path) as writer:
        writer.append([event("a")])
    with (tmp_path / "state/journal").open("ab") as stream:
        stream.write(end)
    with open_writer(tmp_path) as writer:
        assert writer.size == 1


def test_damage_before_the_end_keeps_the_log_shut(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        writer.append([event("a")])
        first_end = (tmp_path / "state/journal").stat().st_size
        writer.append([event("b")])
    whole = (tmp_path / "state/journal").read_bytes()
    for at in (40, first_end - 1, first_end + 1):
        (tmp_path / "state/journal").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(IntegrityError, match="damaged"):
            open_writer(tmp_path)


@pytest.mark.parametrize("content", [b"something else", b"something else that is longer than the first line"])
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    open_writer(tmp_path).close()
    (tmp_path / "state/journal").write_bytes(content)
    with pytest.raises(IntegrityError, match="not a journal"):
        open_writer(tmp_path)


def test_a_frame_of_an_older_writer_behind_a_newer_ones_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    assert list(journal.replay()) == []
    journal.append([b"a"], epoch=2)
    journal.append([b"b"], epoch=1)
    journal.close()
    with pytest.raises(IntegrityError, match="out of order"):
        list(Journal(tmp_path / "journal").replay())


def failing(error: int) -> Callable[[int], None]:
    def sync(handle: int) -> None:
        raise OSError(error, os.strerror(error))

    return sync


def test_a_sync_that_fails_stops_the_writer_until_it_is_opened_again(tmp_path: Path) -> None:
    with open_writer(tmp_path, sync=failing(errno.EIO)) as writer:
        with pytest.raises(OSError, match="Input/output"):
            writer.append([event("a")])
        with pytest.raises(UnavailableError, match="stopped"):
            writer.append([event("b")])
    with open_writer(tmp_path) as writer:
        writer.append([event("a")])


def test_a_full_disk_records_nothing_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_writer(tmp_path) as writer:
        writer.append([event("a")])
        write = os.write

        def fill_up(handle: int, content: bytes) -> int:
            if len(content) > 100:
                return write(handle, content[:50])
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", fill_up)
            with pytest.raises(UnavailableError, match="Free space"):
                writer.append([event("b")])
        assert writer.append([event("b")])[0].index == 1
        writer.publish()
    assert verify_directory(tmp_path / "evidence").ok


def test_other_failures_of_the_disk_are_not_called_a_full_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int, content: bytes) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with open_writer(tmp_path) as writer, monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(OSError, match="Input/output"):
            writer.append([event("a")])


def test_a_lost_or_rewritten_journal_is_noticed_and_nothing_is_signed(tmp_path: Path) -> None:
    publish_small_log(tmp_path)
    (tmp_path / "state/journal").unlink()
    with pytest.raises(IntegrityError, match="does not hold what was signed"):
        open_writer(tmp_path)
    for name in ("signed", "signed-sha3"):
        (tmp_path / "state" / name).unlink()
    with pytest.raises(IntegrityError, match="ahead of the journal"):
        open_writer(tmp_path)


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
    with open_writer(tmp_path) as writer:
        writer.publish()
    after = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert after.items() <= before.items()
    assert verify_directory(folder).ok


def test_an_interrupted_publication_is_completed_and_its_leftovers_removed(tmp_path: Path) -> None:
    folder = publish_small_log(tmp_path)
    (tmp_path / "state/publishing").touch()
    (folder / f"checkpoint{TEMPORARY_SUFFIX}").write_bytes(b"half")
    (folder / "tile/0/000.p/40").write_bytes(b"ahead")
    with open_writer(tmp_path) as writer:
        writer.publish()
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

        with open_writer(tmp_path) as writer:
            writer.append([event(f"crash-{survived}", artifacts={"a": Artifact("text/plain", b"%d" % survived)})])
            with monkeypatch.context() as patch:
                patch.setattr(Path, "replace", crash)
                try:
                    writer.publish()
                except KeyboardInterrupt:
                    continue
            break
    assert survived > 5
    with open_writer(tmp_path) as writer:
        writer.publish()
    assert verify_directory(tmp_path / "evidence").findings == ()


@pytest.mark.parametrize("name", ["notes.txt", "checkpoint"])
def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / name).write_bytes(b"\xff mine")
    with pytest.raises(ConflictError):
        open_writer(tmp_path)
    assert (tmp_path / "evidence" / name).read_bytes() == b"\xff mine"


def test_a_folder_of_another_log_is_left_alone(tmp_path: Path) -> None:
    folder = publish_small_log(tmp_path / "one")
    with pytest.raises(ConflictError, match="another log"):
        LogWriter(folder, tmp_path / "state", origin="example.org/evidence/two")


def test_an_artifact_that_changed_in_the_state_directory_is_not_published(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        writer.append([event("a", artifacts={"a": Artifact("text/plain", b"right")})])
        (kept,) = (tmp_path / "state/artifact").iterdir()
        kept.write_bytes(b"wrong")
        with pytest.raises(IntegrityError, match="artifact"):
            writer.publish()


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "x" * 201, origin_of(ORIGIN, BOTH.sha3_256), "a\nb"])
def test_a_log_cannot_be_called_anything(tmp_path: Path, origin: str) -> None:
    with pytest.raises(InputError, match="origin"):
        LogWriter(tmp_path / "evidence", tmp_path / "state", origin=origin)


def test_noon_is_what_the_block_says(tmp_path: Path) -> None:
    publish_small_log(tmp_path, batches=(1,))
    with open_writer(tmp_path) as writer:
        assert json.loads(writer.entry(2))["at"] == NOON.isoformat().replace("+00:00", "Z")
