"""The job for clusters, as tasks of a cluster; `tests/cluster/test_jobs.py` submits it as users do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from serve.jobs import bulk_scan
from tests.cluster.conftest import AS_OF

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("cluster"),
]


def scanned(folder: Path, out: Path) -> int:
    where = ["--input", f"file://{folder}", "--out", f"file://{out}"]
    return bulk_scan.main([*where, "--part-mib", "1", "--as-of", AS_OF])


def test_partitions_judged_by_tasks_add_up_to_one_result(estate: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert scanned(estate, out) == 0
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text())
    rows = pl.concat([pl.read_parquet(file) for file in sorted((out / "violations").iterdir())], how="diagonal_relaxed")
    assert summary["resources"] >= 100
    assert summary["violations"] == rows.height == sum(policy["violations"] for policy in summary["policies"])
    assert rows.select("resource_id", "policy_id").is_unique().all()


def test_nothing_readable_ends_with_status_two(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert scanned(tmp_path / "empty", tmp_path / "out") == 2
    assert not (tmp_path / "out").exists()
