"""Vectors that are files of their own: digests, canonical JSON, OpenTimestamps; and what the runner says."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import pytest

from chain.conformance.__main__ import main
from chain.conformance.outcome import Report
from chain.conformance.runner import run
from tests.unit.chain.published import leaf, sha, write, write_json

MESSAGES = (b"", b"a", b"ab", b"abc")


def response(name: str, function: str, *, times: int = 1) -> str:
    """A file in the form of NIST's CAVP."""
    lines = ["#  CAVS 19.0", f'#  "{name} ShortMsg" information', "", "[L = 32]", ""]
    for message in MESSAGES * times:
        digest = sha(message, name=function).hex()
        lines += [f"Len = {8 * len(message)}", f"Msg = {message.hex() or '00'}", f"MD = {digest}", ""]
    return "\r\n".join(lines)


def counts(report: Report) -> dict[str, tuple[int, int]]:
    return {family: (tally.passed, tally.total) for family, tally in report.families.items()}


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("SHA3-256", "sha3_256"),
        ("SHA3-512", "sha3_512"),
        ("SHA-1", "sha1"),
        ("SHA-384", "sha384"),
        ("SHA-512/256", "sha512_256"),
    ],
)
def test_digests_are_compared_by_the_function_that_the_file_names(name: str, function: str, tmp_path: Path) -> None:
    assert counts(run(write(tmp_path, {"a.rsp": response(name, function)}))) == {"hash functions": (4, 4)}


def test_a_wrong_digest_is_missed_with_its_length(tmp_path: Path) -> None:
    report = run(write(tmp_path, {"a.rsp": response("SHA3-256", "sha256")}))
    assert counts(report) == {"hash functions": (0, 4)}
    assert report.families["hash functions"].misses[2].case == "Len = 16"


def test_the_functions_name_may_be_the_files(tmp_path: Path) -> None:
    text = response("", "sha3_256").replace("#", "")
    assert counts(run(write(tmp_path, {"SHA3_256LongMsg.rsp": text}))) == {"hash functions": (4, 4)}
    report = run(write(tmp_path / "other", {"a.rsp": text}))
    assert list(report.unreadable) == ["a.rsp"]


def test_chained_digests_are_computed_by_the_functions_own_rule(tmp_path: Path) -> None:
    seed = bytes(range(32))
    digest, chained = seed, [seed, seed, seed]
    lines = {"SHA3-256": [f"Seed = {seed.hex()}"], "SHA-256": [f"Seed = {seed.hex()}"]}
    for count in range(2):
        for _ in range(1000):
            digest = hashlib.sha3_256(digest).digest()
        for _ in range(1000):
            chained = [*chained[1:], hashlib.sha256(b"".join(chained)).digest()]
        chained = [chained[-1]] * 3
        lines["SHA3-256"] += ["", f"COUNT = {count}", f"MD = {digest.hex()}"]
        lines["SHA-256"] += ["", f"COUNT = {count}", f"MD = {chained[-1].hex()}"]
    files: dict[str, bytes | str] = {
        f"{at}.rsp": "\n".join([f"# {name} Monte", *text]) for at, (name, text) in enumerate(lines.items())
    }
    assert counts(run(write(tmp_path, files))) == {"hash functions": (4, 4)}
    files["0.rsp"] = str(files["0.rsp"]).replace("SHA3-256", "SHA3-384")
    assert counts(run(write(tmp_path, files))) == {"hash functions": (2, 4)}


def test_what_says_nothing_of_whole_bytes_is_not_compared(tmp_path: Path) -> None:
    left_open = "# SHA-256\nCOUNT = 3\nMsg = 61\nMD = ?\n"
    keccak = "# Keccak(input|01)[r=1088, c=512], or SHA3-256\n\nLen = 3\nMsg = 06\nMD = D9\n"
    whole = f"\nLen = 8\nMsg = 61\nMD = {sha(b'a', name='sha3_256').hex().upper()}\n"
    repeated = f"# SHA3-256\nRepeat = 300000\nText = abcdefg\nMD = {sha(b'abcdefg' * 300_000, name='sha3_256').hex()}\n"
    files: dict[str, bytes | str] = {
        "kat.txt": keccak + whole,
        "long.txt": repeated,
        "open.rsp": left_open,
        "SHAKE128ShortMsg.rsp": "Len = 8\nMsg = 61\nOutput = 00\n",
        "old.txt": "# Keccak[r=1088, c=512]\nLen = 8\nMsg = 61\nMD = 00\n",
        "RIPEMD160/vectors.txt": "Len = 8\nMsg = 61\nMD = 00\n",
    }
    report = run(write(tmp_path, files))
    assert counts(report) == {"hash functions": (2, 2)}
    assert report.families["hash functions"].not_applicable == {
        "bit-oriented message: its length is no multiple of 8": 1,
        "digest is left open": 1,
        "shake128 is not used": 1,
        "keccak is not used": 1,
        "ripemd160 is not used": 1,
    }


@pytest.mark.parametrize(
    "fault",
    ["Msg = 0g\nMD = 00", "Len = 32\nMsg = 00\nMD = 00", "Len = x\nMsg = 00\nMD = 00", "Len = -8\nMsg = 00\nMD = 00"],
)
def test_a_file_of_digests_that_cannot_be_read_is_named(fault: str, tmp_path: Path) -> None:
    assert list(run(write(tmp_path, {"a.rsp": f"# SHA-256\n{fault}\n"})).unreadable) == ["a.rsp"]


def numbers(*pairs: tuple[float, str]) -> str:
    return "".join(f"{struct.pack('>d', value).hex().lstrip('0') or '0'},{text}\n" for value, text in pairs)


def test_numbers_have_their_published_text(tmp_path: Path) -> None:
    right = numbers(
        (0.0, "0"), (-0.0, "0"), (1e21, "1e+21"), (1 / 3, "0.3333333333333333"), (2.0**60, "1152921504606847000")
    )
    odd = "7ff0000000000000,Infinity\n7ff8000000000000,NaN\n"
    report = run(write(tmp_path, {"numbers.txt": right + "\n" + odd}))
    assert counts(report) == {"canonical JSON numbers": (7, 7)}
    report = run(write(tmp_path, {"numbers.txt": numbers((1.5, "1.50"), (2.0, "2"))}))
    assert [(miss.case, miss.expected, miss.got) for miss in report.families["canonical JSON numbers"].misses] == [
        ("3ff8000000000000", "1.50", "1.5")
    ]
    broken = right * 4 + "words\n"
    assert list(run(write(tmp_path, {"numbers.txt": broken})).unreadable) == ["numbers.txt"]
    assert run(write(tmp_path, {"numbers.txt": "1,2\n3,4\n"})).not_recognised == ["numbers.txt"]


def documents(**files: str) -> dict[str, bytes | str]:
    return {f"some/where/{name.replace('__', '/').replace('_', '.')}": text for name, text in files.items()}


def test_documents_are_compared_with_both_forms_of_their_output(tmp_path: Path) -> None:
    files = documents(
        input__a_json='{ "b": [1.50, "\\u00e9"], "a": null }',
        output__a_json='{"a":null,"b":[1.5,"é"]}',
        outhex__a_txt='{"a":null,"b":[1.5,"é"]}'.encode().hex(" "),
        input__b_json="[1]",
    )
    report = run(write(tmp_path, files))
    assert counts(report) == {"canonical JSON documents": (2, 2)}
    assert report.not_recognised == ["some/where/input/b.json"]
    wrong = documents(output__a_json='{"b":[1.5,"é"],"a":null}', outhex__a_txt="0g")
    report = run(write(tmp_path, wrong))
    assert counts(report) == {"canonical JSON documents": (0, 1)}
    assert list(report.unreadable) == ["some/where/outhex/a.txt"]


def test_writing_is_compared_where_the_strict_reader_refuses_by_design(tmp_path: Path) -> None:
    files = documents(
        input__twice_json='{"a": 1, "a": 2}',
        output__twice_json='{"a":2}',
        input__big_json="[9007199254740993, 1]",
        output__big_json="[9007199254740992,1]",
        input__half_json='["\\ud800"]',
        output__half_json='["?"]',
        input__none_json="{",
        output__none_json="{}",
    )
    report = run(write(tmp_path, files))
    tally = report.families["canonical JSON documents"]
    assert (tally.passed, [miss.file for miss in tally.misses]) == (
        2,
        ["some/where/input/half.json", "some/where/input/none.json"],
    )
    assert len(tally.remarks) == 3


MAGIC = bytes.fromhex("004f70656e54696d657374616d7073000050726f6f6600bf89e2e884e89294")
BITCOIN = bytes.fromhex("000588960d73d719010105")
PENDING = bytes.fromhex("0083dfe30d2ef90c8e0403") + b"a:b"
UNKNOWN = bytes.fromhex("00010203040506070800")


def stamp(document: bytes, tail: bytes = b"\xff\x08" + BITCOIN + b"\xff" + PENDING + UNKNOWN) -> bytes:
    return MAGIC + b"\x01\x08" + sha(document) + tail


def test_time_stamps_are_held_against_their_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, bytes | str] = {
        "a.txt": b"document",
        "a.txt.ots": stamp(b"document"),
        "x/proof": stamp(b"the other"),
        "x/paper": b"the other",
        "x/README": "words",
    }
    report = run(write(tmp_path, files))
    tally = report.families["OpenTimestamps proofs"]
    assert (tally.passed, tally.missed) == (6, 0)
    assert sum(tally.remarks.values()) == 6
    assert not report.not_recognised
    report = run(write(tmp_path, {"a.txt": b"changed", "x/proof": stamp(b"the other", b"\xf0\x01a" + BITCOIN)}))
    assert [(miss.file, miss.case) for miss in report.families["OpenTimestamps proofs"].misses] == [
        ("a.txt.ots", "document"),
        ("x/proof", "Merkle root of bitcoin block 5"),
    ]
    monkeypatch.setattr("chain.conformance.source.FILE_SIZE_BYTES_MAX", 1)
    assert list(run(tmp_path).unreadable) == ["a.txt.ots", "x/proof"]


def test_time_stamps_that_must_be_refused_are_known_by_folder_and_readme(tmp_path: Path) -> None:
    broken = stamp(b"a")[:-1]
    files: dict[str, bytes | str] = {
        "README.txt": "some/bad*.ots must be refused.",
        "some/bad-one.ots": broken,
        "some/bad-two.ots": stamp(b"a"),
        "some/right.ots": broken,
        "invalid/a.ots": broken,
        "odd/README.md": "These files are all invalid in a different way.",
        "odd/b.ots": b"nothing",
    }
    report = run(write(tmp_path, files))
    tally = report.families["OpenTimestamps proofs"]
    assert tally.passed == 3
    assert [(miss.file, miss.expected) for miss in tally.misses] == [
        ("some/bad-two.ots", "refused"),
        ("some/right.ots", "a proof"),
    ]


def vectors(tmp_path: Path, **changed: object) -> Path:
    entry = leaf(b"only")
    probe = {"leafIdx": 0, "treeSize": 1, "root": entry.hex(), "leafHash": entry.hex(), "proof": [], "wantErr": False}
    return write_json(tmp_path, "probe.json", {**probe, **changed})


def test_the_command_says_what_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(vectors(tmp_path), "keys.json", [{"seed": "", "private_key": ""}])
    write(tmp_path, {"other.bin": b"\x00", "old.txt": "# Keccak\nLen = 8\nMsg = 61\nMD = 00\n"})
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Merkle inclusion: passed 1 of 1",
        "hash functions: passed 0 of 0",
        "  not applicable, 1: keccak is not used",
        "out of scope (key generation): keys.json",
        "not recognised: other.bin",
    ]


def test_the_command_lists_every_miss_and_writes_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(vectors(tmp_path, leafIdx=1), {"bad.json": "{"})
    write_json(tmp_path, "policy.json", {"policy": "quorum none\nquorum none", "want_ok": True})
    assert main([str(tmp_path), "--json", str(tmp_path / "report")]) == 1
    printed = capsys.readouterr().out
    assert "MISS Merkle inclusion: probe.json" in printed
    assert "  expected accepted\n  got      refused: inclusion proof has an index outside its tree" in printed
    assert "UNREADABLE bad.json: file is not JSON" in printed
    assert "  note, 1: recorded as accepted, expected to be refused by the specification" in printed
    written = json.loads((tmp_path / "report").read_text("utf-8"))
    assert (written["status"], written["families"]["Merkle inclusion"]["missed"]) == (1, 1)
    assert written["families"]["Merkle inclusion"]["misses"][0]["file"] == "probe.json"
    assert list(written["unreadable"]) == ["bad.json"]


def test_misses_beyond_the_number_kept_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chain.conformance.outcome.MISSES_KEPT_MAX", 0)
    assert main([str(vectors(tmp_path, leafIdx=1))]) == 1
    assert "MISS Merkle inclusion: 1 more, not shown" in capsys.readouterr().out


def test_the_command_tells_a_folder_without_vectors_from_one_that_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().out == "no test vector was recognised\n"
    write(vectors(tmp_path), {"bad.json": "{"})
    assert main([str(tmp_path)]) == 2
    assert main([str(tmp_path / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert main([str(tmp_path), "--json", str(tmp_path / "no" / "such" / "folder")]) == 2
    assert "No such file" in capsys.readouterr().err
