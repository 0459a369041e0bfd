"""A writer whose journal and published evidence are both in object stores: nothing is lost when its process dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
import orjson
import pytest
import ray

from actors.evidence_chain import EvidenceChain
from actors.folders import Folders
from actors.placement import CHAIN_NAME, NAMESPACE, chain_handle
from actors.ray_handle import RayHandle
from chain.batch import EntryBatch
from domain.errors import UnavailableError
from domain.tenancy import TenantId
from serve.api.submission import submission_of
from serve.recording import batch_of
from tests.cluster.conftest import AS_OF, run
from tests.servers.moto import KEY, REGION, moto

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.usefixtures("cluster"),
]
ACME: Final = TenantId("acme")
NOW: Final = datetime.fromisoformat(AS_OF).replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with moto(tmp_path_factory.mktemp("moto")) as endpoint:
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=KEY["access_key_id"],
            aws_secret_access_key=KEY["secret_access_key"],
        )
        client.create_bucket(Bucket="evidence")
        client.create_bucket(Bucket="journal")
        yield client


@pytest.fixture
def options(s3: Any, tmp_path: Path) -> Path:
    """How the stores are reached."""
    found = tmp_path / "stores.toml"
    facts = {"endpoint": s3.meta.endpoint_url, "region": REGION, **KEY}
    found.write_text("".join(f'{name} = "{value}"\n' for name, value in facts.items()))
    return found


@pytest.fixture
def chain(tmp_path: Path, options: Path) -> Iterator[RayHandle[EvidenceChain]]:
    folders = Folders(
        tmp_path / "store",
        home=ACME,
        evidence_url="s3://evidence/logs",
        journal_url="s3://journal/one",
        storage_config=options,
    )
    yield chain_handle(folders)
    ray.kill(ray.get_actor(CHAIN_NAME, NAMESPACE))


def names(s3: Any, bucket: str) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def evidence(name: str) -> EntryBatch:
    line = {"id": name, "subject": "planted by a test", "body": {"n": 1}, "occurred_at": f"{AS_OF}T00:00:00Z"}
    return batch_of(ACME, [submission_of(orjson.dumps(line), None)], NOW)


def insisted(work: Callable[[], Any]) -> Any:
    """Repeat until there is an answer, as a caller that gets 503 does."""
    end = time.monotonic() + 60
    while True:
        try:
            return work()
        except UnavailableError:
            assert time.monotonic() < end, "the writer did not come back"
            time.sleep(0.2)


def test_what_was_acknowledged_outlives_the_writer_and_is_verified_from_the_bucket(
    chain: RayHandle[EvidenceChain], s3: Any, options: Path, tmp_path: Path
) -> None:
    def append(name: str) -> int:
        placements = insisted(lambda: chain.call(EvidenceChain.append, evidence(name)))
        return int(placements.indexes[0])

    first = [append(f"before-{number}") for number in range(5)]
    actor = ray._private.state.actors(ray.get_actor(CHAIN_NAME, NAMESPACE)._actor_id.hex())
    os.kill(int(actor["Pid"]), signal.SIGKILL)
    assert [append(f"before-{number}") for number in range(5)] == first
    assert append("after") > first[-1]

    insisted(lambda: chain.call(EvidenceChain.publish, ACME, NOW))
    assert any(name.startswith("one/frame/") for name in names(s3, "journal"))
    assert any(name.startswith("logs/acme/") and name.endswith("/checkpoint") for name in names(s3, "evidence"))
    assert not any((tmp_path / "store").rglob("tile/*"))

    environment = {**os.environ, "PCG_STORAGE_OPTIONS": str(options)}
    fetched = run("log", "fetch", "s3://evidence/logs/acme", tmp_path / "copy", cwd=tmp_path, environment=environment)
    assert fetched.returncode == 0, fetched.stderr
    verified = run("verify", tmp_path / "copy", cwd=tmp_path, environment=environment)
    assert verified.returncode == 0, verified.stdout + verified.stderr
