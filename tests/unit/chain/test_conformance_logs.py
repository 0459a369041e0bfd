"""Whole logs as files, made here tile by tile: right ones pass, and each changed file is missed where it is."""

from __future__ import annotations

import functools
import gzip
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chain.conformance import source as source_module
from chain.conformance.ct_leaf import parse_data_tile
from chain.conformance.outcome import Report, Tally
from chain.conformance.runner import run
from chain.conformance.source import Source
from domain.errors import InputError
from tests.unit.chain.published import (
    ECDSA_KEY,
    b64,
    bundles,
    checkpoint,
    cosigned,
    der,
    leaf,
    pem,
    root,
    sha,
    signed,
    tiles,
    tree_head_signed,
    verifier_key,
    write,
)

NAME = "example.org/log"
ENTRIES = [f"entry {number}".encode() for number in range(300)]
LEAVES = [leaf(entry) for entry in ENTRIES]
NO_KEY = "signature not checked: its key is not beside it"


def small_log() -> dict[str, bytes | str]:
    """Three checkpoints of seven entries, with the partial tiles of the last two."""
    leaves = LEAVES[:7]
    files: dict[str, bytes | str] = {
        "README": f"The key is {verifier_key(NAME)}.",
        "log/checkpoint.0": signed(checkpoint(NAME, 0, sha(b"")), NAME),
        "log/checkpoint.4": signed(checkpoint(NAME, 4, root(leaves[:4])), NAME),
        "log/checkpoint": signed(checkpoint(NAME, 7, root(leaves)), NAME),
    }
    for size in (4, 7):
        files |= {f"log/{name}": data for name, data in (tiles(leaves[:size]) | bundles(ENTRIES[:size])).items()}
    return files


def tally_of(report: Report, family: str = "tlog-tiles logs") -> Tally:
    assert list(report.families) == [family]
    return report.families[family]


def missed(tally: Tally) -> set[tuple[str, str]]:
    return {(miss.file, miss.case) for miss in tally.misses}


def test_every_checkpoint_tile_and_pair_of_a_log_is_compared(tmp_path: Path) -> None:
    report = run(write(tmp_path, small_log()))
    tally = tally_of(report)
    assert (tally.passed, tally.total) == (3 + 3 + 4 + 2, 12)
    assert not tally.remarks
    assert not report.not_recognised


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("log/checkpoint", b"\n7\n", {("log/checkpoint", "checkpoint")}),
        ("log/checkpoint", signed(checkpoint(NAME, 7, b"root"), NAME).encode(), {("log/checkpoint", "checkpoint")}),
        ("log/checkpoint.4", signed(checkpoint(NAME, 4, root(LEAVES[:3])), NAME).encode(), {
            ("log/checkpoint.4", "root of 4"),
            ("log/checkpoint", "consistency of 4 and 7"),
        }),
        ("log/checkpoint.4", signed(checkpoint(NAME, 4, root(LEAVES[:4])), NAME).replace(
            "\n4\n", "\n3\n"
        ).encode(), {
            ("log/checkpoint.4", "signature"),
            ("log/checkpoint.4", "root of 3"),
            ("log/checkpoint", "consistency of 3 and 7"),
        }),
        ("log/tile/0/000.p/4", b"\x00" * 128, {("log/tile/0/000.p/4", "tile")}),
        ("log/tile/0/000.p/4", b"\x00" * 127, {("log/tile/0/000.p/4", "tile")}),
        ("log/tile/0/000.p/4", b"\x00" * 96, {("log/tile/0/000.p/4", "tile")}),
        ("log/tile/entries/000.p/4", b"".join(bundles(ENTRIES[:3]).values()), {
            ("log/tile/entries/000.p/4", "entries")
        }),
        ("log/tile/entries/000.p/4", b"".join(bundles(ENTRIES[1:5]).values()), {
            ("log/tile/entries/000.p/4", "entries")
        }),
        ("log/tile/entries/000.p/4", b"\x00\x05abcd", {("log/tile/entries/000.p/4", "entries")}),
    ],
)  # fmt: skip
def test_a_changed_file_is_missed_where_it_is(
    name: str, change: bytes, expected: set[tuple[str, str]], tmp_path: Path
) -> None:
    assert missed(tally_of(run(write(tmp_path, {**small_log(), name: change})))) == expected


def test_a_changed_entry_of_the_newest_bundle_changes_the_root(tmp_path: Path) -> None:
    changed = b"".join(bundles([*ENTRIES[:6], b"other"]).values())
    report = run(write(tmp_path, {**small_log(), "log/tile/entries/000.p/7": changed}))
    assert ("log/checkpoint", "root of 7") in missed(tally_of(report))


def test_a_log_in_a_folder_of_tampered_ones_must_be_refused(tmp_path: Path) -> None:
    whole = {f"tampered/{name}": data for name, data in small_log().items()}
    changed = {name.replace("tampered", "tampered-entry"): data for name, data in whole.items()}
    changed["tampered-entry/log/tile/0/000.p/4"] = bytes(128)
    tally = tally_of(run(write(tmp_path, whole | changed)))
    assert (tally.passed, missed(tally)) == (1, {("tampered/log", "log")})


def test_a_log_without_entries_is_derived_from_its_leaf_hashes(tmp_path: Path) -> None:
    files = {name: data for name, data in small_log().items() if "entries" not in name and name != "README"}
    tally = tally_of(run(write(tmp_path, files)))
    assert (tally.passed, tally.missed) == (3 + 2 + 2, 0)
    assert tally.remarks == {NO_KEY: 3}


def test_a_log_without_a_checkpoint_compares_entries_and_tiles_with_each_other(tmp_path: Path) -> None:
    tally = tally_of(run(write(tmp_path, dict(tiles(LEAVES) | bundles(ENTRIES)))))
    assert (tally.passed, tally.missed) == (5, 0)
    assert tally.not_applicable == {"log without a checkpoint": 1}


@functools.cache
def large_log() -> dict[str, bytes | str]:
    """The files of a log of which almost nothing is kept: the right edge, one full tile, and its entries."""
    size = 66_000
    entries = [number.to_bytes(4, "big") for number in range(size)]
    leaves = [leaf(entry) for entry in entries]
    every = tiles(leaves)
    right_edge = ("tile/2/000.p/1", "tile/1/001.p/1", f"tile/0/{size // 256}.p/{size % 256}", "tile/1/000")
    kept = {name: every[name] for name in (*right_edge, "tile/0/003")}
    kept |= {
        name: bundle for name, bundle in bundles(entries).items() if name in {"tile/entries/003", "tile/entries/009"}
    }
    return {**kept, "checkpoint": signed(checkpoint(NAME, size, root(leaves)), NAME), "key": verifier_key(NAME)}


def test_a_few_tiles_of_a_large_log_are_enough_for_its_root(tmp_path: Path) -> None:
    tally = tally_of(run(write(tmp_path, large_log())))
    # The root, the signature, the tile 0/003 and the tile 1/000 by those above them, and the entries below the first.
    assert (tally.passed, tally.missed) == (5, 0)
    assert tally.not_applicable == {
        "tile with nothing here to compare it with": 3,
        "entries with no leaf hashes here to compare them with": 1,
    }


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        ("tile/0/003", {("tile/0/003", "tile"), ("tile/entries/003", "entries")}),
        ("tile/1/000", {("tile/1/000", "tile")}),
        ("tile/2/000.p/1", {("tile/1/000", "tile"), ("checkpoint", "root of 66000")}),
        ("tile/entries/003", {("tile/entries/003", "entries")}),
    ],
)
def test_a_changed_tile_of_a_large_log_is_missed(name: str, cases: set[tuple[str, str]], tmp_path: Path) -> None:
    content = large_log()[name]
    assert isinstance(content, bytes)
    assert missed(tally_of(run(write(tmp_path, {**large_log(), name: content[:-1] + b"\xfe"})))) == cases


def test_a_root_is_derived_through_missing_levels_and_not_guessed_where_tiles_lack(tmp_path: Path) -> None:
    through = {name: data for name, data in large_log().items() if name != "tile/2/000.p/1"}
    assert tally_of(run(write(tmp_path / "through", through))).missed == 0
    lacking = {name: data for name, data in through.items() if name != "tile/1/000"}
    tally = tally_of(run(write(tmp_path / "lacking", lacking)))
    assert tally.missed == 0
    assert tally.not_applicable["root not derived: its tiles are not all here"] == 1
    short = {**through, "tile/1/000": b"".join([large_log()["tile/1/000"][:64]])}  # type: ignore[list-item]
    assert missed(tally_of(run(write(tmp_path / "short", short)))) == {("tile/1/000", "tile")}
    torn = {**through, "tile/0/003": bytes(33)}
    assert missed(tally_of(run(write(tmp_path / "torn", torn)))) == {("tile/0/003", "tile")}


def test_a_sha3_tree_is_known_by_its_origin(tmp_path: Path) -> None:
    leaves = [leaf(entry, name="sha3_256") for entry in ENTRIES]
    origin = f"{NAME}/sha3-256"
    head = signed(checkpoint(origin, 300, root(leaves, name="sha3_256")), origin)
    tally = tally_of(run(write(tmp_path, {**tiles(leaves, name="sha3_256"), "checkpoint": head})))
    assert (tally.passed, tally.missed) == (4, 0)


def test_other_files_beside_a_log_are_named_and_misnamed_tiles_are_none_of_its_tiles(tmp_path: Path) -> None:
    files = small_log() | {"log/tile/0/001.p/300": b"", "log/tile/0/x": b"", "log/other": b"\x01" * 2_000_000}
    report = run(write(tmp_path, files))
    assert tally_of(report).missed == 0
    assert report.not_recognised == ["log/other", "log/tile/0/001.p/300", "log/tile/0/x"]


def ct_entry(index: int, *, is_precertificate: bool = False, extensions: bytes | None = None) -> tuple[bytes, bytes]:
    """A data tile's entry and the MerkleTreeLeaf of it."""
    certificate = b"certificate %d" % index
    sized = len(certificate).to_bytes(3, "big") + certificate
    own = b"\x00\x00\x05" + index.to_bytes(5, "big") if extensions is None else extensions
    kind = b"\x00\x01" + sha(b"issuer") if is_precertificate else b"\x00\x00"
    entry = (1_767_139_200_000 + index).to_bytes(8, "big") + kind + sized + len(own).to_bytes(2, "big") + own
    chain = sha(b"issuer") * (1 + index % 2)
    after = sized if is_precertificate else b""
    return entry + after + len(chain).to_bytes(2, "big") + chain, b"\x00\x00" + entry


CT_ENTRIES = [ct_entry(number, is_precertificate=number % 3 == 0) for number in range(300)]
CT_LEAVES = [leaf(hashed) for _, hashed in CT_ENTRIES]


def static_ct_log() -> dict[str, bytes | str]:
    description = {
        "key": b64(der(ECDSA_KEY)),
        "final_tree_head": {"sha256_root_hash": b64(root(CT_LEAVES)), "tree_size": 300},
    }
    return {
        **tiles(CT_LEAVES),
        "tile/data/000": gzip.compress(b"".join(entry for entry, _ in CT_ENTRIES[:256]), mtime=0),
        "tile/data/001.p/44": b"".join(entry for entry, _ in CT_ENTRIES[256:]),
        "tile/names/000": gzip.compress(b'["example.org"]\n', mtime=0),
        f"issuer/{sha(b'issuer').hex()}": b"issuer",
        "issuer/notes": b"\x00",
        "log.v3.json": json.dumps(description),
        "checkpoint": tree_head_signed("ct.example.org/2026", 300, root(CT_LEAVES)),
    }


def test_a_static_ct_log_is_derived_from_its_data_tiles(tmp_path: Path) -> None:
    report = run(write(tmp_path, static_ct_log()))
    tally = tally_of(report, "static CT logs")
    # Signature, root, three hash tiles, two data tiles, the stated tree head, one issuer.
    assert (tally.passed, tally.missed) == (9, 0)
    assert tally.not_applicable == {"names tile: not specified": 1}
    assert report.not_recognised == ["issuer/notes"]


@pytest.mark.parametrize(
    ("name", "content", "case"),
    [
        ("checkpoint", tree_head_signed("ct.example.org/2026", 299, root(CT_LEAVES)), "root of 299"),
        (
            "checkpoint",
            tree_head_signed("ct.example.org/2026", 300, root(CT_LEAVES), algorithm=b"\x04\x01"),
            "signature",
        ),
        (
            "log.v3.json",
            json.dumps({"final_tree_head": {"sha256_root_hash": "x", "tree_size": 300}}),
            "final tree head",
        ),
        (f"issuer/{sha(b'issuer').hex()}", b"other", "issuer"),
        ("tile/data/001.p/44", b"".join(entry for entry, _ in CT_ENTRIES[257:]), "entries"),
        ("tile/data/001.p/44", CT_ENTRIES[256][0] * 44, "index of entry 257"),
        ("tile/data/000", gzip.compress(b"entries", mtime=0)[:-1], "entries"),
        ("tile/data/000", b"\x1f\x8b\x08 not compressed", "entries"),
    ],
    ids=["root", "signature", "final head", "issuer", "shifted", "repeated", "cut", "not compressed"],
)
def test_a_changed_file_of_a_static_ct_log_is_missed(
    name: str, content: bytes | str, case: str, tmp_path: Path
) -> None:
    files = static_ct_log()
    if name == "log.v3.json":
        files["log.pem"] = pem(ECDSA_KEY)
    tally = tally_of(run(write(tmp_path, {**files, name: content})), "static CT logs")
    assert (name, case) in missed(tally)


@pytest.mark.parametrize(
    ("data", "summary"),
    [
        (CT_ENTRIES[0][0][:-1], "data tile ends within an entry"),
        (bytes(8) + b"\x00\x02", "data tile has an entry of an unknown kind"),
        (bytes(8) + b"\x00\x00" + b"\x00\x00\x01c" + b"\x00\x00" + b"\x00\x05chain", "data tile has a chain"),
        (ct_entry(1, extensions=b"\x00\x00\x00\x00\x00\x00")[0], "entry has an extension twice"),
        (ct_entry(1, extensions=b"\x00\x00")[0], "data tile ends within an entry"),
    ],
)
def test_what_is_no_data_tile_is_refused(data: bytes, summary: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_data_tile(data)
    assert caught.value.summary.startswith(summary)


def test_an_entry_without_a_stated_index_is_read(tmp_path: Path) -> None:
    (found,) = parse_data_tile(ct_entry(1, extensions=b"")[0])
    assert (found.index, found.issuers) == (None, (sha(b"issuer"),) * 2)


def test_witnesses_and_keys_of_every_kind_are_used_where_they_lie(tmp_path: Path) -> None:
    rsa = generate_private_key(65537, 2048)
    rsa_der = rsa.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    exchange_der = X25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    exchange = b64(exchange_der.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    by_rsa = b64(sha(rsa_der)[:4] + rsa.sign(b"words\n", PKCS1v15(), SHA256()))
    text, time_ms = checkpoint(NAME, 7, root(LEAVES[:7])), bytes(8)
    tree_head = b"\x00\x01" + time_ms + (7).to_bytes(8, "big") + root(LEAVES[:7])
    content = time_ms + b"\x04\x01\x01\x00" + rsa.sign(tree_head, PKCS1v15(), SHA256())
    head = b64(sha(NAME.encode() + b"\n\x05" + sha(rsa_der))[:4] + content)
    files: dict[str, bytes | str] = {
        "a/checkpoint.note": cosigned(text, "witness.example"),
        "a/witness.json": json.dumps({"verifier_keys": [verifier_key("witness.example", kind=4)]}),
        "a/no.pem": "MAAA" + "A" * 60 + f"\n{exchange}\n",
        "a/some.pem": f"-----BEGIN PUBLIC KEY-----\n{b64(rsa_der)}\n-----END PUBLIC KEY-----\n",
        "a/by_rsa": f"words\n\n\u2014 rsa {by_rsa}\n",
        "a/tree_head": f"{text}\n\u2014 {NAME} {head}\n",
        "b/broken.note": signed("words\n", NAME).replace("words", "other"),
        "b/right_invalid.note": signed("words\n", NAME).replace("words", "other"),
        "b/key": verifier_key(NAME),
        "c/note": signed("words\n", "nobody"),
    }
    report = run(write(tmp_path, files))
    tally = tally_of(report, "signed notes")
    assert (tally.passed, missed(tally)) == (5, {("b/broken.note", "note")})
    assert tally.remarks == {NO_KEY: 1}
    assert report.not_recognised == ["a/no.pem"]


def test_a_proof_file_is_followed_from_the_entry_beside_it(tmp_path: Path) -> None:
    proof = (
        f"c2sp.org/tlog-proof@v1\nindex 0\n{b64(LEAVES[1])}\n\n{signed(checkpoint(NAME, 2, root(LEAVES[:2])), NAME)}"
    )
    files: dict[str, bytes | str] = {
        "key": verifier_key(NAME),
        "a.tlog-proof": proof,
        "a": ENTRIES[0],
        "b.tlog-proof": proof,
        "b": ENTRIES[1],
        "c.tlog-proof": proof,
        "d.tlog-proof": proof.replace("\n2\n", "\n3\n"),
        "policy": f"# ours\nlog {verifier_key(NAME)}\nquorum none\n",
        "invalid/policy": "quorum w\n",
    }
    report = run(write(tmp_path, files))
    assert report.families["tlog proofs"].passed == 2
    assert missed(report.families["tlog proofs"]) == {("b.tlog-proof", "proof"), ("d.tlog-proof", "proof")}
    assert report.families["tlog proofs"].remarks == {"path not followed: the entry is not beside the proof": 2}
    assert report.families["witness policies"].passed == 2


def test_a_folder_is_read_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no such folder"):
        run(tmp_path / "none")
    write(tmp_path, {"a": b"\xff\xfe", "b": "text"})
    monkeypatch.setattr(source_module, "FILE_SIZE_BYTES_MAX", 1)
    with pytest.raises(InputError, match="too long"):
        Source(tmp_path, "b").read()
    monkeypatch.setattr(source_module, "FILES_MAX", 1)
    with pytest.raises(InputError, match="too many files"):
        run(tmp_path)
