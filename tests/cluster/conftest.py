"""A real platform on this machine, started and stopped by the commands that users run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from connectors.estate import write_estate
from tests.servers.ports import free_port
from tests.servers.tsa import serving

PCG = Path(sys.executable).with_name("pcg")
AS_OF = "2026-11-24"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process runs what needs a cluster, where tests run in several: a machine of two cores carries one."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("servers"))


@dataclass(frozen=True, slots=True)
class Platform:
    """A running platform: where it was started, its address, and a client with the tenant's token."""

    folder: Path
    environment: dict[str, str]
    client: httpx.Client

    def pcg(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command in the platform's folder."""
        return run(*arguments, cwd=self.folder, environment=self.environment)


def run(*arguments: str | Path, cwd: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `pcg`."""
    command = [str(PCG), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=700)


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small synthetic estate."""
    out = tmp_path_factory.mktemp("inputs") / "estate"
    as_of = datetime.fromisoformat(AS_OF).replace(tzinfo=UTC)
    write_estate(out, resources=120, tenants=1, days=30, seed=11, as_of=as_of)
    return out / "demo"


@pytest.fixture(scope="session")
def anchors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two anchor targets: a time stamp authority on loopback, and one that is dead."""
    folder = tmp_path_factory.mktemp("anchors")
    with serving(folder / "tsa") as authority:
        (folder / "anchors.toml").write_text(
            f'tsa_roots = ["{authority.root}"]\n'
            f'[[target]]\nname = "tsa"\nkind = "rfc3161"\nurl = "{authority.url}"\n'
            f'[[target]]\nname = "dead"\nkind = "rfc3161"\nurl = "http://127.0.0.1:{free_port()}/"\n'
        )
        yield folder / "anchors.toml"


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory, estate: Path, anchors: Path) -> Iterator[Platform]:
    """One platform for the tests of this folder that ask for no other."""
    settings = {"PCG_ALLOWED_ROOTS": str(estate), "PCG_ANCHORS": str(anchors)}
    with running_platform(tmp_path_factory.mktemp("platform"), settings) as found:
        yield found


@contextmanager
def running_platform(folder: Path, settings: dict[str, str]) -> Iterator[Platform]:
    """A small platform with these settings besides."""
    port = free_port()
    environment = {
        **os.environ,
        "PCG_PORT": str(port),
        "PCG_SHARDS": "2",
        "PCG_SIMULATIONS": "1",
        "PCG_RAY_MEMORY_MIB": "80",
        "PCG_RAY_DASHBOARD": "false",
        **settings,
    }
    started = run("up", cwd=folder, environment=environment)
    assert started.returncode == 0, started.stderr + started.stdout
    try:
        token = run("token", cwd=folder, environment=environment).stdout.strip()
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
            yield Platform(folder, environment, client)
    finally:
        stopped = run("down", cwd=folder, environment=environment)
    assert stopped.returncode == 0, stopped.stderr
