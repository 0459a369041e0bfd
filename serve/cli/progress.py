"""Progress on a terminal: what is being read, how fast, how long still; gone when done. Nothing in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.messages import ScanProgress, ScanStage

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from serve.render.terminal import Timings

STAGE_WORDS = {
    ScanStage.READ: "Reading",
    ScanStage.GRAPH: "Connecting",
    ScanStage.ASSESS: "Judging",
    ScanStage.RECORD: "Recording evidence",
    ScanStage.PROJECT: "Projecting",
    ScanStage.DONE: "Done",
}


@dataclass(slots=True)
class StageClock:
    """Measures how long each stage takes, from the reports of progress."""

    monotonic: Callable[[], float] = time.monotonic
    _spent: dict[ScanStage, float] = field(default_factory=dict)
    _stage: ScanStage | None = None
    _since: float = 0.0

    def saw(self, stage: ScanStage) -> None:
        """Note that a stage is under way."""
        now = self.monotonic()
        if self._stage is not None:
            self._spent[self._stage] = self._spent.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now

    def timings(self) -> Timings:
        """Reading, and everything that judges."""
        from serve.render.terminal import Timings  # noqa: PLC0415

        judged = self._spent.get(ScanStage.GRAPH, 0.0) + self._spent.get(ScanStage.ASSESS, 0.0)
        return Timings(read_s=self._spent.get(ScanStage.READ, 0.0), judge_s=judged)


@contextmanager
def shown_progress(clock: StageClock, *, is_shown: bool) -> Iterator[Callable[[ScanProgress], None]]:
    """A callback for a scan's progress; on a terminal it draws a bar on standard error."""
    if not is_shown or not sys.stderr.isatty():
        yield lambda report: clock.saw(report.stage)
        return
    bar = _bar()
    task = bar.add_task("Reading", total=None, detail="", rate="")
    with bar:
        yield lambda report: _update(bar, task, clock, report)


def _update(bar: Progress, task: TaskID, clock: StageClock, report: ScanProgress) -> None:
    clock.saw(report.stage)
    words = STAGE_WORDS[report.stage]
    if bar.tasks[0].description != words:
        bar.reset(task, total=report.total or None, description=words)
    speed = bar.tasks[0].speed
    rate = _rate(speed, report.stage) if speed else ""
    bar.update(task, completed=report.done, total=report.total or None, detail=report.detail, rate=rate)


def _rate(speed: float, stage: ScanStage) -> str:
    """Reading counts bytes, the other stages resources or entries."""
    return f"{speed / 1e6:,.1f} MB/s" if stage is ScanStage.READ else f"{speed:,.0f}/s"


def _bar() -> Progress:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
        console=Console(stderr=True),
        transient=True,
    )
