"""Starting, stopping and demonstrating the platform, with a cluster that is this process."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

import serve.cli.platform as commands
from serve.cli.demo import demo_estate
from serve.cli.errors import run
from serve.run_file import RunningPlatform, write_run_file
from serve.settings import Settings
from tests.unit.serve.cli.fake_platform import FakePlatform


@dataclass
class FakeCluster:
    """Stands in for `serve.cluster.RunningCluster`."""

    settings: Settings
    platform: FakePlatform = field(default_factory=FakePlatform)
    running: RunningPlatform = field(default_factory=lambda: RunningPlatform("http://127.0.0.1:1", "key", 1))
    is_stopped: bool = False

    def stop(self) -> None:
        self.is_stopped = True


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[FakeCluster]:
    made: list[FakeCluster] = []

    def start(settings: Settings) -> FakeCluster:
        made.append(FakeCluster(settings))
        return made[-1]

    module = ModuleType("serve.cluster")
    module.start_cluster = start  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "serve.cluster", module)
    monkeypatch.setattr(commands, "_end_on_signals", lambda: None)
    monkeypatch.setattr(signal, "pause", _interrupted)
    monkeypatch.chdir(tmp_path)
    return made


def _interrupted() -> None:
    raise KeyboardInterrupt


def test_the_platform_serves_until_it_is_interrupted_and_is_stopped(
    clusters: list[FakeCluster], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["up", "--port", "8700", "--shards", "3"]) == 0
    assert clusters[0].is_stopped
    assert (clusters[0].settings.port, clusters[0].settings.shards) == (8700, 3)
    assert "SERVING    http://127.0.0.1:1/api/v2" in capsys.readouterr().out


def test_the_demo_shows_the_result_and_ends_when_asked_to(
    clusters: list[FakeCluster], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--once", "--resources", "20"]) == 0
    shown = capsys.readouterr().out
    assert "synthetic company of 20 resources" in shown
    assert "NEXT 7 DAYS" in shown
    assert "SERVING" not in shown
    assert clusters[0].is_stopped
    assert clusters[0].platform.requests[0].tenant == "demo"
    assert Path(".pcg/demo-report.html").is_file()


def test_the_demo_keeps_serving_until_it_is_interrupted(
    clusters: list[FakeCluster], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--resources", "20"]) == 0
    assert "SERVING" in capsys.readouterr().out


def test_a_half_made_estate_is_made_anew_and_a_whole_one_is_kept(tmp_path: Path) -> None:
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    half = tmp_path / "2026-11-24-20.part"
    half.mkdir()
    (half / "rest").write_text("")
    made = demo_estate(tmp_path, resources=20, now=now)
    times = [path.stat().st_mtime_ns for path in sorted(made.iterdir())]
    assert demo_estate(tmp_path, resources=20, now=now) == made
    assert [path.stat().st_mtime_ns for path in sorted(made.iterdir())] == times
    assert not half.exists()


def test_stopping_where_nothing_runs_says_so(clusters: list[FakeCluster], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["down"]) == 0
    assert "No platform runs" in capsys.readouterr().out


@pytest.mark.parametrize(("is_alive", "code"), [(False, 0), (True, 4)])
def test_stopping_asks_the_process_and_waits_for_its_end(
    clusters: list[FakeCluster], monkeypatch: pytest.MonkeyPatch, is_alive: bool, code: int
) -> None:
    Path(".pcg").mkdir()
    write_run_file(Path(".pcg"), RunningPlatform("http://127.0.0.1:1", "key", os.getpid()))
    asked: list[tuple[int, int]] = []
    states = iter([True, *[is_alive] * 10])
    monkeypatch.setattr("serve.run_file.is_alive", lambda pid: next(states, is_alive))
    monkeypatch.setattr(os, "kill", lambda pid, number: asked.append((pid, number)))
    monkeypatch.setattr(commands, "DOWN_S", 0.0)
    assert run(["down"]) == code
    assert asked == [(os.getpid(), signal.SIGTERM)]


def test_a_tenant_has_one_token_until_it_is_replaced(
    clusters: list[FakeCluster], capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(*flags: str) -> str:
        assert run(["token", "--tenant", "demo", *flags]) == 0
        return capsys.readouterr().out

    first = printed()
    assert printed() == first
    assert printed("--replace") != first
    assert Path(".pcg/tokens.json").stat().st_mode & 0o077 == 0


def test_the_interface_describes_itself(clusters: list[FakeCluster], tmp_path: Path) -> None:
    assert run(["openapi", "--json", "openapi.json"]) == 0
    assert "/api/v2/predictions/analyze" in json.loads(Path("openapi.json").read_text())["paths"]
