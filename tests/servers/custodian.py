"""Cloud Custodian, in an environment that holds only it."""

from __future__ import annotations

from pathlib import Path

from tests.servers.programs import FOLDER, pip_install, require

_REQUIREMENT = "c7n==0.9.53"


def install() -> Path:
    """The Python of its environment."""
    return pip_install("custodian", _REQUIREMENT)


def python() -> Path:
    """The installed one, or a skipped test that names it."""
    return require(FOLDER / "venv" / "custodian" / "bin" / "python", what="Cloud Custodian")
