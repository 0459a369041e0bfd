"""The cluster files are ones that the Ray cluster launcher accepts, and start what the project installs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FILES = ("cluster.yaml", "deploy/clusters/aws.yaml", "deploy/clusters/azure.yaml", "deploy/clusters/gcp.yaml")
PROGRAM = """
import sys, yaml
from ray.autoscaler._private.util import prepare_config, validate_config
for name in sys.argv[1:]:
    validate_config(prepare_config(yaml.safe_load(open(name))))
"""


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return found


@pytest.mark.slow
def test_the_cluster_launcher_accepts_the_cluster_files() -> None:
    command = [sys.executable, "-c", PROGRAM, *FILES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_the_cluster_launcher_refuses_a_file_that_is_none(tmp_path: Path) -> None:
    found = read("cluster.yaml")
    del found["available_node_types"]["worker"]["resources"]
    (tmp_path / "broken.yaml").write_text(yaml.safe_dump({**found, "unknown_key": 1}))
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "broken.yaml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("name", FILES)
def test_every_node_starts_with_token_authentication(name: str) -> None:
    found = read(name)
    starts = [
        line
        for key in ("head_start_ray_commands", "worker_start_ray_commands")
        for line in found[key]
        if "ray start" in line
    ]
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in line for line in starts)


@pytest.mark.parametrize("name", FILES)
def test_the_heads_tables_have_a_name_of_their_own_in_redis(name: str) -> None:
    (start,) = (line for line in read(name)["head_start_ray_commands"] if "ray start" in line)
    assert "RAY_external_storage_namespace=policycortex" in start
    assert "--dashboard-host=127.0.0.1" in start


@pytest.mark.parametrize("name", FILES)
def test_serve_takes_requests_in_the_same_way_on_every_node(name: str) -> None:
    starts = [" ".join(read(name)[f"{kind}_start_ray_commands"]) for kind in ("head", "worker")]
    head, worker = (set(re.findall(r"RAY_SERVE_\w+=\S+", start)) for start in starts)
    assert head == worker == {"RAY_SERVE_ENABLE_HA_PROXY=1", "RAY_SERVE_THROUGHPUT_OPTIMIZED=1"}


@pytest.mark.parametrize("name", FILES)
def test_the_extras_that_nodes_install_are_ones_of_the_project(name: str) -> None:
    (setup,) = read(name)["setup_commands"]
    named = re.findall(r"--extra (\S+)", setup)
    known = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    assert {"redis", "neo4j", "storage"} <= set(named) <= known


def test_the_default_cluster_is_the_one_on_aws() -> None:
    assert read("cluster.yaml") == read("deploy/clusters/aws.yaml")
