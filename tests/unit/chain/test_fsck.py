"""fsck derives a log again from its journal and names what differs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from chain.__main__ import REFUTED, UNDECIDED, VERIFIED, main
from chain.checkpoint import parse_checkpoint
from chain.entry import Block, encode_block
from chain.fence import format_epoch
from chain.file_journal import FileJournal
from chain.frame import Run
from chain.fsck import check_state
from chain.keys.overlap import sign_checkpoint
from chain.layout import KEYS_FILE
from chain.note import parse_note
from chain.signer import FileSigner
from chain.witness.cosigner import Ed25519Cosigner
from domain.errors import InputError
from domain.tenancy import PLATFORM
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return publish_small_log(tmp_path)


def first(path: Path) -> tuple[str, str, int | None]:
    finding = check_state(chain_folder(path), [tenant_folder(path)]).findings[0]
    return finding.where, finding.field, finding.entry_index


def test_a_log_and_its_folder_are_the_same(folder: Path, tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        log.append([event("recorded, not yet published")])
        report = check_state(chain_folder(tmp_path), [folder])
    assert (report.findings, report.entries, report.published, report.torn_size_bytes) == ((), 12, 11, 0)


def test_a_log_of_many_tiles_is_the_same(tmp_path: Path) -> None:
    folder = publish_small_log(tmp_path, batches=(300, 300))
    assert check_state(chain_folder(tmp_path), [folder]).ok


def test_a_folder_that_no_log_was_published_into_cannot_be_compared(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        log.append([event("a")])
        with pytest.raises(InputError, match="no log of this journal"):
            check_state(chain_folder(tmp_path), [published_folder(tmp_path)])


def test_a_log_whose_signatures_are_gone_is_a_folder_of_strangers(folder: Path, tmp_path: Path) -> None:
    (shard_state(tmp_path) / "signed").unlink()
    assert first(tmp_path) == (f"artifact/{next((folder / 'artifact').iterdir()).name}", "file", None)


def test_every_published_file_that_is_changed_or_gone_is_named(folder: Path, tmp_path: Path) -> None:
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        whole, name = path.read_bytes(), path.relative_to(folder).as_posix()
        for changed in (whole[:-1] + bytes([whole[-1] ^ 1]), whole + b"x", whole[:-1], b"\xff" + whole[1:]):
            path.write_bytes(changed)
            assert first(tmp_path)[0] == name
        path.write_bytes(whole)
        is_earlier = name.endswith(".p/5")
        path.unlink()
        assert check_state(chain_folder(tmp_path), [folder]).ok is is_earlier, name
        path.write_bytes(whole)
    assert check_state(chain_folder(tmp_path), [folder]).ok


def test_the_entry_and_the_byte_of_the_first_difference_are_named(folder: Path, tmp_path: Path) -> None:
    bundle = folder / "tile/entries/000.p/11"
    whole = bundle.read_bytes()
    bundle.write_bytes(whole.replace(b"for 1-2", b"for 1-3"))
    assert first(tmp_path) == ("tile/entries/000.p/11", f"byte {whole.index(b'for 1-2') + 6}", 7)
    bundle.write_bytes(whole + b"x")
    assert first(tmp_path) == ("tile/entries/000.p/11", f"byte {len(whole)}", 10)


def test_publishing_into_an_empty_folder_repairs_every_difference(folder: Path, tmp_path: Path) -> None:
    (folder / "tile/0/000.p/11").write_bytes(b"")
    assert first(tmp_path)[0] == "tile/0/000.p/11"
    shutil.rmtree(folder)
    with open_writer(tmp_path) as log:
        log.publish()
    assert check_state(chain_folder(tmp_path), [folder]).ok


def test_an_artifact_that_changed_in_either_place_is_named_with_its_entry(folder: Path, tmp_path: Path) -> None:
    (kept,) = (shard_state(tmp_path) / "artifact").iterdir()
    kept.write_bytes(b"changed")
    assert first(tmp_path) == (f"state artifact/{kept.name}", "content", 3)
    kept.unlink()
    assert first(tmp_path) == (f"state artifact/{kept.name}", "content", 3)


def test_a_torn_end_is_told_and_left_for_the_writer(folder: Path, tmp_path: Path) -> None:
    journal = segment(tmp_path)
    with journal.open("ab") as stream:
        stream.write(b"FRAM\0")
    torn = journal.read_bytes()
    report = check_state(chain_folder(tmp_path), [folder])
    assert (report.ok, report.torn_size_bytes, journal.read_bytes()) == (True, 5, torn)


def test_a_damaged_journal_is_named(folder: Path, tmp_path: Path) -> None:
    journal = segment(tmp_path)
    journal.write_bytes(journal.read_bytes().replace(b"for 1-2", b"for 1-3"))
    assert first(tmp_path) == ("journal", "frame", None)


def test_a_journal_without_frames_is_of_no_log(folder: Path, tmp_path: Path) -> None:
    segment(tmp_path).unlink()
    with pytest.raises(InputError, match="no log of this journal"):
        first(tmp_path)


def test_a_block_that_states_another_log_is_named(folder: Path, tmp_path: Path) -> None:
    block = Block(height=2, prev="0" * 64, size=11, root_sha256="1" * 64, root_sha3_256="2" * 64, ts="x")
    journal = FileJournal(chain_folder(tmp_path))
    assert len(list(journal.replay())) == 8
    journal.append([Run(ORIGIN, [encode_block(block, tenant=ACME, at=NOON)])], year=2026)
    journal.close()
    findings = check_state(chain_folder(tmp_path), [folder]).findings
    assert {(item.where, item.entry_index) for item in findings} == {(f"journal {ORIGIN}", 11)}
    assert [item.field for item in findings] == ["body.prev", "body.root_sha256", "body.root_sha3_256"]


def test_all_logs_of_all_tenants_are_compared_at_once(folder: Path, tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        log.writer.publish_platform()
        log.append([event("later")])
    folders = [tenant_folder(tmp_path), tenant_folder(tmp_path, PLATFORM)]
    report = check_state(chain_folder(tmp_path), folders)
    assert (report.findings, report.entries, report.published) == ((), 15, 14)
    (folders[1] / "2026/checkpoint").write_bytes(b"")
    assert [item.where for item in check_state(chain_folder(tmp_path), folders).findings] == ["checkpoint"]
    assert folder.exists()


def test_signatures_that_are_not_of_this_journal_are_named(folder: Path, tmp_path: Path) -> None:
    other = publish_small_log(tmp_path / "other")
    for name in ("signed", "signed-sha3"):
        path = shard_state(tmp_path) / name
        whole = path.read_text()
        path.write_text(whole.replace("\n11\n", "\n12\n"))
        assert first(tmp_path) == (name, "signed note", None)
        path.write_text(whole)
    shutil.copy(shard_state(tmp_path / "other") / "signed", shard_state(tmp_path) / "signed")
    assert first(tmp_path) == ("signed", "signed note", None)
    assert other != folder


def test_a_journal_that_is_shorter_or_another_than_what_was_signed_is_named(folder: Path, tmp_path: Path) -> None:
    for count, fault in ((3, "tree size"), (12, "root hash")):
        other = tmp_path / str(count)
        with open_writer(other) as log:
            log.append([event(str(number)) for number in range(count)])
        shutil.copy(segment(other), segment(tmp_path))
        assert first(tmp_path) == ("signed", fault, None)
    assert folder.exists()


def test_trees_signed_at_two_sizes_are_named(folder: Path, tmp_path: Path) -> None:
    before = (shard_state(tmp_path) / "signed-sha3").read_bytes()
    with open_writer(tmp_path) as log:
        log.append([event("later")])
        log.publish()
    (shard_state(tmp_path) / "signed-sha3").write_bytes(before)
    assert first(tmp_path) == ("signed-sha3", "tree size", None)
    assert folder.exists()


def test_keys_and_marks_are_looked_at(folder: Path, tmp_path: Path) -> None:
    (folder / "README").touch()
    assert first(tmp_path) == ("README", "file", None)
    (folder / "README").unlink()
    (shard_state(tmp_path) / "publishing").touch()
    assert first(tmp_path) == ("publishing", "mark", None)
    (shard_state(tmp_path) / "publishing").unlink()
    (folder / KEYS_FILE).write_text("nonsense")
    assert first(tmp_path) == (KEYS_FILE, "lines", None)


def test_a_damaged_epoch_or_secret_is_named(folder: Path, tmp_path: Path) -> None:
    epoch, secret = chain_folder(tmp_path) / "epoch", shard_state(tmp_path) / "commitment.key"
    for path, changed in ((epoch, b"7\n"), (epoch, format_epoch(0)), (secret, bytes(64))):
        whole = path.read_bytes()
        path.write_bytes(changed)
        assert first(tmp_path)[0] == path.name
        path.write_bytes(whole)
    assert check_state(chain_folder(tmp_path), [folder]).ok


def test_a_damaged_first_frame_is_damage_and_not_another_log(folder: Path, tmp_path: Path) -> None:
    journal = bytearray(segment(tmp_path).read_bytes())
    journal[200] ^= 1
    segment(tmp_path).write_bytes(journal)
    assert first(tmp_path) == ("journal", "frame", None)
    assert folder.exists()


def test_two_copies_of_one_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    with pytest.raises(InputError, match="two folders are of one log"):
        check_state(chain_folder(tmp_path), [folder, copy])


def test_a_log_that_was_published_empty_and_then_grew_is_the_same(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        log.publish()
        log.append([event("later")])
    report = check_state(chain_folder(tmp_path), [published_folder(tmp_path)])
    assert (report.findings, report.entries, report.published) == ((), 1, 0)


def test_kept_cosignatures_that_changed_are_named_unless_a_retired_key_vouches_for_them(
    folder: Path, tmp_path: Path
) -> None:
    kept = shard_state(tmp_path) / "cosigned"
    witness = Ed25519Cosigner(FileSigner(tmp_path / "key", name="witness.example/w1"))
    with open_writer(tmp_path) as log:
        own = log.shard.head().checkpoint
        text = parse_note(own).text
        line = witness.cosign(text, parse_checkpoint(text), 1).line
        log.shard.add_cosignatures(own + line, [witness.key])
    assert check_state(chain_folder(tmp_path), [folder]).ok
    whole = kept.read_bytes()
    for at in (0, 20, len(whole) - 2):
        kept.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert first(tmp_path) == ("cosigned", "note", None)
    with open_writer(tmp_path) as log:
        kept.write_bytes(whole)
        log.append([event("later")])
        log.publish()
    assert check_state(chain_folder(tmp_path), [folder]).ok
    retired = FileSigner(tmp_path / "retired", name=ORIGIN)
    note = sign_checkpoint(parse_checkpoint(text), [retired])
    kept.write_text(f"{witness.key.text}\n\n{note}{line}")
    assert check_state(chain_folder(tmp_path), [folder]).ok


def test_the_command_says_same_different_or_cannot_tell(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fsck", str(chain_folder(tmp_path)), str(folder)]
    assert main(arguments) == VERIFIED
    assert capsys.readouterr().out.startswith("SAME: 11 of 11 entries")
    (folder / "checkpoint").write_text("x")
    assert main(arguments) == REFUTED
    assert "checkpoint: byte 0" in capsys.readouterr().out
    assert main([*arguments, "--json"]) == REFUTED
    assert json.loads(capsys.readouterr().out)["findings"][0]["where"] == "checkpoint"
    assert main(["fsck", str(tmp_path / "nowhere"), str(folder)]) == UNDECIDED
    with pytest.raises(InputError, match="no such folder"):
        check_state(chain_folder(tmp_path), [tmp_path / "nowhere"])
