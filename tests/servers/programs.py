"""Installing outside programs by their ordinary clients: Go, npm, pip. Each is made once and leaves a stamp."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".servers"


def require(path: Path, *, what: str) -> Path:
    """The program, or a skipped test that names it; a failed one where REQUIRE_SERVERS is set."""
    if not path.exists():
        tell = pytest.fail if os.environ.get("REQUIRE_SERVERS") else pytest.skip
        tell(f"{what} is not installed (python -m tests.servers.install)")
    return path


def go_install(module: str, name: str) -> Path:
    """Build one Go program.

    Args:
        module: package path with its version.
        name: name of the program that it builds.
    """
    folder = FOLDER / "go"
    program = folder / name
    if not _is_done(program, module):
        environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-trimpath", "GOTOOLCHAIN": "auto"}
        _run(["go", "install", module], environment)
        _finish(program, module)
    return program


def go_build(folder: Path, name: str) -> Path:
    """Build one program of a Go module of ours, again whenever a file of the module has changed."""
    program = FOLDER / "go" / name
    sources = sorted(path for path in folder.rglob("*") if path.is_file())
    wanted = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in sources)).hexdigest()
    if not _is_done(program, wanted):
        program.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "GOFLAGS": "-trimpath -mod=readonly", "GOTOOLCHAIN": "auto"}
        _run(["go", "build", "-C", str(folder), "-o", str(program), f"./{name}"], environment)
        _finish(program, wanted)
    return program


def npm_install(package: str, program: str) -> Path:
    """Install one npm package in a folder of its own; the path of one of its programs."""
    folder = FOLDER / "npm" / package.rpartition("@")[0].replace("/", "-")
    path = folder / "node_modules" / ".bin" / program
    if not _is_done(path, package):
        folder.mkdir(parents=True, exist_ok=True)
        _run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder), package], None)
        _finish(path, package)
    return path


def pip_install(name: str, *requirements: str) -> Path:
    """The Python of an environment that holds just these requirements."""
    folder = FOLDER / "venv" / name
    python = folder / "bin" / "python"
    wanted = "\n".join(requirements)
    if not _is_done(python, wanted):
        venv.create(folder, clear=True, with_pip=True)
        uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
        installer = [uv, "pip", "install", "--quiet", "--python", str(python)]
        if not Path(uv).exists():
            installer = [str(python), "-m", "pip", "install", "--quiet"]
        _run([*installer, *requirements], None)
        _finish(python, wanted)
    return python


def _is_done(program: Path, wanted: str) -> bool:
    stamp = _stamp(program)
    return program.exists() and stamp.is_file() and stamp.read_text() == wanted


def _finish(program: Path, wanted: str) -> None:
    if not program.exists():
        raise FileNotFoundError(f"installed {wanted}, but there is no {program}")
    _stamp(program).write_text(wanted)


def _stamp(program: Path) -> Path:
    return program.with_name(f"{program.name}.installed")


def _run(command: Sequence[str], environment: dict[str, str] | None) -> None:
    subprocess.run(command, env=environment, check=True, stdout=sys.stderr)
