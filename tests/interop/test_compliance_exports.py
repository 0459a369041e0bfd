"""Models of OSCAL that nobody here wrote read what compliance is exported as."""

from __future__ import annotations

from pathlib import Path

import pytest

from assessment.compliance_oscal import assessment_results, component_definition
from tests.servers import trestle
from tests.unit.assessment.compliance_samples import DOCUMENT, SOC2, results

pytestmark = pytest.mark.interop


def test_trestle_reads_assessment_results(tmp_path: Path) -> None:
    path, kept = tmp_path / "results.json", tmp_path / "kept.json"
    path.write_bytes(assessment_results(DOCUMENT, SOC2, results()))
    assert trestle.read_results(path, kept) == "1.2.1 2"
    path.write_bytes(path.read_bytes().replace(b'"state": "satisfied"', b'"state": "fine"'))
    assert trestle.read_results(path, kept).startswith("refused")


def test_trestle_reads_a_component_definition(tmp_path: Path) -> None:
    path, kept = tmp_path / "components.json", tmp_path / "kept.json"
    path.write_bytes(component_definition(DOCUMENT, SOC2, results(), product_version="0.1.0"))
    assert trestle.read_components(path, kept) == "1.2.1 3"
    path.write_bytes(path.read_bytes().replace(b'"control-id"', b'"control"'))
    assert trestle.read_components(path, kept).startswith("refused")
