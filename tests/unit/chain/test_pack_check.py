"""A pack verifies as it was made; every other is refuted by name: changed, incomplete, or a lie of its maker."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chain.checkpoint import origin_of
from chain.finding import Findings
from chain.note import Note, Signature, parse_note
from chain.pack import (
    CERTIFICATE,
    ENVELOPE,
    MANIFEST,
    POLICY,
    STATEMENT,
    FileDigest,
    LogRange,
    encode_json,
    parse_manifest,
)
from chain.pack_archive import write_archive
from chain.pack_check import AnchorNote, verify_pack
from chain.pack_statement import encode_envelope, load_certificate, verify_statement
from chain.pack_text import format_pack, pack_json
from chain.reports.signing import certificate_pem
from chain.reports.statement import sign_statement
from chain.signer import FileSigner
from chain.tree_hash import SHA3_256
from chain.trust import TrustPolicy, Witness, parse_policy
from domain.errors import InputError, IntegrityError
from tests.architecture.sources import loaded_by
from tests.unit.chain.packs import DAY, FIRST, check, signed_again, small_pack, with_manifest
from tests.unit.chain.reports.samples import signer
from tests.unit.chain.samples import ORIGIN

LOG = "log/2026/"
ENTRIES = f"{LOG}entries.jsonl"


def first_finding(files: dict[str, bytes], **options: Any) -> tuple[str, int | None, str]:
    report = check(files, **options)
    assert not report.ok
    found = report.findings[0]
    return found.where, found.entry_index, found.field


def changed(name: str, change: Callable[[bytes], bytes]) -> dict[str, bytes]:
    return {**small_pack(), name: change(small_pack()[name])}


def test_a_pack_verifies_and_says_what_it_was_believed_on() -> None:
    report = check(small_pack())
    assert report.findings == ()
    assert report.ok
    assert not report.key_trusted
    assert not report.certificate_trusted
    assert (report.logs[0].part.start, report.logs[0].part.end, report.logs[0].part.size) == (3, 12, 12)
    assert report.summary is not None
    assert report.summary.entries == 9
    assert report.summary.missing_types == ("access_review",)
    assert json.loads(pack_json(report))["artifacts"] == 2
    assert "NOT INDEPENDENTLY TRUSTED" in format_pack(report)


def test_the_pack_holds_the_verifiers_own_words() -> None:
    text = small_pack()["verify.txt"].decode()
    assert text.startswith(format_pack(check(small_pack())))


def test_a_flipped_bit_in_any_file_is_found_and_placed() -> None:
    """Every position of small files, some of large ones."""
    dice = random.Random(4)
    for name, whole in small_pack().items():
        positions = range(0, len(whole), 5) if len(whole) < 300 else dice.sample(range(len(whole)), 6)
        for at in positions:
            flipped = whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]
            try:
                report = check({**small_pack(), name: flipped})
            except InputError:
                continue
            assert not report.ok, (name, at)
            expected = ENVELOPE if name in {STATEMENT, ENVELOPE} else name
            assert {expected, ENVELOPE if name == CERTIFICATE else name} & {item.where for item in report.findings}, (
                name,
                at,
                report.findings,
            )


def test_the_first_changed_entry_is_named() -> None:
    lines = small_pack()[ENTRIES].split(b"\n")
    for at, line in enumerate(lines[:-1]):
        files = changed(ENTRIES, lambda whole, line=line: whole.replace(line, line.replace(b'"v":1', b'"v":2')))  # type: ignore[misc]
        assert first_finding(files) == (ENTRIES, 3 + at, "entry")


def test_an_entry_left_out_or_added_is_found() -> None:
    for change in (
        lambda whole: whole.partition(b"\n")[2],
        lambda whole: whole + whole.partition(b"\n")[0] + b"\n",
        lambda whole: whole[:-1],
    ):
        assert first_finding(changed(ENTRIES, change))[::2] == (ENTRIES, "lines")


def test_a_missing_and_a_strange_file_are_named() -> None:
    for name in small_pack():
        files = dict(small_pack())
        del files[name]
        if name in {STATEMENT, ENVELOPE, CERTIFICATE}:
            with pytest.raises(InputError, match="not a report pack"):
                check(files)
        else:
            assert first_finding(files) == (name, None, "file")
    assert first_finding({**small_pack(), "extra.txt": b""}) == ("extra.txt", None, "file")


def test_every_file_of_a_log_is_needed() -> None:
    for name in ("checkpoint", "checkpoint-sha3", "entries.jsonl", "leaves", "window.json"):
        assert first_finding(signed_again({LOG + name: None})) == (LOG + name, None, "file")


def test_the_readers_keys_and_certificate_make_the_report_trusted(tmp_path: Path) -> None:
    path, policy, certificate = tmp_path / "p.zip", tmp_path / "policy", tmp_path / "c.pem"
    path.write_bytes(write_archive(small_pack()))
    policy.write_bytes(small_pack()[POLICY])
    certificate.write_bytes(certificate_pem(signer()))
    report = verify_pack(path, policy=policy, certificate=certificate)
    assert (report.ok, report.key_trusted, report.certificate_trusted) == (True, True, True)
    assert "NOT INDEPENDENTLY" not in format_pack(report)
    folder = tmp_path / "unpacked"
    for name, content in small_pack().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    assert verify_pack(folder).ok
    with pytest.raises(InputError, match="cannot read the certificate"):
        verify_pack(path, certificate=tmp_path / "none.pem")


def test_another_certificate_than_the_readers_is_refuted() -> None:
    other = certificate_pem(signer("globex"))
    assert first_finding(small_pack(), certificate=other) == (ENVELOPE, None, "signature")  # type: ignore[arg-type]


def test_other_keys_than_the_readers_are_refuted_and_missing_ones_leave_it_undecided(tmp_path: Path) -> None:
    keys = (
        FileSigner(tmp_path / "a", name=ORIGIN).key,
        FileSigner(tmp_path / "b", name=origin_of(ORIGIN, SHA3_256)).key,
    )
    where, _, field = first_finding(dict(small_pack()), policy=TrustPolicy(keys))
    assert (where, field) == (f"{LOG}checkpoint", "signed note")
    with pytest.raises(InputError, match="no key for this log"):
        check(small_pack(), policy=TrustPolicy(keys[1:]))


def test_a_quorum_that_is_not_met_is_refuted(tmp_path: Path) -> None:
    own = parse_policy(small_pack()[POLICY].decode(), where="policy")
    line = FileSigner(tmp_path / "w", name="witness.example").key.text
    policy = parse_policy(
        "".join(f"log {key.text}\n" for key in own.keys) + f"witness w {line}\nquorum w\n", where="mine"
    )
    assert isinstance(policy.witnesses[0], Witness)
    assert first_finding(dict(small_pack()), policy=policy) == (f"{LOG}checkpoint", None, "quorum")


def test_a_checkpoint_under_another_origin_is_refuted() -> None:
    """The key's name decides, whatever the note says of itself."""
    first, second = small_pack()[f"{LOG}checkpoint"], small_pack()[f"{LOG}checkpoint-sha3"]
    swapped = signed_again({f"{LOG}checkpoint": second, f"{LOG}checkpoint-sha3": first})
    assert first_finding(swapped)[::2] == (f"{LOG}checkpoint", "signed note")


def test_a_note_that_a_known_key_signed_for_another_origin_is_refuted(tmp_path: Path) -> None:
    holder = FileSigner(tmp_path / "k", name=ORIGIN)
    text = parse_note(small_pack()[f"{LOG}checkpoint"].decode()).text.replace(ORIGIN, "elsewhere")
    note = str(Note(text, (Signature(ORIGIN, holder.key.key_id, holder.sign(text.encode())),)))
    own = parse_policy(small_pack()[POLICY].decode(), where="policy")
    policy = TrustPolicy((holder.key, own.keys[1]))
    files = signed_again({f"{LOG}checkpoint": note.encode()})
    report = check(files, policy=policy)
    assert "signatures of its log" in report.findings[0].got


def part(**changes: Any) -> tuple[LogRange, ...]:
    return (replace(parse_manifest(small_pack()[MANIFEST]).logs[0], **changes),)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"size": 13}, "tree size"),
        ({"start": 4, "end": 13, "size": 12}, "completeness"),
        ({"start": 2, "end": 11}, "completeness"),
    ],
)
def test_a_manifest_that_places_the_entries_elsewhere_is_refuted(changes: dict[str, int], field: str) -> None:
    assert field in {item.field for item in check(with_manifest(logs=part(**changes))).findings}


def window(**changes: Any) -> dict[str, bytes]:
    content = json.loads(small_pack()[f"{LOG}window.json"])
    return signed_again({f"{LOG}window.json": encode_json({**content, **changes})})


def test_proofs_that_are_missing_or_of_something_else_are_refuted() -> None:
    beside = json.loads(small_pack()[f"{LOG}window.json"])["window"]
    assert first_finding(window(window={**beside, "sha256": beside["sha3_256"]}))[2] == "completeness"
    assert first_finding(window(window={**beside, "sha256": beside["sha256"] * 100}))[2] == "completeness"
    assert first_finding(window(window=[]))[2] == "completeness"
    assert first_finding(window(opening=None))[2] == "opening"
    opening = json.loads(small_pack()[f"{LOG}window.json"])["opening"]
    assert first_finding(window(opening={**opening, "size": 4}))[2] == "opening"
    assert first_finding(window(start_checkpoint=opening))[2] == "start_checkpoint"


def test_a_window_that_its_blocks_do_not_reach_around_is_refuted() -> None:
    early = with_manifest(opens=FIRST - DAY)
    assert first_finding(early) == (ENTRIES, 3, "body.ts")
    late = check(with_manifest(logs=part(end=11), closes=FIRST + 9 * DAY))
    assert not late.ok


def test_leaf_hashes_that_do_not_fit_are_refuted() -> None:
    short = signed_again({f"{LOG}leaves": small_pack()[f"{LOG}leaves"][:-65]})
    assert first_finding(short) == (f"{LOG}leaves", None, "length")


def test_a_proof_of_another_entry_or_checkpoint_is_refuted() -> None:
    name, other = f"{LOG}proofs/3.tlog-proof", f"{LOG}proofs/5.tlog-proof"
    sha3 = f"{LOG}proofs/3.sha3.tlog-proof"
    whole = small_pack()[name]
    for text in (
        small_pack()[other],
        whole + b"\n",
        b"c2sp.org",
        whole.replace(b"index 3\n", b"index 3\n" + b"A" * 43 + b"=\n"),
    ):
        assert first_finding(signed_again({name: text})) == (name, None, "proof")
    assert first_finding(signed_again({sha3: whole})) == (sha3, None, "proof")


def test_a_stranger_among_the_artifacts_and_a_changed_one_are_refuted() -> None:
    stranger = f"artifacts/{'0' * 64}"
    assert first_finding(signed_again({stranger: b"x"})) == (stranger, None, "file")
    name = next(name for name in small_pack() if name.startswith("artifacts/"))
    assert first_finding(signed_again({name: b"changed"}))[::2] == (name, "content")


def test_an_artifact_that_is_not_in_the_pack_is_counted_not_refuted() -> None:
    name = next(name for name in small_pack() if name.startswith("artifacts/"))
    report = check(signed_again({name: None}))
    assert (report.ok, report.artifacts, report.left_out) == (True, 1, 1)


def test_figures_that_do_not_follow_from_the_entries_are_refuted() -> None:
    statement = json.loads(small_pack()[STATEMENT])
    summary = statement["predicate"]["summary"] | {"collection_gaps": 0}
    assert first_finding(signed_again({}, summary=summary)) == (STATEMENT, None, "predicate.summary")
    assert first_finding(signed_again({}, tenant="x")) == (STATEMENT, None, "predicate.tenant")


def test_a_manifest_with_other_digests_or_files_than_the_pack_is_refuted() -> None:
    files = dict(parse_manifest(small_pack()[MANIFEST]).files)
    wrong = {**files, POLICY: FileDigest("0" * 64, "0" * 64, 1)}
    assert first_finding(with_manifest(files=wrong)) == (MANIFEST, None, f"files.{POLICY}")
    del files[POLICY]
    assert first_finding(with_manifest(files=files)) == (POLICY, None, "manifest")
    assert first_finding(with_manifest(files={**wrong, "log/x": wrong[POLICY]}))[2] == "manifest"


def test_another_tenants_entries_are_refuted() -> None:
    found = check(with_manifest(tenant="globex"))
    assert [item.field for item in found.findings][:1] == ["tenant"]


def test_a_pack_of_an_unknown_version_cannot_be_decided() -> None:
    manifest = json.loads(small_pack()[MANIFEST])
    newer: list[dict[str, Any]] = [{**manifest, "version": 2, "more": 1}, {"version": 2}]
    for value in newer:
        with pytest.raises(InputError, match="another version"):
            check(signed_again({MANIFEST: encode_json(value)}))
    statement = json.loads(small_pack()[STATEMENT])
    stated = encode_json({**statement, "predicateType": "urn:policycortex:report-pack:2"})
    with pytest.raises(InputError, match="another version"):
        check({**small_pack(), **sign_statement(stated, signer())})


@pytest.mark.parametrize(
    "change",
    [
        {"logs": []},
        {"logs": {}},
        {"logs": [{}]},
        {"tenant": 1},
        {"files": []},
        {"files": {"policy": {"sha256": "x", "sha3_256": "y", "size": 1}}},
        {"window": {"from": "x", "to": "y"}},
    ],
)
def test_a_manifest_without_sense_cannot_be_decided(change: dict[str, Any]) -> None:
    manifest = {**json.loads(small_pack()[MANIFEST]), **change}
    with pytest.raises(InputError):
        check(signed_again({MANIFEST: encode_json(manifest)}))


@pytest.mark.parametrize(
    "change", [{"folder": "log/../x"}, {"start": -1}, {"start": True}, {"start": "1"}, {"origin": None}]
)
def test_a_part_without_sense_cannot_be_decided(change: dict[str, Any]) -> None:
    manifest = json.loads(small_pack()[MANIFEST])
    manifest["logs"] = [{**manifest["logs"][0], **change}]
    with pytest.raises(InputError):
        check(signed_again({MANIFEST: encode_json(manifest)}))


def resigned(change: Callable[[dict[str, Any]], Any]) -> dict[str, bytes]:
    statement = json.loads(small_pack()[STATEMENT])
    return {**small_pack(), **sign_statement(encode_json(change(statement)), signer())}


@pytest.mark.parametrize(
    "change",
    [
        lambda statement: {"_type": statement["_type"]},
        lambda statement: [],
        lambda statement: {**statement, "predicate": []},
        lambda statement: {**statement, "subject": {}},
        lambda statement: {**statement, "subject": [{"name": "x"}]},
    ],
)
def test_a_signed_statement_without_sense_cannot_be_decided(change: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(InputError):
        check(resigned(change))


def test_an_envelope_in_another_spelling_is_refuted() -> None:
    envelope = small_pack()[ENVELOPE]
    spaced = json.dumps(json.loads(envelope)).encode()
    certificate = load_certificate(small_pack()[CERTIFICATE], where="x")
    payload = small_pack()[STATEMENT]
    other = encode_envelope(payload, key_id="0" * 64, signature=b"")
    padded = encode_envelope(payload, key_id=json.loads(envelope)["signatures"][0]["keyid"], signature=b"x")
    for wrong in (spaced, other, padded, padded.replace(b'"eA=="', b'"eB=="')):
        with pytest.raises(IntegrityError):
            verify_statement(payload, wrong, certificate)


def test_a_certificate_of_another_kind_of_key_cannot_be_used() -> None:
    with pytest.raises(InputError, match="not a certificate"):
        load_certificate(b"-----BEGIN CERTIFICATE-----\n", where="x")
    with pytest.raises(InputError, match="4096"):
        load_certificate(certificate_pem(signer("small", bits=2048)), where="x")


def test_anchors_are_checked_by_whoever_is_given() -> None:
    def check_anchors(files: Any, checkpoints: Any, findings: Findings) -> tuple[AnchorNote, ...]:
        assert list(files) == ["anchors/one.json"]
        assert list(checkpoints) == [ORIGIN]
        return (AnchorNote("tsa", "before noon"),)

    files = signed_again({"anchors/one.json": b"{}"})
    report = check(files, check_anchors=check_anchors)
    assert report.anchors == (AnchorNote("tsa", "before noon"),)
    assert "anchor    tsa: before noon" in format_pack(report)
    assert check(files).ok
    assert check(small_pack(), check_anchors=check_anchors).anchors == ()


def test_refutations_are_told_in_a_few_lines() -> None:
    files = {**small_pack(), **{f"stranger{number}": b"" for number in range(30)}}
    text = format_pack(check(files))
    assert text.startswith("REFUTED")
    assert "and 10 more" in text
    told = format_pack(check(changed(ENTRIES, lambda whole: whole.replace(b'"records":7', b'"records":8'))))
    assert "entry 4 in log/2026/entries.jsonl: entry" in told or "entry 3 in" in told


@pytest.mark.parametrize("module", ["chain.pack_check", "chain.pack_text"])
def test_the_pack_verifier_needs_no_library_of_the_makers(module: str) -> None:
    heavy = {"orjson", "rfc8785", "numpy", "ray", "reportlab", "pyhanko", "asn1crypto", "pydantic"}
    assert loaded_by(module, heavy) == set()
