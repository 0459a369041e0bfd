"""Where the change stream is, by the settings, and that no password stands in them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from connectors.stream.file_stream import FileChangeStream
from connectors.stream.redis_stream import RedisChangeStream
from domain.errors import InputError, NotFound
from serve.settings import load_settings
from serve.stream_place import StreamPlace, stream_place


def place(tmp_path: Path, redis_url: str | None = None) -> StreamPlace:
    return stream_place(load_settings({"store_dir": tmp_path, "redis_url": redis_url}, environment={}))


def test_without_redis_files_of_the_store_are_used(tmp_path: Path) -> None:
    found = place(tmp_path)

    assert found.folder == tmp_path / "streams"
    assert isinstance(found.open().changes, FileChangeStream)


def test_an_address_that_needs_no_password_is_used_as_it_is(tmp_path: Path) -> None:
    assert isinstance(place(tmp_path, "redis://localhost:1/0").open().changes, RedisChangeStream)


def test_an_address_with_a_password_does_not_belong_into_the_settings(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        place(tmp_path, "redis://user:hunter2@localhost/0")
    assert "hunter2" not in str(caught.value)


def test_a_variable_is_read_when_the_stream_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = place(tmp_path, "env:REDIS_ADDRESS")
    monkeypatch.delenv("REDIS_ADDRESS", raising=False)
    with pytest.raises(NotFound):
        found.open()

    monkeypatch.setenv("REDIS_ADDRESS", "rediss://user:hunter2@localhost/0\n")
    assert isinstance(found.open().changes, RedisChangeStream)


def test_a_file_is_read_when_the_stream_is_opened_and_travels_as_its_path(tmp_path: Path) -> None:
    file = tmp_path / "redis.url"
    found = place(tmp_path, f"file:{file}")
    with pytest.raises(NotFound):
        found.open()

    file.write_text("redis://:hunter2@localhost/0\n")
    assert isinstance(found.open().changes, RedisChangeStream)
    assert b"hunter2" not in pickle.dumps(found)


def test_what_a_reference_leads_to_must_be_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_ADDRESS", "localhost")

    with pytest.raises(InputError):
        place(tmp_path, "env:REDIS_ADDRESS").open()
