"""A platform whose journal and published evidence are both in object stores: nothing is lost when its writer dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.cluster.conftest import Platform, running_platform
from tests.cluster.test_platform import insisted, writer_pid
from tests.servers.moto import KEY, REGION, moto

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with moto(tmp_path_factory.mktemp("moto")) as endpoint:
        names = {"aws_access_key_id": KEY["access_key_id"], "aws_secret_access_key": KEY["secret_access_key"]}
        client = boto3.client("s3", endpoint_url=endpoint, region_name=REGION, **names)
        client.create_bucket(Bucket="evidence")
        client.create_bucket(Bucket="journal")
        yield client


@pytest.fixture(scope="module")
def stored(s3: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("stored")
    options = {"endpoint": s3.meta.endpoint_url, "region": REGION, **KEY}
    (folder / "stores.toml").write_text("".join(f'{name} = "{value}"\n' for name, value in options.items()))
    settings = {
        "PCG_EVIDENCE_URL": "s3://evidence/logs",
        "PCG_JOURNAL_URL": "s3://journal/one",
        "PCG_STORAGE_OPTIONS": str(folder / "stores.toml"),
    }
    with running_platform(folder, settings) as found:
        yield found


def names(s3: Any, bucket: str) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_what_was_acknowledged_outlives_the_writer_and_is_verified_from_the_bucket(
    stored: Platform, s3: Any, tmp_path: Path
) -> None:
    first = [insisted(stored, f"before-{number}") for number in range(5)]
    os.kill(writer_pid(stored), signal.SIGKILL)
    again = [insisted(stored, f"before-{number}") for number in range(5)]
    assert [row["evidence_id"] for row in again] == [row["evidence_id"] for row in first]
    assert insisted(stored, "after")["index"] > first[-1]["index"]

    assert stored.client.post("/api/v2/chain/publish").status_code == 200
    assert any(name.startswith("one/frame/") for name in names(s3, "journal"))
    assert any(name.startswith("logs/default/") and name.endswith("/checkpoint") for name in names(s3, "evidence"))
    assert not any((stored.folder / ".pcg").rglob("tile/*"))

    fetched = stored.pcg("log", "fetch", "s3://evidence/logs/default", tmp_path / "copy")
    assert fetched.returncode == 0, fetched.stderr
    verified = stored.pcg("verify", tmp_path / "copy")
    assert verified.returncode == 0, verified.stdout + verified.stderr
