"""`pcg log` and `pcg evidence` over a real store in this process."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId
from serve.api.submission import submission_of
from serve.bootstrap import folders_of, local_platform
from serve.cli.errors import run
from serve.privacy import Protection
from serve.settings import Settings

TENANT = TenantId("acme")
AT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with three pieces of evidence, one of which names a person."""
    settings = Settings(store_dir=tmp_path / "store")
    said = {"system": "vpn", "reviewed": 1, "revoked": 0, "reviewer": "Ada"}
    body = json.dumps({"type": "access_review", "id": "r", "subject": "vpn", "body": said}).encode()
    with local_platform(settings) as platform:
        (review,) = Protection(folders_of(settings), platform).protected(TENANT, [submission_of(body, None)])
        events = [
            EvidenceEvent(
                TENANT, "api/id/a", EventType.SCAN_RESULT, AT, {"id": "a", "subject": "shop", "result": "satisfied"}
            ),
            EvidenceEvent(TENANT, "api/id/b", EventType.CHANGE_RECORD, AT.replace(month=3), {"id": "b"}),
            EvidenceEvent(TENANT, "api/id/r", review.type, AT, json.loads(review.body)),
        ]
        platform.collect(events)
    return settings.store_dir


def pcg(store: Path, *arguments: str) -> int:
    return run([*arguments, "--store", str(store), "--tenant", TENANT])


def test_the_log_says_what_is_to_publish_and_then_publishes_it(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pcg(store, "log", "status") == 0
    assert "3 recorded  0 published" in (said := capsys.readouterr().out), said
    assert "3 to publish" in said
    assert pcg(store, "log", "publish") == 0
    assert "4 recorded  4 published  1 blocks" in capsys.readouterr().out
    assert pcg(store, "log", "status", "--json", "-") == 0
    (log,) = json.loads(capsys.readouterr().out)["logs"]
    assert log["checkpoint"].startswith(log["origin"])


def test_fsck_finds_the_log_consistent_and_a_flipped_bit(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pcg(store, "log", "publish")
    assert pcg(store, "log", "fsck") == 0
    assert "CONSISTENT" in capsys.readouterr().out
    (tile,) = (store / "tenants" / "acme" / "evidence").glob("*/tile/0/000.p/4")
    tile.write_bytes(bytes([tile.read_bytes()[0] ^ 1]) + tile.read_bytes()[1:])
    assert pcg(store, "log", "fsck") == 1
    assert "tile/0/000.p/4" in capsys.readouterr().out


def test_fsck_without_evidence_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pcg(tmp_path, "log", "fsck") != 0
    assert "pcg log publish" in capsys.readouterr().err
    assert pcg(tmp_path, "log", "fsck", "--cluster", "http://127.0.0.1:1") != 0
    assert "machine of the store" in capsys.readouterr().err


def test_an_empty_log_says_how_to_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pcg(tmp_path, "log", "status") == 0
    assert "pcg scan" in capsys.readouterr().out


def test_evidence_is_listed_newest_first(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pcg(store, "evidence", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines[:3]] == ["access_review", "change_record", "scan_result"]
    assert lines[3] == "3 entries"


def test_evidence_is_chosen_by_type_and_time(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ("--type", "scan_result", "--from", "2026-01-01", "--to", "2026-02-01")
    assert pcg(store, "evidence", "list", *chosen, "--json", "-") == 0
    (row,) = json.loads(capsys.readouterr().out)["evidence"]
    assert (row["id"], row["subject"], row["result"]) == ("a", "shop", "satisfied")
    assert pcg(store, "evidence", "list", "--type", "nonsense") != 0
    assert "access_review" in capsys.readouterr().err


def test_an_entry_is_shown_whole(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pcg(store, "evidence", "list", "--json", "-")
    newest = json.loads(capsys.readouterr().out)["evidence"][0]
    assert pcg(store, "evidence", "show", newest["evidence_id"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["entry"]["body"]["reviewer"].keys() == {"commitment", "subject"}
    assert len(shown["leaf_sha3_256"]) == 64
    assert pcg(store, "evidence", "show", "17") != 0


def test_a_person_is_erased_once(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order = ("evidence", "erase", "ada", "--basis", "GDPR article 17(1)(a)", "--by", "officer")
    assert pcg(store, *order) == 0
    assert "ERASED  1 commitments" in capsys.readouterr().out
    assert pcg(store, *order) != 0
    assert "nothing is kept of this person" in capsys.readouterr().err


def keep(store: Path, command: str, *more: str) -> int:
    occasion = ["--reason", "a test", "--by", "role:key-custodian"]
    return run(["log", command, *more, *occasion, "--store", str(store)])


def test_keys_are_rotated_and_listed(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pcg(store, "log", "publish") == 0
    assert keep(store, "rotate-keys", "acme") == 0
    said = capsys.readouterr().out
    assert said.count("overlap") == said.count("active") == 2
    assert keep(store, "end-overlap", "acme") == 0
    assert capsys.readouterr().out.count("retired") == 2
    assert keep(store, "rotate-keys", "acme") == 0
    assert keep(store, "end-overlap", "acme", "--withdraw-new") == 0
    capsys.readouterr()
    assert run(["log", "keys", "acme", "--store", str(store), "--json", "-"]) == 0
    rows = json.loads(capsys.readouterr().out)["keys"]
    years = datetime.now(UTC).year
    assert {(row["log"], row["status"]) for row in rows} == {(f"{years}", "active"), (f"{years}", "retired")}


def test_a_log_is_frozen_only_where_it_is_confirmed(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pcg(store, "log", "publish") == 0
    assert keep(store, "freeze", "acme") != 0
    assert "Confirm it" in capsys.readouterr().err
    assert keep(store, "freeze", "acme", "--confirm") == 0
    said = capsys.readouterr().out
    assert "/s2" in said
    assert "frozen" in said
    assert pcg(store, "log", "fsck") == 0
    capsys.readouterr()
    assert run(["log", "keys", "--platform", "--store", str(store), "--json", "-"]) == 0
    assert all("/_platform/" in row["origin"] for row in json.loads(capsys.readouterr().out)["keys"])
    assert run(["log", "keys", "acme", "--platform", "--store", str(store)]) != 0
    assert "--platform" in capsys.readouterr().err


def test_a_store_without_evidence_has_no_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "keys", "--store", str(tmp_path)]) == 0
    assert "Nothing is recorded" in capsys.readouterr().out
