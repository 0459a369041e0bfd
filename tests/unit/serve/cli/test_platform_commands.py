"""Starting, stopping and demonstrating the platform, with nothing really started."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

import serve.bootstrap
from domain.errors import InputError
from serve.cli.demo import demo_estate
from serve.cli.errors import run
from serve.run_file import RunningPlatform
from serve.settings import Settings
from tests.unit.serve.cli.fake_platform import FakePlatform


@dataclass
class FakeControl:
    """Stands in for `serve.control`: what was started, and whether it was stopped."""

    started: list[Settings] = field(default_factory=list)
    platform: FakePlatform = field(default_factory=FakePlatform)
    is_running: bool = False

    def start(self, settings: Settings, waiting: Callable[[float], None] | None = None) -> RunningPlatform:
        self.started.append(settings)
        self.is_running = True
        if waiting is not None:
            waiting(1.0)
        return RunningPlatform("http://127.0.0.1:1", "key", 1)

    def stop(self, settings: Settings) -> bool:
        was_running, self.is_running = self.is_running, False
        return was_running


@pytest.fixture
def control(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeControl:
    fake = FakeControl()
    monkeypatch.setattr("serve.control.start", fake.start)
    monkeypatch.setattr("serve.control.stop", fake.stop)
    monkeypatch.setattr(serve.bootstrap, "open_platform", lambda settings: fake.platform)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(signal, "pause", _interrupted)
    monkeypatch.chdir(tmp_path)
    return fake


def _interrupted() -> None:
    raise KeyboardInterrupt


def test_the_platform_is_left_running_and_says_where(control: FakeControl, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", "--port", "8700", "--shards", "3"]) == 0
    assert control.is_running
    assert (control.started[0].port, control.started[0].shards) == (8700, 3)
    assert "SERVING    http://127.0.0.1:1/api/v2" in capsys.readouterr().out


def test_the_demo_shows_the_result_and_ends_when_asked_to(
    control: FakeControl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--once", "--resources", "20"]) == 0
    shown = capsys.readouterr().out
    assert "synthetic company of 20 resources" in shown
    assert "NEXT 7 DAYS" in shown
    assert "SERVING" not in shown
    assert not control.is_running
    assert control.platform.requests[0].tenant == "demo"
    assert Path(".pcg/demo-report.html").is_file()


def test_the_demo_keeps_serving_until_it_is_interrupted(
    control: FakeControl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--resources", "20"]) == 0
    assert "SERVING" in capsys.readouterr().out
    assert not control.is_running


def test_a_demo_that_fails_leaves_nothing_running(control: FakeControl) -> None:
    control.platform.error = InputError("x")
    assert run(["demo", "--once", "--resources", "20"]) == 2
    assert not control.is_running


def test_the_wait_is_counted_on_a_terminal_and_then_gone(
    control: FakeControl, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run(["up"]) == 0
    shown = capsys.readouterr().err
    assert "1 s" in shown
    assert shown.endswith("\r\x1b[2K")


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


def test_stopping_says_whether_there_was_a_platform(control: FakeControl, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up"]) == run(["down"]) == run(["down"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[-2:] == ["Stopped the platform on .pcg", "No platform runs on .pcg"]


def test_a_tenant_has_one_token_until_it_is_replaced(control: FakeControl, capsys: pytest.CaptureFixture[str]) -> None:
    def printed(*flags: str) -> str:
        assert run(["token", "--tenant", "demo", *flags]) == 0
        return capsys.readouterr().out

    first = printed()
    assert printed() == first
    assert printed("--replace") != first
    assert Path(".pcg/tokens.json").stat().st_mode & 0o077 == 0


def test_the_interface_describes_itself(control: FakeControl, tmp_path: Path) -> None:
    assert run(["openapi", "--json", "openapi.json"]) == 0
    assert "/api/v2/predictions/analyze" in json.loads(Path("openapi.json").read_text())["paths"]
