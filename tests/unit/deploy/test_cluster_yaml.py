"""The cluster file is one that the Ray cluster launcher accepts, and starts what the project installs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
validate_config(prepare_config(yaml.safe_load(open("cluster.yaml"))))
"""


@pytest.mark.slow
def test_the_cluster_launcher_accepts_the_cluster_file() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_every_node_starts_with_token_authentication() -> None:
    commands = (ROOT / "cluster.yaml").read_text().partition("head_start_ray_commands:")[2].replace("\n    ", " ")
    starts = [line for line in commands.splitlines() if "ray start" in line]
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in line for line in starts)
