"""Vectors in JSON: recognised wherever they stand, right ones passed, and changed ones missed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chain.conformance.outcome import Report, Tally
from chain.conformance.runner import run
from tests.unit.chain.published import (
    ECDSA_KEY,
    ED25519_KEY,
    b64,
    checkpoint,
    consistency,
    ecdsa_signed,
    inclusion,
    leaf,
    pem,
    root,
    sha,
    signed,
    verifier_key,
    write,
    write_json,
)

LEAVES = [leaf(bytes([number])) for number in range(7)]
EMPTY = sha(b"")
NAME = "example.org/log"


def report_of(tmp_path: Path, value: object, name: str = "vectors.json") -> Report:
    return run(write_json(tmp_path, name, value))


def counts(report: Report) -> dict[str, tuple[int, int]]:
    return {family: (tally.passed, tally.total) for family, tally in report.families.items()}


def inclusion_case(**changed: object) -> dict[str, Any]:
    case = {
        "leafIdx": 5,
        "treeSize": 7,
        "root": b64(root(LEAVES)),
        "leafHash": b64(LEAVES[5]),
        "proof": [b64(item) for item in inclusion(LEAVES, 5)],
        "desc": "one of seven",
        "wantErr": False,
    }
    return {**case, **changed}


def consistency_case(**changed: object) -> dict[str, Any]:
    case = {
        "size1": 3,
        "size2": 7,
        "root1": b64(root(LEAVES[:3])),
        "root2": b64(root(LEAVES)),
        "proof": [b64(item) for item in consistency(LEAVES, 3)],
        "wantErr": False,
    }
    return {**case, **changed}


def subtree_inclusion_case(**changed: object) -> dict[str, Any]:
    case = {
        "leafIdx": 5,
        "start": 4,
        "end": 7,
        "root": b64(root(LEAVES[4:7])),
        "leafHash": b64(LEAVES[5]),
        "proof": [b64(item) for item in inclusion(LEAVES[4:7], 1)],
        "wantErr": False,
    }
    return {**case, **changed}


def subtree_consistency_case(**changed: object) -> dict[str, Any]:
    case = {
        "start": 0,
        "end": 4,
        "size": 7,
        "root1": b64(root(LEAVES[:4])),
        "root2": b64(root(LEAVES)),
        "proof": [b64(root(LEAVES[4:7]))],
        "wantErr": False,
    }
    return {**case, **changed}


PROBES = {
    "Merkle inclusion": inclusion_case,
    "Merkle consistency": consistency_case,
    "Merkle subtree inclusion": subtree_inclusion_case,
    "Merkle subtree consistency": subtree_consistency_case,
}


@pytest.mark.parametrize("family", PROBES)
def test_a_proof_passes_as_published_and_is_missed_when_the_answer_is_turned_round(family: str, tmp_path: Path) -> None:
    case = PROBES[family]
    wrong_root = {"root": b64(EMPTY)} if "root" in case() else {"root2": b64(EMPTY)}
    right = [case(), case(**wrong_root, wantErr=True), case(proof=None, wantErr=True)]
    assert counts(report_of(tmp_path, {"anything": {"cases": right}})) == {family: (3, 3)}
    turned = [case(wantErr=True), case(**wrong_root)]
    report = report_of(tmp_path, turned)
    assert counts(report) == {family: (0, 2)}
    assert [(miss.expected, miss.got[:8]) for miss in report.families[family].misses] == [
        ("refused", "accepted"),
        ("accepted", "refused:"),
    ]


def test_proofs_of_what_cannot_be_are_refused(tmp_path: Path) -> None:
    cases = [
        subtree_inclusion_case(start=6, end=9, wantErr=True),
        subtree_inclusion_case(start=2, end=1, wantErr=True),
        subtree_consistency_case(start=0, end=0, proof=[], root1=b64(EMPTY)),
        subtree_consistency_case(start=0, end=0, wantErr=True),
        subtree_consistency_case(start=0, end=8, wantErr=True),
        subtree_consistency_case(start=4, end=3, wantErr=True),
        consistency_case(size1=7, proof=[], root1=b64(root(LEAVES))),
        consistency_case(size1=7, proof=[], wantErr=True),
        consistency_case(size1=0, wantErr=True),
        consistency_case(proof=[], wantErr=True),
        consistency_case(proof=[*consistency_case()["proof"], b64(EMPTY)], wantErr=True),
        inclusion_case(leafHash=b64(b"short"), wantErr=True),
        inclusion_case(leafIdx=7, wantErr=True),
    ]
    assert {(tally.missed) for tally in report_of(tmp_path, cases).families.values()} == {0}


def test_the_stated_hash_function_is_used_and_one_that_no_log_has_is_named(tmp_path: Path) -> None:
    leaves = [leaf(bytes([number]), name="sha3_256") for number in range(3)]
    case = inclusion_case(
        leafIdx=1,
        treeSize=3,
        root=root(leaves, name="sha3_256").hex(),
        leafHash=leaves[1].hex(),
        proof=[item.hex() for item in inclusion(leaves, 1, name="sha3_256")],
    )
    report = report_of(
        tmp_path,
        [{"hash": "SHA3-256", "cases": [case]}, {**case, "hash": "BLAKE3"}, {**inclusion_case(), "hash": "00ff"}],
    )
    assert counts(report) == {"Merkle inclusion": (2, 2)}
    assert list(report.families["Merkle inclusion"].not_applicable) == ["tree over BLAKE3, which no log here has"]


def test_a_proof_that_says_nothing_of_acceptance_is_judged_by_its_folder(tmp_path: Path) -> None:
    case = inclusion_case()
    del case["wantErr"]
    write_json(tmp_path, "right/a.json", case)
    write_json(tmp_path, "must-fail/a.json", {**case, "leafIdx": 4})
    assert counts(run(tmp_path)) == {"Merkle inclusion": (2, 2)}


@pytest.mark.parametrize(
    "changed",
    [{"proof": 7}, {"proof": ["%"]}, {"leafIdx": "x"}, {"leafIdx": True}, {"root": 5}],
)
def test_a_case_that_cannot_be_read_is_named(changed: dict[str, object], tmp_path: Path) -> None:
    report = report_of(tmp_path, [inclusion_case(**changed)])
    assert list(report.unreadable) == ["vectors.json [0]"]
    assert report.is_empty


def test_numbers_may_be_written_as_text(tmp_path: Path) -> None:
    assert counts(report_of(tmp_path, inclusion_case(leafIdx="5", treeSize="7"))) == {"Merkle inclusion": (1, 1)}


def test_notes_are_opened_with_the_known_keys_alone(tmp_path: Path) -> None:
    note, key = signed("a text\n", NAME), verifier_key(NAME)
    cases: list[dict[str, object]] = [
        {"name": "known", "note_b64": b64(note.encode()), "known_vkeys": [key], "want_ok": True, "want_verified": 1},
        {"name": "unknown", "note_b64": b64(note.encode()), "known_vkeys": [], "want_ok": False, "want_verified": 0},
        {"name": "no text", "note_b64": b64(b"\xff\n\n"), "known_vkeys": [key], "want_ok": False},
        {"vkey": key, "note": note},
    ]
    assert counts(report_of(tmp_path, {"cases": cases})) == {"signed notes": (4, 4)}
    wrong = [{**cases[0], "want_verified": 2}, {**cases[0], "want_ok": False}, {"vkey": key, "note": note + "x"}]
    report = report_of(tmp_path, wrong)
    assert counts(report) == {"signed notes": (0, 3)}
    assert [(miss.case, miss.expected, miss.got[:8]) for miss in report.families["signed notes"].misses] == [
        ("known ([0])", "2", "1"),
        ("known ([1])", "refused", "accepted"),
        ("[2]", "accepted", "refused:"),
    ]


def test_keys_are_told_good_from_bad(tmp_path: Path) -> None:
    good, bad = verifier_key(NAME), verifier_key(NAME).replace("log+", "other+")
    assert counts(report_of(tmp_path, {"vkeys": {"good": [good], "bad": [bad]}})) == {"verifier keys": (2, 2)}
    assert counts(report_of(tmp_path, {"vkeys": {"good": [bad], "bad": [good]}})) == {"verifier keys": (0, 2)}


def test_texts_are_accepted_and_refused_as_published(tmp_path: Path) -> None:
    policy = f"witness w {verifier_key('w', kind=4)}\ngroup g 1 w\nquorum g\n"
    cases: list[dict[str, object]] = [
        {"name": "body", "body": checkpoint(NAME, 1, LEAVES[0]), "want_ok": True},
        {"name": "body", "body": "Log\n", "want_ok": False},
        {"name": "proof", "proof": f"c2sp.org/tlog-proof@v1\nindex 0\n\n{NAME}\n", "result": "valid"},
        {"name": "proof", "proof": "index 0\n", "result": "invalid"},
        {"name": "policy", "policy": policy, "valid": True},
        {"name": "policy", "policy": policy.replace("quorum g", "quorum x"), "valid": False},
        {"name": "key", "vkey": verifier_key("w", kind=4), "want_ok": True},
        {"name": "key", "vkey": "w+1234+x", "want_ok": False},
    ]
    families = {"checkpoint bodies": 2, "tlog proofs": 2, "witness policies": 2, "witness keys": 2}
    assert counts(report_of(tmp_path, cases)) == {family: (count, count) for family, count in families.items()}
    turned = {"want_ok": {True: False, False: True}, "valid": {True: False, False: True}}
    for case in cases:
        for key, values in turned.items():
            if key in case:
                case[key] = values[case[key] is True]
        if "result" in case:
            case["result"] = {"valid": "invalid", "invalid": "valid"}[str(case["result"])]
    assert counts(report_of(tmp_path, cases)) == {family: (0, count) for family, count in families.items()}


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("group g -1 w\nquorum g", "a group's number is not between 1 and its members"),
        ("group g 2 w\nquorum g", "a group's number is not between 1 and its members"),
        ("witness w key", "there is not exactly one quorum line"),
        ("group none 1 w", "the name none is taken"),
    ],
)
def test_a_policy_that_the_specification_forbids_must_be_refused_whatever_is_recorded(
    policy: str, reason: str, tmp_path: Path
) -> None:
    policy = policy.replace("key", verifier_key("w", kind=4)).replace("group", f"witness w {verifier_key('w')}\ngroup")
    report = report_of(tmp_path, {"policy": policy, "want_ok": True})
    assert counts(report) == {"witness policies": (1, 1)}
    assert next(iter(report.families["witness policies"].remarks)).endswith(reason)


def entry(index: int = 2, **changed: object) -> dict[str, Any]:
    bodies = [bytes([number]) * 3 for number in range(5)]
    leaves = [leaf(body) for body in bodies]
    proof = {
        "logIndex": str(index),
        "treeSize": "5",
        "rootHash": b64(root(leaves)),
        "hashes": [b64(item) for item in inclusion(leaves, index)],
        "checkpoint": {"envelope": ecdsa_signed(checkpoint("log - 77", 5, root(leaves)), "log")},
    }
    return {"canonicalizedBody": b64(bodies[index]), "inclusionProof": {**proof, **changed}}


def bundle(**changed: Any) -> dict[str, Any]:
    return {"mediaType": "bundle", "verificationMaterial": {"tlogEntries": [entry(**changed)]}}


def test_a_bundles_entry_is_followed_to_the_signed_checkpoint(tmp_path: Path) -> None:
    write(tmp_path, {"trusted_root.json": '{"tlogs": [{"rawBytes": "' + b64_der() + '"}]}'})
    report = report_of(tmp_path, bundle(), "a/b.sigstore")
    assert counts(report) == {"Rekor inclusion": (1, 1)}
    assert not report.families["Rekor inclusion"].remarks
    assert not report.not_recognised


def b64_der() -> str:
    return "".join(pem(ECDSA_KEY).split("\n")[1:-2])


@pytest.mark.parametrize(
    "changed",
    [
        {"hashes": []},
        {"rootHash": b64(EMPTY)},
        {"logIndex": "1"},
        {"treeSize": "4"},
        {"checkpoint": {"envelope": ecdsa_signed(checkpoint("log", 5, EMPTY), "log")}},
        {"checkpoint": "no note"},
        {"checkpoint": ecdsa_signed(checkpoint("log", 6, root([leaf(bytes([at]) * 3) for at in range(5)])), "log")},
        {"checkpoint": entry()["inclusionProof"]["checkpoint"]["envelope"].replace("log - 77", "log - 78")},
    ],
)
def test_any_change_to_an_entrys_proof_is_a_miss(changed: dict[str, object], tmp_path: Path) -> None:
    write(tmp_path, {"log.pub": pem(ECDSA_KEY)})
    assert counts(report_of(tmp_path, bundle(**changed))) == {"Rekor inclusion": (0, 1)}
    assert counts(run(renamed(tmp_path, "invalid_inclusion_proof.json"))) == {"Rekor inclusion": (1, 1)}


def renamed(tmp_path: Path, name: str) -> Path:
    (tmp_path / "vectors.json").rename(tmp_path / name)
    return tmp_path


def test_an_invalid_bundle_whose_inclusion_holds_is_not_counted_unless_its_inclusion_is_what_is_invalid(
    tmp_path: Path,
) -> None:
    write_json(tmp_path, "wrong-certificate_fail/bundle.json", bundle())
    report = run(tmp_path)
    assert counts(report) == {"Rekor inclusion": (0, 0)}
    assert list(report.families["Rekor inclusion"].not_applicable) == [
        "inclusion holds; what is invalid is not in the log"
    ]
    write_json(tmp_path, "checkpoint_fail/bundle.json", bundle())
    assert counts(run(tmp_path)) == {"Rekor inclusion": (0, 0)}
    write(tmp_path, {"log.pub": pem(ECDSA_KEY)})
    assert counts(run(tmp_path)) == {"Rekor inclusion": (0, 1)}


def test_an_answer_of_the_rekor_api_is_held_against_its_id(tmp_path: Path) -> None:
    tile_entry = entry()
    proof = {**tile_entry["inclusionProof"], "checkpoint": signed(checkpoint("log", 5, expected_root()), "log")}
    answer = {"body": tile_entry["canonicalizedBody"], "logIndex": 9, "verification": {"inclusionProof": proof}}
    identity = leaf(bytes([2]) * 3).hex()
    write(tmp_path, {"log.pem": pem(ED25519_KEY)})
    report = report_of(tmp_path, {"108e9186e8c5677a" + identity: answer})
    assert counts(report) == {"Rekor inclusion": (1, 1)}
    assert not report.families["Rekor inclusion"].remarks
    assert counts(report_of(tmp_path, {"0" * 64: answer})) == {"Rekor inclusion": (0, 1)}


def expected_root() -> bytes:
    return root([leaf(bytes([number]) * 3) for number in range(5)])


def test_what_an_entry_lacks_is_said(tmp_path: Path) -> None:
    bare = {**entry(checkpoint=None)["inclusionProof"], "leafHash": leaf(bytes([2]) * 3).hex(), "want_ok": True}
    cases: list[object] = [bare, {**bare, "hashes": [], "want_ok": False}, bundle()]
    report = report_of(tmp_path, [*cases, {"canonicalizedBody": "", "inclusionProof": None}, {"tlogEntries": []}])
    tally = report.families["Rekor inclusion"]
    assert (tally.passed, tally.total) == (3, 3)
    assert tally.remarks == {
        "root not compared: the proof has no checkpoint": 1,
        "signature not checked: its key is not beside it": 1,
    }
    assert tally.not_applicable == {"entry without an inclusion proof": 2}
    missing = {**bare, "rootHash": None}
    assert counts(report_of(tmp_path, missing)) == {"Rekor inclusion": (0, 1)}
    del bare["leafHash"]
    assert list(report_of(tmp_path, bare).unreadable) == ["vectors.json"]
    assert list(report_of(tmp_path, {**bare, "body": "", "checkpoint": 7}).unreadable) == ["vectors.json"]


def test_documents_in_json_are_written_canonically(tmp_path: Path) -> None:
    cases = [
        {"input": '{"b": 1.0, "a": "\\u20ac"}', "canonical": '{"a":"€","b":1}'},
        {"input": "[2 ]", "jcs": "[ 2]"},
    ]
    assert counts(report_of(tmp_path, cases)) == {"canonical JSON documents": (1, 2)}


def test_key_generation_is_out_of_scope_and_the_rest_is_named(tmp_path: Path) -> None:
    write_json(tmp_path, "a.json", [{"seed": "QkI=", "private_key_pkcs8": "MHg="}])
    write_json(tmp_path, "b.json", {"some": ["thing"]})
    write_json(tmp_path, "c.json", {"witness": verifier_key("w", kind=4)})
    write_json(tmp_path, "g.json", {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"})
    write_json(tmp_path, "h.json", {"witness": verifier_key("w", kind=4), "padding": "x" * 1_000_000})
    write(
        tmp_path, {"d.json": "{", "e.dat": "{ not JSON", "README.md": "words", ".state/tree": "{}", "f.json": b"\xff"}
    )
    (tmp_path / "link").symlink_to(tmp_path / "b.json")
    report = run(tmp_path)
    assert report.out_of_scope == {"a.json": "key generation"}
    assert report.not_recognised == ["b.json", "e.dat", "h.json", "link (a link)"]
    assert list(report.unreadable) == ["d.json", "f.json"]
    assert not report.families


def test_a_crash_of_the_product_is_a_miss_whatever_was_expected() -> None:
    def crash() -> None:
        raise ValueError("no such thing")

    tally = Tally()
    assert not tally.judge_refusal("a.json", "x", accepts=False, action=crash)
    assert tally.misses[0].got == "crashed: ValueError: no such thing"


def test_only_the_first_misses_are_kept_and_long_values_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.conformance.outcome.MISSES_KEPT_MAX", 1)
    tally = Tally()
    tally.judge("a", "1", expected=b"\x01", got="x" * 400)
    tally.judge("a", "2", expected=1, got=2)
    assert tally.missed == 2
    assert [(miss.expected, miss.got[-19:]) for miss in tally.misses] == [("01", "x... (400 characters)"[-19:])]
