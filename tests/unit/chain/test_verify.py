"""The offline verifier accepts what was published and refuses everything else, by name."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from chain.checkpoint import origin_of
from chain.layout import KEYS_FILE
from chain.signer import FileSigner
from chain.tree_hash import SHA3_256, SHA256
from chain.verify import TrustPolicy, verify_directory
from domain.errors import InputError
from tests.architecture.sources import loaded_by
from tests.unit.chain.samples import ORIGIN, event, open_writer, publish_small_log, published_folder


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_small_log(tmp_path_factory.mktemp("log"))


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "copy"))


def policy_of(folder: Path) -> str:
    return "".join(f"log {line}\n" for line in (folder / KEYS_FILE).read_text().splitlines())


def test_a_published_folder_verifies(published: Path) -> None:
    report = verify_directory(published)
    assert report.ok
    assert (report.origin, report.entries, report.blocks, report.artifacts) == (ORIGIN, 11, 2, 1)
    assert not report.key_trusted


def test_an_empty_log_verifies(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        head = log.publish()
    assert head.size == 0
    assert verify_directory(published_folder(tmp_path)).ok


@pytest.mark.parametrize("batches", [(255,), (256,), (300, 1), (600, 200)])
def test_folders_of_many_tiles_verify(tmp_path: Path, batches: tuple[int, ...]) -> None:
    report = verify_directory(publish_small_log(tmp_path, batches=batches))
    assert report.findings == ()
    assert report.entries == sum(batches) + 2 * len(batches)


def test_a_flipped_bit_in_any_byte_of_any_file_is_found_and_placed(folder: Path) -> None:
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        whole = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        for at in range(0, len(whole), 1 if len(whole) < 400 else 37):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
            report = verify_directory(folder)
            assert not report.ok, (name, at)
            assert report.findings[0].where == name, (name, at, report.findings)
            if "entries" in name:
                assert report.findings[0].entry_index == entry_at(whole, at), (name, at, report.findings)
        path.write_bytes(whole)
    assert verify_directory(folder).ok


def entry_at(bundle: bytes, at: int) -> int:
    index, start = 0, 0
    while True:
        start += 2 + int.from_bytes(bundle[start : start + 2], "big")
        if at < start:
            return index
        index += 1


def test_a_flipped_bit_in_a_full_bundle_names_its_entry(tmp_path: Path) -> None:
    folder = publish_small_log(tmp_path, batches=(600,))
    bundle = folder / "tile/entries/001"
    content = bytearray(bundle.read_bytes())
    content[40] ^= 4
    bundle.write_bytes(content)
    assert verify_directory(folder).findings[0].entry_index == 256


def test_bytes_added_or_cut_anywhere_are_found(folder: Path) -> None:
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        whole = path.read_bytes()
        for changed in (whole + b"\n", whole + b"\0" * 32, whole[:-1], whole[:-32], b"", b"\n" + whole, whole + whole):
            path.write_bytes(changed)
            report = verify_directory(folder)
            assert [item.where for item in report.findings][:1] == [path.relative_to(folder).as_posix()], path
        path.write_bytes(whole)


def test_every_missing_file_is_named(folder: Path) -> None:
    required = {"checkpoint", "sha3/checkpoint", KEYS_FILE}
    required |= {f"{prefix}tile/0/000.p/11" for prefix in ("", "sha3/")} | {"tile/entries/000.p/11"}
    required |= {path.relative_to(folder).as_posix() for path in folder.glob("artifact/*")}
    for name in sorted(required):
        whole = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / name).with_name("other").write_bytes(b"")
        findings = verify_directory(folder).findings
        assert findings[0].where == name
        assert "no such file" in findings[0].got
        (folder / name).with_name("other").unlink()
        (folder / name).write_bytes(whole)


@pytest.mark.parametrize(
    "name",
    [
        "README",
        "tile/0/001",
        "tile/0/000.p/12",
        "tile/0/000.p/011",
        "tile/00/000.p/5",
        "tile/9/000.p/1",
        "tile/0/x000/000.p/5",
        "sha3/tile/entries/000.p/5",
        "tile/entries/000.p/12",
        "artifact/" + "A" * 64,
        "artifact/" + "0" * 64,
        "checkpoint.partial-write",
    ],
)
def test_an_unknown_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"")
    findings = verify_directory(folder).findings
    assert [(item.where, item.got) for item in findings] == [(name, "an unknown file")]


def test_links_special_files_and_empty_folders_are_refused(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "checkpoint")
    (folder / "empty").mkdir()
    subprocess.run(["mkfifo", str(folder / "pipe")], check=True)
    got = {item.where: item.got for item in verify_directory(folder).findings}
    assert got == {"empty/": "an empty folder", "link": "a link", "pipe": "a special file"}


def test_a_partial_tile_of_an_earlier_checkpoint_may_stay_or_go(folder: Path) -> None:
    for path in folder.rglob("5"):
        path.unlink()
    assert verify_directory(folder).ok


def test_the_readers_own_keys_make_the_report_trusted(published: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    policy.write_text(f"# from the contract\n\n{policy_of(published)}quorum none\n")
    report = verify_directory(published, policy=policy)
    assert report.ok
    assert report.key_trusted


def test_keys_other_than_the_readers_are_refused(published: Path, tmp_path: Path) -> None:
    other = (
        FileSigner(tmp_path / "a", name=ORIGIN).key,
        FileSigner(tmp_path / "b", name=origin_of(ORIGIN, SHA3_256)).key,
    )
    report = verify_directory(published, policy=TrustPolicy(other))
    assert [item.field for item in report.findings] == ["line 1", "line 2"]
    nameless = TrustPolicy((FileSigner(tmp_path / "c", name="elsewhere").key,))
    assert "a key of the policy" in verify_directory(published, policy=nameless).findings[0].expected


@pytest.mark.parametrize(
    "text", ["witness w1 x+y+z\nquorum w1\n", "log\n", "# nothing\n", "log a+b+c\n", "\ud800", None]
)
def test_a_policy_that_cannot_be_honoured_is_refused(published: Path, tmp_path: Path, text: str | None) -> None:
    policy = tmp_path / "policy"
    if text is not None:
        policy.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError):
        verify_directory(published, policy=policy)


def test_a_folder_of_another_log_with_the_same_name_is_told_apart_by_policy(folder: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    policy.write_text(policy_of(folder))
    assert not verify_directory(publish_small_log(tmp_path / "forged"), policy=policy).ok


def test_a_rolled_back_or_mixed_checkpoint_is_refused(tmp_path: Path) -> None:
    folder = publish_small_log(tmp_path)
    older = (folder / "sha3/checkpoint").read_bytes()
    with open_writer(tmp_path) as log:
        log.append([event("later")])
        log.publish()
    (folder / "sha3/checkpoint").write_bytes(older)
    assert [item.field for item in verify_directory(folder).findings] == ["tree size"]


def test_a_missing_folder_and_an_unreadable_file_cannot_be_decided(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="no such folder"):
        verify_directory(tmp_path / "nowhere")

    def refuse(path: str, *_: object, **__: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("chain.folder.open", refuse, raising=False)
    with pytest.raises(InputError, match="cannot read a file"):
        verify_directory(folder)


def test_entries_and_tiles_changed_together_do_not_lead_to_the_signed_root(folder: Path) -> None:
    bundle, tile = folder / "tile/entries/000.p/11", folder / "tile/0/000.p/11"
    bundle.write_bytes(bundle.read_bytes().replace(b"for 0-1", b"for 0-9"))
    entries = bundle.read_bytes()
    length = int.from_bytes(entries[:2], "big")
    second = entries[2 + length :]
    leaf = SHA256.leaf(second[2 : 2 + int.from_bytes(second[:2], "big")])
    tile.write_bytes(tile.read_bytes()[:32] + leaf + tile.read_bytes()[64:])
    findings = verify_directory(folder).findings
    assert ("checkpoint", "root hash") in {(item.where, item.field) for item in findings}
    assert 1 in {item.entry_index for item in findings}


def test_keys_that_do_not_belong_together_are_refused(folder: Path, tmp_path: Path) -> None:
    first, _ = (folder / KEYS_FILE).read_text().splitlines()
    for second in (FileSigner(tmp_path / "k", name="elsewhere").key.text, first):
        (folder / KEYS_FILE).write_text(f"{first}\n{second}\n")
        assert [item.field for item in verify_directory(folder).findings] == ["line 2"]


def test_the_verifier_starts_with_the_standard_library_and_cryptography_alone() -> None:
    heavy = {"orjson", "rfc8785", "numpy", "ray", "polars", "pyarrow", "pydantic", "duckdb"}
    assert loaded_by("chain.__main__", heavy) == set()
