"""Setting up: an unfinished or outdated install is completed, a finished one is left alone, trouble is said plainly."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The set-up script, pointed at an empty project."""
    spec = importlib.util.spec_from_file_location("environment", ROOT / "deploy" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "deploy").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "deploy" / "constraints.txt").write_text("")
    for name, path in (
        ("ROOT", tmp_path),
        ("ENVIRONMENT", tmp_path / ".venv"),
        ("STAMP", tmp_path / ".venv" / "installed"),
        ("PYTHON", tmp_path / ".venv" / "bin" / "python"),
    ):
        monkeypatch.setattr(module, name, path)
    return module


@pytest.fixture
def commands(environment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Installers called, instead of calling them; the virtual environment is only a folder."""
    called: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        called.append([str(part) for part in command])
        return subprocess.CompletedProcess(command, 0)

    def create(path: Path, **_: Any) -> None:
        (path / "bin").mkdir(parents=True)
        (path / "bin" / "python").symlink_to(sys.executable)

    monkeypatch.setattr(environment.subprocess, "run", run)
    monkeypatch.setattr(environment.venv, "create", create)
    return called


def installs(commands: list[list[str]]) -> list[str]:
    return [command[-1] for command in commands if "--editable" in command]


def test_a_first_run_installs_and_a_second_does_nothing(environment: ModuleType, commands: list[list[str]]) -> None:
    assert environment.main([]) == 0
    assert environment.main([]) == 0
    assert installs(commands) == ["."]


def test_an_extra_is_added_and_kept(environment: ModuleType, commands: list[list[str]]) -> None:
    environment.main([])
    environment.main(["--extra", "dev"])
    environment.main([])
    assert installs(commands) == [".", ".[dev]"]


def test_a_changed_project_file_installs_again(environment: ModuleType, commands: list[list[str]]) -> None:
    environment.main([])
    (environment.ROOT / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    environment.main([])
    assert len(installs(commands)) == 2


def test_a_half_finished_install_is_completed(environment: ModuleType, commands: list[list[str]]) -> None:
    environment.main([])
    environment.STAMP.unlink()
    environment.main([])
    assert len(installs(commands)) == 2


def test_an_install_that_fails_leaves_no_stamp_and_says_what_to_do(
    environment: ModuleType,
    commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recorded = environment.subprocess.run

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        if "--editable" in command:
            raise subprocess.CalledProcessError(2, command)
        done: subprocess.CompletedProcess[str] = recorded(command, **options)
        return done

    monkeypatch.setattr(environment.subprocess, "run", run)
    assert environment.main([]) == 1
    assert not environment.STAMP.exists()
    what, where, todo = capsys.readouterr().err.splitlines()[-3:]
    assert what == "the install did not finish"
    assert "status 2" in where
    assert "run the same command again" in todo


@pytest.mark.parametrize("version", [(3, 10, 4), (3, 13, 0)])
def test_another_python_is_refused_by_name(
    environment: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    version: tuple[int, ...],
) -> None:
    monkeypatch.setattr(environment.sys, "version_info", version)
    assert environment.main([]) == 1
    assert "expected 3.11 or 3.12" in capsys.readouterr().err


def test_too_little_disk_is_said_before_anything_is_made(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 2**20})())
    assert environment.main([]) == 1
    assert "1 MiB free, expected 2048 MiB" in capsys.readouterr().err
    assert not environment.ENVIRONMENT.exists()
