"""A frozen log takes nothing for ever, and its successor says where it ended."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from chain.keys.freeze import FreezeOrder, Marker, Stage, freeze, read_marker, require_open
from chain.keys.signer import NamedSigner
from chain.keys.succession import (
    check_succession,
    read_succession,
    succession_body,
    succession_request_id,
    successor_origin,
)
from chain.note import VerifierKey, parse_note
from chain.tree_hash import Twin
from domain.clock import format_instant
from domain.errors import ConflictError, InputError, IntegrityError, NotFound
from domain.evidence import EventType, EvidenceEvent
from domain.value import Json
from tests.unit.chain.keys.samples import ACME, NOON, ORIGIN, SmallLog, entry, signer

ORDER = FreezeOrder(NOON, "signing key stolen", "role:incident-lead")
EVENT = EvidenceEvent(ACME, "one", EventType.POLICY_EVALUATED, NOON, {"number": 1})
LATER = replace(EVENT, request_id="two")
SUCCESSOR = f"{ORIGIN}/s2"
NEW_KEY = signer("new", SUCCESSOR)


@pytest.fixture
def log(tmp_path: Path) -> SmallLog:
    log = SmallLog(tmp_path)
    log.append([EVENT])
    log.publish()
    return log


def _body(marker: Marker, *good: NamedSigner, distrusted: tuple[VerifierKey, ...] = ()) -> dict[str, Json]:
    return succession_body(
        Twin(marker.checkpoint, marker.checkpoint_sha3),
        good,
        frozen_at=format_instant(marker.order.at),
        reason=marker.order.reason,
        by=marker.order.by,
        distrusted=distrusted,
    )


def test_a_frozen_log_refuses_appends_for_ever_and_names_its_successor(log: SmallLog) -> None:
    marker = freeze(log, log.state, ACME, ORDER)
    assert (marker.stage, marker.checkpoint) == (Stage.FROZEN, log.head().checkpoint)
    last = json.loads(log.entries[-1])
    assert (last["type"], last["body"]["successor"]) == ("log_frozen", SUCCESSOR)
    for event in (LATER, EvidenceEvent(ACME, f"log_frozen/{ORIGIN}", EventType.LOG_FROZEN, NOON, {})):
        with pytest.raises(ConflictError, match="frozen for ever") as refused:
            log.append([event])
        assert SUCCESSOR in str(refused.value)


def test_an_open_log_is_not_refused(tmp_path: Path) -> None:
    require_open(tmp_path)
    assert read_marker(tmp_path) is None


def test_freezing_goes_on_after_a_crash_at_every_step_by_the_first_order(log: SmallLog) -> None:
    for broken in ("append", "publish"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(log, broken, _crash)
            with pytest.raises(KeyboardInterrupt):
                freeze(log, log.state, ACME, ORDER)
        marker = read_marker(log.state)
        assert marker is not None
        assert marker.stage is Stage.CLOSING
        with pytest.raises(ConflictError):
            log.append([LATER])
    again = freeze(log, log.state, ACME, replace(ORDER, reason="another"))
    assert again == freeze(log, log.state, ACME, ORDER) == read_marker(log.state)
    assert (again.order, len(log.entries)) == (ORDER, 2)


def test_a_log_that_cannot_write_is_frozen_where_it_stands(log: SmallLog) -> None:
    order = replace(ORDER, can_write=False, distrusted=(log.signers.sha256.key,))
    before = log.head()
    marker = freeze(log, log.state, ACME, order)
    assert (marker.checkpoint, marker.checkpoint_sha3) == (before.checkpoint, before.checkpoint_sha3)
    assert read_marker(log.state) == marker
    assert len(log.entries) == 1


@pytest.mark.parametrize("order", [replace(ORDER, reason=""), replace(ORDER, by="ann@example.org")])
def test_an_order_says_why_and_names_no_person(log: SmallLog, order: FreezeOrder) -> None:
    with pytest.raises(InputError):
        freeze(log, log.state, ACME, order)
    assert read_marker(log.state) is None


def test_a_log_that_was_never_published_is_not_frozen(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        freeze(SmallLog(tmp_path), tmp_path, ACME, ORDER)
    assert read_marker(tmp_path) is None


def test_successors_are_numbered() -> None:
    assert successor_origin(ORIGIN) == SUCCESSOR
    assert successor_origin(SUCCESSOR) == f"{ORIGIN}/s3"


def test_a_reader_of_both_logs_sees_that_they_join(log: SmallLog) -> None:
    marker = freeze(log, log.state, ACME, ORDER)
    event = EvidenceEvent(ACME, succession_request_id(ORIGIN), EventType.LOG_FROZEN, NOON, _body(marker, NEW_KEY))
    successor = SmallLog(log.state / "elsewhere", SUCCESSOR, "new")
    successor.append([event])
    said = check_succession(log.checkpoints(), successor.entries[0], SUCCESSOR, [NEW_KEY.key, NEW_KEY.key])
    assert (said.origin, said.successor, said.reason) == (ORIGIN, SUCCESSOR, "signing key stolen")
    assert said.checkpoints == log.checkpoints()


def test_a_log_that_grew_after_the_freeze_does_not_join(log: SmallLog) -> None:
    first = entry(EventType.LOG_FROZEN, _body(freeze(log, log.state, ACME, ORDER), NEW_KEY))
    (log.state / "frozen").unlink()
    log.append([LATER])
    with pytest.raises(IntegrityError, match="do not join") as refused:
        check_succession(log.checkpoints(), first, SUCCESSOR, [NEW_KEY.key])
    assert "of 2 entries" in str(refused.value.facts["expected"])
    assert "of 3 entries" in str(refused.value.facts["got"])


def test_a_final_note_of_distrusted_keys_or_of_another_text_counts_for_nothing(log: SmallLog) -> None:
    old = log.signers.sha256
    marker = freeze(log, log.state, ACME, ORDER)
    body = _body(marker, NEW_KEY, old)
    check_succession(log.checkpoints(), entry(EventType.LOG_FROZEN, body), SUCCESSOR, [old.key])
    distrusting = entry(EventType.LOG_FROZEN, {**body, "distrusted": [old.key.text]})
    with pytest.raises(IntegrityError, match="no known key"):
        check_succession(log.checkpoints(), distrusting, SUCCESSOR, [old.key])
    check_succession(log.checkpoints(), distrusting, SUCCESSOR, [old.key, NEW_KEY.key])
    changed = entry(EventType.LOG_FROZEN, {**body, "frozen_at": "2026-02-01T00:00:00Z"})
    with pytest.raises(IntegrityError, match="something else"):
        check_succession(log.checkpoints(), changed, SUCCESSOR, [old.key])
    for good in ((), (old,)):
        with pytest.raises(ConflictError, match="good keys"):
            _body(marker, *good, distrusted=(old.key,))


def test_a_log_that_begins_otherwise_succeeds_nothing(log: SmallLog) -> None:
    marker = freeze(log, log.state, ACME, ORDER)
    for first in (log.entries[0], log.entries[-1], b"[]"):
        assert read_succession(first) is None
        with pytest.raises(IntegrityError, match="does not begin"):
            check_succession(log.checkpoints(), first, SUCCESSOR, [])
    with pytest.raises(InputError, match="lacks a field"):
        read_succession(entry(EventType.LOG_FROZEN, {**_body(marker, NEW_KEY), "reason": 7}))
    loose = read_succession(entry(EventType.LOG_FROZEN, {**_body(marker, NEW_KEY), "distrusted": None}))
    assert loose is not None
    assert loose.distrusted == ()


def test_a_log_under_a_name_of_its_own_choice_is_no_successor(log: SmallLog) -> None:
    body = {**_body(freeze(log, log.state, ACME, ORDER), NEW_KEY), "successor": "example.org/mine"}
    with pytest.raises(IntegrityError, match="do not join"):
        check_succession(log.checkpoints(), entry(EventType.LOG_FROZEN, body), "example.org/mine", [NEW_KEY.key])


def test_a_final_note_is_never_a_checkpoint(log: SmallLog) -> None:
    text = parse_note(str(_body(freeze(log, log.state, ACME, ORDER), NEW_KEY)["final_note"])).text
    assert not text.split("\n")[1].isdigit()
    assert text.startswith("policycortex/log-frozen/v1\n")


def _crash(*_: object) -> None:
    raise KeyboardInterrupt
