"""Redis lost under load, by a platform of its own whose streams are there."""

from __future__ import annotations

from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from graph.stores.duckdb import DuckDbStore
from serve.stream_place import StreamPlace
from tests.cluster.drills.fleet import Fleet, Load
from tests.servers.redis import redis_server

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(900)]


def test_changes_wait_for_redis_and_are_there_once(tmp_path: Path, cluster: Cluster) -> None:
    with redis_server(tmp_path / "redis") as server:
        fleet = Fleet(tmp_path, cluster, DuckDbStore, StreamPlace(tmp_path / "streams", server.url))
        try:
            load = Load(fleet)
            load.run_through_outage(server)
            load.check()
        finally:
            fleet.end()
