"""Findings as files, from a platform over HTTP and from functions."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from domain.tenancy import TenantId
from serve.compliance import OscalDocument, Question
from serve.findings_export import COLUMNS, FindingsFormat, findings_file, format_of
from serve.remote import RemotePlatform
from serve.run_file import RunningPlatform
from tests.unit.assessment.compliance_samples import rows
from tests.unit.serve.api_fixture import OPERATOR_KEY, STORAGE_ID, Api
from tests.unit.serve.over_http import sent_to

ACME = TenantId("acme")


def written(chosen: FindingsFormat) -> bytes:
    return findings_file(rows(), chosen, tenant="acme", product_version="0.1.0")


def test_events_come_one_a_line() -> None:
    events = [json.loads(line) for line in written(FindingsFormat.OCSF).splitlines()]
    assert [each["status"] for each in events] == ["New", "Suppressed"]


def test_no_cell_of_the_table_is_a_formula() -> None:
    table = list(csv.DictReader(io.StringIO(written(FindingsFormat.CSV).decode())))
    assert tuple(table[0]) == COLUMNS
    assert (table[0]["resource_name"], table[0]["controls"], table[0]["monthly_cost"]) == (
        "'=shop",
        "SOC2 CC6.1",
        "12.50",
    )
    assert (table[1]["exemption_id"], table[1]["region"]) == ("ex-1", "")


def test_a_parquet_table_has_types() -> None:
    table = pq.read_table(io.BytesIO(written(FindingsFormat.PARQUET)))
    assert tuple(table.column_names) == COLUMNS
    first = table.to_pylist()[0]
    assert (first["controls"], first["is_new"], first["seen_at"].year) == (["SOC2 CC6.1"], True, 2026)
    assert table.to_pylist()[1]["exemption_expires_at"] is None


@pytest.mark.parametrize("chosen", FindingsFormat)
def test_equal_findings_give_equal_bytes(chosen: FindingsFormat) -> None:
    assert written(chosen) == written(chosen)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, FindingsFormat.OCSF),
        ("*/*", FindingsFormat.OCSF),
        ("text/html, text/csv;q=0.5", FindingsFormat.CSV),
        ("application/vnd.apache.parquet", FindingsFormat.PARQUET),
    ],
)
def test_the_accept_header_chooses(accept: str | None, chosen: FindingsFormat) -> None:
    assert format_of(accept) is chosen


def test_the_route_negotiates_and_filters(api: Api) -> None:
    answer = api.get("/api/v2/findings")
    assert answer.headers["content-type"] == "application/x-ndjson"
    events = [json.loads(line) for line in answer.content.splitlines()]
    assert {each["resources"][0]["uid"] for each in events} >= {STORAGE_ID}
    assert all(each["unmapped"]["evidence"] for each in events)
    table = api.get("/api/v2/findings", {**api.acme, "Accept": "text/csv"})
    assert table.text.startswith("finding_id,")
    only = api.get("/api/v2/findings?format=parquet&framework=hipaa")
    kept = pq.read_table(io.BytesIO(only.content)).to_pylist()
    assert 0 < len(kept) < len(events)
    assert {control.split()[0] for row in kept for control in row["controls"]} == {"HIPAA"}
    assert api.get("/api/v2/findings?framework=sox").status_code == 422
    assert api.get("/api/v2/findings?format=xml").status_code == 422


def test_oscal_is_made_of_one_framework(api: Api) -> None:
    found = api.get("/api/v2/compliance/oscal?framework=soc2").json()["assessment-results"]
    assert {each["target"]["status"]["state"] for each in found["results"][0]["findings"]} >= {"not-satisfied"}
    component = api.get("/api/v2/compliance/oscal?framework=soc2&document=component-definition").json()
    assert component["component-definition"]["components"]
    assert api.get("/api/v2/compliance/oscal").status_code == 422


def test_a_remote_desk_hands_out_the_same_files(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    sent_to(api, monkeypatch)
    desk = RemotePlatform(RunningPlatform("http://platform", OPERATOR_KEY)).compliance
    assert desk.findings(ACME, FindingsFormat.CSV) == api.get("/api/v2/findings?format=csv").content
    assert desk.findings(ACME, FindingsFormat.CSV, framework="soc2").startswith(b"finding_id,")
    question = Question(ACME, timedelta(days=30), "SOC2")
    assert b"assessment-results" in desk.oscal(question, OscalDocument.RESULTS)
