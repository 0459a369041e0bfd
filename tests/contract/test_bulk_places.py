"""Places of bulk scans in object stores: S3 and Azure on real servers behave as folders do."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import boto3
import pytest
from azure.storage.blob import BlobServiceClient

from domain.errors import UnavailableError
from serve.jobs.partition import fetch, parts
from serve.jobs.place import Place
from tests.servers.azurite import ACCOUNT, azurite
from tests.servers.azurite import KEY as AZURITE_KEY
from tests.servers.moto import KEY, REGION, moto


@pytest.fixture(scope="module")
def s3_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto(tmp_path_factory.mktemp("moto")) as url:
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=KEY["access_key_id"],
            aws_secret_access_key=KEY["secret_access_key"],
        )
        client.create_bucket(Bucket="bulk")
        client.close()
        where = f"{KEY['access_key_id']}:{KEY['secret_access_key']}@bulk"
        yield f"s3://{where}/NAME?endpoint_override={quote(url, safe='')}&region={REGION}"


@pytest.fixture(scope="module")
def azure_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azurite(tmp_path_factory.mktemp("azurite")) as url:
        with BlobServiceClient(url, credential=AZURITE_KEY) as client:
            client.create_container("bulk")
        host = url.removeprefix("http://").partition("/")[0]
        yield f"abfs://{ACCOUNT}:{quote(AZURITE_KEY, safe='')}@{host}/bulk/NAME?enable_tls=false"


@pytest.fixture(params=["folder", "s3", "azure"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A folder that no other test uses."""
    name = uuid.uuid4().hex
    if request.param == "folder":
        return Place(f"file://{tmp_path}/{name}")
    root: str = request.getfixturevalue(f"{request.param}_root")
    return Place(root.replace("NAME", name))


def test_what_is_written_is_there_and_listed_by_its_name_from_the_folder(place: Place) -> None:
    for name in ("b/2.ndjson", "a.ndjson", "b/1.ndjson"):
        place.below(name).write(name.encode())

    found = place.files()

    assert [(each.name, each.size) for each in found] == [("a.ndjson", 8), ("b/1.ndjson", 10), ("b/2.ndjson", 10)]
    assert place.below("b/1.ndjson").read() == b"b/1.ndjson"
    assert [each.name for each in place.below("b").files()] == ["1.ndjson", "2.ndjson"]
    assert place.below("a.ndjson").files()[0].name == ""


def test_what_is_not_there_is_nothing(place: Place) -> None:
    assert place.files() == []
    assert place.below("x").read() is None


def test_a_folder_is_cleared_with_all_that_is_below_and_nothing_beside_it(place: Place) -> None:
    place.below("work/read/1").write(b"x")
    place.below("workshop").write(b"y")

    place.below("work").clear()
    place.below("work").clear()

    assert [each.name for each in place.files()] == ["workshop"]


def test_parts_of_a_file_add_up_to_it(place: Place, tmp_path: Path) -> None:
    content = b"".join(b'{"line": %d}\n' % number for number in range(500))
    place.below("in/a.ndjson").write(content)

    cut = parts(place.below("in").uri, bytes_max=700)

    assert len(cut) > 5
    found = b""
    for number, part in enumerate(cut):
        (tmp_path / str(number)).mkdir()
        found += fetch(part, tmp_path / str(number)).read_bytes()
    assert found == content


def test_no_place_shows_its_key(place: Place) -> None:
    assert AZURITE_KEY not in place.shown
    assert quote(AZURITE_KEY, safe="") not in place.shown
    assert f":{KEY['secret_access_key']}@" not in place.shown
    assert "?" not in place.shown


def test_a_container_that_is_not_there_is_told_without_the_key(azure_root: str) -> None:
    place = Place(azure_root.replace("NAME", "x").replace("/bulk/", "/other/"))
    with pytest.raises(UnavailableError) as caught:
        place.below("a").write(b"x")
    assert quote(AZURITE_KEY, safe="") not in str(caught.value)
