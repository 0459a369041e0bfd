"""After a freeze a successor goes on: readers see that it joins, repeated requests keep their places, years turn."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.durable import create_private
from chain.encoding import decode_base64
from chain.entry import encode_event
from chain.file_journal import FileJournal
from chain.frame import Run
from chain.fsck import check_state
from chain.keys.freeze import FreezeOrder, Marker, freeze
from chain.keys.key_text import format_private_key
from chain.keys.tenant_log import TenantLog
from chain.layout import find_origin
from chain.note import parse_verifier_key
from chain.shard import ShardLog
from chain.trust import TrustPolicy
from chain.verify import verify_directory
from chain.writer import EvidenceWriter
from domain.errors import ConflictError, IntegrityError, UnavailableError
from domain.evidence import Artifact, EventType, EvidenceEvent, LogName
from domain.tenancy import PLATFORM
from tests.unit.chain.samples import (
    ACME,
    NOON,
    ORIGIN,
    AcmeLog,
    Wrist,
    chain_folder,
    event,
    open_store,
    open_writer,
    published_folder,
    shard_state,
    tenant_folder,
)

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
SECOND = LogName(2026, 2)


def order(*, can_write: bool = True) -> FreezeOrder:
    return FreezeOrder(NOON, "key stolen", "role:incident-lead", can_write=can_write)


def freeze_it(writer: EvidenceWriter, *, can_write: bool = True) -> Marker:
    log = TenantLog(writer, ACME)
    return freeze(log, log.state_directory, ACME, order(can_write=can_write))


def frozen_and_followed(path: Path, clock: Wrist | None = None) -> None:
    """A log with an entry, its freeze, and a published successor with another one."""
    with open_store(path, clock) as writer:
        log = AcmeLog(writer)
        log.append([event("before")])
        log.publish()
        freeze_it(writer)
        log.append([event("after")])
        log.publish()


def test_the_successor_begins_with_how_the_frozen_log_ended(tmp_path: Path) -> None:
    with open_store(tmp_path) as writer:
        log = AcmeLog(writer)
        log.append([event("before")])
        log.publish()
        marker = freeze_it(writer)
        (receipt,) = log.append([event("after")])
        first = json.loads(writer.shard(ACME, SECOND).entry(0))
        assert (receipt.origin, str(receipt.id)) == (f"{ORIGIN}/s2", "2026s2-1")
        assert (first["type"], first["request_id"]) == ("log_frozen", f"log_succeeded/{ORIGIN}")
        assert first["body"]["checkpoint"] == marker.checkpoint
        assert [str(shard.name) for shard in writer.shards(ACME)] == ["2026s2", "2026"]
    assert sorted(path.name for path in tenant_folder(tmp_path).iterdir()) == ["2026", "2026s2"]


def test_a_folder_of_a_frozen_log_and_its_successor_verifies_and_joins(tmp_path: Path) -> None:
    frozen_and_followed(tmp_path)
    folder = tenant_folder(tmp_path)
    report = verify_directory(folder)
    assert (report.findings, report.origin, len(report.years)) == ((), f"{ORIGIN}/s2", 2)
    lines = [line for path in folder.iterdir() for line in (path / "verifier_keys").read_text().splitlines()]
    policy = TrustPolicy(tuple(map(parse_verifier_key, lines)))
    assert (verify_directory(folder, policy=policy).findings, report.ok) == ((), True)
    assert check_state(chain_folder(tmp_path), [folder]).findings == ()


def test_a_freeze_of_the_successor_leads_to_a_third_log(tmp_path: Path) -> None:
    frozen_and_followed(tmp_path)
    with open_store(tmp_path) as writer:
        freeze_it(writer)
        (receipt,) = AcmeLog(writer).append([event("last")])
        writer.publish(ACME)
    assert str(receipt.id) == "2026s3-1"
    assert verify_directory(tenant_folder(tmp_path)).findings == ()
    assert check_state(chain_folder(tmp_path), [tenant_folder(tmp_path)]).ok


def test_a_restart_finds_every_log_and_goes_on_in_the_successor(tmp_path: Path) -> None:
    frozen_and_followed(tmp_path)
    with open_store(tmp_path) as writer:
        (receipt,) = AcmeLog(writer).append([event("later")])
        assert str(receipt.id) == "2026s2-3"
        assert writer.shard(ACME, SECOND).entry(1) == encode_event(event("after"), {})
    shutil.rmtree(chain_folder(tmp_path) / "journal")
    with pytest.raises(IntegrityError, match="does not hold what was signed"), open_store(tmp_path) as writer:
        writer.publish(ACME)


def test_a_repeated_request_keeps_its_place_across_the_freeze_and_the_year(tmp_path: Path) -> None:
    clock = Wrist()
    with open_store(tmp_path, clock) as writer:
        log = AcmeLog(writer)
        (first,) = log.append([event("same")])
        log.publish()
        freeze_it(writer)
        again, new = log.append([event("same"), event("new")])
        assert (again, str(new.id)) == (first, "2026s2-1")
        with pytest.raises(ConflictError, match="another content"):
            log.append([event("same", body={"another": 1})])
        clock.time = NEW_YEAR
        assert log.append([event("same"), event("new")]) == [first, new]


@pytest.mark.parametrize("is_followed", [False, True])
def test_the_year_turns_after_a_freeze(tmp_path: Path, is_followed: bool) -> None:
    clock = Wrist()
    with open_store(tmp_path, clock) as writer:
        log = AcmeLog(writer)
        log.append([event("before")])
        log.publish()
        freeze_it(writer)
        if is_followed:
            log.append([event("after")])
        clock.time = NEW_YEAR
        (receipt,) = log.append([event("next year")])
        writer.publish(ACME)
        opening = json.loads(writer.shard(ACME).entry(0))
        assert (str(receipt.id), opening["body"]["former"]["origin"]) == ("2027-1", f"{ORIGIN}/s2")
        assert [str(shard.name) for shard in writer.shards(ACME)] == ["2027", "2026s2", "2026"]
    report = verify_directory(tenant_folder(tmp_path))
    assert (report.findings, len(report.years)) == ((), 3)
    assert check_state(chain_folder(tmp_path), [tenant_folder(tmp_path)]).ok


def test_a_log_that_is_being_frozen_ends_before_the_year_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Wrist()
    with open_store(tmp_path, clock) as writer:
        log = AcmeLog(writer)
        log.append([event("before")])
        log.publish()
        with monkeypatch.context() as patch:
            patch.setattr(TenantLog, "publish", _crash)
            with pytest.raises(KeyboardInterrupt):
                freeze_it(writer)
        clock.time = NEW_YEAR
        with pytest.raises(ConflictError, match="frozen for ever"):
            log.append([event("while closing")])
        freeze_it(writer)
        assert [str(shard.name) for shard in writer.shards(ACME)] == ["2026"]
        log.append([event("next")])
        writer.publish(ACME)
    assert verify_directory(tenant_folder(tmp_path)).findings == ()


def _crash(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_successor_whose_first_entry_was_not_recorded_begins_again(tmp_path: Path) -> None:
    is_full = False

    def sync(handle: int) -> None:
        if is_full:
            raise OSError(28, "No space left on device")

    with open_writer(tmp_path, sync=sync) as log:
        log.append([event("before")])
        log.publish()
        freeze_it(log.writer)
        is_full = True
        with pytest.raises(UnavailableError):
            log.append([event("after")])
        assert [str(shard.name) for shard in log.writer.shards(ACME)] == ["2026"]
    with open_store(tmp_path) as writer:
        AcmeLog(writer).append([event("after")])
        writer.publish(ACME)
    assert verify_directory(tenant_folder(tmp_path)).findings == ()


def test_a_log_whose_key_is_lost_is_frozen_and_what_it_took_goes_on_in_the_successor(tmp_path: Path) -> None:
    with open_store(tmp_path) as writer:
        log = AcmeLog(writer)
        log.append([event("published")])
        log.publish()
        log.append([event("taken", artifacts={"a.txt": Artifact("text/plain", b"attached")})])
    for path in shard_state(tmp_path).glob("log*.key"):
        path.unlink()
    with open_store(tmp_path) as writer:
        log = AcmeLog(writer)
        with pytest.raises(IntegrityError, match="not held"):
            log.append([event("refused")])
        marker = freeze_it(writer, can_write=False)
        shard = writer.current(ACME)
        assert [json.loads(shard.entry(index))["request_id"] for index in range(shard.size)][1:] == ["taken"]
        (again,) = log.append([event("taken", artifacts={"a.txt": Artifact("text/plain", b"attached")})])
        assert str(again.id) == "2026s2-1"
        log.publish()
        writer.publish_platform()
        frozen = writer.shard(ACME, 2026)
        frozen.open()
        assert frozen.own_note() == marker.checkpoint
    assert not list(shard_state(tmp_path).glob("log*.key"))
    assert verify_directory(tenant_folder(tmp_path)).findings == ()
    assert check_state(chain_folder(tmp_path), [tenant_folder(tmp_path)]).findings == ()


def test_a_successor_under_a_distrusted_key_is_refused(tmp_path: Path) -> None:
    with open_store(tmp_path) as writer:
        log = AcmeLog(writer)
        log.append([event("a")])
        log.publish()
        tenant = TenantLog(writer, ACME)
        stolen = (log.shard.signers().sha256.key,)
        freeze(tenant, tenant.state_directory, ACME, FreezeOrder(NOON, "stolen", "role:lead", stolen))
        seed = (shard_state(tmp_path) / "log.key").read_text().split("+", 4)[-1]
        successor = chain_folder(tmp_path) / "logs/acme/2026s2"
        successor.mkdir(mode=0o700)
        _copy_key(seed, successor / "log.key", f"{ORIGIN}/s2")
        with pytest.raises(ConflictError, match="distrusted"):
            log.append([event("b")])


def _copy_key(seed: str, path: Path, name: str) -> None:
    private = Ed25519PrivateKey.from_private_bytes(decode_base64(seed.strip(), what="seed")[1:])
    create_private(path, format_private_key(name, private).encode())


def test_the_platform_log_is_frozen_and_followed_too(tmp_path: Path) -> None:
    with open_store(tmp_path) as writer:
        log = AcmeLog(writer)
        log.append([event("a")])
        log.publish()
        writer.publish_platform()
        platform = TenantLog(writer, PLATFORM)
        freeze(platform, platform.state_directory, PLATFORM, order())
        log.append([event("b")])
        log.publish()
        head = writer.publish_platform()
        assert head.origin.endswith("/_platform/2026/s2")
        assert str(writer.opening(ACME).platform_id).startswith("2026s2-")
    assert verify_directory(tenant_folder(tmp_path, PLATFORM)).findings == ()


Change = Callable[[ShardLog, bytes], bytes]


def _unlike(shard: ShardLog, first: bytes) -> bytes:
    """Another entry in the first one's place."""
    del shard, first
    return encode_event(EvidenceEvent(ACME, "x", EventType.LOG_FROZEN, NOON, {"reason": "none"}), {})


def _longer(shard: ShardLog, first: bytes) -> bytes:
    """A join at another size."""
    del shard
    return first.replace(b"2026\\n4\\n", b"2026\\n3\\n")


def _malformed(shard: ShardLog, first: bytes) -> bytes:
    del shard
    return first.replace(b'"successor":"', b'"successo_":"')


@pytest.mark.parametrize("change", [_unlike, _longer, _malformed])
def test_a_successor_that_does_not_join_is_refuted_by_every_check(tmp_path: Path, change: Change) -> None:
    frozen_and_followed(tmp_path / "right")
    with open_store(tmp_path / "right") as writer:
        frozen, shard = writer.shard(ACME, 2026), writer.shard(ACME, SECOND)
        entries = [frozen.entry(index) for index in range(frozen.size)]
        first = change(shard, shard.entry(0))
        assert first != shard.entry(0)
    shutil.copytree(shard_state(tmp_path / "right"), shard_state(tmp_path / "wrong"))
    shutil.copytree(published_folder(tmp_path / "right"), published_folder(tmp_path / "wrong"))
    journal = FileJournal(chain_folder(tmp_path / "wrong"))
    list(journal.replay())
    journal.append([Run(ORIGIN, entries), Run(f"{ORIGIN}/s2", [first])], year=2026)
    journal.close()
    with open_store(tmp_path / "wrong") as writer:
        writer.publish(ACME)
    report = verify_directory(tenant_folder(tmp_path / "wrong"))
    assert [(finding.where, finding.entry_index) for finding in report.findings] == [("2026s2/tile/entries/000", 0)]
    found = check_state(chain_folder(tmp_path / "wrong"), [tenant_folder(tmp_path / "wrong")]).findings
    assert [(finding.where, finding.entry_index) for finding in found] == [(f"journal {ORIGIN}/s2", 0)]


@pytest.mark.parametrize("text", ["acme/2026", "p/acme/2026/s1", "p/acme/2026/s02", "p/acme/202", "p/acme/2026/"])
def test_another_name_is_no_origin_of_a_tenants_log(text: str) -> None:
    assert find_origin(text) is None
    named = find_origin("a/b/acme/2026/s12")
    assert named is not None
    assert (named.prefix, named.tenant, named.name) == ("a/b", "acme", LogName(2026, 12))
