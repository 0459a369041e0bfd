"""What happens to the logs without anybody asking, one tick at a time and in the thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from actors.anchor_history import anchor_history
from actors.anchor_schedule import AnchorTiming
from actors.anchor_targets import AnchorSettings
from actors.evidence_chain import EvidenceChain
from actors.folders import Folders
from actors.handles import LocalHandle
from actors.upkeep import LogUpkeep, UpkeepConfig
from chain.anchors.verdict import AnchorTrust
from chain.batch import EntryBatch
from chain.canonical import encode
from chain.keys.freeze import MARKER
from chain.note import parse_verifier_key
from chain.trust import load_policy
from chain.verify import verify_directory
from domain.errors import InputError, NotFound
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import PLATFORM, TenantId
from tests.servers.ports import free_port
from tests.servers.tsa import serving as serving_tsa
from tests.unit.actors.anchor_world import SetClock, Target
from tests.unit.chain.witnesses import serving as serving_witness
from tests.unit.chain.witnesses import witness_of

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
START = datetime(2026, 6, 1, 12, 0, 30, tzinfo=UTC)


@dataclass
class Store:
    """A writer whose clock is set, and what keeps its logs up."""

    path: Path

    def __post_init__(self) -> None:
        self.clock = SetClock(START)
        self.folders = Folders(self.path)
        self.chain = EvidenceChain(self.folders, self.clock)

    def upkeep(self, config: UpkeepConfig | None = None) -> LogUpkeep:
        return LogUpkeep(LocalHandle(self.chain), config or UpkeepConfig(), self.clock)

    def record(self, name: str, tenant: TenantId = ACME) -> None:
        event = EvidenceEvent(tenant, name, EventType.EVIDENCE_COLLECTED, START, {"n": 1})
        self.chain.append(EntryBatch.encode([event]))

    def published(self, tenant: TenantId) -> int:
        return next((state.published_size for state in self.chain.states() if state.tenant == tenant), 0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "store")
    yield made
    made.chain.close()


def targets_file(path: Path, *targets: tuple[str, str], root: Path | None = None) -> Path:
    roots = "" if root is None else f'tsa_roots = ["{root}"]\n'
    tables = [f'[[target]]\nname = "{name}"\nkind = "rfc3161"\nurl = "{url}"\n' for name, url in targets]
    path.write_text(roots + "".join(tables))
    return path


def until(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_new_entries_are_published_by_the_second_look_at_the_latest(store: Store) -> None:
    upkeep = store.upkeep()
    store.record("a")
    upkeep.tick()
    assert store.published(ACME) == 0
    store.record("b")
    store.record("c", GLOBEX)
    upkeep.tick()
    assert (store.published(ACME), store.published(GLOBEX)) == (3, 0)
    upkeep.tick()
    assert (store.published(ACME), store.published(GLOBEX)) == (3, 2)


def test_what_was_published_meanwhile_waits_anew(store: Store) -> None:
    upkeep = store.upkeep()
    store.record("a")
    upkeep.tick()
    store.chain.publish(ACME)
    store.record("b")
    upkeep.tick()
    assert store.published(ACME) == 2


def test_the_platform_log_is_published_at_once_and_then_hourly(store: Store) -> None:
    upkeep = store.upkeep()
    store.record("a")
    store.chain.publish(ACME)
    upkeep.tick()
    first = store.published(PLATFORM)
    store.record("b")
    store.chain.publish(ACME)
    store.clock.at += timedelta(minutes=59)
    upkeep.tick()
    assert (first, store.published(PLATFORM)) == (2, 2)
    store.clock.at += timedelta(minutes=1)
    upkeep.tick()
    assert store.published(PLATFORM) == 4


def test_a_frozen_log_is_left_alone(store: Store) -> None:
    upkeep = store.upkeep()
    store.record("a")
    begun = {"stage": "closing", "origin": "o", "checkpoint": "", "checkpoint_sha3": "", "can_write": True}
    order = {"frozen_at": "2026-01-31T12:00:00Z", "reason": "key stolen", "by": "role:lead", "distrusted": []}
    (store.folders.chain / "logs/acme/2026" / MARKER).write_bytes(encode({**begun, **order}))
    upkeep.tick()
    upkeep.tick()
    with pytest.raises(NotFound):
        store.chain.newest_head(ACME)


def test_one_log_that_cannot_be_published_does_not_stop_the_others(store: Store) -> None:
    upkeep = store.upkeep()
    store.record("a")
    store.record("b", GLOBEX)
    stranger = store.folders.evidence_of(ACME) / "stranger"
    upkeep.tick()
    stranger.parent.mkdir(parents=True, exist_ok=True)
    stranger.write_text("not a log")
    store.chain.close()
    upkeep.tick()
    assert "logs" in upkeep.state().reasons
    stranger.unlink()
    upkeep.tick()
    upkeep.tick()
    assert upkeep.state().reasons == {}
    assert (store.published(ACME), store.published(GLOBEX)) == (2, 2)


def test_the_thread_publishes_and_ends_when_told(store: Store) -> None:
    upkeep = LogUpkeep(LocalHandle(store.chain), UpkeepConfig(publish_s=0.02), store.clock, is_working=True)
    upkeep.begin()
    store.record("a")
    until(lambda: store.published(ACME) == 2)
    assert (upkeep.ping(), upkeep.state().is_running) == ("ok", True)
    upkeep.stop()
    assert (upkeep.ping(), upkeep.state().is_running) == ("upkeep ended", False)


def test_receipts_of_a_time_stamp_authority_become_entries_and_a_dead_target_stops_nothing(
    store: Store, tmp_path: Path
) -> None:
    with serving_tsa(tmp_path / "tsa") as authority:
        dead = f"http://127.0.0.1:{free_port()}/"
        file = targets_file(tmp_path / "a.toml", ("tsa", authority.url), ("dead", dead), root=authority.root)
        upkeep = store.upkeep(UpkeepConfig(anchors=file))
        assert {target.circuit for target in upkeep.state().targets} == {"unknown"}
        store.record("a")
        store.chain.publish(ACME)
        done = upkeep.anchor()
    store.record("b")
    assert done.receipts == (("tsa", "rfc3161", True),)
    assert set(done.failures) == {"dead"}
    assert {target.name: target.circuit for target in upkeep.state().targets} == {"tsa": "closed", "dead": "open"}
    history = anchor_history(LocalHandle(store.chain), before=None, limit=10)
    assert [(record.type, record.body["target"]) for record in history.items] == [("anchor_receipt", "tsa")]
    store.chain.publish_platform()
    assert verify_directory(store.folders.evidence_of(PLATFORM)).ok


def test_without_targets_anchoring_publishes_the_platform_log(store: Store) -> None:
    store.record("a")
    store.chain.publish(ACME)
    done = store.upkeep().anchor()
    assert (done.size, done.receipts, store.upkeep().state().targets) == (2, (), ())


def test_hours_that_a_stopped_process_missed_are_told_as_gaps(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = AnchorSettings((Target("a", store.clock),), AnchorTiming(), AnchorTrust())
    monkeypatch.setattr("actors.upkeep.load_anchors", lambda _: settings)
    config = UpkeepConfig(publish_s=0.02, anchors=tmp_path / "any")

    def count(kind: str) -> int:
        items = anchor_history(LocalHandle(store.chain), before=None, limit=100).items
        return sum(record.type == kind for record in items)

    first = LogUpkeep(LocalHandle(store.chain), config, store.clock, is_working=True)
    until(lambda: count("anchor_receipt") == 1)
    first.stop()
    store.clock.at += timedelta(hours=5)
    again = LogUpkeep(LocalHandle(store.chain), config, store.clock, is_working=True)
    until(lambda: count("anchor_receipt") == 2)
    again.stop()
    assert count("anchor_gap") == 1
    history = anchor_history(LocalHandle(store.chain), before=None, limit=1)
    assert history.next_cursor == history.items[0].id
    rest = anchor_history(LocalHandle(store.chain), before=history.next_cursor, limit=10)
    assert len(rest.items) == 2


def test_a_wrong_file_is_told_when_the_platform_is_made(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        store.upkeep(UpkeepConfig(anchors=tmp_path / "none.toml"))
    with pytest.raises(InputError):
        store.upkeep(UpkeepConfig(witnesses=tmp_path / "none.txt"))


def test_witnesses_cosign_after_each_publication_and_are_asked_again_when_they_were_dead(
    store: Store, tmp_path: Path
) -> None:
    store.record("a")
    store.record("b", GLOBEX)
    store.chain.publish(ACME)
    folder = store.folders.evidence_of(ACME) / "2026"
    lines = (folder / "verifier_keys").read_text().splitlines()[:2]
    key = parse_verifier_key(lines[0])
    policy = tmp_path / "policy.txt"
    with witness_of(tmp_path / "w", key) as witness, serving_witness(witness) as url:
        logs = "".join(f"log {line}\n" for line in lines)
        policy.write_text(f"{logs}witness w {witness.key_texts[0]} {url}\nquorum w\n")
        upkeep = store.upkeep(UpkeepConfig(witnesses=policy))
        upkeep.tick()
        upkeep.tick()
        assert verify_directory(folder, policy=load_policy(policy)).ok
        assert upkeep.state().reasons == {}
    store.record("c")
    upkeep.tick()
    upkeep.tick()
    assert list(upkeep.state().reasons) == [f"witnesses of {key.name}"]
    upkeep.tick()
    policy_now = load_policy(policy)
    assert not verify_directory(folder, policy=policy_now).ok


def test_a_log_of_another_year_is_not_cosigned(store: Store) -> None:
    store.record("a")
    store.chain.publish(ACME)
    with pytest.raises(NotFound):
        store.chain.consistency(ACME, "policycortex.local/acme/2025", 1, 2)
    with pytest.raises(NotFound):
        store.chain.add_cosignatures(ACME, "policycortex.local/acme/2025", "", [])
