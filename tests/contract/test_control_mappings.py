"""Published mappings, read whole: every reference is followed, and what leads nowhere is named."""

from __future__ import annotations

import pytest

from policy.aliases import read_rows
from policy.controls.catalogue import frameworks
from policy.controls.imports import read_mappings
from tests.shared_data import shared_data

pytestmark = [pytest.mark.data, pytest.mark.slow]


def test_azure_initiatives_name_only_definitions_that_exist_and_controls_that_we_know() -> None:
    definitions = read_rows(shared_data("policy", "azure_policy_definitions.ndjson.gz"))
    names = {str(row["name"]) for row in definitions if isinstance(row, dict)}
    found = read_mappings([shared_data("policy", "azure_policy_sets.ndjson.gz")], known=names)
    assert found.unknown_policies == ()
    assert [str(control) for control in found.unknown_controls] == ["SOC2 CM_8b"]
    counted = {name: sum(each.control.framework == name for each in found.mappings) for name in frameworks()}
    assert (counted["NIST-800-53-R5"], counted["SOC2"], counted["PCI-DSS-4.0"]) == (2750, 2172, 1969)


def test_prowler_checks_that_do_not_exist_are_named() -> None:
    checks = read_rows(shared_data("policy", "prowler_checks.ndjson.gz"))
    known = {str(row["CheckID"]) for row in checks if isinstance(row, dict)}
    found = read_mappings([shared_data("policy", "prowler_compliance.ndjson.gz")], known=known)
    assert len(found.sources) == 111
    assert len({reference.name for reference in found.unknown_policies}) == 152
    appendices = {control.id[:2] for control in found.unknown_controls}
    assert {control.framework for control in found.unknown_controls} == {"PCI-DSS-4.0"}
    assert appendices == {"A1", "A3"}
