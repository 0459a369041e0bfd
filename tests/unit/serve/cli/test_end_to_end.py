"""`pcg scan` on a small folder, with nothing replaced: read, graph, policies, evidence, every output, and verify."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from serve.cli.errors import run
from tests.architecture.sources import ROOT

AS_OF = "2026-11-23T12:00:00Z"
SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-shop"
PLANTED = "kX9#planted-canary-7731"

RESOURCES: list[dict[str, Any]] = [
    {
        "id": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stshop",
        "type": "Microsoft.Storage/storageAccounts",
        "name": "=stshop",
        "location": "westeurope",
        "tags": {"owner": "shop"},
        "properties": {"allowBlobPublicAccess": True, "supportsHttpsTrafficOnly": False, "minimumTlsVersion": "TLS1_0"},
    },
    {
        "id": f"{GROUP}/providers/Microsoft.Web/sites/web-shop",
        "type": "Microsoft.Web/sites",
        "name": "web-shop",
        "location": "westeurope",
        "properties": {
            "httpsOnly": False,
            "siteConfig": {"appSettings": [{"name": "DB_PASSWORD", "value": PLANTED}]},
            "storage": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stshop",
        },
    },
]
BILLING = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,"
    "ChargeCategory,ResourceId,ProviderName\n"
    + "".join(
        f"{cost},{cost},EUR,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,"
        f"Usage,{uid},Microsoft\n"
        for uid, cost in ((RESOURCES[0]["id"], "120.50"), (f"{GROUP}/gone", "7.25"))
    )
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with exports, and one scan of it with every output."""
    folder = tmp_path_factory.mktemp("scan")
    exports = folder / "exports"
    exports.mkdir()
    lines = [json.dumps(resource) for resource in RESOURCES]
    (exports / "azure.ndjson").write_text("\n".join([*lines, '{"broken": ']) + "\n")
    (exports / "billing.csv").write_text(BILLING)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert scan("--json", "out.json", "--html", "out.html", "--csv", "csv", "--junit", "junit.xml") == 0
    return folder


@pytest.fixture(autouse=True)
def _there(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)


def scan(*flags: str) -> int:
    return run(["scan", "exports", "--tenant", "shop", "--as-of", AS_OF, *flags])


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("out.json").read_text())
    return found


def test_the_document_has_the_published_shape() -> None:
    schema = json.loads((ROOT / "docs" / "scan.schema.json").read_text())
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(document())) == []


def test_it_found_what_was_planted_and_said_what_it_could_not_read() -> None:
    found = document()
    assert found["resources"]["total"] == 2
    assert [(gap["path"], gap["line"]) for gap in found["gaps"]] == [("exports/azure.ndjson", 3)]
    assert any(row["resource_id"] == RESOURCES[0]["id"] for row in found["violations"])
    assert found["cost"]["unmatched"] == "7.25"


def test_equal_inputs_and_time_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert scan("--json", str(tmp_path / f"{name}.json"), "--store", str(tmp_path / "store"), "--quiet") == 0
        shutil.rmtree(tmp_path / "store")
    first, second = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two"))
    first.pop("evidence")
    second.pop("evidence")
    assert json.dumps(first) == json.dumps(second)


def test_no_secret_leaves_the_reader() -> None:
    holders = [path for path in Path().rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes()]
    assert holders == [Path("exports/azure.ndjson")]


def test_the_report_asks_nobody_for_anything() -> None:
    assert not re.search(r"(?:src|href)=|url\(|https?://", Path("out.html").read_text())


def test_the_tables_are_safe_and_the_test_report_parses() -> None:
    assert "'=stshop" in Path("csv/violations.csv").read_text()
    suite = ElementTree.parse("junit.xml").find("testsuite")
    assert suite is not None
    assert int(suite.get("failures", "0")) > 0


def test_evidence_verifies_and_a_flipped_bit_does_not(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    shutil.copytree(document()["evidence"]["path"], folder)
    assert run(["verify", str(folder)]) == 0
    assert "not independently trusted" in capsys.readouterr().out
    changed = next(path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size > 100)
    content = bytearray(changed.read_bytes())
    content[50] ^= 1
    changed.write_bytes(content)
    assert run(["verify", str(folder)]) == 1
    shown = capsys.readouterr().out
    assert "NOT VERIFIED" in shown
    assert f"{changed.relative_to(folder)}: " in shown
    assert "Finding(" not in shown


@pytest.mark.parametrize(
    ("flags", "code"),
    [(("--fail-on", "low"), 1), (("--strict",), 3), (("--fail-on", "low", "--new-only"), 0)],
)
def test_the_exit_status_follows_the_flags(flags: tuple[str, ...], code: int, tmp_path: Path) -> None:
    shutil.copytree(".pcg", tmp_path / "store")
    store = ["--store", str(tmp_path / "store"), "--quiet"]
    assert run(["scan", "exports", "--tenant", "shop", "--as-of", "2026-11-23T13:00:00Z", *store, *flags]) == code


def test_an_empty_folder_is_nothing_readable(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run(["scan", str(tmp_path / "empty"), "--tenant", "shop"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_violations_and_their_explanation_come_from_the_last_scan(capsys: pytest.CaptureFixture[str]) -> None:
    worst = document()["violations"][0]
    assert run(["violations", "--tenant", "shop", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["violations"]
    assert run(["explain", worst["resource_id"], worst["policy_id"], "--tenant", "shop", "--as-of", AS_OF]) == 0
    shown = capsys.readouterr().out
    assert "violates" in shown
    assert f"{worst['origin']['file']}:{worst['origin']['line']}" in shown


def test_a_tenant_without_a_scan_is_told_to_scan(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["violations", "--tenant", "nobody"]) == 2
    assert "scan" in capsys.readouterr().err
