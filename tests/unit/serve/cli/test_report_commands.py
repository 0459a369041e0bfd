"""`pcg report` over a store in this process."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chain.pack_check import verify_pack
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId
from serve.bootstrap import local_platform
from serve.cli.errors import run
from serve.settings import Settings

TENANT = TenantId("acme")


def pcg(store: Path, *arguments: str) -> int:
    return run([*arguments, "--store", str(store), "--tenant", TENANT])


def test_a_store_without_reports_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pcg(tmp_path, "report", "list") == 0
    assert "pcg report generate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--page", "a5"), "unknown page size"),
        (("--until", "2025-01-01"), "the window of a report ends after it begins"),
        (("--until", "2999-01-01"), "not in the future"),
    ],
)
def test_what_cannot_be_made_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    out = str(tmp_path / "pack.zip")
    assert pcg(tmp_path / "s", "report", "generate", "--since", "2026-01-01", *arguments, "-o", out) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_a_report_is_made_listed_fetched_and_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("reportlab")
    store, made, fetched = tmp_path / "store", tmp_path / "made.zip", tmp_path / "fetched.zip"
    at = datetime(2026, 1, 2, tzinfo=UTC)
    with local_platform(Settings(store_dir=store)) as platform:
        platform.collect([EvidenceEvent(TENANT, "api/id/a", EventType.CHANGE_RECORD, at, {"id": "a"})])
    year = f"{datetime.now(UTC).year}-01-01"
    assert pcg(store, "report", "generate", "--since", year, "--page", "letter", "-o", str(made)) == 0
    assert f"verify: pcg verify {made}" in capsys.readouterr().out
    assert verify_pack(made).ok
    assert pcg(store, "report", "list", "--json", "-") == 0
    (about,) = json.loads(capsys.readouterr().out)["reports"]
    assert (about["kind"], about["page"]) == ("evidence", "letter")
    assert pcg(store, "report", "list") == 0
    assert about["report_id"] in capsys.readouterr().out
    assert pcg(store, "report", "fetch", about["report_id"], "-o", str(fetched)) == 0
    assert fetched.read_bytes() == made.read_bytes()
