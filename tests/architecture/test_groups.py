"""Tests that share a server stay in one process, so that a machine of two cores runs one server of each kind."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("example")
def test_a_group_of_tests_goes_to_one_process(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("only with several processes: pytest -n 2 --dist loadgroup")
    assert request.node.nodeid.endswith("@example"), "this pytest-xdist does not group by this pytest's ids"
