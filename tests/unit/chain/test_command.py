"""`python -m chain verify` says in words and by its exit code what it found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chain.__main__ import REFUTED, UNDECIDED, VERIFIED, main
from chain.entry import Block, encode_event
from chain.file_journal import FileJournal
from chain.frame import Run
from chain.log import Log
from chain.pack_archive import write_archive
from tests.unit.chain.packs import small_pack
from tests.unit.chain.samples import (
    ORIGIN,
    chain_folder,
    event,
    open_writer,
    publish_small_log,
    tenant_folder,
)


def test_a_good_folder_is_verified_with_a_word_about_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = publish_small_log(tmp_path)
    assert main(["verify", str(folder)]) == VERIFIED
    said = capsys.readouterr().out
    assert said.startswith("VERIFIED: 11 entries, 2 blocks, 1 artifacts")
    assert "NOT INDEPENDENTLY TRUSTED" in said
    policy = tmp_path / "policy"
    policy.write_text("".join(f"log {line}\n" for line in (folder / "verifier_keys").read_text().splitlines()))
    assert main(["verify", str(folder), "--policy", str(policy)]) == VERIFIED
    assert "those of the policy file" in capsys.readouterr().out


def test_a_changed_folder_is_refuted_by_the_entrys_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = publish_small_log(tmp_path)
    bundle = folder / "tile/entries/000.p/11"
    bundle.write_bytes(bundle.read_bytes().replace(b"for 1-2", b"for 1-3"))
    assert main(["verify", str(folder)]) == REFUTED
    assert "entry 7 in tile/entries/000.p/11: entry" in capsys.readouterr().out
    assert main(["verify", str(folder), "--json"]) == REFUTED
    assert json.loads(capsys.readouterr().out)["findings"][0]["entry_index"] == 7


def test_many_findings_are_cut_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = publish_small_log(tmp_path)
    for number in range(30):
        (folder / f"more-{number}").touch()
    assert main(["verify", str(folder)]) == REFUTED
    assert "and 10 more" in capsys.readouterr().out


def test_what_cannot_be_read_cannot_be_decided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path / "nowhere")]) == UNDECIDED
    assert "no such folder" in capsys.readouterr().err


def test_a_log_that_signed_nonsense_is_refuted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    block = Block(height=7, prev="1" * 64, size=9, root_sha256="2" * 64, root_sha3_256="3" * 64, ts="never")
    nonsense = [
        b'{"artifacts":{},"request_id":"x"}',
        encode_event(event("same"), {}),
        encode_event(event("same"), {}),
    ]
    monkeypatch.setattr(Log, "next_block", lambda log, ts: block)
    journal = FileJournal(chain_folder(tmp_path))
    assert list(journal.replay()) == []
    journal.append([Run(ORIGIN, nonsense)], year=2026)
    journal.close()
    with open_writer(tmp_path) as log:
        log.publish()
    assert main(["verify", str(tenant_folder(tmp_path)), "--json"]) == REFUTED
    findings = json.loads(capsys.readouterr().out)["findings"]
    fields = [(item["entry_index"], item["field"]) for item in findings]
    assert fields[:2] == [(0, "form"), (2, "request_id")]
    assert {(3, f"body.{name}") for name in ("height", "prev", "size", "root_sha256", "root_sha3_256")} <= set(fields)


def test_a_pack_is_verified_refuted_or_left_undecided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pack.zip"
    whole = write_archive(small_pack())
    path.write_bytes(whole)
    assert main(["verify", str(path)]) == VERIFIED
    assert capsys.readouterr().out.startswith("VERIFIED: 9 entries of acme")
    assert main(["verify", str(path), "--json"]) == VERIFIED
    assert json.loads(capsys.readouterr().out)["ok"]
    path.write_bytes(whole.replace(b'"records":7', b'"records":8'))
    assert main(["verify", str(path)]) == REFUTED
    assert "entry 4 in log/2026/entries.jsonl" in capsys.readouterr().out
    path.write_bytes(whole[:-1])
    assert main(["verify", str(path)]) == UNDECIDED
    assert "not a whole report pack" in capsys.readouterr().err
