"""Environments for peers, apart from ours because their requirements clash: made once, below `.venv-peers`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]


def peer(name: str, *requirements: str) -> Path | None:
    """The Python of an environment that holds just these requirements; None where they cannot be installed."""
    folder = ROOT / f".venv-{name}"
    python, stamp = folder / "bin" / "python", folder / "installed"
    if stamp.is_file() and stamp.read_text() == "\n".join(requirements):
        return python
    venv.create(folder, clear=True, with_pip=True)
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    installer = [uv, "pip", "install", "--quiet", "--python", str(python)]
    if not Path(uv).exists():
        installer = [str(python), "-m", "pip", "install", "--quiet"]
    if subprocess.run([*installer, *requirements], check=False).returncode != 0:
        return None
    stamp.write_text("\n".join(requirements))
    return python
