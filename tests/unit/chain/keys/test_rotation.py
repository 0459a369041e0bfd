"""A log's keys are replaced step by step, and every step can be repeated after a crash."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from chain.entry import encode_event
from chain.keys.destruction import destroy_file
from chain.keys.history import KeyHistory, read_history
from chain.keys.log_keys import LogKeys, choose_signers
from chain.keys.rotation import addition_events, retirement_events
from chain.keys.signer import Signer
from chain.note import parse_note
from chain.proof import ConsistencyProof
from chain.signer import Notary
from chain.tree_hash import SHA256, Twin
from domain.errors import AccessDenied, ConflictError, IntegrityError
from domain.evidence import EvidenceEvent
from tests.unit.chain.keys.samples import ACME, OCCASION, ORIGIN, signer


def _histories(events: Sequence[EvidenceEvent]) -> Twin[KeyHistory]:
    entries = [encode_event(event, {}) for event in events]
    return Twin(read_history(ORIGIN, entries), read_history(f"{ORIGIN}/sha3-256", entries))


def _keys(signers: Sequence[Signer]) -> list[str]:
    return [each.key.text for each in signers]


def test_a_rotation_replaces_both_trees_keys_and_destroys_the_former(tmp_path: Path) -> None:
    chest = LogKeys(tmp_path, origin=ORIGIN)
    none = _histories([])
    (old,) = chest.held()
    new = chest.pending(none)
    assert chest.pending(none).sha256.key == new.sha256.key
    assert _keys(choose_signers(none.sha256, [pair.sha256 for pair in chest.held()])) == _keys([old.sha256])

    recorded = [*addition_events(ACME, none, old, new, OCCASION)]
    overlap = _histories(recorded)
    for history, pair in ((overlap.sha256, (new.sha256, old.sha256)), (overlap.sha3_256, (new.sha3_256, old.sha3_256))):
        held = [old.sha256, new.sha256, old.sha3_256, new.sha3_256]
        assert _keys(choose_signers(history, held)) == _keys(pair)
    assert addition_events(ACME, overlap, old, new, OCCASION) == tuple(recorded)
    assert chest.destroy_retired(overlap) == 0

    retired = Twin(old.sha256.key, old.sha3_256.key)
    recorded += retirement_events(ACME, overlap, retired, new, OCCASION, published_size=2)
    after = _histories(recorded)
    assert _keys(choose_signers(after.sha256, [pair.sha256 for pair in chest.held()])) == _keys([new.sha256])
    assert chest.destroy_retired(after) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log-2.key", "log-sha3-2.key"]
    assert [pair.sha256.key for pair in chest.held()] == [new.sha256.key]
    third = chest.pending(after)
    assert (tmp_path / "log-3.key").exists()
    assert chest.pending(after).sha3_256.key == third.sha3_256.key


def test_a_log_that_was_never_rotated_destroys_nothing(tmp_path: Path) -> None:
    chest = LogKeys(tmp_path, origin=ORIGIN, passphrase=lambda: b"open sesame")
    chest.held()
    assert chest.destroy_retired(_histories([])) == 0
    with pytest.raises(AccessDenied, match="sealed"):
        LogKeys(tmp_path, origin=ORIGIN).held()


def test_only_the_active_pair_hands_over_and_only_once_at_a_time() -> None:
    old, new, third = (Twin(signer(name), signer(name, f"{ORIGIN}/sha3-256")) for name in ("a", "b", "c"))
    overlap = _histories(addition_events(ACME, _histories([]), old, new, OCCASION))
    with pytest.raises(ConflictError, match="not the active one"):
        addition_events(ACME, overlap, old, third, OCCASION)
    with pytest.raises(ConflictError, match="overlap cannot be succeeded"):
        addition_events(ACME, overlap, new, third, OCCASION)


def test_a_key_is_retired_only_after_readers_saw_its_successor() -> None:
    old, new = (Twin(signer(name), signer(name, f"{ORIGIN}/sha3-256")) for name in ("a", "b"))
    keys = Twin(old.sha256.key, old.sha3_256.key)
    with pytest.raises(ConflictError, match="one key"):
        retirement_events(ACME, _histories([]), keys, new, OCCASION, published_size=2)
    overlap = _histories(addition_events(ACME, _histories([]), old, new, OCCASION))
    with pytest.raises(ConflictError, match="no checkpoint of the overlap"):
        retirement_events(ACME, overlap, keys, new, OCCASION, published_size=1)


def test_a_lost_active_key_is_named_and_a_lost_former_one_is_left_out() -> None:
    old, new = (Twin(signer(name), signer(name, f"{ORIGIN}/sha3-256")) for name in ("a", "b"))
    overlap = _histories(addition_events(ACME, _histories([]), old, new, OCCASION)).sha256
    assert choose_signers(overlap, [new.sha256]) == (new.sha256,)
    with pytest.raises(IntegrityError, match="active key is not held") as refused:
        choose_signers(overlap, [old.sha256])
    assert refused.value.facts["expected"] == new.sha256.key.text


def test_entries_about_keys_hold_no_private_key_and_no_person() -> None:
    old, new = (Twin(signer(name), signer(name, f"{ORIGIN}/sha3-256")) for name in ("a", "b"))
    for event in addition_events(ACME, _histories([]), old, new, OCCASION):
        text = json.dumps(event.body)
        assert "PRIVATE" not in text
        assert "@" not in text


def test_a_destroyed_file_is_gone_and_destroying_it_again_is_harmless(tmp_path: Path) -> None:
    path, kept = tmp_path / "secret", tmp_path / "kept"
    path.write_bytes(b"secret")
    kept.hardlink_to(path)
    destroy_file(path)
    destroy_file(path)
    assert not path.exists()
    assert kept.read_bytes() == bytes(6)


def test_a_notary_goes_through_a_rotation_and_still_signs_no_fork(tmp_path: Path) -> None:
    old, new = signer("a"), signer("b")
    record, leaf, other = tmp_path / "signed", SHA256.leaf(b"a"), SHA256.leaf(b"b")
    proof = ConsistencyProof(1, 1, ())
    Notary(old, SHA256, record).sign(1, leaf, None)
    overlap = Notary(new, SHA256, record, beside=[old])
    assert overlap.keys == (new.key, old.key)
    note = overlap.sign(1, leaf, proof)
    assert [line.key_id for line in parse_note(note).signatures] == [new.key.key_id, old.key.key_id]
    after = Notary(new, SHA256, record)
    assert [line.key_id for line in parse_note(after.sign(1, leaf, proof)).signatures] == [new.key.key_id]
    with pytest.raises(IntegrityError):
        after.sign(1, other, proof)


def test_a_notary_whose_former_key_is_lost_still_knows_what_it_signed(tmp_path: Path) -> None:
    old, new = signer("a"), signer("b")
    Notary(old, SHA256, tmp_path / "signed").sign(1, SHA256.leaf(b"a"), None)
    with pytest.raises(IntegrityError, match="no known key"):
        Notary(new, SHA256, tmp_path / "signed")
    notary = Notary(new, SHA256, tmp_path / "signed", known=[old.key])
    assert notary.last is not None
    assert notary.last.size == 1
