"""One Ray cluster of three nodes for every drill, its tables in Redis as those of a cluster that people use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from ray.cluster_utils import Cluster

from graph.stores.duckdb import DuckDbStore
from serve.stream_place import StreamPlace
from tests.cluster.drills.fleet import Fleet, ray_cluster
from tests.servers.redis import is_installed, redis_server

HEALTH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 3_000,
    "health_check_failure_threshold": 4,
}
"""How a lost node is noticed: sooner than by default, and late enough for a machine that is busy."""


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with pytest.MonkeyPatch.context() as patched, ExitStack() as stack:
        patched.setenv("RAY_AUTH_MODE", "disabled")
        for name, value in HEALTH.items():
            patched.setenv(f"RAY_{name}", str(value))
        if is_installed():
            tables = stack.enter_context(redis_server(tmp_path_factory.mktemp("tables")))
            patched.setenv("RAY_REDIS_ADDRESS", f"127.0.0.1:{tables.port}")
        yield stack.enter_context(ray_cluster(2))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Fleet]:
    """A platform with its streams in files. Each drill leaves it with two shards and all nodes."""
    folder = tmp_path_factory.mktemp("fleet")
    found = Fleet(folder, cluster, DuckDbStore, StreamPlace(folder / "streams"))
    yield found
    found.end()
