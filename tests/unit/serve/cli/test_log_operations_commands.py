"""`pcg log anchor`, `hold`, `holds`, `release`, `expire` and `fetch` over a real store in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors.evidence_chain import EvidenceChain
from actors.folders import Folders
from chain.batch import EntryBatch
from chain.verify import verify_directory
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId
from serve.cli.errors import run
from tests.servers.ports import free_port
from tests.servers.tsa import serving
from tests.unit.actors.anchor_world import SetClock

ACME = TenantId("acme")
Say = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command on a store with a log of 2015; returns status and lines."""
    monkeypatch.chdir(tmp_path)
    clock = SetClock(datetime(2015, 6, 1, tzinfo=UTC))
    chain = EvidenceChain(Folders(Path(".pcg")), clock)
    event = EvidenceEvent(ACME, "a", EventType.EVIDENCE_COLLECTED, clock.at, {"n": 1})
    chain.append(EntryBatch.encode([event]))
    chain.publish(ACME)
    chain.close()

    def said(*words: str) -> tuple[int, list[str]]:
        status = run(list(words))
        return status, capsys.readouterr().out.splitlines()

    return said


def test_a_year_is_held_and_released_and_then_goes(say: Say) -> None:
    assert say("log", "holds", "--tenant", "acme")[1] == ["No legal hold is in force for acme."]
    status, lines = say("log", "hold", "acme", "2015", "--reason", "matter 4711", "--by", "p-17", "--id", "case-1")
    assert (status, lines[0].split(",")[0]) == (0, "HELD  acme 2015 by hold case-1")
    assert say("log", "holds", "--tenant", "acme")[1] == ["case-1   2015   by p-17   matter 4711"]
    listed = json.loads("\n".join(say("log", "holds", "--tenant", "acme", "--json", "-")[1]))
    assert listed["holds"][0]["hold"] == "case-1"
    _, lines = say("log", "expire", "--dry-run")
    assert lines[0].startswith("KEPT      policycortex.local/acme/2015   a legal hold is on it   until 2023-01-01")
    assert lines[-1] == "nothing was deleted"
    assert say("log", "release", "acme", "case-1", "--reason", "closed", "--by", "p-18")[0] == 0
    assert say("log", "expire", "--dry-run")[1][0].startswith("WOULD GO  policycortex.local/acme/2015")
    _, lines = say("log", "expire")
    assert lines[0] == "GONE      policycortex.local/acme/2015   its retention is over"
    assert "files and" in lines[-1]
    done = json.loads("\n".join(say("log", "expire", "--json", "-")[1]))
    assert [row["year"] for row in done["logs"] if row["tenant"] == "acme"] == [datetime.now(UTC).year]
    assert not list(Path(".pcg/tenants/acme/evidence/2015").glob("*"))


def test_the_platform_log_is_anchored_on_demand_and_targets_are_shown(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path / "tsa") as authority:
        (tmp_path / "anchors.toml").write_text(
            f'[[target]]\nname = "tsa"\nkind = "rfc3161"\nurl = "{authority.url}"\n'
            f'[[target]]\nname = "dead"\nkind = "rfc3161"\nurl = "http://127.0.0.1:{free_port()}/"\n'
        )
        monkeypatch.setenv("PCG_ANCHORS", "anchors.toml")
        status, lines = say("log", "anchor")
        assert status == 1
        assert [line.split()[:2] for line in lines[1:]] == [["RECEIPT", "tsa"], ["FAILED", "dead"]]
        done = json.loads("\n".join(say("log", "anchor", "--json", "-")[1]))
        assert set(done["failures"]) == {"dead"}
    _, lines = say("log", "status", "--tenant", "acme")
    assert [line.split() for line in lines[-2:]] == [
        ["ANCHOR", "tsa", "rfc3161", "unknown"],
        ["ANCHOR", "dead", "rfc3161", "unknown"],
    ]


def test_published_logs_are_fetched_and_verify(say: Say, tmp_path: Path) -> None:
    assert say("log", "fetch", ".pcg/tenants/acme/evidence", "copy")[0] == 0
    assert verify_directory(tmp_path / "copy").ok
    assert say("log", "fetch", ".pcg/tenants/acme/evidence", "copy")[0] != 0
    assert say("log", "fetch", "empty", "other")[0] == 2


def test_fsck_says_that_it_reads_folders(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCG_EVIDENCE_URL", "s3://bucket/folder")
    assert say("log", "fsck", "--tenant", "acme")[0] == 2
