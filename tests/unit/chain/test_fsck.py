"""fsck derives a log again from its journal and names what differs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from chain.__main__ import REFUTED, UNDECIDED, VERIFIED, main
from chain.entry import Block, encode_block
from chain.fsck import check_state
from chain.journal import Journal
from chain.layout import KEYS_FILE
from domain.errors import InputError
from tests.unit.chain.samples import NOON, event, open_writer, publish_small_log


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return publish_small_log(tmp_path)


def first(path: Path) -> tuple[str, str, int | None]:
    finding = check_state(path / "state", path / "evidence").findings[0]
    return finding.where, finding.field, finding.entry_index


def test_a_log_and_its_folder_are_the_same(folder: Path, tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        writer.append([event("recorded, not yet published")])
        report = check_state(tmp_path / "state", folder)
    assert (report.findings, report.entries, report.published, report.torn_size_bytes) == ((), 12, 11, 0)


def test_a_log_of_many_tiles_is_the_same(tmp_path: Path) -> None:
    folder = publish_small_log(tmp_path, batches=(300, 300))
    assert check_state(tmp_path / "state", folder).ok


def test_a_log_that_published_nothing_has_an_empty_folder(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        writer.append([event("a")])
    assert check_state(tmp_path / "state", tmp_path / "evidence").ok
    (tmp_path / "evidence/stranger").touch()
    assert first(tmp_path) == ("stranger", "file", None)


def test_every_published_file_that_is_changed_or_gone_is_named(folder: Path, tmp_path: Path) -> None:
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        whole, name = path.read_bytes(), path.relative_to(folder).as_posix()
        for changed in (whole[:-1] + bytes([whole[-1] ^ 1]), whole + b"x", whole[:-1], b"\xff" + whole[1:]):
            path.write_bytes(changed)
            assert first(tmp_path)[0] == name
        path.write_bytes(whole)
        is_earlier = name.endswith(".p/5")
        path.unlink()
        assert check_state(tmp_path / "state", folder).ok is is_earlier, name
        path.write_bytes(whole)
    assert check_state(tmp_path / "state", folder).ok


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
    with open_writer(tmp_path) as writer:
        writer.publish()
    assert check_state(tmp_path / "state", folder).ok


def test_an_artifact_that_changed_in_either_place_is_named_with_its_entry(folder: Path, tmp_path: Path) -> None:
    (kept,) = (tmp_path / "state/artifact").iterdir()
    kept.write_bytes(b"changed")
    assert first(tmp_path) == (f"state artifact/{kept.name}", "content", 3)
    kept.unlink()
    assert first(tmp_path) == (f"state artifact/{kept.name}", "content", 3)


def test_a_torn_end_is_told_and_left_for_the_writer(folder: Path, tmp_path: Path) -> None:
    journal = tmp_path / "state/journal"
    with journal.open("ab") as stream:
        stream.write(b"FRAM\0")
    torn = journal.read_bytes()
    report = check_state(tmp_path / "state", folder)
    assert (report.ok, report.torn_size_bytes, journal.read_bytes()) == (True, 5, torn)
    journal.write_bytes(b"poli")
    assert first(tmp_path)[:2] == ("signed", "tree size")


def test_a_damaged_journal_is_named_with_the_entry(folder: Path, tmp_path: Path) -> None:
    journal = tmp_path / "state/journal"
    journal.write_bytes(journal.read_bytes().replace(b"for 1-2", b"for 1-3"))
    assert first(tmp_path) == ("journal", "frame", 5)


def test_a_block_that_states_another_log_is_named(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        writer.append([event("a")])
    block = Block(height=0, prev="0" * 64, size=1, root_sha256="1" * 64, root_sha3_256="2" * 64, ts="x")
    journal = Journal(tmp_path / "state/journal")
    assert len(list(journal.replay())) == 1
    journal.append([encode_block(block, tenant=None, at=NOON)], epoch=9)
    journal.close()
    findings = check_state(tmp_path / "state", tmp_path / "evidence").findings
    assert [(item.field, item.entry_index) for item in findings] == [("body.root_sha256", 1), ("body.root_sha3_256", 1)]


def test_signatures_that_are_not_of_this_journal_are_named(folder: Path, tmp_path: Path) -> None:
    other = publish_small_log(tmp_path / "other").parent / "state"
    for name in ("signed", "signed-sha3"):
        whole = (tmp_path / "state" / name).read_text()
        (tmp_path / "state" / name).write_text(whole.replace("\n11\n", "\n12\n"))
        assert first(tmp_path) == (name, "signed note", None)
        (tmp_path / "state" / name).write_text(whole)
    shutil.copy(other / "journal", tmp_path / "state/journal")
    assert check_state(tmp_path / "state", folder).ok
    shutil.copy(other.parent / "state/signed", tmp_path / "state/signed")
    assert first(tmp_path) == ("signed", "signed note", None)


def test_trees_signed_at_two_sizes_are_named(folder: Path, tmp_path: Path) -> None:
    before = (tmp_path / "state/signed-sha3").read_bytes()
    with open_writer(tmp_path) as writer:
        writer.append([event("later")])
        writer.publish()
    (tmp_path / "state/signed-sha3").write_bytes(before)
    assert first(tmp_path) == ("signed-sha3", "tree size", None)
    assert folder.exists()


def test_another_journal_under_the_same_signatures_is_named(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with open_writer(other) as writer:
        writer.append([event(str(number)) for number in range(12)])
    shutil.copy(other / "state/journal", tmp_path / "state/journal")
    assert first(tmp_path) == ("signed", "root hash", None)
    assert folder.exists()


def test_keys_and_marks_are_looked_at(folder: Path, tmp_path: Path) -> None:
    (folder / "README").touch()
    assert first(tmp_path) == ("README", "file", None)
    (folder / "README").unlink()
    (tmp_path / "state/publishing").touch()
    assert first(tmp_path) == ("publishing", "mark", None)
    (tmp_path / "state/publishing").unlink()
    (folder / KEYS_FILE).write_text("nonsense")
    assert first(tmp_path) == (KEYS_FILE, "lines", None)


def test_the_command_says_same_different_or_cannot_tell(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fsck", str(tmp_path / "state"), str(folder)]
    assert main(arguments) == VERIFIED
    assert capsys.readouterr().out.startswith("SAME: 11 of 11 entries")
    (folder / "checkpoint").write_text("x")
    assert main(arguments) == REFUTED
    assert "checkpoint: byte 0" in capsys.readouterr().out
    assert main([*arguments, "--json"]) == REFUTED
    assert json.loads(capsys.readouterr().out)["findings"][0]["where"] == "checkpoint"
    assert main(["fsck", str(tmp_path / "nowhere"), str(folder)]) == UNDECIDED
    with pytest.raises(InputError, match="no such folder"):
        check_state(tmp_path / "state", tmp_path / "nowhere")
