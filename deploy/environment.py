"""Make the virtual environment `.venv` at the project's root and install the project into it.

Standard library only: this is the first thing that runs on a machine with nothing but Python. A finished
install leaves a stamp that names what went in; without it the environment is brought up to date, and one that
does not start is made anew. uv installs in seconds; where it cannot be had, pip does the same in minutes.

    python3 deploy/environment.py [--extra dev]
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "installed"
PYTHON = ENVIRONMENT / "bin" / "python"
PYTHON_MIN, PYTHON_END = (3, 11), (3, 13)
DISK_FREE_BYTES_MIN = 2 * 2**30


class SetupError(Exception):
    """Something the person at the keyboard has to mend, in three lines: what, where, what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Set up the environment; 0 when it is ready, 1 when it cannot be."""
    parser = argparse.ArgumentParser(description="Set up .venv for PolicyCortex.")
    parser.add_argument("--extra", action="append", default=[], help="an extra of pyproject.toml; may be repeated")
    extras = frozenset(parser.parse_args(arguments).extra)
    try:
        set_up(extras)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def set_up(extras: frozenset[str]) -> None:
    """Bring the environment up to what pyproject.toml asks, keeping extras it already has."""
    _require_python()
    installed = _installed()
    if installed is not None and extras <= installed:
        return
    _require_disk()
    _make_environment()
    STAMP.unlink(missing_ok=True)
    wanted = extras | (installed or frozenset())
    _install(wanted)
    STAMP.write_text("\n".join([_requirements_digest(), *sorted(wanted)]) + "\n")


def _requirements_digest() -> str:
    parts = [path.read_bytes() for path in (ROOT / "pyproject.toml", ROOT / "deploy" / "constraints.txt")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _installed() -> frozenset[str] | None:
    """Extras that a finished install put in; None when it is absent, unfinished or out of date."""
    if not STAMP.is_file() or not PYTHON.exists():
        return None
    digest, *extras = STAMP.read_text().split("\n")[:-1]
    return frozenset(extras) if digest == _requirements_digest() else None


def _require_python() -> None:
    if not PYTHON_MIN <= sys.version_info[:2] < PYTHON_END:
        raise SetupError(
            f"Python {sys.version.split()[0]} cannot run PolicyCortex\n"
            f"  {sys.executable}, expected 3.11 or 3.12\n"
            "  Install Python 3.11 and run: make PYTHON=python3.11 run"
        )


def _require_disk() -> None:
    free = shutil.disk_usage(ROOT).free
    if free < DISK_FREE_BYTES_MIN:
        raise SetupError(
            f"too little disk space for the environment\n  {ROOT}: {free // 2**20} MiB free, expected 2048 MiB\n"
            "  Free some space and run the same command again; a half-finished install is completed"
        )


def _make_environment() -> None:
    if PYTHON.exists() and _runs(PYTHON, "-c", "import pip"):
        return
    sys.stderr.write("Creating .venv\n")
    try:
        venv.create(ENVIRONMENT, clear=True, with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            f"the virtual environment could not be made\n  {ENVIRONMENT}: {error}\n"
            "  Check write permission; on Debian and Ubuntu install the package python3-venv"
        ) from error


def _install(extras: frozenset[str]) -> None:
    target = f".[{','.join(sorted(extras))}]" if extras else "."
    sys.stderr.write(f"Installing policycortex{target[1:]} into .venv\n")
    constraints = str(ROOT / "deploy" / "constraints.txt")
    if (uv := _uv()) is not None:
        command = [*uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
    else:
        command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([*command, "--constraint", constraints, "--editable", target], cwd=ROOT, check=True)
    except subprocess.CalledProcessError as error:
        raise SetupError(
            f"the install did not finish\n  {' '.join(command)} ended with status {error.returncode}\n"
            "  Check the network or the package index that pip uses, then run the same command again"
        ) from error


def _uv() -> list[str] | None:
    """How to call uv: the one on the path, or one put into the environment; None where neither works."""
    if (found := shutil.which("uv")) is not None:
        return [found]
    own = ENVIRONMENT / "bin" / "uv"
    if not own.exists():
        _runs(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv")
    return [str(own)] if own.exists() and _runs(own, "--version") else None


def _runs(*command: str | Path) -> bool:
    return subprocess.run([str(part) for part in command], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
