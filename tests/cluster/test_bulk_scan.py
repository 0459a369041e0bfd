"""The job for clusters, on a Ray of this machine's size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.cluster.conftest import AS_OF

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]
ROOT = Path(__file__).parents[2]


def job(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "serve.jobs.bulk_scan", *arguments, "--as-of", AS_OF]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=150)


def test_partitions_judged_by_tasks_add_up_to_one_result(estate: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = job("--input", f"file://{estate}", "--out", f"file://{out}", "--part-mib", "1")
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text())
    rows = pl.concat([pl.read_parquet(file) for file in sorted((out / "violations").iterdir())], how="diagonal_relaxed")
    assert summary["resources"] >= 100
    assert summary["violations"] == rows.height == sum(policy["violations"] for policy in summary["policies"])
    assert rows.select("resource_id", "policy_id").is_unique().all()


def test_nothing_readable_ends_with_status_two(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = job("--input", f"file://{tmp_path / 'empty'}", "--out", f"file://{tmp_path / 'out'}")
    assert done.returncode == 2, done.stderr
    assert not (tmp_path / "out").exists()
