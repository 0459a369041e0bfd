"""One platform for all tests of the HTTP interface; it has one scan of tenant acme."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.serve.api_fixture import Api, running_api


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder: Path = tmp_path_factory.mktemp("api")
    with running_api(folder) as running:
        done = running.scan(running.acme)
        assert done["status"] == "succeeded", done
        collected = running.client.post(
            "/api/v2/evidence/collect", json={"id": "first", "subject": "a review"}, headers=running.acme
        )
        assert collected.status_code == 201, collected.text
        yield running
