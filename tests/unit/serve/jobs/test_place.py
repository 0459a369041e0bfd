"""Places in storage: what is shown of them, and what a failing store leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import InputError, UnavailableError
from serve.jobs.place import Place


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("s3://bucket/a/b.ndjson", "s3://bucket/a/b.ndjson"),
        ("s3://key:secret@bucket/a?endpoint_override=http%3A%2F%2Fx&region=r", "s3://key@bucket/a"),
        ("abfs://account:key@127.0.0.1:10000/container/a", "abfs://account@127.0.0.1:10000/container/a"),
        ("exports/a.ndjson", "exports/a.ndjson"),
    ],
)
def test_credentials_and_endpoints_are_not_shown(uri: str, shown: str) -> None:
    assert Place(uri).shown == shown


def test_what_is_below_keeps_the_query() -> None:
    assert Place("s3://bucket/a/?region=r").below("b/c").uri == "s3://bucket/a/b/c?region=r"
    assert Place("s3://bucket/a?region=r").below("").uri == "s3://bucket/a?region=r"


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_files_come_in_order_with_their_names_from_there(tmp_path: Path, prefix: str) -> None:
    for name in ("b/2.ndjson", "a.ndjson", "b/1.ndjson"):
        Place(f"{prefix}{tmp_path}").below(name).write(name.encode())

    found = Place(f"{prefix}{tmp_path}").files()

    assert [each.name for each in found] == ["a.ndjson", "b/1.ndjson", "b/2.ndjson"]
    assert [each.size for each in found] == [8, 10, 10]
    assert Place(f"{prefix}{tmp_path}/a.ndjson").files()[0].name == ""
    assert Place(f"{prefix}{tmp_path}/b/1.ndjson").read() == b"b/1.ndjson"
    assert Place(f"{prefix}{tmp_path}/none").read() is None
    assert Place(f"{prefix}{tmp_path}/none").files() == []


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    Place(str(tmp_path / "a")).write(b"one")
    Place(str(tmp_path / "a")).write(b"two")

    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"two"


def test_a_place_that_is_none_is_the_callers_to_correct() -> None:
    with pytest.raises(InputError) as caught:
        Place("ftp://user:secret@host/x").files()
    assert "secret" not in str(caught.value)


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(UnavailableError) as caught:
        Place(str(tmp_path / "a")).write(b"x")
    assert caught.value.facts["where"] == str(tmp_path / "a")
