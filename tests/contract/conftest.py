"""Servers that keep objects, started once for all suites, and a fresh folder in each kind of store."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from azure.storage.blob import BlobServiceClient

from chain.storage.contract import BlobStore
from chain.storage.objects import BucketStore, Patience
from chain.storage.opening import open_store
from tests.contract.graph_stores import neo4j_config as neo4j_config  # noqa: PLC0414
from tests.contract.graph_stores import neo4j_database as neo4j_database  # noqa: PLC0414
from tests.contract.graph_stores import opened as opened  # noqa: PLC0414 (fixtures of every suite here)
from tests.contract.graph_stores import store as store  # noqa: PLC0414
from tests.servers.azurite import ACCOUNT, azurite
from tests.servers.azurite import KEY as AZURITE_KEY
from tests.servers.moto import KEY as MOTO_KEY
from tests.servers.moto import REGION, moto

BUCKET = "evidence"
QUICK = Patience(attempts_max=2, pause_s=0.01)


@dataclass(frozen=True)
class Server:
    """A server that runs: how a bucket of it is opened, and what it tells a stranger about an object's form."""

    open: Callable[[str], BlobStore]
    form: Callable[[str], tuple[str | None, str | None]]


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with moto(tmp_path_factory.mktemp("moto")) as url:
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=MOTO_KEY["access_key_id"],
            aws_secret_access_key=MOTO_KEY["secret_access_key"],
        )
        client.create_bucket(Bucket=BUCKET)
        options = {"endpoint": url, "region": REGION, **MOTO_KEY}

        def form(name: str) -> tuple[str | None, str | None]:
            head = client.head_object(Bucket=BUCKET, Key=name)
            return head["ContentType"], head["CacheControl"]

        yield Server(lambda bucket: BucketStore.open(f"s3://{bucket}", options, patience=QUICK), form)
        client.close()


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with azurite(tmp_path_factory.mktemp("azurite")) as url, BlobServiceClient(url, credential=AZURITE_KEY) as client:
        client.create_container(BUCKET)
        options = {"endpoint": url, "account_name": ACCOUNT, "account_key": AZURITE_KEY}

        def form(name: str) -> tuple[str | None, str | None]:
            settings = client.get_blob_client(BUCKET, name).get_blob_properties().content_settings
            return settings.content_type, settings.cache_control

        yield Server(lambda bucket: BucketStore.open(f"az://{bucket}", options, patience=QUICK), form)


@pytest.fixture(params=["files", "memory", "s3", "azure"])
def blob_store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """A folder that no other test uses, in each kind of store."""
    kind, folder = request.param, f"{uuid.uuid4().hex}/"
    if kind == "files":
        return open_store(str(tmp_path)).below(folder)
    if kind == "memory":
        return open_store("memory:///").below(folder)
    server: Server = request.getfixturevalue(kind)
    return server.open(BUCKET).below(folder)
