"""A witness cosigns what extends what it cosigned before, answers in the specification's order, and never goes back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chain.cosignature import COSIGNATURE_ED25519, COSIGNATURE_MLDSA44, verified_cosigners
from chain.fence import format_epoch
from chain.note import VerifierKey, parse_note
from chain.tree_hash import SHA256
from chain.witness.mldsa44 import Mldsa44Cosigner
from chain.witness.record import FORKS_KEPT_MAX, WitnessRecord, origin_hash
from chain.witness.submission import BODY_SIZE_BYTES_MAX, format_submission
from chain.witness.witness import SIZE, Answer, Witness, logs_by_origin
from domain.errors import AccessDenied, ConflictError, InputError, IntegrityError
from tests.unit.chain.samples import NOON, ORIGIN
from tests.unit.chain.witnesses import NAME, SmallLog, cosigners, witness_of

LOG = SmallLog()
FORKED = SmallLog(entries="rewritten")
STRANGER = SmallLog("example.org/evidence/stranger", seed=b"s" * 32)


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    with witness_of(tmp_path, LOG.key) as witness:
        yield witness


@pytest.fixture
def seen(witness: Witness) -> Witness:
    """A witness that has cosigned size 5."""
    assert witness.add_checkpoint(LOG.body(0, 5)).status == 200
    return witness


def test_each_growth_of_a_log_is_cosigned_with_every_key(tmp_path: Path) -> None:
    with witness_of(tmp_path, LOG.key, both=True) as witness:
        keys = [item.key for item in cosigners(tmp_path, both=True)]
        for old_size, size in ((0, 0), (0, 1), (1, 5), (5, 5), (5, 256), (256, 300)):
            answer = witness.add_checkpoint(LOG.body(old_size, size))
            assert answer.status == 200, answer
            note = parse_note(f"{parse_note(LOG.note(size)).text}\n{answer.body}")
            assert [key.algorithm for key in verified_cosigners(note.text, note.signatures, keys)] == [
                COSIGNATURE_ED25519,
                COSIGNATURE_MLDSA44,
            ]
            assert keys[0].cosigned_at(note.text, note.signatures[0].content) == int(NOON.timestamp())
            assert witness.checkpoint(origin_hash(ORIGIN)) == Answer(200, LOG.note(size) + answer.body)
        assert witness.key_texts == tuple(key.text for key in keys)


def test_extension_lines_and_strangers_signatures_are_cosigned_and_left_out(witness: Witness) -> None:
    note = LOG.note(3, extension="extension\n")
    body = format_submission(0, (), note + STRANGER.sign("anything").line)
    answer = witness.add_checkpoint(body)
    assert answer.status == 200
    assert witness.checkpoint(origin_hash(ORIGIN)).body == note + answer.body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"old 0\n",
        b"new 0\n\n" + LOG.note(1).encode(),
        b"old 00\n\n" + LOG.note(1).encode(),
        b"old -1\n\n" + LOG.note(1).encode(),
        b"old 0\n\nno note",
        b"old 1\nAAAA\n\n" + LOG.note(2).encode(),
        b"old 1\n!\n\n" + LOG.note(2).encode(),
        format_submission(1, [b"h" * 32] * 64, LOG.note(2)),
        format_submission(0, (), LOG.note(1, root=b"short")),
        format_submission(0, (), LOG.note(1)) + b"x" * BODY_SIZE_BYTES_MAX,
        LOG.body(7, 5),
    ],
)
def test_a_malformed_request_is_a_bad_request(seen: Witness, body: bytes) -> None:
    assert seen.add_checkpoint(body).status == 400


def test_an_unknown_log_is_not_found_even_with_everything_else_wrong(seen: Witness) -> None:
    assert seen.add_checkpoint(STRANGER.body(9, 3)).status == 404


def test_a_checkpoint_without_a_right_signature_of_its_log_is_forbidden(seen: Witness) -> None:
    note = parse_note(LOG.note(9))
    impostor = SmallLog(seed=b"i" * 32)
    wrong = LOG.sign("another text").line
    for lines in (impostor.sign(note.text).line, wrong, wrong + note.signatures[0].line):
        assert seen.add_checkpoint(format_submission(77, (), f"{note.text}\n{lines}")).status == 403


@pytest.mark.parametrize("old_size", [0, 4, 6])
def test_another_old_size_is_a_conflict_that_tells_the_right_one(seen: Witness, old_size: int) -> None:
    assert seen.add_checkpoint(LOG.body(old_size, 9)) == Answer(409, "5\n", SIZE)


def test_a_log_that_was_never_seen_is_at_size_zero(witness: Witness) -> None:
    assert witness.add_checkpoint(LOG.body(4, 9)) == Answer(409, "0\n", SIZE)
    assert witness.checkpoint(origin_hash(ORIGIN)).status == 404
    assert witness.checkpoint(origin_hash("another")).status == 404


def test_what_does_not_extend_the_last_checkpoint_is_not_cosigned(seen: Witness) -> None:
    proof = LOG.proof(5, 9)
    for body in (
        FORKED.body(5, 9),
        format_submission(5, (), LOG.note(9)),
        format_submission(5, proof[:-1], LOG.note(9)),
        format_submission(5, [*proof, b"h" * 32], LOG.note(9)),
        format_submission(5, [b"h" * 32, *proof[1:]], LOG.note(9)),
        format_submission(5, proof, LOG.note(9, root=b"r" * 32)),
        format_submission(5, [b"h" * 32], LOG.note(5)),
        FORKED.body(5, 5),
    ):
        answer = seen.add_checkpoint(body)
        assert answer.status == 422, answer
    assert seen.add_checkpoint(LOG.body(5, 9)).status == 200


def test_an_empty_log_has_the_root_of_nothing_and_needs_no_proof(witness: Witness) -> None:
    for body in (
        format_submission(0, (), LOG.note(0, root=b"r" * 32)),
        format_submission(0, [b"h" * 32], LOG.note(3)),
    ):
        assert witness.add_checkpoint(body).status == 422
    assert LOG.tree.root(0) == SHA256.empty
    assert witness.add_checkpoint(LOG.body(0, 0)).status == 200
    assert witness.add_checkpoint(format_submission(0, [b"h" * 32], LOG.note(3))).status == 422


def test_two_trees_of_one_size_are_kept_as_proof_of_the_fork(seen: Witness, tmp_path: Path) -> None:
    for number in range(FORKS_KEPT_MAX + 2):
        root = bytes([number]) * 32
        for _ in range(2):
            assert seen.add_checkpoint(format_submission(5, (), LOG.note(5, root=root))).status == 422
    kept = sorted((tmp_path / "record/fork").iterdir())
    assert len(kept) == FORKS_KEPT_MAX
    assert all(LOG.note(5) in path.read_text() and path.read_text().startswith(ORIGIN) for path in kept)


def test_a_restarted_witness_goes_on_where_it_was(tmp_path: Path) -> None:
    with witness_of(tmp_path, LOG.key) as first:
        first.add_checkpoint(LOG.body(0, 5))
    with witness_of(tmp_path, LOG.key) as second:
        assert second.add_checkpoint(LOG.body(0, 9)) == Answer(409, "5\n", SIZE)
        assert second.add_checkpoint(LOG.body(5, 9)).status == 200


def test_a_second_process_on_the_same_record_is_refused(tmp_path: Path, seen: Witness) -> None:
    with pytest.raises(ConflictError, match="another witness process"), witness_of(tmp_path, LOG.key):
        pass
    assert seen.add_checkpoint(LOG.body(5, 6)).status == 200


def test_of_many_requests_at_once_one_wins_and_the_size_never_falls(seen: Witness, tmp_path: Path) -> None:
    sizes = list(range(6, 70))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda size: seen.add_checkpoint(LOG.body(5, size)), sizes))
    (winner,) = [size for size, answer in zip(sizes, answers, strict=True) if answer.status == 200]
    assert {answer.status for answer in answers} == {200, 409}
    assert {answer.body for answer in answers if answer.status == 409} == {f"{winner}\n"}
    keys = [item.key for item in cosigners(tmp_path)]
    assert seen.checkpoint(origin_hash(ORIGIN)).body.startswith(LOG.note(winner))
    assert keys[0].text == seen.key_texts[0]


def test_any_flipped_bit_in_the_record_stops_the_witness(tmp_path: Path) -> None:
    with witness_of(tmp_path, LOG.key) as witness:
        witness.add_checkpoint(LOG.body(0, 5))
    path = tmp_path / "record/log" / origin_hash(ORIGIN)
    whole = path.read_bytes()
    covered = whole.index(b"\n\n")
    own_line = whole.index("\u2014 witness".encode())
    for at in (*range(covered), *range(own_line, len(whole), 7)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(IntegrityError, match="record is damaged"), witness_of(tmp_path, LOG.key):
            pass
    path.write_bytes(whole)
    path.rename(path.with_name(origin_hash(STRANGER.key.name)))
    with pytest.raises(IntegrityError, match="another log"), witness_of(tmp_path, STRANGER.key):
        pass


def test_a_log_may_change_its_key_while_both_are_known(tmp_path: Path) -> None:
    newer = SmallLog(seed=b"n" * 32)
    with witness_of(tmp_path, LOG.key, newer.key) as witness:
        assert witness.add_checkpoint(LOG.body(0, 5)).status == 200
        assert witness.add_checkpoint(newer.body(5, 9)).status == 200


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ([], "knows no log"),
        ([LOG.key, LOG.key], "given twice"),
        ([VerifierKey(f"{ORIGIN}/sha3-256", LOG.key.public)], "SHA-256 trees alone"),
    ],
)
def test_logs_that_cannot_be_witnessed_are_refused(keys: list[VerifierKey], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        logs_by_origin(keys)


def test_a_post_quantum_key_is_kept_private_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = Mldsa44Cosigner(path, name=NAME).key
    assert Mldsa44Cosigner(path, name=NAME).key == key
    with pytest.raises(IntegrityError, match="not the key of this witness"):
        Mldsa44Cosigner(path, name="witness.example/other")
    path.write_text("PRIVATE+KEY+a+00000000+AAAA\n")
    with pytest.raises(IntegrityError, match="not the key of this witness"):
        Mldsa44Cosigner(path, name=NAME)
    path.chmod(0o644)
    with pytest.raises(AccessDenied, match="read by others"):
        Mldsa44Cosigner(path, name=NAME)


def test_a_record_keeps_nothing_after_another_process_has_taken_over(tmp_path: Path) -> None:
    record = WitnessRecord(tmp_path / "record", [cosigners(tmp_path)[0].key])
    (tmp_path / "record/epoch").write_bytes(format_epoch(99))
    with pytest.raises(ConflictError, match="taken over"):
        record.keep(ORIGIN, parse_note(LOG.note(1)))
    record.close()
