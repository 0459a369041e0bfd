"""Report packs over HTTP: begun once, followed, listed, fetched, and kept."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from actors.folders import Folders
from chain.pack_check import verify_pack
from domain.clock import SystemClock
from domain.errors import IntegrityError, NotFound, UnavailableError
from domain.tenancy import TenantId
from serve.bootstrap import local_platform
from serve.key_places import key_places
from serve.pack_maker import FolderPackMaker
from serve.report_archive import ReportArchive
from serve.reporting import ReportKind, ReportRequest
from serve.settings import Settings, load_settings
from tests.unit.serve.api_fixture import NOW, Api

ACME = TenantId("acme")
WINDOW: dict[str, Any] = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-15T00:00:00Z"}


def generate(api: Api, route: str = "generate", *, key: str | None = None, **body: object) -> dict[str, Any]:
    headers = api.acme if key is None else {**api.acme, "Idempotency-Key": key}
    answer = api.client.post(f"/api/v2/reports/{route}", json={**WINDOW, **body}, headers=headers)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = api.wait(api.acme, answer.json()["operation_id"])
    return found


@pytest.mark.parametrize(("route", "kind"), [("generate", "evidence"), ("board-pack", "board")])
def test_a_report_is_made_followed_and_fetched(api: Api, route: str, kind: str) -> None:
    operation = generate(api, route, expected=["access_review"])
    assert operation["status"] == "succeeded", operation
    report = api.get(operation["links"]["result"]).json()
    assert (report["status"], report["report"]["kind"]) == ("succeeded", kind)
    pack = api.get(report["links"]["download"])
    assert pack.headers["content-type"] == "application/zip"
    assert "attachment" in pack.headers["content-disposition"]
    with ZipFile(BytesIO(pack.content)) as files:
        assert files.read("about.txt").decode() == f"{kind} of acme"
    by_accept = api.get(f"/api/v2/reports/{report['report_id']}", {**api.acme, "Accept": "application/zip"})
    assert by_accept.content == pack.content
    assert report["report"]["size_bytes"] == len(pack.content)


def test_a_report_of_one_framework_says_so(api: Api) -> None:
    found = generate(api, framework="soc 2")
    assert api.get(found["links"]["result"]).json()["report"]["framework"] == "SOC2"
    own = generate(api, framework="House rules")
    assert api.get(own["links"]["result"]).json()["report"]["framework"] == "House rules"
    whole = generate(api)
    assert "framework" not in api.get(whole["links"]["result"]).json()["report"]


def test_the_same_key_is_the_same_report_and_another_one_is_a_conflict(api: Api) -> None:
    first, second = (generate(api, key="q1") for _ in range(2))
    assert first["operation_id"] == second["operation_id"]
    other = {**WINDOW, "expected": ["scan_result"]}
    answer = api.client.post("/api/v2/reports/generate", json=other, headers={**api.acme, "Idempotency-Key": "q1"})
    assert (answer.status_code, answer.json()["detail"]) == (409, "the key began another report")


def test_finished_reports_are_listed_newest_first(api: Api) -> None:
    newest = generate(api, expected=["change_record"])
    rows = api.get("/api/v2/reports").json()["items"]
    assert rows[0]["report_id"] == newest["operation_id"]
    assert "tenant" not in rows[0]


def test_a_report_that_fails_says_why(api: Api) -> None:
    operation = generate(api, expected=["erasure"])
    report = api.get(f"/api/v2/reports/{operation['operation_id']}").json()
    assert (report["status"], report["problem"]["code"]) == ("failed", "not_found")
    download = api.get(f"/api/v2/reports/{operation['operation_id']}/download")
    assert download.status_code == 404


@pytest.mark.parametrize(
    "window",
    [
        {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
        {"since": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"},
    ],
)
def test_a_window_that_is_not_over_is_refused(api: Api, window: dict[str, str]) -> None:
    answer = api.client.post("/api/v2/reports/generate", json=window, headers=api.acme)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_a_request_of_two_meanings_is_refused(api: Api) -> None:
    content = '{"since":"2026-01-01T00:00:00Z","until":"2026-01-02T00:00:00Z","until":"2026-01-03T00:00:00Z"}'
    headers = {**api.acme, "Content-Type": "application/json"}
    answer = api.client.post("/api/v2/reports/generate", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_what_is_no_report_is_not_found(api: Api) -> None:
    scan = api.scan(api.acme)["operation_id"]
    for report_id in (scan, "unheard-of", "..%2ftokens", "*"):
        assert api.get(f"/api/v2/reports/{report_id}").status_code == 404, report_id
        assert api.get(f"/api/v2/reports/{report_id}/download").status_code == 404, report_id


def test_only_so_many_packs_are_kept(tmp_path: Path) -> None:
    archive = ReportArchive(tmp_path / "reports", packs_max=2)
    for name in ("a", "b", "c"):
        archive.save(name, {}, name.encode())
    assert len(archive.all()) == 2
    assert len(list((tmp_path / "reports").iterdir())) == 4


def test_a_pack_that_was_altered_is_not_handed_out(tmp_path: Path) -> None:
    archive = ReportArchive(tmp_path)
    archive.save("a", {}, b"content")
    (tmp_path / "a.zip").write_bytes(b"contend")
    with pytest.raises(IntegrityError):
        archive.content("a")
    (tmp_path / "a.json").write_bytes(b"{")
    assert archive.all() == []
    with pytest.raises(NotFound):
        archive.content("a")


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnavailableError, match="cannot be written"):
        ReportArchive(tmp_path / "file").save("a", {}, b"")


@pytest.mark.slow
def test_a_real_pack_of_each_kind_verifies_offline(api: Api, tmp_path: Path) -> None:
    context = api.client.app.state.context  # type: ignore[attr-defined]
    assert api.scan(api.acme)["status"] == "succeeded"
    maker = FolderPackMaker(context.folders, context.platform, SystemClock(), key_places(Settings()))
    now = datetime.now(UTC)
    for kind in ReportKind:
        pack = tmp_path / f"{kind.value}.zip"
        pack.write_bytes(maker.make(ReportRequest(ACME, kind, NOW, now)))
        report = verify_pack(pack)
        assert report.ok, report.findings
    assert len(context.platform.report_keys()) == 1
    with pytest.raises(NotFound, match="no evidence"):
        maker.make(ReportRequest(TenantId("globex"), ReportKind.BOARD, NOW, now))


def test_a_tenant_without_evidence_has_no_report(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    with local_platform(load_settings({"store_dir": tmp_path}, environment={})) as platform:
        maker = FolderPackMaker(folders, platform, SystemClock(), key_places(Settings()))
        with pytest.raises(NotFound, match="no evidence"):
            maker.make(ReportRequest(ACME, ReportKind.EVIDENCE, NOW, NOW))
