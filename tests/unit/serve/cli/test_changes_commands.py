"""`pcg changes`, on the files of a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from serve.cli.errors import run
from tests.unit.connectors.stream import messages as m

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pcg(*arguments: str) -> int:
    return run(["changes", *arguments, "--tenant", "shop"])


def asked(capsys: Capture, *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    pcg(*arguments, "--json", "-")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def write(folder: Path, *documents: object, broken: bool = False) -> str:
    content = b"".join(orjson.dumps(each) + b"\n" for each in documents) + (b"{broken" if broken else b"")
    (folder / "changes.ndjson").write_bytes(content)
    return "changes.ndjson"


def test_messages_of_a_file_are_published_and_wait(workplace: Path, capsys: Capture) -> None:
    file = write(workplace, m.in_sns(m.config_notification()), m.asset_feed(), m.config_notification("ResourceDeleted"))

    assert pcg("publish", file) == 0

    assert "PUBLISHED  3 changes in 2 batches" in capsys.readouterr().out
    assert pcg("list") == 0
    out = capsys.readouterr().out
    assert "WAITING  2 batches" in out
    assert "2 changes   aws-config" in out


def test_the_same_file_again_publishes_nothing_new(workplace: Path, capsys: Capture) -> None:
    file = write(workplace, m.config_notification())
    first = asked(capsys, "publish", file)

    assert asked(capsys, "publish", file)["batches"][0]["position"] == first["batches"][0]["position"]
    assert asked(capsys, "list")["length"] == 1


def test_a_broken_line_is_told_and_kept_and_can_be_forgotten(workplace: Path, capsys: Capture) -> None:
    file = write(workplace, m.config_notification(), broken=True)

    assert pcg("publish", file) == 3
    assert "REFUSED    line 2   the line is no JSON object" in capsys.readouterr().out
    assert pcg("parked") == 1
    (row,) = asked(capsys, "parked")["items"]
    assert pcg("retry") == 1
    assert f"STAYS      {row['id']}" in capsys.readouterr().out
    assert pcg("discard", row["id"]) == 0
    assert pcg("parked") == 0
    assert "Nothing was put aside." in capsys.readouterr().out


def test_nothing_waits_at_first(capsys: Capture) -> None:
    assert pcg("list") == 0
    assert capsys.readouterr().out == "Nothing waits.\n"


def test_a_file_that_is_not_there_is_a_mistake_of_the_caller(capsys: Capture) -> None:
    assert pcg("publish", "none.ndjson") == 2
    assert "cannot be read" in capsys.readouterr().err


def test_an_id_that_names_nothing_is_told(capsys: Capture) -> None:
    assert pcg("retry", "refused-1") == 2
    assert "no such parked message" in capsys.readouterr().err


def test_a_password_in_the_settings_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("PCG_REDIS_URL", "redis://:hunter2@localhost/0")

    assert pcg("list") == 2
    assert "hunter2" not in capsys.readouterr().err
