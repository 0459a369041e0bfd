from __future__ import annotations

import pytest

from tests.acceptance.policy_corpus import checks
from tests.shared_data import shared_data


@pytest.mark.data
def test_microsofts_definitions_judge_recorded_resources_as_the_interpreter_does() -> None:
    shared_data("policy", "azure_policy_definitions.ndjson.gz")
    data = shared_data("inventory", "azure_resources.ndjson.gz").parents[1]
    assert [f"{check.name}: {check.got}" for check in checks(data) if not check.held] == []
