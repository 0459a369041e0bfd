"""Neo4j is killed and started again under shards that write to it and callers that read: nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain.keys.reference import KeyPlace, KeyReference
from serve.store_place import StorePlace
from serve.stream_place import StreamPlace
from tests.cluster.drills.fleet import Fleet, Load, ray_cluster
from tests.servers.neo4j import neo4j

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("servers"),
]


def test_changes_wait_for_neo4j_and_are_there_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads of graphs in memory go on without it; what is asked of the store itself waits until it is back."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    password = tmp_path / "password"
    with neo4j(tmp_path / "neo4j") as server, ray_cluster(1) as cluster:
        password.write_text(server.password)
        place = StorePlace(server.uri, server.user, KeyReference(KeyPlace.FILE, str(password)))
        fleet = Fleet(tmp_path, cluster, place, StreamPlace(tmp_path / "streams"))
        try:
            load = Load(fleet)
            load.run_through_outage(server)
            load.check()
        finally:
            fleet.end()
