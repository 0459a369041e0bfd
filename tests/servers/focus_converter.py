"""The FinOps Foundation's converter of billing exports, in an environment that holds only it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.servers.programs import FOLDER, pip_install, require

_REQUIREMENTS = ("focus-converter==1.0.0", "multimethod<2", "typer<0.10", "click<8.2")


def install() -> Path:
    """The Python of its environment."""
    return pip_install("focus-converter", *_REQUIREMENTS)


def converted_by_foundation(provider: str, export: Path, out: Path) -> list[Path]:
    """Convert a CSV export by the installed program, or skip the test by name; the Parquet files that it wrote.

    Args:
        provider: as the program names it: `aws-cur`, `azure`, `oci`.
    """
    program = require(FOLDER / "venv" / "focus-converter" / "bin" / "focus-converter", what="focus-converter")
    out.mkdir(parents=True, exist_ok=True)
    options = ["--provider", provider, "--data-format", "csv", "--data-path", str(export), "--export-path", str(out)]
    command = [str(program), "convert", *options, "--export-format", "parquet", "--no-validate"]
    subprocess.run(command, check=True, capture_output=True, cwd=out)
    return sorted(out.rglob("*.parquet"))
