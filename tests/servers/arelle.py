"""Arelle, the XBRL processor, in an environment of its own; it validates offline with the schemas that it brings."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.servers.programs import FOLDER, pip_install, require

REQUIREMENTS = ("arelle-release==2.47.3",)


def install() -> Path:
    return pip_install("arelle", *REQUIREMENTS)


def program() -> Path:
    """Its Python, or a skipped test."""
    return require(FOLDER / "venv" / "arelle" / "bin" / "python", what="arelle")


def complaints(instance: Path, home: Path) -> list[str]:
    """What its log says against an instance; its exit code is 0 whatever it finds."""
    log = home / "log.txt"
    subprocess.run(
        [
            str(program()), "-m", "arelle.CntlrCmdLine", "--file", str(instance), "--validate", "--calcDecimals",
            "--internetConnectivity", "offline", "--logFile", str(log), "--logFormat", "[%(messageCode)s] %(message)s",
        ],
        env={"PATH": "/usr/bin:/bin", "XDG_CONFIG_HOME": str(home), "HOME": str(home)},
        check=True,
        capture_output=True,
        timeout=110,
    )  # fmt: skip
    lines = log.read_text("utf-8").splitlines()
    if not any(line.startswith("[info] validated") for line in lines):
        return ["it did not say that it validated", *lines]
    return [line for line in lines if not re.match(r"\[(info|)\]", line)]
