"""Entries say which keys were a log's at which size, and nothing else does."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.checkpoint import Checkpoint
from chain.cosignature import COSIGNATURE_ED25519, CosignerKey, timed_message
from chain.keys.history import KeyHistory, check_signers, read_history
from chain.keys.key_event import Occasion, key_added_body, key_retired_body, read_key_event, report_key_added_body
from chain.keys.overlap import open_own, open_signed, sign_checkpoint
from chain.keys.ring import NEXT, KeyStatus, KeyTrigger, add_key, first_ring, next_status, retire_key
from chain.keys.statement import addition_statement
from chain.note import Note, Signature, parse_note
from domain.errors import ConflictError, InputError, IntegrityError
from domain.evidence import EventType
from domain.value import Json
from tests.unit.chain.keys.samples import OCCASION, ORIGIN, HeldKey, added, entry, plain, retired, signer

OLD, NEW, NEXT_ONE, STRANGER = (signer(name) for name in ("old", "new", "next", "stranger"))
CHECKPOINT = Checkpoint(ORIGIN, 7, b"r" * 32)


@pytest.mark.parametrize(("status", "trigger"), list(product(KeyStatus, KeyTrigger)))
def test_every_pair_of_status_and_trigger_is_decided(status: KeyStatus, trigger: KeyTrigger) -> None:
    allowed = {
        ("pending", "added"): "active",
        ("pending", "withdrawn"): "retired",
        ("active", "succeeded"): "overlap",
        ("active", "withdrawn"): "retired",
        ("overlap", "restored"): "active",
        ("overlap", "retired"): "retired",
    }
    if (status.value, trigger.value) in allowed:
        assert next_status(status, trigger) == allowed[status.value, trigger.value] == NEXT[status, trigger]
    else:
        with pytest.raises(ConflictError) as refused:
            next_status(status, trigger)
        assert (refused.value.facts["status"], refused.value.facts["trigger"]) == (status, trigger)


def test_a_ring_turns_through_an_overlap_and_back() -> None:
    ring = add_key(first_ring(OLD.key), NEW.key)
    assert (ring.active, ring.overlapping, ring.signing) == (NEW.key, OLD.key, (NEW.key, OLD.key))
    assert retire_key(ring, OLD.key).signing == (NEW.key,)
    withdrawn = retire_key(ring, NEW.key)
    assert withdrawn.signing == (OLD.key,)
    assert withdrawn.statuses[NEW.key] is KeyStatus.RETIRED


def test_a_ring_refuses_what_would_leave_no_key_or_too_many() -> None:
    ring = first_ring(OLD.key)
    with pytest.raises(ConflictError, match="overlapping keys"):
        retire_key(ring, OLD.key)
    with pytest.raises(ConflictError, match="has or had"):
        add_key(ring, OLD.key)
    overlap = add_key(ring, NEW.key)
    with pytest.raises(ConflictError, match="overlap cannot be succeeded"):
        add_key(overlap, NEXT_ONE.key)
    with pytest.raises(ConflictError, match="overlapping keys"):
        retire_key(overlap, STRANGER.key)
    with pytest.raises(ConflictError, match="has or had"):
        add_key(retire_key(overlap, OLD.key), OLD.key)


def test_sizes_decide_which_key_may_sign() -> None:
    history = read_history(ORIGIN, [plain(0), added(OLD, NEW), plain(2), retired(OLD, NEW), plain(4)])
    assert [history.valid_at(size) for size in range(6)] == [
        (OLD.key,),
        (OLD.key,),
        (OLD.key, NEW.key),
        (OLD.key, NEW.key),
        (NEW.key,),
        (NEW.key,),
    ]


def test_a_withdrawn_key_leaves_the_former_one() -> None:
    history = read_history(ORIGIN, [added(OLD, NEW), retired(NEW, OLD), added(OLD, NEXT_ONE)])
    assert [history.valid_at(size) for size in range(4)] == [
        (OLD.key,),
        (OLD.key, NEW.key),
        (OLD.key,),
        (OLD.key, NEXT_ONE.key),
    ]


def test_a_log_without_key_events_has_the_key_that_signed() -> None:
    history = read_history(ORIGIN, [plain(0), entry(EventType.KEY_ADDED, {"use": "report"})])
    assert history == KeyHistory(ORIGIN)
    check_signers(history, 2, [OLD.key], None)
    check_signers(history, 2, [OLD.key], [OLD.key])
    with pytest.raises(IntegrityError, match="not the log's at this size"):
        check_signers(history, 2, [OLD.key, NEW.key], None)
    with pytest.raises(IntegrityError, match="vouch for"):
        check_signers(history, 2, [OLD.key], [NEW.key])


def test_a_readers_key_vouches_forwards_alone() -> None:
    entries = [added(OLD, NEW), retired(OLD, NEW), added(NEW, NEXT_ONE), retired(NEW, NEXT_ONE)]
    whole, begun = read_history(ORIGIN, entries), read_history(ORIGIN, entries[:1])
    for trusted in (OLD, NEW, NEXT_ONE):
        check_signers(whole, 4, [NEXT_ONE.key], [trusted.key])
    check_signers(begun, 1, [NEW.key, OLD.key], [NEW.key])
    check_signers(begun, 1, [NEW.key, OLD.key], [OLD.key])
    check_signers(begun, 1, [OLD.key], [STRANGER.key, OLD.key])
    with pytest.raises(IntegrityError, match="vouch for") as refused:
        check_signers(begun, 1, [OLD.key], [NEW.key])
    assert refused.value.facts["got"] == [OLD.key.text]
    with pytest.raises(IntegrityError, match="not the log's at this size"):
        check_signers(whole, 4, [OLD.key], [OLD.key])
    with pytest.raises(IntegrityError, match="not the log's at this size"):
        check_signers(whole, 4, [NEXT_ONE.key, STRANGER.key], [STRANGER.key])


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([added(OLD, NEW, possession="AAAA")], "body.possession"),
        ([added(OLD, NEW, endorsement="AAAA")], "body.endorsement"),
        ([added(OLD, NEW, valid_from="2026-02-01T00:00:00Z")], "body.possession"),
        ([added(OLD, NEW, algorithm="rsa")], "unknown algorithm"),
        ([added(OLD, NEW, origin="example.org/other")], "another origin"),
        ([added(OLD, NEW, replaces=signer("old", "example.org/other").key.text)], "different logs"),
        ([added(OLD, NEW, valid_from=7)], "body.valid_from"),
        ([added(OLD, NEW, key="no key")], "not a verifier key"),
        ([added(OLD, NEW), added(NEW, NEXT_ONE)], "overlap cannot be succeeded"),
        ([added(OLD, NEW), added(OLD, NEXT_ONE)], "another than the active"),
        ([added(OLD, NEW), retired(OLD, NEW), added(NEW, OLD)], "has or had"),
        ([retired(OLD, NEW)], "not retired by the other"),
        ([added(OLD, NEW), retired(OLD, OLD)], "not retired by the other"),
        ([added(OLD, NEW), retired(OLD, STRANGER)], "not retired by the other"),
        ([added(OLD, NEW), retired(STRANGER, NEW)], "overlapping keys"),
        ([added(OLD, NEW), retired(OLD, NEW, authorisation="AAAA")], "body.authorisation"),
        ([added(OLD, NEW), retired(OLD, NEW, retired_at="later")], "body.authorisation"),
    ],
)
def test_an_entry_about_keys_that_is_wrong_or_out_of_place_is_named(entries: list[bytes], reason: str) -> None:
    with pytest.raises(IntegrityError, match="refuted") as refused:
        read_history(ORIGIN, entries)
    assert refused.value.facts["entry_index"] == len(entries) - 1
    assert reason in str(refused.value.facts["reason"])


def test_another_trees_keys_are_passed_over() -> None:
    other = ORIGIN + "/sha3-256"
    elsewhere = added(signer("a", other), signer("b", other))
    assert read_history(ORIGIN, [elsewhere, added(OLD, NEW)]).valid_at(2) == (OLD.key, NEW.key)
    assert len(read_history(other, [elsewhere, added(OLD, NEW)]).valid_at(1)) == 2


@pytest.mark.parametrize(
    "content",
    [
        b'["\\"type\\":\\"key_added\\"", "x"]',
        entry(EventType.POLICY_EVALUATED, {"inner": {"type": "key_added"}}),
        b'{"type":"key_added","body":7}',
        b'[{"type":"key_added"}]',
    ],
)
def test_what_only_looks_like_a_key_event_is_none(content: bytes) -> None:
    assert read_key_event(content) is None


@given(st.lists(st.sampled_from(["add", "retire", "withdraw", "plain"]), max_size=12))
def test_any_course_of_rotations_reads_as_it_was_written(steps: list[str]) -> None:
    active, former, entries, count = signer("0"), None, list[bytes](), 0
    expected = [{active.key}]
    for step in steps:
        if step == "add" and former is None:
            count += 1
            active, former = signer(str(count)), active
            entries.append(added(former, active))
        elif step == "retire" and former is not None:
            entries.append(retired(former, active))
            former = None
        elif step == "withdraw" and former is not None:
            entries.append(retired(active, former))
            active, former = former, None
        else:
            entries.append(plain(len(entries)))
        expected.append({active.key} if former is None else {active.key, former.key})
    history = read_history(ORIGIN, entries)
    if count:
        assert [set(history.valid_at(size)) for size in range(len(expected))] == expected
        check_signers(history, len(entries), [active.key], [signer("0").key])
    else:
        assert history.spans == ()


def test_a_checkpoint_of_an_overlap_opens_for_either_key() -> None:
    text = sign_checkpoint(CHECKPOINT, [NEW, OLD])
    for key in (OLD.key, NEW.key):
        assert open_own(text, [key]) == CHECKPOINT
    signed = open_signed(text, [OLD.key, NEW.key])
    assert (signed.checkpoint, signed.signers) == (CHECKPOINT, (NEW.key, OLD.key))
    with pytest.raises(IntegrityError, match="no known key"):
        open_own(text, [STRANGER.key])
    with pytest.raises(IntegrityError, match="not known"):
        open_signed(text, [NEW.key])


def test_witnesses_stand_below_the_logs_own_lines() -> None:
    witness = HeldKey("witness")
    key = CosignerKey("example.org/witness", COSIGNATURE_ED25519, witness.public)
    content = (9).to_bytes(8, "big") + witness.sign(timed_message(CHECKPOINT.text, 9))
    line = Signature(key.name, key.key_id, content)
    own = parse_note(sign_checkpoint(CHECKPOINT, [NEW, OLD])).signatures
    signed = open_signed(str(Note(CHECKPOINT.text, (*own, line))), [OLD.key, NEW.key], [key])
    assert (signed.signers, signed.cosigners) == ((NEW.key, OLD.key), (key,))
    for lines in ((own[0], line, own[1]), (line, *own), (own[0], own[0]), (line,), (*own, own[0])):
        with pytest.raises(IntegrityError, match="begin with the signatures"):
            open_signed(str(Note(CHECKPOINT.text, lines)), [OLD.key, NEW.key], [key])
    with pytest.raises(IntegrityError, match="cosignature"):
        open_signed(str(Note(CHECKPOINT.text, (*own, line))), [OLD.key, NEW.key])


def test_a_wrong_line_of_the_log_is_refused() -> None:
    lines = parse_note(sign_checkpoint(CHECKPOINT, [NEW, OLD])).signatures
    swapped = Signature(ORIGIN, lines[1].key_id, lines[0].content)
    with pytest.raises(IntegrityError, match="signature is wrong"):
        open_signed(str(Note(CHECKPOINT.text, (lines[0], swapped))), [OLD.key, NEW.key])
    other = signer("old", "example.org/other")
    text = sign_checkpoint(CHECKPOINT, [other])
    with pytest.raises(IntegrityError, match="another origin"):
        open_own(text, [other.key])


@pytest.mark.parametrize(
    "occasion",
    [
        Occasion(OCCASION.at, "", "role:custodian"),
        Occasion(OCCASION.at, "r" * 301, "role:custodian"),
        Occasion(OCCASION.at, "rotation", "ann@example.org"),
    ],
)
def test_an_occasion_names_a_role_and_a_reason(occasion: Occasion) -> None:
    with pytest.raises(InputError, match="occasion"):
        key_added_body(OLD, NEW, occasion)


def test_keys_of_two_logs_do_not_succeed_each_other() -> None:
    other = signer("new", "example.org/other")
    with pytest.raises(InputError, match="different logs"):
        key_added_body(OLD, other, OCCASION)
    with pytest.raises(InputError, match="different logs"):
        key_retired_body(other.key, OLD, OCCASION)


def test_a_statement_is_lines_of_its_own_and_never_a_checkpoint() -> None:
    text = addition_statement(OLD.key, NEW.key, valid_from="2026-01-31T12:00:00Z")
    assert text.count("\n") == 6
    assert not text.split("\n")[1].isdigit()
    with pytest.raises(InputError, match="line"):
        addition_statement(OLD.key, NEW.key, valid_from="a\nb")


class _ReportKey:
    public_der = b"der"

    def sign(self, message: bytes) -> bytes:
        return b"signed " + message

    sign_pkcs1v15 = sign


@pytest.mark.parametrize(("replaces", "line"), [("", b"none"), ("ab", b"ab")])
def test_a_report_keys_entry_shows_that_the_key_is_held(replaces: str, line: bytes) -> None:
    body: dict[str, Json] = report_key_added_body(_ReportKey(), b"certificate", OCCASION, replaces=replaces)
    assert (body["use"], body["replaces"]) == ("report", replaces)
    assert read_key_event(entry(EventType.KEY_ADDED, body)) is None
