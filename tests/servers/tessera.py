"""Tessera: its whole-log checker, its log over files and HTTP, and its load generator, built from one release.

Source: github.com/transparency-dev/tessera.
"""

from __future__ import annotations

from pathlib import Path

from tests.servers.programs import FOLDER, go_install, require

_MODULE = "github.com/transparency-dev/tessera"
_VERSION = "v1.0.4"
_PACKAGES = {"fsck": "cmd/fsck", "posix": "cmd/conformance/posix", "hammer": "internal/hammer"}


def install() -> None:
    """Build the three programs."""
    for name, package in _PACKAGES.items():
        go_install(f"{_MODULE}/{package}@{_VERSION}", name)


def fsck() -> Path:
    """The program that derives a whole log again from its served files."""
    return _program("fsck")


def posix_log() -> Path:
    """The log: entries by ``POST /add``, tiles and checkpoint by ``GET``."""
    return _program("posix")


def hammer() -> Path:
    """The load generator, which also checks what it reads."""
    return _program("hammer")


def _program(name: str) -> Path:
    return require(FOLDER / "go" / name, what=f"Tessera's {name}")
