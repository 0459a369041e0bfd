"""`pcg verify PACK` says what was shown, and looks at the PDF's own signature where it can."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chain.pack import CERTIFICATE, POLICY, REPORT_PDF
from chain.pack_archive import write_archive
from chain.reports.packing import draft_pack, sign_pack
from serve.cli import proof
from serve.cli.exit_code import ExitCode
from tests.unit.chain.packs import signed_again, small_pack, small_request
from tests.unit.chain.reports.samples import signer
from tests.unit.chain.reports.test_pades import Authority


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "pack.zip"
    path.write_bytes(write_archive(small_pack()))
    return path


def test_a_pack_is_verified_with_its_pdf(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert proof.verify(pack) == ExitCode.DONE
    said = capsys.readouterr().out
    assert said.startswith("VERIFIED: 9 entries of acme")
    assert "PDF       signed by Common Name: acme reports, without a time stamp" in said
    assert said.count("NOT INDEPENDENTLY TRUSTED") == 2


def test_keys_of_the_readers_own_make_it_trusted(
    pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy").write_bytes(small_pack()[POLICY])
    (tmp_path / "certificate").write_bytes(small_pack()[CERTIFICATE])
    status = proof.verify(pack, policy=tmp_path / "policy", certificate=tmp_path / "certificate", as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert (status, report["key_trusted"], report["certificate_trusted"]) == (ExitCode.DONE, True, True)


def test_a_time_stamp_is_told_with_its_authority(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "stamped.zip"
    draft = draft_pack(small_request(), is_stamped=True)
    path.write_bytes(write_archive(sign_pack(draft, signer(), stamping=Authority())))
    assert proof.verify(path) == ExitCode.DONE
    assert "UTC by Common Name: time, an authority that you must know" in capsys.readouterr().out


def test_a_changed_pack_is_refuted_by_its_entry(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack.write_bytes(pack.read_bytes().replace(b'"records":7', b'"records":8'))
    assert proof.verify(pack) == ExitCode.FOUND
    said = capsys.readouterr().out
    assert "entry 4 in log/2026/entries.jsonl" in said
    assert "not looked at" in said


def test_a_pdf_that_nobody_signed_is_refuted_though_its_digest_is_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "unsigned.zip"
    path.write_bytes(write_archive(signed_again({REPORT_PDF: draft_pack(small_request()).files[REPORT_PDF]})))
    assert proof.verify(path) == ExitCode.FOUND
    assert "PDF       REFUTED" in capsys.readouterr().out


def test_without_the_extra_the_pdf_is_checked_by_its_digest(
    pack: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(proof, "find_spec", lambda name: None)
    assert proof.verify(pack) == ExitCode.DONE
    assert "by its digest alone" in capsys.readouterr().out
