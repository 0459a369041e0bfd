"""Anchoring over the real writer: receipts become entries of the platform log, which strangers can verify."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from actors import platform_log
from actors.anchoring import Anchoring
from actors.evidence_chain import EvidenceChain
from actors.folders import Folders
from actors.handles import LocalHandle
from actors.platform_log import WriterPlatformLog
from chain.anchors.check import check_receipt
from chain.anchors.receipt import read_entry
from chain.anchors.verdict import AnchorTrust
from chain.shard import ARTIFACTS
from chain.verify import verify_directory
from domain.errors import IntegrityError, NotFound
from domain.evidence import EntryId
from domain.tenancy import PLATFORM
from tests.unit.actors.anchor_world import SetClock, Target, Threads

NEW_YEARS_EVE = datetime(2026, 12, 31, 22, 30, tzinfo=UTC)


@dataclass
class Store:
    """A platform's folders, opened as often as wanted."""

    path: Path
    clock: SetClock = field(default_factory=lambda: SetClock(NEW_YEARS_EVE))

    def __post_init__(self) -> None:
        self.folders = Folders(self.path)
        self.target = Target("chain", self.clock, confirms=False)
        self.open()

    def open(self) -> None:
        self.chain = EvidenceChain(self.folders, self.clock)
        self.log = WriterPlatformLog(LocalHandle(self.chain))
        self.anchoring = Anchoring(
            self.log,
            [self.target],
            clock=self.clock,
            executor=Threads(),
            judge=lambda receipt, note: check_receipt(receipt, note, AnchorTrust()),
            deadline_s=0,
        )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.chain.close()


def _hours(store: Store, count: int) -> None:
    for _ in range(count):
        store.anchoring.round()
        store.clock.at += timedelta(hours=1)


def test_receipts_become_entries_that_verify_with_their_files(store: Store) -> None:
    _hours(store, 1)
    store.log.note()
    report = verify_directory(store.folders.evidence_of(PLATFORM) / "2026")
    assert (report.ok, report.artifacts, report.findings) == (True, 1, ())
    entries = [entry for _, entry in store.log.entries(None) if orjson.loads(entry)["type"] == "anchor_receipt"]
    anchored = read_entry(entries[0], store.log.artifact)
    assert hashlib.sha256(anchored.note).hexdigest() == anchored.receipt.note_sha256
    assert anchored.note.decode().startswith("policycortex.local/_platform/2026\n")


def test_a_receipt_of_last_year_is_completed_in_the_new_one_after_a_restart(store: Store) -> None:
    _hours(store, 2)
    store.chain.close()
    store.target.confirmed = True
    store.open()
    assert len(store.anchoring.states["chain"].pending) == 2
    _hours(store, 2)
    found = [(at, orjson.loads(entry)) for at, entry in store.log.entries(None)]
    final = [at.shard for at, one in found if one["type"] == "anchor_receipt" and one["body"]["is_final"]]
    assert set(final) == {2027}
    assert {at.shard for at, _ in found} == {2026, 2027}


def test_pages_lead_through_all_years_both_ways(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _hours(store, 4)
    forwards = list(store.log.entries(None))
    monkeypatch.setattr(platform_log, "PAGE", 3)
    assert list(store.log.entries(None)) == forwards
    assert list(store.log.backwards()) == forwards[::-1]
    assert list(store.log.entries(forwards[4][0])) == forwards[5:]
    assert list(store.log.entries(EntryId(2027, 10_000))) == []


def test_an_artifact_that_is_missing_or_changed_is_refused(store: Store) -> None:
    with pytest.raises(NotFound):
        store.log.artifact("00" * 32)
    note = store.log.note()
    _hours(store, 1)
    (path,) = (store.folders.chain / "logs" / PLATFORM / "2026" / ARTIFACTS).glob("*")
    path.chmod(0o600)
    path.write_bytes(note + b"!")
    with pytest.raises(IntegrityError, match="kept artifact has changed"):
        store.log.artifact(path.name)
