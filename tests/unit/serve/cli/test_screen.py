"""Output on a terminal and in a pipe, progress, and what leaves the pipe."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rich.text import Text

import serve.cli.errors as boundary
from actors.messages import ScanProgress, ScanStage
from serve.cli import settings_view
from serve.cli.errors import run
from serve.cli.progress import StageClock, shown_progress
from serve.cli.screen import show, width

LINE = Text.assemble(("critical", "bold red"), "  stprod")


def test_a_pipe_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    show([LINE])
    assert capsys.readouterr().out == "critical  stprod\n"
    assert width() is None


def test_a_terminal_gets_colour_and_its_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "97")
    monkeypatch.delenv("NO_COLOR", raising=False)
    show([LINE])
    assert "\x1b[1;31mcritical" in capsys.readouterr().out
    assert width() == 97


def test_who_wants_no_colour_gets_none(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    show([LINE])
    assert "31m" not in capsys.readouterr().out


def test_progress_names_the_file_and_is_gone_when_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    with shown_progress(StageClock(), is_shown=True) as report:
        for done in range(0, 5_000_000, 1_000_000):
            report(ScanProgress(ScanStage.READ, done, 5_000_000, "azure.ndjson"))
        report(ScanProgress(ScanStage.RECORD, 10, 20))
    shown = capsys.readouterr()
    assert "azure.ndjson" in shown.err
    assert shown.out == ""
    assert "\x1b[2K" in shown.err


def test_progress_in_a_pipe_is_silent_but_measured(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter([0.0, 2.0, 3.0, 7.0])
    clock = StageClock(monotonic=lambda: next(seconds))
    with shown_progress(clock, is_shown=True) as report:
        for stage in (ScanStage.READ, ScanStage.GRAPH, ScanStage.ASSESS, ScanStage.RECORD):
            report(ScanProgress(stage, 0, 0))
    assert capsys.readouterr().err == ""
    assert (clock.timings().read_s, clock.timings().judge_s) == (2.0, 5.0)


def test_a_reader_that_went_away_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: object) -> int:
        raise BrokenPipeError

    left: list[bool] = []
    monkeypatch.setattr(boundary, "_command", gone)
    monkeypatch.setattr(boundary, "_leave_the_pipe", lambda: left.append(True))
    assert run(["violations"]) == 0
    assert left == [True]


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["version"]) == 0
    assert capsys.readouterr().out.startswith("PolicyCortex ")
    monkeypatch.setattr(settings_view, "DISTRIBUTION", "no-such-distribution")
    assert settings_view.product_version() == "0+unknown"


def test_settings_can_be_printed_with_what_they_are_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["settings", "--long"]) == 0
    assert "1 to 65,535  Port that the platform listens on" in capsys.readouterr().out
