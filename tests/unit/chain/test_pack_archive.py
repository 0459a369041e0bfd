"""A pack's zip has one form, and everything else is refused before anything in it is believed."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain import pack_archive
from chain.finding import Findings
from chain.pack_archive import PackArchive, PackFolder, is_pack, write_archive
from domain.errors import InputError

FILES = {"a.txt": b"one", "b/c.json": b"", "b/d": b"three" * 100}


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "pack.zip"
    path.write_bytes(write_archive(FILES))
    return path


def contents(path: Path) -> tuple[dict[str, bytes | None], Findings]:
    archive, findings = PackArchive(path), Findings()
    found = {name: archive.read(name) for name in archive.names}
    archive.report(findings)
    archive.close()
    return found, findings


def test_what_is_written_is_read_again_and_by_any_zip_reader(pack: Path) -> None:
    found, findings = contents(pack)
    assert (found, findings.all) == (FILES, ())
    with zipfile.ZipFile(pack) as other:
        assert other.testzip() is None
        assert {name: other.read(name) for name in other.namelist()} == FILES


def test_the_order_in_which_files_are_given_changes_nothing() -> None:
    assert write_archive(dict(reversed(FILES.items()))) == write_archive(FILES)


def test_a_flipped_bit_anywhere_is_noticed(pack: Path) -> None:
    whole = pack.read_bytes()
    for at in range(len(whole)):
        for bit in (0, 7):
            pack.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            try:
                found, findings = contents(pack)
            except InputError:
                continue
            assert findings.all, (at, found)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_pack_are_refused_without_a_crash(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.zip"
    path.write_bytes(data)
    if data != write_archive({}):
        with pytest.raises(InputError):
            PackArchive(path)


@pytest.mark.parametrize("cut", [1, 5, 22, 40, 300])
def test_a_pack_that_was_cut_short_or_grew_is_refused(pack: Path, cut: int) -> None:
    whole = pack.read_bytes()
    for changed in (whole[:-cut], whole + b"\0" * cut, whole[cut:], b"\0" * cut + whole):
        pack.write_bytes(changed)
        with pytest.raises(InputError, match="not a whole report pack"):
            PackArchive(pack)


def zipped(entries: Mapping[str, bytes], *, compression: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        archive.comment = comment
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        zipped(FILES),
        zipped({"a": b"0" * 1_000_000}, compression=zipfile.ZIP_DEFLATED),
        zipped(FILES, comment=b"hello"),
        zipped({"../up": b""}),
        zipped({"/etc/passwd": b""}),
    ],
    ids=["without our order", "compressed", "with a comment", "leading upwards", "leading to the root"],
)
def test_zips_of_another_make_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.zip"
    path.write_bytes(data)
    with pytest.raises(InputError):
        PackArchive(path)


def forged(names: list[str], *, directory_names: list[str] | None = None) -> bytes:
    """A zip in a pack's own spelling, but of names that a pack cannot have."""
    parts, directory, offset = [], [], 0
    for name in names:
        header = pack_archive._local_header(name, 0, 0)
        directory.append(pack_archive._central_header(name, 0, 0, offset))
        parts.append(header)
        offset += len(header)
    size = sum(map(len, directory))
    return b"".join([*parts, *directory, pack_archive._end_record(len(names), size, offset)])


@pytest.mark.parametrize(
    "names",
    [
        ["b", "a"],
        ["a", "a"],
        ["../a"],
        ["/a"],
        ["a/../b"],
        ["a//b"],
        [".hidden"],
        ["a/"],
        ["a\\b"],
        ["a" * 101],
        ["a b"],
    ],
)
def test_names_out_of_order_twice_or_leading_elsewhere_are_refused(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "forged.zip"
    path.write_bytes(forged(names))
    with pytest.raises(InputError):
        PackArchive(path)


def test_a_directory_that_counts_other_files_than_it_lists_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "count.zip"
    whole = forged(["a", "b"])
    size, offset = struct.unpack("<2I", whole[-10:-2])
    for count in (1, 3, 60_001):
        path.write_bytes(whole[:-22] + pack_archive._end_record(count, size, offset))
        with pytest.raises(InputError, match="not a whole report pack"):
            PackArchive(path)


def test_a_member_that_claims_more_than_there_is_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "claims.zip"
    central = pack_archive._central_header("a", 0, 600 * 1024 * 1024, 0)
    local = pack_archive._local_header("a", 0, 600 * 1024 * 1024)
    path.write_bytes(local + central + pack_archive._end_record(1, len(central), len(local)))
    with pytest.raises(InputError, match="size of a file"):
        PackArchive(path)


def test_a_pack_that_shrinks_while_it_is_read_is_refused(pack: Path) -> None:
    archive = PackArchive(pack)
    pack.write_bytes(b"")
    with pytest.raises(InputError, match="cut short"):
        archive.read("b/d")
    archive.close()


def test_what_a_pack_cannot_hold_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="cannot hold such a file"):
        write_archive({"../a": b""})
    monkeypatch.setattr(pack_archive, "FILES_MAX", 1)
    with pytest.raises(InputError, match="too large"):
        write_archive({"a": b"", "b": b""})


def test_an_unreadable_pack_cannot_be_decided(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the pack"):
        PackArchive(tmp_path / "nothing.zip")


def test_a_file_that_a_pack_has_not_is_none(pack: Path) -> None:
    archive = PackArchive(pack)
    assert archive.read("nothing") is None
    archive.close()


def test_an_unpacked_pack_is_read_from_its_folder_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b"{}")
    (tmp_path / "link").symlink_to("/etc/hostname")
    folder, findings = PackFolder(tmp_path), Findings()
    folder.report(findings)
    assert folder.names == ["manifest.json"]
    assert folder.read("manifest.json") == b"{}"
    assert [item.got for item in findings.all] == ["a link"]


def test_a_file_or_a_folder_with_a_manifest_is_read_as_a_pack(tmp_path: Path) -> None:
    (tmp_path / "any.zip").touch()
    assert is_pack(tmp_path / "any.zip")
    assert not is_pack(tmp_path / "nothing")
    assert not is_pack(tmp_path)
    (tmp_path / "manifest.json").touch()
    assert is_pack(tmp_path)
