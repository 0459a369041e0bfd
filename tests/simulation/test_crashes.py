"""A writer that dies anywhere: a short run here, the long one is `python -m tests.simulation.crashes`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_writer_killed_at_random_places_loses_nothing_and_never_forks(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.simulation.crashes", "--crashes", "40", "--only-random"]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["crashes"] >= 30
    assert summary["acknowledged_in_the_grown_store"] > summary["crashes"]
