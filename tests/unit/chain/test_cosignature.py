"""Witnesses' cosignatures count where the reader's policy names them, and nothing unverified stands in a folder."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from chain.__main__ import REFUTED, UNDECIDED, VERIFIED, main
from chain.checkpoint import parse_checkpoint
from chain.cosignature import (
    COSIGNATURE_ED25519,
    COSIGNATURE_MLDSA44,
    CosignerKey,
    parse_cosigner_key,
    subtree_message,
    timed_message,
)
from chain.layout import KEYS_FILE
from chain.note import Signature, VerifierKey, parse_note
from chain.proof_file import verify_proof_file
from chain.trust import TrustPolicy, Witness, load_policy, parse_policy
from chain.verify import verify_directory
from domain.errors import ConflictError, InputError, IntegrityError
from tests.unit.chain.samples import event, open_writer, publish_small_log

TIME_S = 1_700_000_000
EDWARD = Ed25519PrivateKey.from_private_bytes(b"e" * 32)
FRIDA = Ed25519PrivateKey.from_private_bytes(b"f" * 32)
MALI = MLDSA44PrivateKey.from_seed_bytes(b"m" * 32)
EDWARD_KEY = CosignerKey("witness.example/e", COSIGNATURE_ED25519, EDWARD.public_key().public_bytes_raw())
FRIDA_KEY = CosignerKey("witness.example/f", COSIGNATURE_ED25519, FRIDA.public_key().public_bytes_raw())
MALI_KEY = CosignerKey("witness.example/m", COSIGNATURE_MLDSA44, MALI.public_key().public_bytes_raw())


def cosign(key: CosignerKey, text: str, *, time_s: int = TIME_S) -> str:
    if key.algorithm == COSIGNATURE_MLDSA44:
        content = MALI.sign(subtree_message(key.name, parse_checkpoint(text), time_s))
    else:
        content = (EDWARD if key == EDWARD_KEY else FRIDA).sign(timed_message(text, time_s))
    return Signature(key.name, key.key_id, time_s.to_bytes(8, "big") + content).line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose checkpoint both kinds of witnesses cosigned, with their keys in it."""
    folder = publish_small_log(tmp_path)
    with open_writer(tmp_path) as log:
        for key in (EDWARD_KEY, MALI_KEY):
            checkpoint = log.shard.head().checkpoint
            own = checkpoint.partition("\u2014 witness")[0]
            log.shard.add_cosignatures(own + cosign(key, parse_note(own).text), [key])
    return folder


def policy_text(folder: Path, *more: str) -> str:
    logs = (folder / KEYS_FILE).read_text().splitlines()[:2]
    return "".join(f"{line}\n" for line in (*(f"log {line}" for line in logs), *more))


WITNESSES = (
    f"witness e {EDWARD_KEY.text} https://witness.example/",
    f"witness f {FRIDA_KEY.text}",
    f"witness m {MALI_KEY.text}",
)


def test_a_cosigned_folder_verifies_with_and_without_a_policy(folder: Path, tmp_path: Path) -> None:
    assert verify_directory(folder).ok
    (tmp_path / "policy").write_text(policy_text(folder, *WITNESSES, "group g 2 e f m", "quorum g"))
    report = verify_directory(folder, policy=tmp_path / "policy")
    assert report.ok
    assert report.witnesses == ("e", "m")


@pytest.mark.parametrize(
    "rule", ["quorum f", "group g all e f m\nquorum g", "group i any f\ngroup g all e i\nquorum g"]
)
def test_a_quorum_that_is_not_reached_refutes(folder: Path, rule: str) -> None:
    policy = parse_policy(policy_text(folder, *WITNESSES, rule), where="policy")
    (finding,) = verify_directory(folder, policy=policy).findings
    assert (finding.where, finding.field, finding.got) == ("checkpoint", "quorum", "cosigned by e, m")


@pytest.mark.parametrize("rule", ["quorum none", "quorum e", "group g any e f\ngroup h all g m\nquorum h"])
def test_a_quorum_that_is_reached_verifies(folder: Path, rule: str) -> None:
    assert verify_directory(folder, policy=parse_policy(policy_text(folder, *WITNESSES, rule), where="policy")).ok


def test_a_flipped_bit_in_any_cosignature_or_witness_key_is_found(folder: Path) -> None:
    for name in ("checkpoint", KEYS_FILE):
        whole = (folder / name).read_bytes()
        for at in range(0, len(whole), 61):
            (folder / name).write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
            assert not verify_directory(folder).ok, (name, at)
        (folder / name).write_bytes(whole)


def test_cosignatures_of_strangers_twice_or_only_announced_are_refused(folder: Path) -> None:
    whole, keys = (folder / "checkpoint").read_text(), (folder / KEYS_FILE).read_text()
    text = parse_note(whole).text
    for line in (cosign(FRIDA_KEY, text), cosign(EDWARD_KEY, text)):
        (folder / "checkpoint").write_text(whole + line)
        assert "not known, or twice" in verify_directory(folder).findings[0].got
    (folder / "checkpoint").write_text(whole)
    (folder / KEYS_FILE).write_text(f"{keys}{FRIDA_KEY.text}\n")
    assert [(item.where, item.field) for item in verify_directory(folder).findings] == [(KEYS_FILE, "line 5")]
    (folder / KEYS_FILE).write_text(keys.replace(EDWARD_KEY.text, VerifierKey(EDWARD_KEY.name, EDWARD_KEY.public).text))
    assert "not written as one" in verify_directory(folder).findings[0].got


def test_a_cosignature_of_another_checkpoint_time_or_length_is_no_cosignature() -> None:
    text = "o\n0\n" + "A" * 43 + "=\n"
    for key in (EDWARD_KEY, MALI_KEY):
        content = parse_note(f"{text}\n{cosign(key, text)}").signatures[0].content
        assert key.cosigned_at(text, content) == TIME_S
        assert key.cosigned_at(text.replace("0", "1", 1), content) is None
        assert key.cosigned_at(text, b"\0" * 8 + content[8:]) is None
        assert key.cosigned_at(text, b"\xff" + content[1:]) is None
        assert key.cosigned_at(text, content[:-1]) is None
    with pytest.raises(InputError, match="too long"):
        subtree_message("x" * 256, parse_checkpoint(text), 0)


@pytest.mark.parametrize("text", ["a+00000000+AwAA", EDWARD_KEY.text.replace("/e+", "/x+")])
def test_a_text_that_is_no_witness_key_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="witness's key"):
        parse_cosigner_key(text)


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("", "no quorum"),
        ("quorum x", "not defined"),
        ("quorum e\nquorum e", "cannot be honoured"),
        ("group g 0 e\nquorum g", "not between 1 and 1"),
        ("group g -1 e\nquorum g", "not between 1 and 1"),
        ("group g 2 e\nquorum g", "not between 1 and 1"),
        ("group g any\nquorum g", "cannot be honoured"),
        ("group none any e\nquorum none", "taken"),
        ("group e any f\nquorum e", "taken"),
        ("group g any none\nquorum g", "not defined"),
        ("group g any h\ngroup h any e\nquorum g", "not defined"),
        ("group g any e\ngroup h any e\nquorum g", "already member"),
        ("group g 2 e e\nquorum g", "already member"),
        ("quorum e\r", "control"),
        ("#" * 1_000_001, "too long"),
    ],
)
def test_a_policy_that_is_not_valid_is_refused_with_its_line(rule: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        parse_policy("".join(f"{line}\n" for line in (*WITNESSES, rule)), where="policy")


def test_a_log_key_may_stand_once(folder: Path) -> None:
    text = policy_text(folder)
    with pytest.raises(InputError, match="stands twice"):
        parse_policy(text + text, where="policy")


def test_a_witness_under_two_names_counts_once() -> None:
    witnesses = (Witness("a", EDWARD_KEY), Witness("b", replace(EDWARD_KEY, name="other")))
    policy = TrustPolicy((), witnesses)
    assert policy.witnessed_by([EDWARD_KEY, witnesses[1].key]) == ("a",)


@pytest.fixture
def proof(folder: Path, tmp_path: Path) -> tuple[str, bytes, Path]:
    """A cosigned proof file of entry 6, the entry, and the folder."""
    with open_writer(tmp_path) as log:
        return log.shard.proof_texts(6).sha256, log.shard.entry(6), folder


def test_cosignatures_stay_while_the_checkpoint_does_and_go_with_it(folder: Path, tmp_path: Path) -> None:
    cosigned = (folder / "checkpoint").read_bytes()
    shutil.rmtree(folder)
    with open_writer(tmp_path) as log:
        log.publish()
        assert (folder / "checkpoint").read_bytes() == cosigned == log.shard.head().checkpoint.encode()
        assert verify_directory(folder).ok
        log.append([event("later")])
        log.publish()
        assert verify_directory(folder).ok
        assert "witness" not in (folder / "checkpoint").read_text() + (folder / KEYS_FILE).read_text()
        with pytest.raises(ConflictError, match="not the newest"):
            log.shard.add_cosignatures(cosigned.decode(), [EDWARD_KEY, MALI_KEY])


def test_a_wrong_cosignature_is_not_kept_and_nobody_changes_nothing(folder: Path, tmp_path: Path) -> None:
    before = (folder / "checkpoint").read_text()
    own = before.partition("\u2014 witness")[0]
    with open_writer(tmp_path) as log:
        with pytest.raises(IntegrityError, match="wrong"):
            log.shard.add_cosignatures(own + cosign(FRIDA_KEY, "other\n0\nAAAA\n"), [FRIDA_KEY])
        assert log.shard.add_cosignatures(own, []).checkpoint == before


def test_nothing_is_cosigned_before_it_is_published(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log, pytest.raises(ConflictError, match="Publish the log first"):
        log.shard.add_cosignatures("", [])


def test_a_proof_file_is_verified_by_policy_alone(proof: tuple[str, bytes, Path]) -> None:
    text, entry, folder = proof
    proven = verify_proof_file(text, entry, parse_policy(policy_text(folder, *WITNESSES, "quorum m"), where="policy"))
    assert (proven.index, proven.size, proven.witnesses) == (6, 11, ("e", "m"))
    stranger = Signature("stranger.example", b"abcd", b"whatever").line
    assert verify_proof_file(text + stranger, entry, parse_policy(policy_text(folder), where="policy")).size == 11


def test_a_proof_file_of_the_other_tree_is_checked_with_its_hash(folder: Path, tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        text, entry = log.shard.proof_texts(6).sha3_256, log.shard.entry(6)
    policy = parse_policy(policy_text(folder), where="policy")
    assert verify_proof_file(text, entry, policy).origin.endswith("/sha3-256")


def test_a_proof_file_that_shows_less_than_the_policy_asks_is_refuted(proof: tuple[str, bytes, Path]) -> None:
    text, entry, folder = proof
    policy = parse_policy(policy_text(folder), where="policy")
    with pytest.raises(IntegrityError, match="does not lead to the root"):
        verify_proof_file(text, entry + b" ", policy)
    with pytest.raises(IntegrityError, match="signature is wrong"):
        verify_proof_file(text.replace("\n11\n", "\n12\n"), entry, policy)
    with pytest.raises(IntegrityError, match="does not name"):
        verify_proof_file(text, entry, TrustPolicy(()))
    with pytest.raises(IntegrityError, match="not witnessed"):
        verify_proof_file(text, entry, parse_policy(policy_text(folder, *WITNESSES, "quorum f"), where="policy"))


def test_the_command_checks_a_proof_file(
    proof: tuple[str, bytes, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, entry, folder = proof
    paths = [tmp_path / name for name in ("p", "e", "policy")]
    for path, content in zip(
        paths, (text.encode(), entry, policy_text(folder, *WITNESSES, "quorum e").encode()), strict=True
    ):
        path.write_bytes(content)
    arguments = ["proof", str(paths[0]), str(paths[1]), "--policy", str(paths[2])]
    assert main(arguments) == VERIFIED
    assert "entry 6 of 11" in capsys.readouterr().out
    paths[1].write_bytes(b"{}")
    assert main(arguments) == REFUTED
    paths[1].unlink()
    assert main(arguments) == UNDECIDED
    assert load_policy(paths[2]).quorum == "e"
    shutil.rmtree(folder)
