"""`pcg shards`: what an operator sees of the shards of a running platform."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actors.shards.beat import Beat, FleetState, ShardState
from domain.tenancy import TenantId
from serve.api.resources import _fleet
from serve.cli.errors import run
from serve.remote import RemotePlatform
from serve.run_file import RunningPlatform

ALIVE = Beat(
    "shard-0",
    heavy={TenantId("acme"): 30_000},
    light=200,
    tenants=3,
    used_bytes=64 << 20,
    budget_bytes=2_048 << 20,
    changes_waiting=12,
    leases={"held": 2, "lapsed": 1},
)
STATE = FleetState(
    7, (ShardState("shard-0", "alive", True, 2, ALIVE), ShardState("shard-1", "starting", False, 0, None)), "no roster"
)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("serve.run_file.find_running", lambda _: RunningPlatform("http://127.0.0.1:1", "key"))
    monkeypatch.setattr(RemotePlatform, "shards", lambda _: _fleet(STATE).model_dump())


@pytest.mark.usefixtures("platform")
def test_each_shard_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["shards"]) == 0
    _, first, second, problem = capsys.readouterr().out.splitlines()
    assert " ".join(first.split()) == "shard-0 alive yes 3 30,200 64 of 2,048 MiB 12 2 held, 1 lapsed 2 restarts"
    assert second.split() == ["shard-1", "starting", "no", "no", "answer", "yet"]
    assert problem == "SUPERVISION FAILED  no roster"


@pytest.mark.usefixtures("platform")
def test_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["shards", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["shards"][0]["last_answer"]["leases"] == {"held": 2, "lapsed": 1}


def test_where_no_platform_runs_it_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["shards"]) != 0
    assert "pcg up" in capsys.readouterr().err
