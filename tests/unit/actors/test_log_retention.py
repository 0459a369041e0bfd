"""Years end under a clock that is set: holds keep them, the rest is deleted, and a stop at any step is made good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from actors.evidence_chain import EvidenceChain
from actors.folders import Folders
from actors.messages import ExpiryReport
from chain import durable, expiry
from chain.batch import EntryBatch
from chain.file_journal import FileJournal
from chain.retention import KeptReason
from chain.storage.files import FileStore
from chain.verify import verify_directory
from domain.errors import ConflictError, InputError, NotFound
from domain.evidence import Artifact, EntryId, EventType, EvidenceEvent
from domain.tenancy import PLATFORM, TenantId
from tests.unit.actors.anchor_world import SetClock
from tests.unit.chain.test_publication import StoppedError

ACME, GLOBEX = TenantId("acme"), TenantId("globex")


def event(name: str, tenant: TenantId) -> EvidenceEvent:
    artifacts = {"note": Artifact("text/plain", b"of " + name.encode())}
    at = datetime(2020, 1, 1, tzinfo=UTC)
    return EvidenceEvent(tenant, name, EventType.EVIDENCE_COLLECTED, at, {"n": 1}, artifacts)


class Decade:
    """Two tenants who record something in some years."""

    def __init__(self, path: Path) -> None:
        self.folders = Folders(path)
        self.clock = SetClock(datetime(2020, 6, 1, tzinfo=UTC))
        self.chain = EvidenceChain(self.folders, self.clock)

    def live(self, *years: int) -> None:
        for year in years:
            self.clock.at = self.clock.at.replace(year=year)
            self.record(f"of {year}")

    def record(self, name: str) -> None:
        for tenant in (ACME, GLOBEX):
            self.chain.append(EntryBatch.encode([event(name, tenant)]))
            self.chain.publish(tenant)
        self.chain.publish_platform()

    def restart(self) -> None:
        self.chain.close()
        self.chain = EvidenceChain(self.folders, self.clock)

    def years(self, tenant: TenantId) -> list[int]:
        return [status.year for status in self.chain.heads(tenant)]

    def entries(self, tenant: TenantId, year: int) -> list[Any]:
        status = next(found for found in self.chain.heads(tenant) if found.year == year)
        return [self.chain.entry(tenant, EntryId(year, index)).entry for index in range(status.recorded)]

    def verified(self) -> dict[TenantId, list[str]]:
        """Folders of the years that are left; each verifies, and their succession."""
        self.chain.publish(ACME)
        self.chain.publish(GLOBEX)
        self.chain.publish_platform()
        found = {}
        for tenant in (ACME, GLOBEX, PLATFORM):
            folder = self.folders.evidence_of(tenant)
            report = verify_directory(folder)
            assert report.ok, report.findings
            found[tenant] = sorted(path.name for path in folder.iterdir() if any(path.iterdir()))
        return found


@pytest.fixture
def decade(tmp_path: Path) -> Iterator[Decade]:
    made = Decade(tmp_path)
    made.live(2020, 2021, 2028)
    yield made
    made.chain.close()


def reasons(report: ExpiryReport, tenant: TenantId) -> dict[int, str]:
    return {ending.year: ending.reason for ending in report.endings if ending.tenant == tenant}


def test_a_year_goes_after_seven_more_and_what_remains_verifies(decade: Decade) -> None:
    report = decade.chain.expire()
    assert [(ending.tenant, ending.year) for ending in report.endings if ending.is_over] == [
        (ACME, 2020),
        (GLOBEX, 2020),
        (PLATFORM, 2020),
    ]
    assert report.files > 30
    assert report.journal == 1
    left = ["2021", "2028"]
    assert decade.verified() == {ACME: left, GLOBEX: left, PLATFORM: left}
    assert not list(decade.folders.chain.glob("journal/*-2020"))
    assert [path.name for path in (decade.folders.chain / "logs/acme/2020").iterdir()] == ["ended"]
    with pytest.raises(NotFound):
        decade.chain.entry(ACME, EntryId(2020, 0))
    opened = decade.entries(ACME, 2021)[0]
    (expired,) = [entry for entry in decade.entries(ACME, 2028) if entry["type"] == "shard_expired"]
    assert expired["body"]["origin"] == "policycortex.local/acme/2020"
    assert opened["body"]["former"]["checkpoint"] == expired["body"]["checkpoint"]


def test_nothing_more_goes_when_it_is_asked_again_or_after_a_restart(decade: Decade) -> None:
    decade.chain.expire()
    decade.restart()
    again = decade.chain.expire()
    assert (again.files, again.journal) == (0, 0)
    assert decade.years(ACME) == [2021, 2028]


def test_a_dry_run_says_what_would_go_and_changes_nothing(decade: Decade) -> None:
    before = decade.chain.heads(ACME)
    report = decade.chain.expire(is_dry_run=True)
    assert {ending.year for ending in report.endings if ending.is_over} == {2020}
    assert decade.chain.heads(ACME) == before
    assert (report.files, report.journal) == (0, 0)
    assert reasons(report, PLATFORM)[2020] == KeptReason.PROVES


def test_a_hold_keeps_its_year_and_the_platform_log_that_proves_it(decade: Decade) -> None:
    placed = decade.chain.place_hold(ACME, "case-1", year=2020, by="p-17", why="matter 4711")
    assert decade.chain.place_hold(ACME, "case-1", year=2020, by="p-17", why="matter 4711") == placed
    report = decade.chain.expire()
    assert reasons(report, ACME)[2020] == KeptReason.HELD
    assert report.endings[0].holds == ("case-1",)
    assert reasons(report, PLATFORM)[2020] == KeptReason.PROVES
    assert decade.years(GLOBEX) == [2021, 2028]
    assert report.journal == 0
    decade.restart()
    assert decade.years(GLOBEX) == [2021, 2028]
    assert decade.chain.entry(ACME, EntryId(2020, 0)).id == EntryId(2020, 0)
    decade.chain.lift_hold(ACME, "case-1", by="p-18", why="matter closed")
    assert decade.chain.holds(ACME) == {}
    assert decade.chain.expire().journal >= 1
    assert decade.verified()[ACME] == ["2021", "2028"]


def test_a_year_behind_one_that_is_kept_is_kept_too(decade: Decade) -> None:
    decade.chain.place_hold(ACME, "case-1", year=2020, by="p-17", why="matter 4711")
    decade.clock.at = datetime(2029, 2, 1, tzinfo=UTC)
    report = decade.chain.expire()
    assert reasons(report, ACME)[2021] == KeptReason.FOLLOWS
    assert decade.verified()[GLOBEX] == ["2028", "2029"]


def test_holds_of_nobody_and_twice_are_refused(decade: Decade) -> None:
    with pytest.raises(NotFound):
        decade.chain.place_hold(ACME, "case-1", year=2019, by="p-17", why="matter 4711")
    with pytest.raises(InputError):
        decade.chain.place_hold(ACME, "case-1", year=2020, by="", why="matter 4711")
    decade.chain.place_hold(ACME, "case-1", year=2020, by="p-17", why="matter 4711")
    with pytest.raises(ConflictError):
        decade.chain.place_hold(ACME, "case-1", year=2021, by="p-17", why="matter 4711")
    with pytest.raises(ConflictError):
        decade.chain.lift_hold(GLOBEX, "case-1", by="p-17", why="not theirs")


def test_the_platform_log_can_be_held(decade: Decade) -> None:
    decade.chain.place_hold(PLATFORM, "case-9", year=2020, by="p-17", why="matter 4712")
    assert reasons(decade.chain.expire(), PLATFORM)[2020] == KeptReason.HELD


def test_what_is_derived_of_a_year_goes_with_it(decade: Decade) -> None:
    decade.chain.counts(ACME)
    models = decade.folders.read_models(ACME)
    assert list(models.glob("2020-*"))
    decade.chain.expire()
    assert not list(models.glob("2020-*"))
    assert list(models.glob("2021-*"))


class Stops:
    """Stops the process at the n-th change of a file or of the journal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = -1
        for kind, name in ((FileStore, "delete_all"), (FileStore, "tidy"), (FileJournal, "append")):
            monkeypatch.setattr(kind, name, self.stopping(getattr(kind, name)))
        monkeypatch.setattr(FileJournal, "forget", self.stopping(FileJournal.forget))
        monkeypatch.setattr("chain.ended.replace_file", self.stopping(durable.replace_file))
        monkeypatch.setattr("actors.log_retention.delete_files", self.stopping(expiry.delete_files))

    def stopping(self, act: Callable[..., object]) -> Callable[..., object]:
        def stop(*arguments: object, **named: object) -> object:
            if self.left == 0:
                raise StoppedError
            self.left -= 1
            return act(*arguments, **named)

        return stop


def test_a_stop_at_any_step_is_made_good_by_the_next_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stops = Stops(monkeypatch)
    steps = 0
    for step in range(200):
        decade = Decade(tmp_path / str(step))
        decade.live(2020)
        decade.clock.at = datetime(2028, 6, 1, tzinfo=UTC)
        stops.left = step
        try:
            decade.chain.expire()
        except StoppedError:
            stops.left = -1
            steps += 1
            decade.restart()
            decade.chain.publish(ACME)
            decade.chain.expire()
            decade.restart()
        done = stops.left >= 0
        stops.left = -1
        assert decade.years(ACME) == [2028], step
        assert not list(decade.folders.chain.glob("journal/*-2020")), step
        assert not list(decade.folders.evidence_of(ACME).glob("2020/*")), step
        decade.verified()
        assert [entry["type"] for entry in decade.entries(ACME, 2028)].count("shard_expired") == 1, step
        decade.chain.close()
        if done:
            break
    assert steps > 15
