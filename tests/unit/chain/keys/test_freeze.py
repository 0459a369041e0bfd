"""A frozen log takes nothing for ever, and its successor says where it ended."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from chain.entry import encode_event
from chain.file_journal import FileJournal
from chain.frame import Run
from chain.keys.freeze import FreezeOrder, Marker, Stage, freeze, read_marker, require_open
from chain.keys.join import verify_join
from chain.keys.key_file import FileSigner
from chain.keys.signer import Signer
from chain.keys.succession import (
    check_succession,
    read_succession,
    succession_body,
    succession_request_id,
    successor_origin,
)
from chain.keys.tenant_log import TenantLog
from chain.note import VerifierKey, parse_note
from chain.shard import ShardLog, ShardPlace
from chain.tree_hash import Twin
from domain.clock import format_instant
from domain.errors import ConflictError, InputError, IntegrityError, NotFound
from domain.evidence import EventType, EvidenceEvent, LogName
from domain.value import Json
from tests.unit.chain.keys.samples import ACME, NOON, ORIGIN, SmallLog, entry, signer
from tests.unit.chain.samples import event, open_writer, publish_small_log, published_folder

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


def _body(marker: Marker, *good: Signer, distrusted: tuple[VerifierKey, ...] = ()) -> dict[str, Json]:
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
    for late in (LATER, EvidenceEvent(ACME, f"log_frozen/{ORIGIN}", EventType.LOG_FROZEN, NOON, {})):
        with pytest.raises(ConflictError, match="frozen for ever") as refused:
            log.append([late])
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


def _successor(path: Path, marker: Marker, *good: Signer) -> Path:
    """A published log of the successor's name whose first entry is the frozen log's end."""
    origin = successor_origin(marker.origin)
    journal = FileJournal(path / "chain")
    list(journal.replay())
    shard = ShardLog(
        origin,
        ACME,
        LogName(2026, 2),
        journal=journal,
        place=ShardPlace(path / "state", path / "folder/2026"),
        signers=None,
    )
    end = EvidenceEvent(ACME, succession_request_id(origin), EventType.LOG_FROZEN, NOON, _body(marker, *good))
    entries = [encode_event(end, {}), encode_event(LATER, {})]
    journal.append([Run(origin, entries)], year=2026)
    shard.replay(entries)
    block = shard.block(NOON)
    assert block is not None
    journal.append([Run(origin, [block])], year=2026)
    shard.replay([block])
    shard.publish()
    journal.close()
    return path / "folder/2026"


@pytest.fixture
def frozen(tmp_path: Path) -> tuple[Path, Marker]:
    with open_writer(tmp_path / "frozen") as log:
        log.append([event("one")])
        log.publish()
        tenant = TenantLog(log.writer, ACME)
        marker = freeze(tenant, tenant.state_directory, ACME, ORDER)
    return published_folder(tmp_path / "frozen"), marker


def test_two_folders_verify_and_join(frozen: tuple[Path, Marker], tmp_path: Path) -> None:
    folder, marker = frozen
    names = Twin(successor_origin(marker.origin), f"{successor_origin(marker.origin)}/sha3-256")
    (tmp_path / "state").mkdir()
    key = FileSigner(tmp_path / "state/log.key", name=names.sha256)
    successor = _successor(tmp_path, marker, key)
    report = verify_join(folder, successor)
    assert (report.ok, report.findings) == (True, ())
    assert report.succession is not None
    assert report.succession.reason == ORDER.reason
    lines = [line for path in (folder, successor) for line in (path / "verifier_keys").read_text().splitlines()]
    policy = tmp_path / "policy"
    policy.write_text("".join(f"log {line}\n" for line in lines))
    assert verify_join(folder, successor, policy=policy).ok


def test_two_folders_that_do_not_join_say_why(frozen: tuple[Path, Marker], tmp_path: Path) -> None:
    folder, marker = frozen
    stranger = signer("stranger", successor_origin(marker.origin))
    report = verify_join(folder, _successor(tmp_path, marker, stranger))
    assert (report.frozen.ok, report.successor.ok, report.ok) == (True, True, False)
    assert report.findings[0].entry_index == 0
    assert "no known key" in report.findings[0].got
    assert "do not join" in verify_join(publish_small_log(tmp_path / "x"), tmp_path / "folder/2026").findings[0].got
    with open_writer(tmp_path / "blank") as log:
        log.publish()
    assert "does not begin" in verify_join(folder, published_folder(tmp_path / "blank")).findings[0].got
    (folder / "checkpoint").unlink()
    broken = verify_join(folder, tmp_path / "folder/2026")
    assert (broken.ok, broken.frozen.ok, broken.findings) == (False, False, ())


def _crash(*_: object) -> None:
    raise KeyboardInterrupt
