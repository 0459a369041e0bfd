"""Recorded provider payloads: the share recognised, and how many resources come in."""

from __future__ import annotations

import pytest

from connectors.files import read_inputs
from domain.tenancy import tenant_id
from tests.shared_data import shared_data

SHARES = {
    "azure_resources": (98, 600),
    "aws_resources": (98, 820),
    "gcp_cai_assets": (98, 275),
    "gcp_resources": (95, 650),
    "azure_resource_graph_rows": (100, 2),
    "aws_config_select_rows": (85, 28),
    "cloudmapper_demo_account": (88, 45),
    "aws_api_responses": (85, 2900),
    "fixinventory_api_fixtures": (80, 750),
}


@pytest.mark.data
@pytest.mark.parametrize("stem", SHARES)
def test_the_share_recognised_and_the_resources_of_a_recording(stem: str) -> None:
    percent, resources = SHARES[stem]
    path = shared_data("inventory", f"{stem}.ndjson.gz")
    reading = read_inputs([str(path)], tenant=tenant_id("demo"))
    (report,) = reading.inventory.files
    assert 100 * report.recognised / report.records >= percent
    assert len(reading.inventory.items) >= resources
    assert len(report.gaps) >= report.records - report.recognised


@pytest.mark.data
def test_every_recorded_billing_file_is_read_or_named_for_what_it_is() -> None:
    reading = read_inputs([str(shared_data("focus"))], tenant=tenant_id("demo"))
    assert {(file.version, file.rows) for file in reading.billing} == {("1.0", 1000)}
    assert reading.billing[0].frame["EffectiveCost"].sum() == reading.billing[1].frame["EffectiveCost"].sum()
    assert all("not FOCUS" in gap.reason for gap in reading.inventory.gaps)
    assert len(reading.inventory.gaps) == 5
