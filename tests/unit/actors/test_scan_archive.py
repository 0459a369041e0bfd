"""Documents of finished scans."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.scan_archive import ScanArchive
from domain.errors import IntegrityError, NotFound, UnavailableError


def test_the_newest_document_is_found_without_a_name(tmp_path: Path) -> None:
    archive = ScanArchive(tmp_path)
    for number in range(3):
        archive.save(f"scan-{2 - number}", {"n": number})
    assert archive.load()["n"] == 2
    assert archive.load("scan-2")["n"] == 0


def test_the_same_scan_again_replaces_its_document_and_is_the_newest(tmp_path: Path) -> None:
    archive = ScanArchive(tmp_path)
    for name, number in (("a", 1), ("b", 2), ("a", 3)):
        archive.save(name, {"n": number})
    assert archive.load()["n"] == 3
    assert len(list(tmp_path.iterdir())) == 2


def test_the_oldest_documents_are_dropped(tmp_path: Path) -> None:
    archive = ScanArchive(tmp_path, documents_max=2)
    for name in "abc":
        archive.save(name, {})
    with pytest.raises(NotFound) as refusal:
        archive.load("a")
    assert refusal.value.facts["scan_id"] == "a"


def test_no_scan_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as refusal:
        ScanArchive(tmp_path / "absent").load()
    assert refusal.value.facts["todo"] == "Run: pcg scan PATH"


def test_a_damaged_document_is_named(tmp_path: Path) -> None:
    archive = ScanArchive(tmp_path)
    archive.save("a", {})
    (tmp_path / "a.json.gz").write_bytes(b"\x1f\x8b\x00")
    with pytest.raises(IntegrityError) as refusal:
        archive.load()
    assert refusal.value.facts["where"] == str(tmp_path / "a.json.gz")


def test_a_folder_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError) as refusal:
        ScanArchive(tmp_path / "file" / "scans").save("a", {})
    assert "--store" in str(refusal.value.facts["todo"])
